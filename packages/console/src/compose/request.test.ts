import { newMessageSchema, newScheduleSchema, newTriggerSchema } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { draftOf, draftOfScheduled, type Scheduled, type Sent } from './copy.ts'
import { type Draft, EMPTY_DRAFT, EMPTY_VARIANT, EMPTY_WORDS } from './draft.ts'
import { type Asked, askedBy, conditionOf, restOf } from './request.ts'

const NOW = Date.parse('2027-03-01T08:00:00Z')
const SEGMENT = '01890000-0000-7000-8000-000000000001'

interface Changes {
  readonly [part: string]: object
}

/** A draft with a title, and whatever is changed of its parts. */
function draftWith(changes: Changes = {}): Draft {
  const titled = {
    ...EMPTY_DRAFT,
    content: { ...EMPTY_DRAFT.content, words: { ...EMPTY_WORDS, title: 'Hello' } },
  }
  return Object.fromEntries(
    Object.entries(titled).map(([name, part]) => [name, { ...part, ...changes[name] }]),
  ) as unknown as Draft
}

function ask(changes: Changes = {}, key?: string): Asked {
  return askedBy(draftWith(changes), { nowMs: NOW, ...(key !== undefined && { key }) })
}

function words(given: object): object {
  return { words: { ...EMPTY_WORDS, title: 'Hello', ...given } }
}

const PLAIN = { to: { all: true }, content: { title: 'Hello' } }

test('a title alone is a whole message, and nothing that was left empty is in it', () => {
  expect(ask()).toEqual({ kind: 'message', body: PLAIN, message: PLAIN, faults: {} })
})

describe.each([
  ['segment', { audience: { kind: 'segment', segment: SEGMENT } }, { to: { segment: SEGMENT } }],
  ['list', { audience: { kind: 'list', list: SEGMENT } }, { to: { condition: { list: SEGMENT } } }],
  ['devices', { audience: { kind: 'devices', devices: 'a, b\nc\na' } }, { to: { devices: ['a', 'b', 'c'] } }],
  ['users', { audience: { kind: 'users', users: 'u1' } }, { to: { users: ['u1'] } }],
  [
    'users, the latest device of each',
    { audience: { kind: 'users', users: 'u1', isLatest: true } },
    { to: { users: ['u1'], userDevices: 'latest' } },
  ],
  [
    'a condition that was copied',
    { audience: { kind: 'condition', condition: '{"tag":"Plan","op":"eq","value":"pro"}' } },
    { to: { condition: { tag: 'Plan', op: 'eq', value: 'pro' } } },
  ],
  [
    'at',
    { when: { kind: 'at', at: '2027-04-01T09:30' } },
    { sendAt: new Date('2027-04-01T09:30').toISOString() },
  ],
  [
    'local time',
    {
      when: {
        kind: 'local',
        localAt: '2027-04-01T09:30',
        passed: 'nextDay',
        otherwiseTimeZone: 'Europe/Rome',
      },
    },
    { localTime: { at: '2027-04-01T09:30', passed: 'nextDay', otherwiseTimeZone: 'Europe/Rome' } },
  ],
  ['best hour', { when: { kind: 'best' } }, { bestHour: {} }],
  [
    'best hour with another',
    { when: { kind: 'best', otherwiseHour: '18' } },
    { bestHour: { otherwiseHour: 18 } },
  ],
  ['life', { delivery: { ttl: { amount: '1.5', unit: 'hours' } } }, { ttlSeconds: 5400 }],
  ['now or never', { delivery: { ttl: { amount: '0', unit: 'hours' } } }, { ttlSeconds: 0 }],
  ['priority', { delivery: { priority: 'normal' } }, { priority: 'normal' }],
  ['rate', { delivery: { sendRate: '500' } }, { sendRate: 500 }],
  ['lane', { delivery: { lane: 'transactional' } }, { lane: 'transactional' }],
  ['collapse key', { delivery: { collapseKey: 'order-7' } }, { collapseKey: 'order-7' }],
  ['campaign', { delivery: { campaign: ' spring ' } }, { campaign: 'spring' }],
  ['category', { rules: { category: 'offers' } }, { rules: { category: 'offers' } }],
  ['no quiet hours', { rules: { quietHours: 'none' } }, { rules: { quietHours: null } }],
  [
    'quiet hours',
    { rules: { quietHours: 'own', quietAction: 'drop' } },
    { rules: { quietHours: { from: '22:00', to: '08:00', action: 'drop' } } },
  ],
  ['no cap', { rules: { cap: 'none' } }, { rules: { cap: null } }],
  ['a cap', { rules: { cap: 'own' } }, { rules: { cap: { messages: 3, days: 7 } } }],
  [
    'transactional, whose cap would be refused',
    { rules: { kind: 'transactional', cap: 'own' } },
    { rules: { kind: 'transactional' } },
  ],
  ['inbox', { inbox: { mode: 'also' } }, { inbox: {} }],
  ['inbox alone', { inbox: { mode: 'only' } }, { inbox: { only: true } }],
] as const)('%s', (_, changes, expected) => {
  test('stands in the body as the server reads it', () => {
    const { body, faults } = ask(changes as unknown as Changes)
    expect(faults).toEqual({})
    expect(body).toEqual({ ...PLAIN, ...expected })
    expect(newMessageSchema.safeParse(body).error).toBeUndefined()
  })
})

test.each([
  [
    'words',
    words({ subtitle: 'S', body: 'B', icon: 'i', sound: 'ding', url: 'shop://cart' }),
    { subtitle: 'S', body: 'B', icon: 'i', sound: 'ding', url: 'shop://cart' },
  ],
  ['an image', words({ image: ' https://x.example/a.png ' }), { image: 'https://x.example/a.png' }],
  ['buttons', words({ buttons: [{ title: 'Go', url: '' }] }), { buttons: [{ title: 'Go' }] }],
  ['a badge', { badge: '7' }, { badge: 7 }],
  ['one more', { badge: '+1' }, { badge: '+1' }],
  ['data and keys', { data: '{"order":1}', root: '{"k":true}' }, { data: { order: 1 }, root: { k: true } }],
  [
    'names of the app',
    { category: 'ORDER', channel: 'news', interruptionLevel: 'passive' },
    { category: 'ORDER', channel: 'news', interruptionLevel: 'passive' },
  ],
  [
    'languages',
    { languages: [{ language: 'de', words: { ...EMPTY_WORDS, title: 'Hallo' } }] },
    { languages: { de: { title: 'Hallo' } } },
  ],
  [
    'a gateway',
    {
      gateways: {
        ...EMPTY_DRAFT.content.gateways,
        webpush: {
          ...EMPTY_DRAFT.content.gateways.webpush,
          title: 'W',
          ttl: { amount: '2', unit: 'minutes' },
          more: '{"urgency":"low"}',
        },
      },
    },
    { webPush: { title: 'W', ttlSeconds: 120, urgency: 'low' } },
  ],
  [
    'defaults',
    { defaults: [{ name: 'tags.Name', value: 'friend' }], onMissing: 'blank', onBadImage: 'warn' },
    { defaults: { 'tags.Name': 'friend' }, onMissing: 'blank', onBadImage: 'warn' },
  ],
])('content with %s is what the server takes', (_, content, expected) => {
  const { body, faults } = ask({ content })
  expect(faults).toEqual({})
  expect(body.content).toEqual({ title: 'Hello', ...expected })
  expect(newMessageSchema.safeParse(body).error).toBeUndefined()
})

test('a silent message shows nothing of what was written before', () => {
  const { body, faults } = ask({ content: { isSilent: true, badge: '3', data: '{"sync":1}' } })
  expect(faults).toEqual({})
  expect(body.content).toEqual({ silent: true, data: { sync: 1 } })
  expect(newMessageSchema.safeParse(body).error).toBeUndefined()
})

describe('an experiment', () => {
  const variants = [
    { ...EMPTY_VARIANT, name: 'A', percent: '10' },
    {
      ...EMPTY_VARIANT,
      name: 'B',
      percent: '10',
      title: 'Other',
      more: '{"image":"https://x.example/b.png"}',
    },
  ]

  test('with a rest says what that gets', () => {
    const { body, faults } = ask({ experiment: { isOn: true, variants, controlPercent: '5' } })
    expect(faults).toEqual({})
    expect(body.experiment).toEqual({
      variants: [
        { name: 'A', percent: 10 },
        { name: 'B', percent: 10, content: { title: 'Other', image: 'https://x.example/b.png' } },
      ],
      controlPercent: 5,
      winner: { afterSeconds: 14_400, metric: 'opened', ifUnclear: 'best' },
    })
    expect(newMessageSchema.safeParse(body).error).toBeUndefined()
  })

  test('that somebody decides keeps its empty winner, which the server asks for', () => {
    const { body } = ask({ experiment: { isOn: true, variants, decides: 'hand' } })
    expect(body.experiment).toMatchObject({ winner: {} })
    expect(newMessageSchema.safeParse(body).error).toBeUndefined()
  })

  test('adds its shares up without errors of fractions', () => {
    const thirds = ['33.33', '33.33', '33.34'].map(percent => ({ ...EMPTY_VARIANT, percent }))
    expect(restOf({ ...EMPTY_DRAFT.experiment, variants: thirds })).toBe(0)
  })

  test('of more than all, or with a rest that goes by each clock, is refused before it is sent', () => {
    expect(ask({ experiment: { isOn: true, variants, controlPercent: '90' } }).faults).toEqual({
      experiment: 'percents',
    })
    const when = { kind: 'local', localAt: '2027-04-01T09:30' }
    expect(ask({ experiment: { isOn: true, variants }, when }).faults).toEqual({ experiment: 'noRest' })
  })
})

test('a schedule is what the server takes, and its message has no moment of its own', () => {
  const when = { kind: 'cron', name: 'Weekly', cron: '0 9 * * 1', timeZone: 'Europe/Rome', missed: 'none' }
  const { kind, body, faults } = ask({ when, inbox: { mode: 'also', until: '2027-05-01T00:00' } }, 'key')
  expect(kind).toBe('schedule')
  expect(faults).toEqual({})
  expect(body).toEqual({
    name: 'Weekly',
    cron: '0 9 * * 1',
    timeZone: 'Europe/Rome',
    missed: 'none',
    message: { ...PLAIN, inbox: {} },
  })
  expect(newScheduleSchema.safeParse(body).error).toBeUndefined()
})

test('a schedule by each clock names no zone for all', () => {
  const when = { kind: 'cron', name: 'W', timeZone: 'Europe/Rome', isLocal: true, passed: 'skip' }
  expect(ask({ when }).body).toMatchObject({ localTime: { passed: 'skip' } })
  expect(ask({ when }).body).not.toHaveProperty('timeZone')
  expect(ask({ when: { ...when, passed: 'now' } }).body).toMatchObject({ localTime: {} })
})

test('a trigger is what the server takes: a segment is its condition, and values of attributes have their types', () => {
  const when = {
    kind: 'event',
    name: 'Cart',
    event: 'added_to_cart',
    where: [
      { attribute: 'price', op: 'gte', value: '20' },
      { attribute: 'gift', op: 'eq', value: 'true' },
      { attribute: 'sku', op: 'set', value: '' },
    ],
    delay: { amount: '1', unit: 'hours' },
    restartsDelay: true,
    toUser: true,
    oncePerDays: '7',
    cancelledBy: 'bought, left',
  }
  const { kind, body, message, faults } = ask({
    when,
    audience: { kind: 'segment', segment: SEGMENT },
    delivery: { sendRate: '5' },
  })
  expect(kind).toBe('trigger')
  expect(faults).toEqual({})
  expect(body).toEqual({
    name: 'Cart',
    event: 'added_to_cart',
    where: {
      and: [
        { attribute: 'price', op: 'gte', value: 20 },
        { attribute: 'gift', op: 'eq', value: true },
        { attribute: 'sku', op: 'set' },
      ],
    },
    delaySeconds: 3600,
    restartsDelay: true,
    to: 'user',
    condition: { segment: SEGMENT },
    oncePerDays: 7,
    cancelledBy: ['bought', 'left'],
    message: { content: { title: 'Hello' } },
  })
  expect(newTriggerSchema.safeParse(body).error).toBeUndefined()
  expect(newMessageSchema.safeParse(message).error).toBeUndefined()
})

test('a trigger is looked at with the names of its event’s attributes: no event has come yet', () => {
  const { body, message } = ask({
    when: { kind: 'event', name: 'Cart', event: 'added' },
    content: words({
      title: 'Still want {{ event.item }}?',
      body: '{{ event["the size"] | upcase }} {{ tags.Name }}',
    }),
  })
  expect(body).toMatchObject({ message: { content: { title: 'Still want {{ event.item }}?' } } })
  expect(message.content).toEqual({ title: 'Still want [item]?', body: '[the size] {{ tags.Name }}' })
})

test('the key goes along with what is sent once, and not with what is only looked at', () => {
  const { body, message } = ask({}, 'k1')
  expect(body).toMatchObject({ idempotencyKey: 'k1' })
  expect(message).not.toHaveProperty('idempotencyKey')
})

test.each([
  [{ audience: { kind: 'segment' } }, { to: 'needed' }],
  [{ audience: { kind: 'devices', devices: ' , ' } }, { to: 'needed' }],
  [{ content: { words: EMPTY_WORDS } }, { 'content.title': 'shown' }],
  [{ content: words({ image: 'http://x/a.png' }) }, { 'content.image': 'https' }],
  [{ content: { badge: 'many' } }, { 'content.badge': 'number' }],
  [{ content: { badge: '1.5' } }, { 'content.badge': 'whole' }],
  [{ content: { data: '[1]' } }, { 'content.data': 'json' }],
  [
    { content: { languages: [{ language: 'p', words: EMPTY_WORDS }] } },
    { 'content.languages.p': 'language' },
  ],
  [
    { content: { languages: ['pt-BR', 'pt-br'].map(language => ({ language, words: EMPTY_WORDS })) } },
    { 'content.languages.pt-br': 'twice' },
  ],
  [{ when: { kind: 'at' } }, { sendAt: 'needed' }],
  [{ when: { kind: 'at', at: '2027-02-01T09:00' } }, { sendAt: 'past' }],
  [{ when: { kind: 'cron', name: 'x', cron: 'weekly' } }, { cron: 'cron' }],
  [{ when: { kind: 'cron', name: 'x' }, audience: { kind: 'users', users: 'u' } }, { to: 'recurring' }],
  [{ when: { kind: 'event' } }, { name: 'needed', event: 'needed' }],
  [{ rules: { quietHours: 'own', quietFrom: '08:00' } }, { 'rules.quietHours': 'twice' }],
  [{ delivery: { sendRate: 'fast' } }, { sendRate: 'number' }],
])('what is missing or wrong is told by its place: %j', (changes, faults) => {
  expect(ask(changes as unknown as Changes).faults).toEqual(faults)
})

test('an audience that nobody has chosen yet is not counted', () => {
  expect(conditionOf({ ...EMPTY_DRAFT.audience, kind: 'segment' })).toBeUndefined()
  expect(conditionOf({ ...EMPTY_DRAFT.audience, kind: 'users', users: 'a' })).toEqual({
    field: 'userId',
    op: 'in',
    value: ['a'],
  })
})

describe('a copy', () => {
  const sent: Sent = {
    to: { users: ['a', 'b'], userDevices: 'latest' },
    content: {
      title: 'Hi',
      subtitle: 'S',
      body: 'B {{ tags.Name }}',
      image: 'https://x.example/a.png',
      icon: 'i',
      url: 'shop://a',
      sound: 'ding',
      buttons: [{ title: 'Go', url: 'https://x.example' }, { title: 'No' }],
      badge: '+1',
      data: { a: [1] },
      root: { r: 'x' },
      category: 'C',
      channel: 'n',
      interruptionLevel: 'active',
      languages: { de: { title: 'Hallo' }, 'pt-BR': { body: 'Oi' } },
      apns: { title: 'Apple', badge: 0, ttlSeconds: 60, priority: 5, aps: { 'thread-id': 't' } },
      fcm: { channel: 'x', languages: { de: { title: 'Android' } } },
      webPush: { urgency: 'low' },
      hms: { android: { category: 'WORK' } },
      defaults: { 'tags.Name': 'friend' },
      onMissing: 'blank',
      onBadImage: 'warn',
    },
    ttlSeconds: 7200,
    priority: 'normal',
    lane: 'transactional',
    collapseKey: 'k',
    sendRate: 50,
    campaign: 'spring',
    rules: {
      category: 'offers',
      quietHours: { from: '21:00', to: '07:00', action: 'drop', otherwiseTimezoneSeconds: 3600 },
      cap: { messages: 2, days: 3 },
    },
    inbox: { only: true },
    experiment: null,
  }

  test('of a message with everything asks for the same again', () => {
    const { body, faults } = askedBy(draftOf(sent), { nowMs: NOW })
    expect(faults).toEqual({})
    const { experiment, ...asked } = sent
    expect(body).toEqual(asked)
    expect(newMessageSchema.safeParse(body).error).toBeUndefined()
  })

  test.each([
    [{ all: true }],
    [{ segment: SEGMENT }],
    [{ devices: ['x y', 'z'] }],
    [{ condition: { list: SEGMENT } }],
    [{ condition: { and: [{ list: SEGMENT }, { tag: 'a', op: 'set' }] } }],
  ])('goes to the same audience: %j', to => {
    expect(askedBy(draftOf({ ...sent, to }), { nowMs: NOW }).body.to).toEqual(to)
  })

  test('of one with no rules of its own and the usual life says neither', () => {
    const plain = { ...sent, rules: { quietHours: null, cap: null }, ttlSeconds: 259_200, inbox: null }
    const { body } = askedBy(draftOf(plain), { nowMs: NOW })
    expect(body.rules).toEqual({ quietHours: null, cap: null })
    expect(body).not.toHaveProperty('ttlSeconds')
    expect(body).not.toHaveProperty('inbox')
  })

  test('of a test goes out as an ordinary message', () => {
    expect(askedBy(draftOf({ ...sent, lane: 'test' }), { nowMs: NOW }).body).not.toHaveProperty('lane')
  })

  test('of an experiment has its shares and its winner', () => {
    const experiment = {
      variants: [
        { name: 'A', percent: 20, accepted: 3 },
        { name: 'B', percent: 20, accepted: 4 },
      ],
      control: { percent: 5, skipped: 1 },
      winner: { afterSeconds: 3600, metric: 'delivered', ifUnclear: 'wait' },
    }
    expect(askedBy(draftOf({ ...sent, experiment }), { nowMs: NOW }).body.experiment).toEqual({
      variants: [
        { name: 'A', percent: 20 },
        { name: 'B', percent: 20 },
      ],
      controlPercent: 5,
      winner: experiment.winner,
    })
  })
})

describe('a message that is changed', () => {
  const scheduled: Scheduled = {
    to: { all: true },
    content: { title: 'Hello' },
    ttlSeconds: 259_200,
    priority: 'high',
    lane: 'campaign',
    collapseKey: null,
    sendRate: null,
    campaign: null,
    rules: null,
    inbox: null,
    experiment: null,
    sendAt: '2027-03-02T09:30:00.000Z',
    localTime: null,
    bestHour: null,
  }
  const asked = (given: Partial<Scheduled>) =>
    askedBy(draftOfScheduled({ ...scheduled, ...given }), { nowMs: NOW })

  test('asks for the same as before, at the same moment', () => {
    expect(asked({})).toMatchObject({
      kind: 'message',
      faults: {},
      body: { to: { all: true }, content: { title: 'Hello' }, sendAt: '2027-03-02T09:30:00.000Z' },
    })
    expect(asked({}).body).not.toHaveProperty('lane')
  })

  test('keeps the second and its part that a field of minutes would cut off', () => {
    const sendAt = '2027-03-02T09:30:15.250Z'
    expect(asked({ sendAt }).body).toMatchObject({ sendAt })
  })

  test.each([
    ['localTime', { at: '2027-03-02T09:30', passed: 'skip', otherwiseTimeZone: 'Europe/Rome' }],
    ['bestHour', { otherwiseHour: 18, otherwiseTimeZone: 'Europe/Rome' }],
  ] as const)('keeps its %s', (name, times) => {
    const { body } = asked({ [name]: times })
    expect(body[name]).toEqual(times)
    expect(Object.hasOwn(body, 'sendAt')).toBe(name === 'bestHour')
  })

  test('keeps a lane that is not the usual one of its audience, and the life of its inbox', () => {
    const to = { users: ['ann'] }
    expect(asked({ to, lane: 'campaign' }).body).toMatchObject({ lane: 'campaign' })
    expect(asked({ to, lane: 'transactional' }).body).not.toHaveProperty('lane')
    expect(asked({ lane: 'test' }).body).toMatchObject({ lane: 'test' })
    const inbox = { until: '2027-03-09T09:30:00.000Z', only: true }
    expect(asked({ inbox }).body.inbox).toEqual(inbox)
  })

  test('keeps what each version shows', () => {
    const variants = [
      { name: 'A', percent: 50, content: { title: 'a', image: 'https://x.y/z.png' } },
      { name: 'B', percent: 50, content: null },
    ]
    const experiment = { variants, control: { percent: 0 }, winner: null }
    expect(asked({ experiment }).body.experiment).toEqual({
      variants: [variants[0], { name: 'B', percent: 50 }],
    })
  })

  test('that is silent keeps its priority', () => {
    const content = { silent: true, data: { a: 1 } }
    expect(asked({ content, priority: 'high' }).body).toMatchObject({ priority: 'high' })
    expect(asked({ content, priority: 'normal' }).body).not.toHaveProperty('priority')
  })
})

test.each(['javascript:alert(1)', ' java\tscript:alert(1)', 'DATA:text/html,x'])(
  'an address that would run in a page is told at its field: %j',
  url => {
    const words = { ...EMPTY_DRAFT.content.words, title: 'T', url }
    const { faults } = askedBy({ ...EMPTY_DRAFT, content: { ...EMPTY_DRAFT.content, words } }, { nowMs: NOW })
    expect(faults).toEqual({ 'content.url': 'url' })
  },
)

test('a text that the server would not take is told as too long', () => {
  const words = { ...EMPTY_DRAFT.content.words, title: 'T'.repeat(1025), body: 'b'.repeat(4096) }
  const { faults } = askedBy({ ...EMPTY_DRAFT, content: { ...EMPTY_DRAFT.content, words } }, { nowMs: NOW })
  expect(faults).toEqual({ 'content.title': 'long' })
})
