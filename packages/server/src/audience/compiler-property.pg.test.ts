/**
 * The compiler against a naive evaluator: random conditions over a base of random devices, all of both asked of each other.
 * The evaluator is written from docs/segments.md and shares nothing with the compiler but the shape of a condition.
 */
import type { Comparison, Condition, DaysAgo, MessageFate, Operand, Scalar } from '@roost/protocol'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { bucketOf } from '../registry/buckets.ts'
import { compileCondition } from './condition.ts'
import type { ConditionScope, SegmentMeaning } from './context.ts'

const DAY_MS = 24 * 3_600_000
/** In the middle of a day, so that the days ago are not those of 24 hours. */
const AT = Date.UTC(2026, 10, 22, 13, 45, 30)
const TODAY = Math.floor(AT / DAY_MS)
const DEVICES = 400
const MESSAGES = ['0199c0de-0000-7000-8000-000000000001', '0199c0de-0000-7000-8000-000000000002'] as const
const LISTS = {
  devices: '0199c0de-0000-7000-8000-00000000000a',
  users: '0199c0de-0000-7000-8000-00000000000b',
} as const
const SEGMENTS = {
  live: '0199c0de-0000-7000-8000-0000000000c1',
  nested: '0199c0de-0000-7000-8000-0000000000c2',
  snapshot: '0199c0de-0000-7000-8000-0000000000c3',
} as const
const LIVE: Condition = {
  or: [
    { field: 'platform', op: 'eq', value: 'ios' },
    { event: 'Buy', atLeast: 2 },
  ],
}
const NESTED: Condition = { and: [{ not: { segment: SEGMENTS.live } }, { tag: 'any', op: 'set' }] }

type TagValue = Scalar | null | readonly Scalar[]
interface Address {
  readonly state: string
  readonly optedOut: boolean
  readonly provider: string
  readonly environment: string
}
interface Happening {
  readonly name: string
  /** ms. */
  readonly times: readonly number[]
}
interface Receipt {
  readonly message: string
  readonly kind: 'delivered' | 'opened'
  readonly at: number
}
interface Device {
  readonly hwid: string
  readonly userId: string | null
  readonly platform: string | null
  readonly language: string | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  readonly timezoneSeconds: number | null
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly lastOpenAt: number | null
  readonly permission: string | null
  readonly country: string | null
  readonly tags: Readonly<Record<string, TagValue>>
  readonly addresses: readonly Address[]
  readonly events: readonly Happening[]
  readonly receipts: readonly Receipt[]
  readonly isListed: boolean
}

// The base.

const orNull = <T>(it: fc.Arbitrary<T>) => fc.option(it, { nil: null, freq: 4 })
const WORDS = ['a', 'b', 'gold', '3', '2026-11-10', '2026-11-15T08:00:00.000Z']
const NUMBERS = [-1, 0, 3, 3.5, 1e20]
const VERSIONS = ['2', '2.0', '2.9', '2.10', '2.10.0', '02.9', '10.0.1']
const ODD_VERSIONS = [...VERSIONS, '2.10.1-rc1', 'nightly', '', `1.${'9'.repeat(30)}`]
const COUNTRIES = ['CH', 'DE']
/** Some on the very border of a day. */
const time = fc.oneof(
  fc.integer({ min: AT - 100 * DAY_MS, max: AT }),
  fc
    .tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom(-1, 0, 1))
    .map(([day, ms]) => (TODAY - day) * DAY_MS + ms),
)
const scalar: fc.Arbitrary<Scalar> = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.constantFrom(...NUMBERS),
  fc.boolean(),
)
const tagValue: fc.Arbitrary<TagValue> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 2, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant(null) },
)
const iso = (ms: number) => new Date(ms).toISOString()
const tags = fc.record(
  {
    any: tagValue,
    other: tagValue,
    int: fc.constantFrom(1, 2, 3),
    date: time.map(iso),
    version: fc.constantFrom('2.9', '2.10', '2.10.1', '10.0.0.0'),
    list: fc.array(fc.constantFrom<Scalar>('a', 'b', 3), { maxLength: 3 }),
  },
  { requiredKeys: [] },
)
const address = (states: readonly string[]) =>
  fc.record({
    state: fc.constantFrom(...states),
    optedOut: fc.boolean(),
    provider: fc.constantFrom('apns', 'fcm', 'webpush'),
    environment: fc.constantFrom('production', 'sandbox', ''),
  })
/** At most one that is sent to, among any that are not. */
const addresses = fc
  .tuple(
    fc.option(address(['active', 'suspect']), { nil: null }),
    fc.array(address(['dead', 'superseded', 'moved', 'quarantined']), { maxLength: 2 }),
  )
  .map(([living, others]) => [...(living === null ? [] : [living]), ...others])
const events = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('Buy', 'Open', "it's"),
    times: fc.array(time, { minLength: 1, maxLength: 5 }),
  }),
  { maxLength: 3, selector: it => it.name },
)
const receipts = fc.uniqueArray(
  fc.record({
    message: fc.constantFrom(...MESSAGES),
    kind: fc.constantFrom('delivered', 'opened'),
    at: time,
  }),
  { maxLength: 3, selector: it => `${it.message} ${it.kind}` },
) as fc.Arbitrary<Receipt[]>
const device: fc.Arbitrary<Omit<Device, 'hwid'>> = fc.record({
  userId: orNull(fc.constantFrom('u1', 'u2', 'u3')),
  platform: orNull(fc.constantFrom('ios', 'android', 'web')),
  language: orNull(fc.constantFrom('de', 'en', 'fr')),
  appVersion: orNull(fc.constantFrom(...ODD_VERSIONS)),
  osVersion: orNull(fc.constantFrom(...VERSIONS)),
  deviceModel: orNull(fc.constantFrom('x', 'y')),
  timezoneSeconds: orNull(fc.constantFrom(-3600, 0, 3600)),
  firstSeenAt: time,
  lastSeenAt: time,
  lastOpenAt: orNull(time),
  permission: orNull(fc.constantFrom('granted', 'provisional', 'denied', 'not_determined')),
  country: orNull(fc.constantFrom(...COUNTRIES)),
  tags,
  addresses,
  events,
  receipts,
  isListed: fc.boolean(),
})

// Conditions.

const days = fc.integer({ min: 0, max: 14 })
const ago: fc.Arbitrary<DaysAgo> = days.map(daysAgo => ({ daysAgo }))
/** Every operator, with operands of this kind. */
function compared(subject: Partial<Comparison>, operand: fc.Arbitrary<Operand>, isOrdered = true) {
  const forms: fc.Arbitrary<object>[] = [
    fc.constantFrom('set', 'unset').map(op => ({ op })),
    fc.tuple(fc.constantFrom('eq', 'ne'), operand).map(([op, value]) => ({ op, value })),
    fc
      .tuple(fc.constantFrom('in', 'nin'), fc.array(operand, { minLength: 1, maxLength: 3 }))
      .map(([op, value]) => ({ op, value })),
  ]
  if (isOrdered)
    forms.push(
      fc.tuple(fc.constantFrom('gte', 'lte'), operand).map(([op, value]) => ({ op, value })),
      fc.tuple(operand, operand).map(pair => ({ op: 'between', value: earlierFirst(pair) })),
    )
  return fc.oneof(...forms).map(form => ({ ...subject, ...form }) as Comparison)
}

function earlierFirst([a, b]: [Operand, Operand]): readonly Operand[] {
  return isUpsideDown(a, b) ? [b, a] : [a, b]
}

function isUpsideDown(a: Operand, b: Operand): boolean {
  if (typeof a === 'object' || typeof b === 'object')
    return typeof a === 'object' && typeof b === 'object' && a.daysAgo < b.daysAgo
  if (typeof a === 'number' && typeof b === 'number') return a > b
  const isDate = [a, b].some(it => /^\d{4}-/.test(String(it)))
  if (isDate) return msOf(a) > msOf(b) || (msOf(a) === msOf(b) && String(a) > String(b))
  const [from, to] = [partsOf(String(a)), partsOf(String(b))]
  return from !== undefined && to !== undefined && order(from, to) > 0
}

const of = (...values: readonly Scalar[]): fc.Arbitrary<Operand> => fc.constantFrom(...values)
const times = fc.oneof(ago, time.map(iso), of('2026-11-10', '2026-11-10 08:30', Math.floor(AT / 1000)))
const comparison: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: compared({ tag: 'any' }, scalar) },
  { weight: 2, arbitrary: compared({ tag: 'any' }, fc.oneof(ago, of('2026-11-10', 'a'))) },
  compared({ tag: 'other' }, scalar),
  compared({ tag: 'missing' }, scalar),
  compared({ tag: 'int' }, of(1, 2, '3')),
  { weight: 2, arbitrary: compared({ tag: 'date' }, times) },
  compared({ tag: 'version' }, of(...VERSIONS)),
  compared({ tag: 'list' }, of('a', 'b', 3)),
  compared({ field: 'hwid' }, of('h000', 'h007', 'h200')),
  compared({ field: 'userId' }, of('u1', 'u2', 'u9')),
  compared({ field: 'platform' }, of('ios', 'android', 'web')),
  compared({ tag: 'Language' }, of('de', 'en')),
  { weight: 2, arbitrary: compared({ field: 'appVersion' }, of(...VERSIONS)) },
  compared({ tag: 'OS Version' }, of(...VERSIONS)),
  compared({ field: 'deviceModel' }, of('x', 'z')),
  compared({ field: 'timezoneSeconds' }, of(-3600, 0, 7200)),
  compared({ field: 'firstSeenAt' }, times),
  { weight: 3, arbitrary: compared({ tag: 'Last Application Open' }, times) },
  compared({ field: 'permission' }, of('granted', 'denied')),
  compared({ field: 'country' }, of(...COUNTRIES)),
  compared({ field: 'isVisitor' }, of(true, false), false),
  compared({ tag: 'Push Alerts Enabled' }, of(true, false), false),
  {
    weight: 2,
    arbitrary: compared(
      { field: 'push' },
      of('reachable', 'no_permission', 'quarantined', 'removed', 'no_address'),
      false,
    ),
  },
  compared({ field: 'provider' }, of('apns', 'fcm', 'hms')),
  compared({ field: 'environment' }, of('production', 'sandbox')),
)
const within = fc.option(fc.integer({ min: 0, max: 90 }), { nil: undefined })
const leaf: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 8, arbitrary: comparison },
  {
    weight: 3,
    arbitrary: fc.record({
      event: fc.constantFrom('Buy', 'Open', "it's", 'never'),
      atLeast: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      withinDays: within,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      message: fc.constantFrom<string>('any', ...MESSAGES),
      was: fc.constantFrom<MessageFate>('received', 'opened'),
      withinDays: within,
    }),
  },
  fc.constantFrom(...Object.values(LISTS)).map(list => ({ list })),
  fc.constantFrom(...Object.values(SEGMENTS)).map(segment => ({ segment })),
)
const { condition } = fc.letrec<{ condition: Condition }>(tie => ({
  condition: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'condition' },
    leaf,
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map(and => ({ and })),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map(or => ({ or })),
    tie('condition').map(not => ({ not })),
  ),
}))

// What is true of a device, said naively.

function isTrue(asked: Condition, it: Device): boolean {
  if ('and' in asked) return asked.and.every(part => isTrue(part, it))
  if ('or' in asked) return asked.or.some(part => isTrue(part, it))
  if ('not' in asked) return !isTrue(asked.not, it)
  if ('event' in asked) {
    const all = it.events.find(event => event.name === asked.event)?.times ?? []
    return all.filter(at => isWithin(at, asked.withinDays)).length >= (asked.atLeast ?? 1)
  }
  if ('message' in asked)
    return it.receipts.some(
      receipt =>
        (asked.message === 'any' || receipt.message === asked.message) &&
        (asked.was === 'received' || receipt.kind === 'opened') &&
        isWithin(receipt.at, asked.withinDays),
    )
  if ('list' in asked)
    return asked.list === LISTS.devices ? it.isListed : it.userId === 'u1' || it.userId === 'u9'
  if ('segment' in asked) {
    if (asked.segment === SEGMENTS.snapshot) return it.hwid < 'h100'
    return isTrue(asked.segment === SEGMENTS.live ? LIVE : NESTED, it)
  }
  return compares(asked, it)
}

const dayOf = (ms: number) => Math.floor(ms / DAY_MS)

function isWithin(at: number, withinDays: number | undefined): boolean {
  return withinDays === undefined || TODAY - dayOf(at) <= withinDays
}

/** A value and how it compares: `undefined` when it does not. */
interface Known {
  readonly isSet: boolean
  readonly equals: (operand: Operand) => boolean
  readonly isAtLeast: (operand: Operand) => boolean
  readonly isAtMost: (operand: Operand) => boolean
}

function compares({ op, value, ...subject }: Comparison, it: Device): boolean {
  const known = subject.tag === undefined ? fieldOf(subject.field as string, it) : tagOf(subject.tag, it)
  const list = (Array.isArray(value) ? value : []) as readonly Operand[]
  const one = value as Operand
  switch (op) {
    case 'set':
      return known.isSet
    case 'unset':
      return !known.isSet
    case 'eq':
      return known.equals(one)
    case 'ne':
      return !known.equals(one)
    case 'in':
      return list.some(known.equals)
    case 'nin':
      return !list.some(known.equals)
    case 'gte':
      return known.isAtLeast(one)
    case 'lte':
      return known.isAtMost(one)
    case 'between':
      return known.isAtLeast(list[0] as Operand) && known.isAtMost(list[1] as Operand)
  }
}

const UNKNOWN: Known = { isSet: false, equals: () => false, isAtLeast: () => false, isAtMost: () => false }

function ordered<T extends Scalar>(value: T | null, read: (operand: Operand) => T): Known {
  if (value === null) return UNKNOWN
  return {
    isSet: true,
    equals: operand => value === read(operand),
    isAtLeast: operand => value >= read(operand),
    isAtMost: operand => value <= read(operand),
  }
}

/** A day is as long as a day. */
function timed(value: number | null): Known {
  if (value === null) return UNKNOWN
  const ago = TODAY - dayOf(value)
  const by = (days: (count: number) => boolean, exact: (ms: number) => boolean) => (operand: Operand) =>
    typeof operand === 'object' ? days(operand.daysAgo) : exact(msOf(operand))
  return {
    isSet: true,
    equals: by(
      count => ago === count,
      ms => value === ms,
    ),
    isAtLeast: by(
      count => ago <= count,
      ms => value >= ms,
    ),
    isAtMost: by(
      count => ago >= count,
      ms => value <= ms,
    ),
  }
}

function msOf(operand: Scalar): number {
  if (typeof operand === 'number') return operand * 1000
  const text = String(operand)
  return Date.parse(text.length === 16 ? `${text.replace(' ', 'T')}Z` : text)
}

function partsOf(text: string): number[] | undefined {
  return /^\d{1,18}(\.\d{1,18}){0,9}$/.test(text) ? text.split('.').map(Number) : undefined
}

function order(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** What begins with a version stands where that does; what is no version at all only equals itself. */
function versioned(value: string | null): Known {
  if (value === null) return UNKNOWN
  const whole = partsOf(value)
  const begin = partsOf(/^\d{1,18}(\.\d{1,18}){0,9}/.exec(value)?.[0] ?? '')
  const compare = (operand: Operand, isRight: (difference: number) => boolean) =>
    begin !== undefined && isRight(order(begin, partsOf(String(operand)) as number[]))
  return {
    isSet: true,
    equals: operand => {
      const asked = partsOf(String(operand))
      return whole === undefined || asked === undefined ? value === operand : order(whole, asked) === 0
    },
    isAtLeast: operand => compare(operand, difference => difference >= 0),
    isAtMost: operand => compare(operand, difference => difference <= 0),
  }
}

const text = (value: string | null) => ordered(value, String)
const bool = (value: boolean | null) => ordered(value, Boolean)

function fieldOf(field: string, it: Device): Known {
  const living = it.addresses.find(({ state }) => state === 'active' || state === 'suspect')
  switch (field) {
    case 'appVersion':
      return versioned(it.appVersion)
    case 'osVersion':
      return versioned(it.osVersion)
    case 'timezoneSeconds':
      return ordered(it.timezoneSeconds, Number)
    case 'firstSeenAt':
    case 'lastSeenAt':
    case 'lastOpenAt':
      return timed(it[field])
    case 'isVisitor':
      return bool(it.userId === null)
    case 'provider':
      return text(living?.provider ?? null)
    case 'environment':
      return text(living?.environment || null)
    case 'push':
      return text(pushOf(it.addresses, living))
    default:
      return text(it[field as 'userId'])
  }
}

function pushOf(all: readonly Address[], living: Address | undefined): string {
  if (living !== undefined) return living.optedOut ? 'no_permission' : 'reachable'
  if (all.some(({ state }) => state === 'quarantined')) return 'quarantined'
  return all.length > 0 ? 'removed' : 'no_address'
}

function tagOf(tag: string, it: Device): Known {
  switch (tag) {
    case 'Language':
      return text(it.language)
    case 'OS Version':
      return versioned(it.osVersion)
    case 'Last Application Open':
      return timed(it.lastOpenAt)
    case 'Push Alerts Enabled':
      return bool(it.permission === null ? null : !['denied', 'not_determined'].includes(it.permission))
    case 'version':
      return versioned((it.tags.version as string | undefined) ?? null)
    case 'date':
      return timed(it.tags.date === undefined ? null : Date.parse(it.tags.date as string))
    case 'int':
      return ordered((it.tags.int as number | undefined) ?? null, Number)
    default:
      return plain(it.tags[tag])
  }
}

/** Of no type: lists hold values, and only values of one type are ordered. Days are asked of text that begins like a date. */
function plain(value: TagValue | undefined): Known {
  if (value === undefined || value === null) return UNKNOWN
  const day = typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? timed(Date.parse(value)) : UNKNOWN
  const compare = (operand: Operand, isRight: (a: Scalar, b: Scalar) => boolean) =>
    typeof value === typeof operand && isRight(value as Scalar, operand as Scalar)
  return {
    isSet: true,
    equals: operand => {
      if (typeof operand === 'object') return day.equals(operand)
      return Array.isArray(value) ? value.includes(operand) : value === operand
    },
    isAtLeast: operand =>
      typeof operand === 'object' ? day.isAtLeast(operand) : compare(operand, (a, b) => a >= b),
    isAtMost: operand =>
      typeof operand === 'object' ? day.isAtMost(operand) : compare(operand, (a, b) => a <= b),
  }
}

// The test.

let server: BareServer
let app: Access
let appId: number
let base: readonly Device[]
const SEED = 6
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id as number
  base = fc
    .sample(device, { numRuns: DEVICES, seed: SEED })
    .map((it, i) => ({ ...it, hwid: `h${String(i).padStart(3, '0')}` }))
  await store()
})
afterAll(() => server.close())

/** Each table by one statement; `e` of device_event is counted as the server counts. */
async function store(): Promise<void> {
  const rows = base.map(it => ({
    ...it,
    bucket: bucketOf(it.hwid),
    firstSeenAt: iso(it.firstSeenAt),
    lastSeenAt: iso(it.lastSeenAt),
    lastOpenAt: it.lastOpenAt === null ? null : iso(it.lastOpenAt),
    record: it.country === null ? {} : { country: it.country },
    addresses: it.addresses.map((address, n) => ({ ...address, n })),
    events: it.events.map(({ name, times: all }) => ({
      name,
      times: all.toSorted((a, b) => a - b).map(iso),
    })),
    receipts: it.receipts.map(receipt => ({ ...receipt, at: iso(receipt.at) })),
  }))
  const json = [appId, JSON.stringify(rows)]
  const from = 'jsonb_array_elements($2::jsonb) as t (it)'
  await server.db.query(
    `insert into device (bucket, app_id, hwid, user_id, platform, language, app_version, os_version, device_model,
                         timezone_seconds, first_seen_at, last_seen_at, last_open_at, permission, record, tags)
     select (it ->> 'bucket')::smallint, $1::integer, it ->> 'hwid', it ->> 'userId', it ->> 'platform', it ->> 'language',
            it ->> 'appVersion', it ->> 'osVersion', it ->> 'deviceModel', (it ->> 'timezoneSeconds')::integer,
            (it ->> 'firstSeenAt')::timestamptz, (it ->> 'lastSeenAt')::timestamptz, (it ->> 'lastOpenAt')::timestamptz,
            it ->> 'permission', it -> 'record', it -> 'tags'
       from ${from}`,
    json,
  )
  await server.db.query(
    `insert into address (bucket, app_id, hwid, address_hash, provider, environment, address, state, opted_out,
                          first_registered_at, last_registered_at, state_since)
     select (it ->> 'bucket')::smallint, $1::integer, it ->> 'hwid', decode(md5((it ->> 'hwid') || (a ->> 'n')), 'hex'),
            a ->> 'provider', a ->> 'environment', md5((it ->> 'hwid') || (a ->> 'n')), a ->> 'state',
            (a ->> 'optedOut')::boolean, now(), now(), now()
       from ${from}, jsonb_array_elements(it -> 'addresses') a`,
    json,
  )
  await server.db.query(
    `insert into device_event (bucket, app_id, hwid, name, count, first_at, last_at, days, day_counts)
     select (it ->> 'bucket')::smallint, $1::integer, it ->> 'hwid', e ->> 'name', sum(n), min(first_at), max(last_at),
            array_agg(day order by day), array_agg(n order by day)
       from ${from}, jsonb_array_elements(it -> 'events') e,
            lateral (select (at::timestamptz at time zone 'UTC')::date as day, count(*)::integer as n,
                            min(at::timestamptz) as first_at, max(at::timestamptz) as last_at
                       from jsonb_array_elements_text(e -> 'times') at group by 1) by_day
      group by 1, 2, 3, 4`,
    json,
  )
  await server.db.query(
    `insert into receipt (bucket, message_id, hwid, kind, app_id, at)
     select (it ->> 'bucket')::smallint, (r ->> 'message')::uuid, it ->> 'hwid', r ->> 'kind', $1::integer, (r ->> 'at')::timestamptz
       from ${from}, jsonb_array_elements(it -> 'receipts') r`,
    json,
  )
  await server.db.query(
    `insert into audience_list_device (bucket, app_id, hwid, list_id)
     select (it ->> 'bucket')::smallint, $1::integer, it ->> 'hwid', $3::uuid from ${from} where (it ->> 'isListed')::boolean`,
    [...json, LISTS.devices],
  )
  await server.db.query(
    `insert into audience_list_user (app_id, user_id, list_id) select $1::integer, id, $2::uuid from unnest(array['u1', 'u9']) id`,
    [appId, LISTS.users],
  )
}

const scope: ConditionScope = {
  at: AT,
  types: new Map([
    ['int', 'integer'],
    ['date', 'date'],
    ['version', 'version'],
    ['list', 'list'],
  ]),
  segments: new Map<string, SegmentMeaning>([
    [SEGMENTS.live, { condition: LIVE }],
    [SEGMENTS.nested, { condition: NESTED }],
    [SEGMENTS.snapshot, { memberSql: parameter => `d.hwid < ${parameter('h100')}` }],
  ]),
  lists: new Map([
    [LISTS.devices, 'devices'],
    [LISTS.users, 'users'],
  ]),
  messages: new Set(MESSAGES),
}

/** Who matches each of them, by one statement. */
async function matching(conditions: readonly Condition[]): Promise<string[][]> {
  const values: unknown[] = [appId]
  const columns = conditions.map(it => {
    const compiled = compileCondition(it, { firstParameter: values.length + 1, scope })
    values.push(...compiled.values)
    return compiled.sql
  })
  const { rows } = await server.db.query<{ hwid: string; found: (boolean | null)[] }>(
    `select d.hwid, array[${columns.join(', ')}] as found from device d where d.app_id = $1 order by 1`,
    values,
  )
  expect(rows.some(row => row.found.includes(null))).toBe(false)
  return conditions.map((_, i) => rows.filter(row => row.found[i]).map(row => row.hwid))
}

const PER_STATEMENT = 40

/** Two seconds alone, and many times as long beside others. */
const MANY_RUNS = { timeout: 180_000 }

test('of any condition the compiler finds exactly the devices that it is true of', MANY_RUNS, async () => {
  let [told, all, none] = [0, 0, 0]
  const property = fc.asyncProperty(
    fc.array(condition, { minLength: PER_STATEMENT, maxLength: PER_STATEMENT }),
    async conditions => {
      const found = await matching(conditions)
      conditions.forEach((asked, i) => {
        const expected = base.filter(it => isTrue(asked, it)).map(it => it.hwid)
        expect({ asked, found: found[i] }).toEqual({ asked, found: expected })
        if (expected.length === 0) none++
        else if (expected.length === DEVICES) all++
        else told++
      })
    },
  )
  await fc.assert(property, { numRuns: 25, endOnFailure: true })
  expect(told).toBeGreaterThan(all + none) // most of them ask for something
})

test('each kind of leaf tells some devices from others', async () => {
  const leaves = fc.sample(leaf, { numRuns: 600, seed: SEED })
  const kinds = new Map<string, number>()
  for (const it of leaves) {
    const count = base.filter(each => isTrue(it, each)).length
    const kind = 'op' in it ? `${it.tag ?? it.field} ${it.op}` : Object.keys(it)[0]
    if (count > 0 && count < DEVICES) kinds.set(kind as string, (kinds.get(kind as string) ?? 0) + 1)
  }
  expect([...kinds.keys()]).toEqual(
    expect.arrayContaining(['event', 'message', 'list', 'segment', 'push eq']),
  )
  expect(kinds.size).toBeGreaterThan(80)
})
