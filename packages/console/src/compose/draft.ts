/**
 * What somebody writes on the page of a new message, as the fields hold it: text, also where a number is meant, so that
 * nothing that was typed is lost. `request.ts` makes of it what the server takes, `copy.ts` the other way round.
 */

export const GATEWAYS = ['apns', 'fcm', 'webpush', 'hms'] as const
export type GatewayName = (typeof GATEWAYS)[number]

/** As the body of a message names them. */
export const PART_OF_GATEWAY = {
  apns: 'apns',
  fcm: 'fcm',
  webpush: 'webPush',
  hms: 'hms',
} as const satisfies Readonly<Record<GatewayName, string>>

export const AUDIENCES = ['all', 'segment', 'list', 'devices', 'users', 'condition'] as const
export type AudienceKind = (typeof AUDIENCES)[number]

export interface AudienceDraft {
  readonly kind: AudienceKind
  /** Ids of a segment and a list. */
  readonly segment: string
  readonly list: string
  /** One in a line, or with commas. */
  readonly devices: string
  readonly users: string
  /** Of each user only the device that was used last. */
  readonly isLatest: boolean
  /** Of a message that was copied: its condition as JSON. */
  readonly condition: string
}

export interface ButtonDraft {
  readonly title: string
  readonly url: string
}

/** What may differ by language. */
export interface Words {
  readonly title: string
  readonly subtitle: string
  readonly body: string
  readonly image: string
  readonly icon: string
  readonly url: string
  readonly sound: string
  readonly buttons: readonly ButtonDraft[]
}

export interface LanguageDraft {
  readonly language: string
  readonly words: Words
}

/** What the devices of one gateway get otherwise; `more` is JSON of whatever has no field. */
export interface GatewayDraft {
  readonly title: string
  readonly body: string
  readonly image: string
  readonly url: string
  readonly sound: string
  readonly badge: string
  readonly channel: string
  readonly category: string
  readonly interruptionLevel: string
  readonly ttl: Duration
  readonly more: string
}

export const UNITS = ['minutes', 'hours', 'days'] as const
export type Unit = (typeof UNITS)[number]

export interface Duration {
  readonly amount: string
  readonly unit: Unit
}

export interface ContentDraft {
  readonly isSilent: boolean
  readonly words: Words
  readonly languages: readonly LanguageDraft[]
  /** A number, "+1" or "unread". */
  readonly badge: string
  /** JSON objects. */
  readonly data: string
  readonly root: string
  readonly category: string
  readonly channel: string
  readonly interruptionLevel: string
  readonly gateways: Readonly<Record<GatewayName, GatewayDraft>>
  /** Of variables, by their names. */
  readonly defaults: readonly { readonly name: string; readonly value: string }[]
  readonly onMissing: 'skip' | 'blank'
  readonly onBadImage: 'refuse' | 'warn'
}

export interface DeliveryDraft {
  readonly ttl: Duration
  readonly priority: '' | 'high' | 'normal'
  readonly collapseKey: string
  readonly lane: '' | 'test' | 'transactional' | 'campaign'
  readonly sendRate: string
  readonly campaign: string
}

export type RuleSource = 'app' | 'own' | 'none'

export interface RulesDraft {
  readonly kind: 'marketing' | 'transactional'
  readonly category: string
  readonly quietHours: RuleSource
  readonly quietFrom: string
  readonly quietTo: string
  readonly quietAction: 'defer' | 'drop'
  /** Not shown, and kept of a message that was copied: seconds. */
  readonly quietZone: string
  readonly cap: RuleSource
  readonly capMessages: string
  readonly capDays: string
}

export interface InboxDraft {
  readonly mode: 'none' | 'also' | 'only'
  /** As a field of date and time writes it, on the clock of this computer; empty: the server's 30 days. */
  readonly until: string
}

export const MOMENTS = ['now', 'at', 'local', 'best', 'cron', 'event'] as const
export type Moment = (typeof MOMENTS)[number]

export interface WhereDraft {
  readonly attribute: string
  readonly op: string
  readonly value: string
}

export interface WhenDraft {
  readonly kind: Moment
  /** On the clock of this computer. */
  readonly at: string
  /** On the clock of each device. */
  readonly localAt: string
  readonly passed: 'now' | 'nextDay' | 'skip'
  /** Of devices that have told none; empty: the app's. */
  readonly otherwiseTimeZone: string
  /** Empty: the app's best hour. */
  readonly otherwiseHour: string
  /** Of a schedule or a trigger. */
  readonly name: string
  readonly cron: string
  /** It is written as cron, also where a rhythm would do. */
  readonly isOwnCron: boolean
  readonly isLocal: boolean
  readonly timeZone: string
  readonly missed: 'one' | 'none'
  readonly event: string
  readonly where: readonly WhereDraft[]
  readonly delay: Duration
  readonly restartsDelay: boolean
  readonly toUser: boolean
  readonly oncePerDays: string
  readonly cancelledBy: string
}

export interface VariantDraft {
  readonly name: string
  readonly percent: string
  readonly title: string
  readonly body: string
  /** JSON of whatever else it has. */
  readonly more: string
}

export interface ExperimentDraft {
  readonly isOn: boolean
  readonly variants: readonly VariantDraft[]
  readonly controlPercent: string
  readonly decides: 'numbers' | 'hand'
  readonly after: Duration
  readonly metric: 'opened' | 'delivered'
  readonly ifUnclear: 'best' | 'first' | 'wait'
}

export interface Draft {
  readonly audience: AudienceDraft
  readonly content: ContentDraft
  readonly delivery: DeliveryDraft
  readonly rules: RulesDraft
  readonly inbox: InboxDraft
  readonly when: WhenDraft
  readonly experiment: ExperimentDraft
}

export const EMPTY_WORDS: Words = {
  title: '',
  subtitle: '',
  body: '',
  image: '',
  icon: '',
  url: '',
  sound: '',
  buttons: [],
}

const NO_DURATION: Duration = { amount: '', unit: 'hours' }

export const EMPTY_GATEWAY: GatewayDraft = {
  title: '',
  body: '',
  image: '',
  url: '',
  sound: '',
  badge: '',
  channel: '',
  category: '',
  interruptionLevel: '',
  ttl: NO_DURATION,
  more: '',
}

export const EMPTY_VARIANT: VariantDraft = { name: '', percent: '', title: '', body: '', more: '' }

export const EMPTY_DRAFT: Draft = {
  audience: { kind: 'all', segment: '', list: '', devices: '', users: '', isLatest: false, condition: '' },
  content: {
    isSilent: false,
    words: EMPTY_WORDS,
    languages: [],
    badge: '',
    data: '',
    root: '',
    category: '',
    channel: '',
    interruptionLevel: '',
    gateways: { apns: EMPTY_GATEWAY, fcm: EMPTY_GATEWAY, webpush: EMPTY_GATEWAY, hms: EMPTY_GATEWAY },
    defaults: [],
    onMissing: 'skip',
    onBadImage: 'refuse',
  },
  delivery: { ttl: NO_DURATION, priority: '', collapseKey: '', lane: '', sendRate: '', campaign: '' },
  rules: {
    kind: 'marketing',
    category: '',
    quietHours: 'app',
    quietFrom: '22:00',
    quietTo: '08:00',
    quietAction: 'defer',
    quietZone: '',
    cap: 'app',
    capMessages: '3',
    capDays: '7',
  },
  inbox: { mode: 'none', until: '' },
  when: {
    kind: 'now',
    at: '',
    localAt: '',
    passed: 'now',
    otherwiseTimeZone: '',
    otherwiseHour: '',
    name: '',
    cron: '0 9 * * 1',
    isOwnCron: false,
    isLocal: false,
    timeZone: '',
    missed: 'one',
    event: '',
    where: [],
    delay: { amount: '', unit: 'minutes' },
    restartsDelay: false,
    toUser: false,
    oncePerDays: '',
    cancelledBy: '',
  },
  experiment: {
    isOn: false,
    variants: [
      { ...EMPTY_VARIANT, name: 'A', percent: '50' },
      { ...EMPTY_VARIANT, name: 'B', percent: '50' },
    ],
    controlPercent: '',
    decides: 'numbers',
    after: { amount: '4', unit: 'hours' },
    metric: 'opened',
    ifUnclear: 'best',
  },
}

const UNIT_SECONDS: Readonly<Record<Unit, number>> = { minutes: 60, hours: 3_600, days: 86_400 }

/** NaN where no number stands. */
export function secondsOf({ amount, unit }: Duration): number {
  return amount.trim() === '' ? Number.NaN : Number(amount) * UNIT_SECONDS[unit]
}

/** In the largest unit that it fills. */
export function durationOf(seconds: number): Duration {
  const unit = UNITS.findLast(each => seconds % UNIT_SECONDS[each] === 0 && seconds > 0) ?? 'minutes'
  return { amount: String(seconds / UNIT_SECONDS[unit]), unit }
}

/** Ids that were typed or pasted: in lines, or with commas. */
export function namesIn(text: string): string[] {
  const names = text.split(/[\n,;]/).map(it => it.trim())
  return [...new Set(names.filter(it => it !== ''))]
}
