/** Rules as pure functions: for each thing that they can say, the facts that make them say it. */
import { RULE_IDS, type TraceView } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import type {
  AddressFacts,
  AudienceFacts,
  BatchFacts,
  CredentialFacts,
  DeviceFacts,
  Facts,
  MessageFacts,
  SegmentFacts,
} from './facts.ts'
import { judge } from './judge.ts'
import { REASONS } from './reasons.ts'
import { RULES } from './rules.ts'
import { EN } from './texts/en.ts'
import type { MessageKey } from './texts/texts.ts'

const NOW = Date.UTC(2026, 10, 20, 12)
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const ago = (ms: number) => new Date(NOW - ms).toISOString()

const DEVICE: DeviceFacts = {
  hwid: 'phone',
  platform: 'ios',
  userId: null,
  appVersion: null,
  osVersion: null,
  timezoneSeconds: 0,
  permission: 'granted',
  record: {},
  tags: {},
  optedOutOf: [],
  firstSeenAt: ago(9 * DAY_MS),
  lastSeenAt: ago(2 * DAY_MS),
  lastReceiptAt: null,
  lastOpenAt: null,
  lastToldAt: ago(2 * DAY_MS),
  messagesDeletedAt: null,
}
const ADDRESS: AddressFacts = {
  provider: 'apns',
  environment: 'production',
  state: 'active',
  reason: null,
  stateSince: ago(9 * DAY_MS),
  firstRegisteredAt: ago(9 * DAY_MS),
  lastRegisteredAt: ago(2 * DAY_MS),
  acceptedAt: null,
  isOptedOut: false,
  heldBy: null,
  credentialId: null,
  expiresAt: null,
  part: 'production',
  addressEnd: 'abcdef12',
  isVoipToken: false,
}
const CREDENTIAL: CredentialFacts = {
  id: 'key',
  gateway: 'apns',
  kind: 'p8',
  environments: ['production', 'sandbox'],
  settings: { bundleId: 'com.example' },
  expiresAt: null,
  updatedAt: ago(20 * DAY_MS),
  pauses: [],
  checks: [],
}
const HEALTHY: Facts = {
  at: NOW,
  app: {
    rules: { quietHours: null, cap: null, categories: [] },
    addresses: {
      dormantDays: 30,
      sendToDormant: true,
      removeInactive: false,
      inactiveDays: 90,
      fcmDeadDays: 270,
      otherDeadDays: 365,
      tombstoneDays: 90,
      eraseDays: null,
    },
    minimums: new Map(),
  },
  device: DEVICE,
  asked: 'device',
  askedAddress: null,
  address: ADDRESS,
  voip: null,
  ledger: [ledger('registered', 9 * DAY_MS)],
  credentials: [CREDENTIAL],
  otherApps: [],
  cappedAt: [],
  lately: [],
  waiting: [],
  message: null,
}

function ledger(event: string, msAgo: number, reason: string | null = null, environment = 'production') {
  const place = { provider: 'apns', environment, kind: 'alert', addressEnd: 'abcdef12' } as const
  return { at: ago(msAgo), event, reason, ...place, generation: 1, evidence: null }
}

const SENT_MS = DAY_MS
const TRACE: TraceView = {
  messageId: 'm',
  hwid: 'phone',
  outcome: 'accepted',
  reason: null,
  gateway: 'apns',
  at: ago(SENT_MS),
  attempts: 1,
  nextTryAt: null,
  receipts: [],
  evidence: [],
}
const NO_AUDIENCE: AudienceFacts = { isMet: null, unmet: null, segments: [], chosen: null }
const MESSAGE: MessageFacts = {
  id: 'm',
  state: 'done',
  target: { all: true },
  content: { title: 'Hello' },
  rules: null,
  sendRate: null,
  experiment: null,
  ttlSeconds: 3 * 86_400,
  collapseKey: null,
  isByClock: false,
  isInboxOnly: false,
  sendAt: ago(SENT_MS),
  plannedAt: ago(SENT_MS),
  finishedAt: ago(SENT_MS),
  expiresAt: new Date(NOW + 2 * DAY_MS).toISOString(),
  warnings: [],
  recalledAt: null,
  attachmentFault: null,
  trace: TRACE,
  areWorkersAlive: true,
  batch: null,
  audience: NO_AUDIENCE,
  replacedBy: null,
}
const BATCH: BatchFacts = {
  state: 'waiting',
  dueAt: ago(10 * MINUTE_MS),
  leaseUntil: null,
  isRest: false,
  pacedBy: null,
  paceOpenAt: null,
  failures: 0,
  heldReason: null,
}

const having = (facts: Partial<Facts>): Facts => ({ ...HEALTHY, ...facts })
const device = (facts: Partial<DeviceFacts>, more: Partial<Facts> = {}) =>
  having({ device: { ...DEVICE, ...facts }, ...more })
const address = (facts: Partial<AddressFacts>, more: Partial<Facts> = {}) =>
  having({ address: { ...ADDRESS, ...facts }, ...more })
const credential = (facts: Partial<CredentialFacts>) => having({ credentials: [{ ...CREDENTIAL, ...facts }] })
const paused = (reason: string, facts: Partial<CredentialFacts> = {}) =>
  credential({ pauses: [{ part: '', reason, at: ago(DAY_MS) }], ...facts })
/** At another gateway than Apple's. */
const at = (
  provider: 'fcm' | 'webpush' | 'hms',
  facts: Partial<CredentialFacts> = {},
  more: Partial<Facts> = {},
) =>
  address(
    { provider, environment: '', part: '' },
    {
      credentials: [
        { ...CREDENTIAL, gateway: provider, environments: [], settings: { projectId: 'p' }, ...facts },
      ],
      ...more,
    },
  )
const sent = (facts: Partial<MessageFacts>, more: Partial<Facts> = {}) =>
  having({ message: { ...MESSAGE, ...facts }, ...more })
const came = (
  outcome: TraceView['outcome'],
  reason: string | null,
  trace: Partial<TraceView> = {},
  facts: Partial<MessageFacts> = {},
  more: Partial<Facts> = {},
) => sent({ trace: { ...TRACE, outcome, reason, ...trace }, ...facts }, more)
const unsent = (facts: Partial<MessageFacts> = {}, more: Partial<Facts> = {}) =>
  came('not_sent', 'not_in_audience', { gateway: null, at: null, attempts: null }, facts, more)
const waiting = (reason: string, trace: Partial<TraceView> = {}) =>
  came(
    'waiting',
    reason,
    { at: null, nextTryAt: new Date(NOW + MINUTE_MS).toISOString(), ...trace },
    { state: 'sending' },
  )
const pending = (facts: Partial<MessageFacts>, more: Partial<Facts> = {}) =>
  came(
    'pending',
    null,
    { gateway: null, at: null, attempts: null },
    { state: 'sending', finishedAt: null, ...facts },
    more,
  )
const told = (...kinds: string[]) => ({
  trace: { ...TRACE, receipts: kinds.map(kind => ({ kind, at: ago(SENT_MS / 2) })) },
})
const segment = (facts: Partial<SegmentFacts>): SegmentFacts => ({
  name: 'Gold',
  computedAt: ago(3 * DAY_MS),
  isMember: false,
  isMetNow: false,
  nextRunAt: null,
  lastRun: { state: 'done', startedAt: ago(3 * DAY_MS), endedAt: ago(3 * DAY_MS), error: null },
  ...facts,
})
const ofSegment = (facts: Partial<SegmentFacts>) =>
  unsent({ target: { segment: 'g' }, audience: { ...NO_AUDIENCE, isMet: false, segments: [segment(facts)] } })
const reported = (code: string, message = '') =>
  device({ record: { registrationError: { code, message, at: ago(DAY_MS) } } }, { address: null, ledger: [] })
const ended = (facts: Partial<AddressFacts>, more: Partial<Facts> = {}) =>
  address({ stateSince: ago(DAY_MS), ...facts }, more)
const heard = (msAgo: number): Partial<Facts> => ({
  device: { ...DEVICE, lastSeenAt: ago(msAgo), lastToldAt: ago(msAgo) },
})
const TELLS = [{ messageId: 'x', at: ago(3 * DAY_MS), hasReceipt: true, wasDisplayed: true }]

/** The first of them is what is named first. */
const CASES: Readonly<Record<Exclude<MessageKey, 'DX-65'>, readonly [string, Facts]>> = {
  'DX-01': ['proven', having({ credentials: [] })],
  'DX-02': ['proven', credential({ expiresAt: ago(DAY_MS) })],
  'DX-03': ['proven', credential({ expiresAt: new Date(NOW + 9 * DAY_MS).toISOString() })],
  'DX-04': ['proven', paused('InvalidProviderToken')],
  'DX-04.unreadable': ['proven', paused('content_unreadable')],
  'DX-05': ['proven', paused("ExpiredProviderToken: check this server's clock")],
  'DX-06': ['proven', waiting('TooManyProviderTokenUpdates')],
  'DX-07': ['proven', device({ record: { bundleId: 'com.other' } })],
  'DX-07.refused': ['proven', paused('TopicDisallowed')],
  'DX-08': ['proven', paused('BadEnvironmentKeyInToken')],
  'DX-09': [
    'proven',
    at('fcm', {
      pauses: [{ part: '', reason: 'SENDER_ID_MISMATCH for every address that was tried', at: ago(DAY_MS) }],
    }),
  ],
  'DX-10': [
    'proven',
    at('fcm', { pauses: [{ part: '', reason: 'PERMISSION_DENIED: the API is off', at: ago(DAY_MS) }] }),
  ],
  'DX-11': [
    'possible',
    at('fcm', { pauses: [{ part: 'apple', reason: 'THIRD_PARTY_AUTH_ERROR', at: ago(DAY_MS) }] }),
  ],
  'DX-12': [
    'proven',
    at(
      'webpush',
      {},
      { address: { ...ADDRESS, provider: 'webpush', environment: '', credentialId: 'gone' } },
    ),
  ],
  'DX-12.refused': [
    'proven',
    at('webpush', { pauses: [{ part: '', reason: 'status 401', at: ago(DAY_MS) }] }),
  ],
  'DX-13': [
    'likely',
    credential({
      checks: [
        { environment: 'production', outcome: 'unreachable', reason: 'ECONNREFUSED', at: ago(DAY_MS) },
      ],
    }),
  ],
  'DX-14': [
    'proven',
    at('hms', { pauses: [{ part: '', reason: '80300002: no permission', at: ago(DAY_MS) }] }),
  ],

  'DX-20': ['proven', ofSegment({})],
  'DX-20.part': [
    'proven',
    unsent({
      audience: { ...NO_AUDIENCE, isMet: false, unmet: { part: 'T', value: '1', asksForUser: false } },
    }),
  ],
  'DX-20.named': ['proven', unsent({ target: { devices: ['other'] } })],
  'DX-21': ['proven', ofSegment({ isMetNow: true })],
  'DX-22': [
    'proven',
    ofSegment({
      isMetNow: true,
      lastRun: { state: 'failed', startedAt: ago(DAY_MS), endedAt: ago(DAY_MS), error: 'it failed' },
    }),
  ],
  'DX-22.running': [
    'proven',
    ofSegment({
      isMember: false,
      lastRun: { state: 'computing', startedAt: ago(MINUTE_MS), endedAt: null, error: null },
    }),
  ],
  'DX-23': ['proven', unsent({ target: { users: ['ann'] } })],
  'DX-23.unknown': ['proven', HEALTHY],
  'DX-24': ['proven', unsent({}, { device: { ...DEVICE, firstSeenAt: ago(MINUTE_MS) } })],
  'DX-25': ['proven', came('skipped', 'control_group', {}, { experiment: { variants: [] } })],
  'DX-26.paused': ['proven', pending({ state: 'paused' })],
  'DX-26.cancelled': ['proven', came('not_sent', 'cancelled')],
  'DX-26.recalled': ['proven', came('skipped', 'cancelled', {}, { recalledAt: ago(MINUTE_MS) })],
  'DX-26.expired': ['proven', came('skipped', 'expired')],
  'DX-27': [
    'proven',
    unsent(
      { target: { users: ['ann'], userDevices: 'latest' }, audience: { ...NO_AUDIENCE, chosen: 'tablet' } },
      { device: { ...DEVICE, userId: 'ann' } },
    ),
  ],
  'DX-28': ['proven', came('skipped', 'address_served')],
  'DX-29.scheduled': [
    'proven',
    pending({ state: 'scheduled', plannedAt: null, sendAt: new Date(NOW + DAY_MS).toISOString() }),
  ],
  'DX-29.pending': ['proven', pending({ batch: BATCH })],
  'DX-29.clock': ['proven', pending({ isByClock: true })],
  'DX-29.passed': ['proven', came('skipped', 'local_time_passed')],
  'DX-29.winner': ['proven', pending({ batch: { ...BATCH, isRest: true, dueAt: 'infinity' } })],
  'DX-30': ['proven', having({ device: null, otherApps: ['AAAAA-BBBBB'] })],

  'DX-31.device': ['likely', having({ device: null })],
  'DX-31.token': ['likely', having({ device: null, asked: 'token' })],
  'DX-31.user': ['proven', having({ device: null, asked: 'user' })],
  'DX-32': [
    'proven',
    device(
      { record: { sdkVersion: '0.9' } },
      { app: { ...HEALTHY.app, minimums: new Map([['push', '1.0']]) } },
    ),
  ],
  'DX-33': ['proven', having({ address: null, ledger: [] })],
  'DX-33.then': ['proven', unsent({}, { ledger: [ledger('registered', MINUTE_MS)] })],
  'DX-34': ['proven', reported('42')],
  'DX-34.entitlement': ['proven', reported('3000')],
  'DX-34.simulator': ['proven', reported('3010')],
  'DX-34.network': ['proven', reported('SERVICE_NOT_AVAILABLE')],
  'DX-34.services': ['proven', reported('SERVICE_MISSING', 'Google Play services')],
  'DX-34.permission': ['proven', reported('NotAllowedError')],
  'DX-35': ['proven', reported('upload_failed')],
  'DX-36': ['proven', reported('token_malformed', 'push_token has 5 characters')],
  'DX-37.apns': [
    'proven',
    ended(
      { state: 'dead', reason: 'Unregistered' },
      { ledger: [{ ...ledger('dead', DAY_MS, 'Unregistered'), evidence: { since: ago(2 * DAY_MS) } }] },
    ),
  ],
  'DX-37.apns_told': ['proven', ended({ state: 'dead', reason: 'Unregistered' })],
  'DX-37.fcm': [
    'proven',
    at(
      'fcm',
      {},
      { address: { ...ADDRESS, provider: 'fcm', environment: '', state: 'dead', reason: 'UNREGISTERED' } },
    ),
  ],
  'DX-37.webpush': [
    'proven',
    at(
      'webpush',
      {},
      { address: { ...ADDRESS, provider: 'webpush', environment: '', state: 'dead', reason: '410' } },
    ),
  ],
  'DX-37.hms': [
    'proven',
    at(
      'hms',
      {},
      { address: { ...ADDRESS, provider: 'hms', environment: '', state: 'quarantined', reason: '80300007' } },
    ),
  ],
  'DX-37.aged': ['proven', ended({ state: 'dead', reason: 'not_heard_of' })],
  'DX-37.held': ['proven', ended({ state: 'suspect', reason: 'Unregistered', heldBy: 'alert' })],
  'DX-38': [
    'proven',
    having({
      ...heard(40 * DAY_MS),
      address: { ...ADDRESS, lastRegisteredAt: ago(40 * DAY_MS) },
      app: { ...HEALTHY.app, addresses: { ...HEALTHY.app.addresses, sendToDormant: false } },
    }),
  ],
  'DX-38.silent': [
    'likely',
    having({ ...heard(40 * DAY_MS), address: { ...ADDRESS, lastRegisteredAt: ago(40 * DAY_MS) } }),
  ],
  'DX-39': ['proven', came('skipped', 'address_changed_gateway')],
  'DX-39.asked': ['proven', having({ asked: 'token', askedAddress: { ...ADDRESS, state: 'superseded' } })],
  'DX-40': [
    'proven',
    ended(
      { state: 'quarantined', reason: 'BadDeviceToken' },
      { credentials: [{ ...CREDENTIAL, environments: ['production'] }] },
    ),
  ],
  'DX-40.all': ['proven', paused('BadDeviceToken for every address that was tried')],
  'DX-40.corrected': [
    'proven',
    address({ environment: 'sandbox' }, { ledger: [ledger('superseded', DAY_MS, 'environment_corrected')] }),
  ],
  'DX-41': ['proven', ended({ state: 'quarantined', reason: 'BadDeviceToken' })],
  'DX-41.doubted': ['likely', ended({ state: 'suspect', reason: 'BadDeviceToken' })],
  'DX-42': ['proven', ended({ state: 'moved', reason: 'registered_by_another_device' })],
  'DX-43': ['proven', came('skipped', 'no_longer_meant', {}, { target: { users: ['ann'] } })],
  'DX-44': ['proven', having({ address: null, ledger: [], voip: ADDRESS })],
  'DX-44.same': ['likely', address({ isVoipToken: true }, { voip: ADDRESS })],

  'DX-45.denied': ['proven', device({ permission: 'denied' })],
  'DX-45.not_asked': ['proven', device({ permission: 'not_determined' })],
  'DX-45.provisional': ['proven', device({ permission: 'provisional' })],
  'DX-46': ['proven', device({ record: { permissionParts: { alert: true, sound: false } } })],
  'DX-47': ['proven', device({ platform: 'android', osVersion: '14', permission: 'denied' })],
  'DX-48': [
    'proven',
    sent(
      { content: { title: 'x', channel: 'promo' } },
      { device: { ...DEVICE, record: { channels: [{ id: 'promo', isEnabled: false }] } } },
    ),
  ],
  'DX-48.unknown': [
    'proven',
    sent(
      { content: { title: 'x', channel: 'new' } },
      { device: { ...DEVICE, record: { channels: [{ id: 'promo', isEnabled: true }] } } },
    ),
  ],
  'DX-48.some': [
    'proven',
    device({ record: { channels: [{ id: 'promo', isEnabled: true, importance: 0 }] } }),
  ],
  'DX-49.some': ['proven', device({ optedOutOf: ['promo'] })],
  'DX-49.unregistered': ['proven', ended({ state: 'dead', reason: 'unregistered' })],
  'DX-49.category': ['proven', came('skipped', 'category_opted_out')],
  'DX-50': ['likely', sent(told('delivered'), { device: { ...DEVICE, lastOpenAt: ago(SENT_MS) } })],
  'DX-51': ['likely', device({ record: { power: { standby: 'rare' } } })],
  'DX-52': ['proven', sent({ content: { title: 'x', interruptionLevel: 'passive' } })],
  'DX-52.summary': ['likely', device({ record: { permissionParts: { scheduledSummary: true } } })],

  'DX-55': ['proven', came('skipped', 'capped')],
  'DX-55.now': [
    'proven',
    having({
      cappedAt: [ago(MINUTE_MS)],
      app: { ...HEALTHY.app, rules: { ...HEALTHY.app.rules, cap: { messages: 1, days: 1 } } },
    }),
  ],
  'DX-56.dropped': ['proven', came('skipped', 'quiet_hours')],
  'DX-56.waits': ['proven', waiting('quiet_hours')],
  'DX-56.expired': ['proven', came('skipped', 'quiet_hours_until_expiry')],
  'DX-56.now': [
    'proven',
    having({
      app: { ...HEALTHY.app, rules: { ...HEALTHY.app.rules, quietHours: { from: '11:00', to: '13:00' } } },
    }),
  ],
  'DX-56.now_dropped': [
    'proven',
    having({
      app: {
        ...HEALTHY.app,
        rules: { ...HEALTHY.app.rules, quietHours: { from: '11:00', to: '13:00', action: 'drop' } },
      },
    }),
  ],
  'DX-57': ['proven', pending({ sendRate: 5, batch: { ...BATCH, pacedBy: 'message:m' } })],
  'DX-57.quota': ['proven', pending({ batch: { ...BATCH, pacedBy: 'fcm:p' } })],
  'DX-58': ['proven', HEALTHY],
  'DX-59': ['proven', came('skipped', 'nothing_to_show')],
  'DX-59.inbox': ['proven', unsent({ isInboxOnly: true })],
  'DX-59.silent': ['proven', came('skipped', 'silent_in_browsers')],

  'DX-61': ['proven', came('failed', 'message_too_large: more than 4096 bytes; biggest: body')],
  'DX-62': ['proven', came('failed', 'BadCollapseId')],
  'DX-63': ['proven', came('failed', 'INVALID_ARGUMENT: data', { gateway: 'fcm' })],
  'DX-64': ['proven', came('skipped', 'variable_missing: tags.name')],
  'DX-64.failed': ['proven', came('failed', 'template_failed: too long')],
  'DX-66': [
    'proven',
    sent({ content: { title: 'x', image: 'https://a/b.png' }, warnings: ['image https://a/b.png: 404'] }),
  ],
  'DX-66.device': [
    'proven',
    sent({
      content: { title: 'x', image: 'https://a/b.png' },
      attachmentFault: { at: ago(MINUTE_MS), reason: 'http_404' },
    }),
  ],
  'DX-67': ['likely', sent({ content: { title: 'x', image: 'https://a/b.png' } }, heard(MINUTE_MS))],
  'DX-67.old': [
    'proven',
    sent(
      { content: { title: 'x', image: 'https://a/b.png' } },
      {
        device: { ...DEVICE, record: { extensionVersion: '1.0' } },
        app: { ...HEALTHY.app, minimums: new Map([['rich_push', '1.3.3']]) },
      },
    ),
  ],

  'DX-70': ['proven', waiting('TooManyRequests')],
  'DX-70.gave_up': ['proven', came('failed', 'gave_up: TooManyRequests')],
  'DX-71': ['proven', waiting('InternalServerError')],
  'DX-71.gave_up': ['proven', came('failed', 'gave_up: InternalServerError')],
  'DX-72': ['proven', came('uncertain', 'the connection was lost')],
  'DX-73': ['proven', pending({ batch: BATCH, areWorkersAlive: false })],

  'DX-80': ['likely', sent({ expiresAt: ago(MINUTE_MS) }, { lately: TELLS })],
  'DX-81': ['likely', sent({ collapseKey: 'score', replacedBy: { messageId: 'n', at: ago(MINUTE_MS) } })],
  'DX-82': ['likely', sent({}, { lately: TELLS })],
  'DX-83': ['possible', at('fcm', {}, { message: MESSAGE })],
  'DX-83.deleted': [
    'likely',
    at('fcm', {}, { message: MESSAGE, device: { ...DEVICE, messagesDeletedAt: ago(MINUTE_MS) } }),
  ],
  'DX-84': ['likely', sent({ content: { silent: true } }, heard(MINUTE_MS))],
  'DX-85': ['possible', address({ environment: 'sandbox' }, { message: MESSAGE })],
  'DX-86': [
    'likely',
    having({
      lately: [1, 1.2, 1.4]
        .map(days => ({ messageId: 'y', at: ago(days * DAY_MS), hasReceipt: false, wasDisplayed: false }))
        .concat(TELLS),
    }),
  ],
  'DX-87': ['likely', sent(told('delivered'), { lately: TELLS })],
  'DX-88': ['proven', sent(told('opened'))],
  'DX-88.never': ['likely', sent({}, heard(MINUTE_MS))],
  'DX-89': ['possible', sent({ content: { title: 'x', url: 'https://a/' }, ...told('delivered', 'opened') })],
}

/** Said of many devices by other views, or by nobody (docs/diagnosis.md). */
const NOT_OF_A_DEVICE: ReadonlySet<string> = new Set(['DX-23.unknown', 'DX-58', 'DX-65'])

describe('each thing that a rule can say', () => {
  test.each(Object.entries(CASES).filter(([key]) => !NOT_OF_A_DEVICE.has(key)))(
    '%s',
    (key, [verdict, facts]) => {
      const found = judge(facts).findings.map(it => ({ verdict: it.verdict, key: it.key, rule: it.rule.id }))
      expect(found).toContainEqual({ verdict, key, rule: key.slice(0, 5) })
      const [first] = found
      // What weighs as much may stand before it where both are so; a lighter one never does.
      const order = ['proven', 'likely', 'possible']
      expect(order.indexOf(first?.verdict ?? '')).toBeLessThanOrEqual(order.indexOf(verdict))
    },
  )

  test('has its facts here', () => {
    expect(Object.keys(CASES).sort()).toEqual(
      Object.keys(EN.messages)
        .filter(it => it !== 'DX-65')
        .sort(),
    )
  })
})

test('of a device with nothing against it nothing is found, and what was looked at is ruled out', () => {
  const { findings, ruledOut } = judge(HEALTHY)
  expect(findings).toEqual([])
  expect(ruledOut).toEqual(expect.arrayContaining(['DX-01', 'DX-30', 'DX-33', 'DX-42', 'DX-45', 'DX-49']))
})

describe('ruled out is only what the record disproves', () => {
  const ruledOut = (facts: Facts) => judge(facts).ruledOut
  const ACCEPTED = { messageId: 'x', at: ago(MINUTE_MS), hasReceipt: false, wasDisplayed: false }
  const OF_GATEWAYS = [
    ...['DX-04', 'DX-05', 'DX-06', 'DX-07', 'DX-08', 'DX-09', 'DX-10', 'DX-11'],
    'DX-12',
    'DX-13',
  ]
  const OF_ADDRESSES = ['DX-37', 'DX-40', 'DX-41', 'DX-86']

  test.each([
    ['Apple', HEALTHY],
    ['Google', at('fcm')],
    ['a push service', at('webpush')],
    ['Huawei', at('hms')],
  ])('before %s has been asked of the address, nothing that it alone can tell', (_, facts) => {
    expect(ruledOut(facts).filter(it => [...OF_GATEWAYS, ...OF_ADDRESSES].includes(it))).toEqual([])
  })

  test('an acceptance disproves another app, project or environment, and not what may have come since', () => {
    expect(ruledOut(having({ lately: [ACCEPTED] })).filter(it => OF_GATEWAYS.includes(it))).toEqual([
      'DX-07',
      'DX-08',
    ])
    expect(ruledOut(having({ lately: [ACCEPTED] })).filter(it => OF_ADDRESSES.includes(it))).toEqual([
      'DX-40',
      'DX-41',
    ])
    expect(ruledOut(at('fcm', {}, { lately: [ACCEPTED] })).filter(it => OF_GATEWAYS.includes(it))).toEqual([
      'DX-09',
    ])
  })

  test('an acceptance before the credential got its content, or of an address before this one, disproves nothing', () => {
    const replaced = having({ lately: [ACCEPTED], credentials: [{ ...CREDENTIAL, updatedAt: ago(1000) }] })
    expect(ruledOut(replaced)).not.toContain('DX-07')
    expect(ruledOut(address({ stateSince: ago(1000) }, { lately: [ACCEPTED] }))).not.toContain('DX-40')
    const second = { ...CREDENTIAL, id: 'second' }
    expect(ruledOut(having({ lately: [ACCEPTED], credentials: [CREDENTIAL, second] }))).not.toContain('DX-07')
  })

  test('of a message that was accepted, all that would have kept it from the gateway', () => {
    expect(ruledOut(sent({}))).toEqual(
      expect.arrayContaining(['DX-01', 'DX-04', 'DX-07', 'DX-13', 'DX-37', 'DX-40']),
    )
    expect(ruledOut(sent({}))).not.toContain('DX-86')
  })

  test('of a device with an address that failed to get its next token, or was not restricted when it told, neither', () => {
    const registrationError = { code: '3000', message: '', at: ago(MINUTE_MS) }
    expect(ruledOut(HEALTHY)).toEqual(expect.arrayContaining(['DX-34', 'DX-36']))
    const not = ruledOut(device({ record: { registrationError, power: { standby: 'active' } } }))
    expect(not.filter(it => ['DX-34', 'DX-36', 'DX-51'].includes(it))).toEqual([])
  })

  test('of a message that is still to come, nothing that may yet keep it', () => {
    const mayYet = ['DX-13', 'DX-25', 'DX-28', 'DX-59', 'DX-61', 'DX-62', 'DX-64', 'DX-70', 'DX-71', 'DX-72']
    expect(ruledOut(pending({ batch: BATCH })).filter(it => mayYet.includes(it))).toEqual([])
  })

  test('a permission that is denied now, of a message that was not sent, is neither proven nor disproved', () => {
    const since = { ...DEVICE, permission: 'denied', lastToldAt: ago(MINUTE_MS) } as const
    const { findings, ruledOut: not } = judge(unsent({}, { device: since }))
    expect([findings.map(it => it.rule.id), not]).toEqual([
      expect.not.arrayContaining(['DX-45']),
      expect.not.arrayContaining(['DX-45']),
    ])
  })
})

test('of a message that was opened nothing is in doubt', () => {
  const opened = sent(told('delivered', 'opened'), heard(MINUTE_MS))
  expect(judge(opened).findings).toEqual([])
})

describe('no verdict goes beyond what is on record', () => {
  const keys = (facts: Facts, verdict: string) =>
    judge(facts)
      .findings.filter(it => it.verdict === verdict)
      .map(it => it.key)

  test('a permission that was withdrawn after an acceptance is no proof', () => {
    expect(keys(sent({}, { device: { ...DEVICE, permission: 'denied' } }), 'proven')).toEqual([])
  })

  test('a condition that the device does not meet now is no proof when it has told something since', () => {
    const unmet = { part: 'T', value: '1', asksForUser: false }
    const facts = unsent({ audience: { ...NO_AUDIENCE, isMet: false, unmet } }, heard(MINUTE_MS))
    expect([keys(facts, 'proven'), keys(facts, 'likely')]).toEqual([[], ['DX-20.part']])
  })

  test('whose a device was is no proof when it has told something since', () => {
    const asked: Partial<MessageFacts> = { target: { users: ['ann'] } }
    const chosen: Partial<MessageFacts> = {
      target: { users: ['ann'], userDevices: 'latest' },
      audience: { ...NO_AUDIENCE, chosen: 'tablet' },
    }
    const since = { ...DEVICE, lastToldAt: ago(MINUTE_MS) }
    expect(keys(unsent(asked, { device: since }), 'proven')).toEqual([])
    expect(keys(unsent(asked, { device: since }), 'likely')).toEqual(['DX-23'])
    expect(keys(unsent(chosen, { device: { ...since, userId: 'ann' } }), 'proven')).toEqual([])
  })

  test('an address whose environment was corrected has not ended', () => {
    const corrected = [
      ledger('environment_corrected', 3 * DAY_MS, 'environment_corrected', 'sandbox'),
      ledger('superseded', 3 * DAY_MS, 'environment_corrected'),
      ledger('registered', 9 * DAY_MS),
    ]
    const unmet = { part: 'T', value: '1', asksForUser: false }
    const facts = unsent(
      { audience: { ...NO_AUDIENCE, isMet: false, unmet } },
      { ledger: corrected, address: { ...ADDRESS, environment: 'sandbox' } },
    )
    expect(judge(facts).findings.filter(it => it.key.startsWith('DX-37'))).toEqual([])
  })

  test('a ledger that was not read to the moment of the message says nothing of tokens then', () => {
    const later = Array.from({ length: 50 }, () => ledger('registered', MINUTE_MS))
    expect(keys(unsent({}, { ledger: later }), 'proven')).toEqual([])
  })

  test('a refusal by a check is no pause: sending finds out', () => {
    const refused = {
      environment: 'production',
      outcome: 'refused',
      reason: 'InvalidProviderToken',
      at: ago(DAY_MS),
    } as const
    expect([
      keys(credential({ checks: [refused] }), 'proven'),
      keys(credential({ checks: [refused] }), 'likely'),
    ]).toEqual([[], ['DX-04']])
  })

  test('a pause of another environment, or of Apple behind Firebase, blocks nobody else', () => {
    const other = { part: 'sandbox', reason: 'BadEnvironmentKeyInToken', at: ago(DAY_MS) }
    expect(judge(credential({ pauses: [other] })).findings).toEqual([])
  })

  test('a batch that waits behind others is not stuck while a worker has something in hand', () => {
    expect(keys(pending({ batch: BATCH }), 'proven')).toEqual(['DX-29.pending'])
  })

  test('a token that Apple knew before is of the app, whatever the device calls itself', () => {
    const facts = device(
      { record: { bundleId: 'com.other' } },
      { address: { ...ADDRESS, acceptedAt: ago(DAY_MS) } },
    )
    expect(keys(facts, 'proven')).toEqual([])
  })

  test('a credential that came after a token was refused has not been tried with it', () => {
    const facts = ended(
      { state: 'quarantined', reason: 'BadDeviceToken', stateSince: ago(2 * DAY_MS) },
      { credentials: [{ ...CREDENTIAL, updatedAt: ago(DAY_MS) }] },
    )
    expect(keys(facts, 'proven')).toEqual(['DX-40'])
  })

  test('a part of the permission that is off is told last, and Android has none for badges', () => {
    const off = { permissionParts: { alert: true, sound: false, badge: false } }
    const facts = device({ record: { ...off, power: { standby: 'rare' } } })
    expect(judge(facts).findings.map(it => it.key)).toEqual(['DX-51', 'DX-46'])
    const android = device({
      platform: 'android',
      record: { permissionParts: { ...off.permissionParts, sound: true } },
    })
    expect(judge(android).findings).toEqual([])
  })

  test('that a hwid is not known is no proof that it never called in', () => {
    expect(keys(having({ device: null }), 'proven')).toEqual([])
  })

  test('who tells of pushes is not silent, however long it has not called in', () => {
    const told = { ...DEVICE, lastSeenAt: ago(40 * DAY_MS), lastReceiptAt: ago(DAY_MS) }
    const address = { ...ADDRESS, lastRegisteredAt: ago(40 * DAY_MS) }
    expect(judge(having({ device: told, address })).ruledOut).toContain('DX-38')
  })

  test('a device that never tells of messages is not called removed for its silence', () => {
    const untold = [1, 2, 3, 4].map(days => ({
      messageId: 'y',
      at: ago(days * DAY_MS),
      hasReceipt: false,
      wasDisplayed: false,
    }))
    expect(judge(having({ lately: untold })).findings).toEqual([])
  })
})

test('each rule is there once, and those that no device can be asked about are not', () => {
  const asked = RULES.map(it => it.id)
  expect(new Set(asked).size).toBe(asked.length)
  expect(RULE_IDS.filter(it => !asked.includes(it))).toEqual(['DX-58', 'DX-65'])
})

test('each reason leads to a rule that has its key', () => {
  for (const { rule, key } of REASONS) expect(key.slice(0, 5)).toBe(rule)
})
