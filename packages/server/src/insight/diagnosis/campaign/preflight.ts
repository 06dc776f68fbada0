/**
 * Pre-flight: a message that is looked at as if it were sent. Its audience, sizes and contents are those of a dry run (messages/dry-run.ts);
 * besides, some devices of the audience are diagnosed one by one, by the same rules as any other, and what is found of many is told
 * once, with how many of them have it.
 */
import {
  type Condition,
  EFFECTS,
  ERRORS,
  type NewMessage,
  newMessageSchema,
  type PreflightView,
  PushError,
  type RuleId,
  type Target,
  wordOf,
} from '@roost/protocol'
import type { z } from 'zod'
import { namesIn } from '../../../audience/names.ts'
import { conditionOf } from '../../../audience/segment-meaning.ts'
import { withSegmentId } from '../../../audience/segments.ts'
import { QUIET_HOURS } from '../../../dispatch/policy.ts'
import { HOUR_PASSED } from '../../../dispatch/slots.ts'
import { rulesAsked } from '../../../messages/create.ts'
import { audienceSql, dryRun } from '../../../messages/dry-run.ts'
import { judgeAllImages } from '../../../messages/experiments/content.ts'
import type { ImageProber, ImageVerdict } from '../../../messages/images.ts'
import { BUCKETS } from '../../../registry/buckets.ts'
import type { Queryable } from '../../../store/database.ts'
import type { Facts, MessageFacts } from '../facts.ts'
import { readDeviceFacts } from '../gather/device.ts'
import { type FactsQuery, gatherFacts } from '../gather/gather.ts'
import { judge } from '../judge.ts'
import { meaningOf, reasonOfOutcome } from '../reasons.ts'
import { REMEDIES } from '../remedies.ts'
import type { Found } from '../rule.ts'
import { isAfter } from '../standing.ts'
import { type MessageKey, type Spoken, textsFor } from '../texts/texts.ts'
import { tell } from '../texts/told.ts'
import { wordsOf } from './reach.ts'

const DEVICES_LOOKED_AT = 40
/** Finding them; where few are meant among many, fewer are found. */
const FIND_MS = 500
const FIRST_BUCKETS = 64
const DIAGNOSED_AT_ONCE = 4
const NO_MESSAGE = '00000000-0000-7000-8000-000000000000'
const TTL_SECONDS = 3 * 24 * 3600

export interface PreflightQuery {
  readonly app: FactsQuery['app']
  readonly send: Readonly<Record<string, unknown>>
  readonly images: ImageProber
  /** The words in which POST …/messages refuses what `send` has wrong. */
  readonly faultsOf: (issues: z.ZodError['issues'], send: unknown) => string
  /** ms. */
  readonly at: number
  /** From 0 to below 1. */
  readonly random: () => number
  /** As in Accept-Language. */
  readonly lang: string | undefined
}

/** A finding of one device, or of the message. */
interface Fault {
  readonly rule: RuleId
  readonly key: MessageKey
  readonly parameters: Found['parameters']
  /** Null: of the message itself. */
  readonly hwid: string | null
  /** Among which devices it was looked for; null: of the message itself. */
  readonly among: Source | null
}

type Source = 'diagnosed' | 'rendered' | 'missed'

/** The devices that were looked at for one kind of faults. */
interface Looked {
  readonly among: Source
  readonly hwids: readonly string[]
}

/** Rejects for what is no fault of the message alone. */
export async function preflight(db: Queryable, query: PreflightQuery): Promise<PreflightView> {
  const spoken = textsFor(query.lang)
  const nothing = {
    at: new Date(query.at).toISOString(),
    lang: spoken.lang,
    dryRun: null,
    looked: 0,
    places: [],
  }
  const read = newMessageSchema.safeParse(query.send, { error: wordOf })
  if (!read.success) {
    const refusal = refusalOf(new PushError('input_invalid', query.faultsOf(read.error.issues, query.send)))
    return { ...nothing, refusal, findings: blocking(told(faultsOfShape(read.error), [], spoken)) }
  }
  const images = await judgeAllImages(query.images, read.data)
  try {
    const to = await withSegmentId(db, { appId: query.app.id, to: read.data.to })
    const input = { ...read.data, to }
    return await lookAt(
      db,
      { ...query, input: { ...input, rules: rulesAsked(input) }, verdict: images },
      spoken,
    )
  } catch (error) {
    if (!(error instanceof PushError)) throw error
    return {
      ...nothing,
      refusal: refusalOf(error),
      findings: blocking(told(faultsOfRefusal(error), [], spoken)),
    }
  }
}

interface Looking extends PreflightQuery {
  readonly input: NewMessage
  readonly verdict: ImageVerdict
}

async function lookAt(db: Queryable, looking: Looking, spoken: Spoken): Promise<PreflightView> {
  const { app, input, at, random, verdict } = looking
  const found = await dryRun(db, { appId: app.id, input, images: verdict, at, random })
  const hwids = await sampleOf(db, looking)
  const looked = await inLanes(hwids, hwid => diagnoseFor(db, looking, hwid))
  const missed = await lookAtMissed(db, looking)
  const faults = [
    ...(await faultsOfSegments(db, app.id, input)),
    ...missed.faults,
    ...verdict.remarks.map(it => ofMessage('DX-66', { detail: it.text })),
    ...faultsOfSample(found.sample),
    ...looked.flatMap(it => it.faults),
  ]
  return {
    at: new Date(at).toISOString(),
    lang: spoken.lang,
    refusal: null,
    dryRun: found,
    looked: looked.length,
    findings: told(
      faults,
      [
        { among: 'diagnosed', hwids },
        { among: 'rendered', hwids: found.sample.map(it => it.hwid) },
        { among: 'missed', hwids: missed.hwids },
      ],
      spoken,
    ),
    places: placesOf(looked.map(it => it.facts)),
  }
}

// ── what would be refused ─────────────────────────────────────────────────────────────────────────────────────────────

function ofMessage(key: MessageKey, parameters: Fault['parameters']): Fault {
  return { rule: key.split('.')[0] as RuleId, key, parameters, hwid: null, among: null }
}

function refusalOf({ code, message, remarks }: PushError): NonNullable<PreflightView['refusal']> {
  return { code, detail: message, remedy: ERRORS[code].remedy, remarks: [...remarks] }
}

/** Of a message that is sent an image may be lost; one that is refused for it comes to nobody. */
function blocking(findings: PreflightView['findings']): PreflightView['findings'] {
  return findings.map(it => ({ ...it, effect: 'blocks' as const }))
}

function faultsOfShape({ issues }: z.ZodError): Fault[] {
  return issues.flatMap(({ path, message }) =>
    path.at(-1) === 'image' ? [ofMessage('DX-65', { detail: message })] : [],
  )
}

function faultsOfRefusal({ code, message }: PushError): Fault[] {
  if (code === 'image_refused') return [ofMessage('DX-66', { detail: message })]
  if (code === 'message_too_large') {
    const [gateway = '', ...rest] = message.split(': ')
    return [ofMessage('DX-61', { gateway, reason: rest.join(': ') })]
  }
  return []
}

// ── whom it means ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Run {
  readonly segment: string
  readonly state: string
  readonly at: string
  readonly error: string | null
}

/** Of nightly segments that it names the last computation, where that is not over or has failed. */
const RUNS = `
  select g.name as segment, s.state, case when s.state = 'failed' then s.ended_at else s.started_at end as at, s.error
    from segment g cross join lateral (
      select state, started_at, ended_at, error from segment_snapshot where segment_id = g.id order by id desc limit 1) s
   where g.app_id = $1 and g.id = any($2::uuid[]) and g.mode = 'nightly' and s.state in ('computing', 'failed')
   order by g.name`

async function faultsOfSegments(db: Queryable, appId: number, { to }: NewMessage): Promise<Fault[]> {
  const condition = conditionOf(to)
  const ids = condition === undefined ? [] : [...namesIn(condition).segments]
  if (ids.length === 0) return []
  const { rows } = await db.query<Run>(RUNS, [appId, ids])
  return rows.map(({ segment, state, at, error }) =>
    state === 'failed'
      ? ofMessage('DX-22', { segment, at, error: error ?? '' })
      : ofMessage('DX-22.running', { segment, at }),
  )
}

interface Nightly {
  readonly id: string
  readonly name: string
  readonly condition: Condition
  readonly computedAt: string
}

/** Of nightly segments that it names the snapshot that sending would mean. */
const NIGHTLY = `
  select g.id, g.name, s.condition, s.started_at as "computedAt"
    from segment g join segment_snapshot s on s.id = g.snapshot_id
   where g.app_id = $1 and g.id = any($2::uuid[]) and g.mode = 'nightly' order by g.name`

/** Devices that its segments would mean if they were computed now, of those that came or changed since they were. */
async function lookAtMissed(
  db: Queryable,
  looking: Looking,
): Promise<{ readonly faults: readonly Fault[]; readonly hwids: readonly string[] }> {
  const { app, input } = looking
  const nobody = { faults: [], hwids: [] }
  const condition = conditionOf(input.to)
  if (condition === undefined) return nobody
  const parts = 'and' in condition ? condition.and : [condition]
  const ids = parts.flatMap(part => ('segment' in part ? [part.segment] : []))
  if (ids.length === 0) return nobody
  const { rows } = await db.query<Nightly>(NIGHTLY, [app.id, ids])
  const faults: Fault[] = []
  const looked: string[] = []
  for (const segment of rows) {
    const others = parts.filter(part => !('segment' in part && part.segment === segment.id))
    const missed = { and: [segment.condition, { not: { segment: segment.id } }, ...others] }
    const hwids = await sampleOf(db, looking, { condition: missed })
    faults.push(...(await faultsOfMissed(db, { appId: app.id, hwids, segment })))
    looked.push(...hwids)
  }
  return { faults, hwids: looked }
}

interface Missed {
  readonly appId: number
  readonly hwids: readonly string[]
  readonly segment: Nightly
}

/** Who has told nothing since meets the condition by the passing of time. */
async function faultsOfMissed(
  db: Queryable,
  { appId, hwids, segment: { name: segment, computedAt } }: Missed,
): Promise<Fault[]> {
  const devices = await inLanes(hwids, hwid => readDeviceFacts(db, { appId, hwid }))
  return devices.flatMap(device => {
    if (device === null || !isAfter(device.lastToldAt, computedAt)) return []
    const { hwid, firstSeenAt, lastToldAt } = device
    const changedAt = isAfter(firstSeenAt, computedAt) ? firstSeenAt : lastToldAt
    return [{ ...ofMessage('DX-21', { segment, computedAt, changedAt }), hwid, among: 'missed' as const }]
  })
}

// ── what its content comes to ─────────────────────────────────────────────────────────────────────────────────────────

type Sample = NonNullable<PreflightView['dryRun']>['sample']

/** What rules would do is found with the devices that are diagnosed. */
const OF_RULES: ReadonlySet<string> = new Set([
  QUIET_HOURS,
  'quiet_hours_until_expiry',
  'category_opted_out',
  'capped',
  HOUR_PASSED,
])

function faultsOfSample(sample: Sample): Fault[] {
  return sample.flatMap(({ outcome, reason, gateway, hwid }) => {
    if (outcome === 'sent' || outcome === 'deferred' || reason === null || OF_RULES.has(reason)) return []
    const meant = meaningOf(reasonOfOutcome(outcome, { reason }), reason, gateway)
    const detail = reason.replace(/^\w+: /, '')
    const parameters = { gateway, reason: detail, variable: detail }
    return meant === undefined ? [] : [{ ...meant, parameters, hwid, among: 'rendered' as const }]
  })
}

// ── whom it would come to ─────────────────────────────────────────────────────────────────────────────────────────────

/** From buckets in random order, more of them each time: the base may be small, or few of it meant. */
async function sampleOf(
  db: Queryable,
  { app, input, at, random }: Looking,
  to: Target = input.to,
): Promise<string[]> {
  const values: unknown[] = [app.id]
  const audience = await audienceSql(db, { appId: app.id, to, at }, values)
  const buckets = `$${values.push(null)}::smallint[]`
  const limit = `$${values.push(0)}::integer`
  const text = `select d.hwid from unnest(${buckets}) with ordinality as b (bucket, place) cross join lateral (
      select d.hwid from ${audience} where d.bucket = b.bucket order by d.hwid limit ${limit}) d limit ${DEVICES_LOOKED_AT}`
  const order = shuffled(random)
  const found: string[] = []
  const endsAt = performance.now() + FIND_MS
  for (let from = 0, width = FIRST_BUCKETS; from < BUCKETS; from += width, width *= 2) {
    const some = order.slice(from, from + width)
    // Of the first buckets one each; where that was not enough, whoever is there.
    const each = from === 0 ? 1 : DEVICES_LOOKED_AT
    const { rows } = await db.query<{ hwid: string }>(text, [...values.slice(0, -2), some, each])
    found.push(...rows.map(it => it.hwid))
    if (found.length >= DEVICES_LOOKED_AT || performance.now() > endsAt) break
  }
  return found.slice(0, DEVICES_LOOKED_AT)
}

function shuffled(random: () => number): number[] {
  return Array.from({ length: BUCKETS }, (_, bucket) => ({ bucket, key: random() }))
    .sort((one, other) => one.key - other.key)
    .map(it => it.bucket)
}

async function inLanes<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const waiting = [...items]
  const results: Result[] = []
  const lane = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: DIAGNOSED_AT_ONCE }, lane))
  return results
}

interface LookedAt {
  readonly facts: Facts
  readonly faults: readonly Fault[]
}

/** Asked of the device as it is now, and of the message as one that is to come to it. */
async function diagnoseFor(db: Queryable, looking: Looking, hwid: string): Promise<LookedAt> {
  const { app, input } = looking
  const at = Math.max(looking.at, Date.parse(input.sendAt ?? '') || 0)
  const facts = await gatherFacts(db, { app, hwid, asked: 'device', token: null, messageId: null, at })
  const message = messageFactsOf(input, { hwid, at })
  const now = judge({ ...facts, app: { ...facts.app, rules: rulesFor(facts, input) } })
  const then = judge({ ...facts, message }).findings.filter(it => OF_CONTENT.has(it.rule.id))
  const findings = [...now.findings.filter(it => !OF_CONTENT.has(it.rule.id)), ...then]
  const faults = findings
    .filter(it => it.verdict !== 'possible' && concerns(it, input))
    .map(({ rule, key, parameters }) => ({ rule: rule.id, key, parameters, hwid, among: DIAGNOSED }))
  return { facts, faults: [...faults, ...optOut(facts, input)] }
}

const DIAGNOSED: Source = 'diagnosed'

/** Rules that a device alone does not answer. */
const OF_CONTENT: ReadonlySet<RuleId> = new Set(['DX-32', 'DX-48', 'DX-52', 'DX-67', 'DX-84'])

/** Its own rules stand before those of its app. */
function rulesFor({ app: { rules } }: Facts, { rules: own }: NewMessage): Facts['app']['rules'] {
  const { quietHours, cap } = own?.kind === 'transactional' ? { quietHours: null, cap: null } : rules
  return {
    ...rules,
    quietHours: own?.quietHours === undefined ? quietHours : own.quietHours,
    cap: own?.cap === undefined ? cap : own.cap,
  }
}

/** Who has opted out of another category gets it. */
function concerns({ key }: Found, { rules }: NewMessage): boolean {
  if (key === 'DX-49.some') return false
  return rules?.kind !== 'transactional' || !/^DX-5[56]/.test(key)
}

function optOut({ device }: Facts, { rules }: NewMessage): Fault[] {
  const category = rules?.category
  if (device === null || category === undefined || !device.optedOutOf.includes(category)) return []
  return [
    { rule: 'DX-49', key: 'DX-49.category', parameters: { category }, hwid: device.hwid, among: DIAGNOSED },
  ]
}

function messageFactsOf(
  { to, content, rules, sendRate, experiment, ttlSeconds = TTL_SECONDS, collapseKey, ...input }: NewMessage,
  { hwid, at }: { readonly hwid: string; readonly at: number },
): MessageFacts {
  const nothing = { reason: null, gateway: null, at: null, attempts: null, nextTryAt: null }
  return {
    id: NO_MESSAGE,
    state: 'scheduled',
    target: to,
    content,
    rules: rules ?? null,
    sendRate: sendRate ?? null,
    experiment: experiment ?? null,
    ttlSeconds,
    collapseKey: collapseKey ?? null,
    isByClock: (input.localTime ?? input.bestHour) !== undefined,
    sendAt: new Date(at).toISOString(),
    isInboxOnly: input.inbox?.only === true,
    plannedAt: null,
    finishedAt: null,
    areWorkersAlive: true,
    expiresAt: new Date(at + ttlSeconds * 1000).toISOString(),
    warnings: [],
    recalledAt: null,
    attachmentFault: null,
    trace: { messageId: NO_MESSAGE, hwid, outcome: 'pending', ...nothing, receipts: [], evidence: [] },
    batch: null,
    audience: { isMet: true, unmet: null, segments: [], chosen: null },
    replacedBy: null,
  }
}

function placesOf(facts: readonly Facts[]): PreflightView['places'] {
  const counts = new Map<string, { gateway: string; environment: string; devices: number }>()
  for (const { address } of facts) {
    if (address === null || !['active', 'suspect'].includes(address.state)) continue
    const { provider: gateway, environment } = address
    const key = `${gateway} ${environment}`
    counts.set(key, { gateway, environment, devices: (counts.get(key)?.devices ?? 0) + 1 })
  }
  return [...counts.values()].sort((one, other) => other.devices - one.devices)
}

// ── as it is told ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each rule once; of several things that it says, the one that is said of most. */
function told(
  faults: readonly Fault[],
  looked: readonly Looked[],
  spoken: Spoken,
): PreflightView['findings'] {
  const byRule = groupBy(faults)
  return [...byRule]
    .map(([rule, all]) => {
      const [first] = all as [Fault, ...Fault[]]
      const hwids = new Set(all.flatMap(it => it.hwid ?? []))
      const { text, pieces } = tell(spoken.texts.messages[first.key], first.parameters, spoken)
      return {
        rule,
        effect: REMEDIES[first.key].effect,
        devices: hwids.size === 0 ? null : hwids.size,
        ...baseOf(all, looked),
        example: text,
        pieces,
        ...wordsOf(first, spoken),
      }
    })
    .sort(
      (one, other) =>
        EFFECTS.indexOf(one.effect) - EFFECTS.indexOf(other.effect) ||
        (other.devices ?? Number.POSITIVE_INFINITY) - (one.devices ?? Number.POSITIVE_INFINITY),
    )
}

/** Among how many devices these were looked for: a number of some says nothing without that of all of the same kind. */
function baseOf(
  faults: readonly Fault[],
  looked: readonly Looked[],
): Pick<PreflightView['findings'][number], 'of' | 'among'> {
  const sources = new Set(faults.flatMap(it => it.among ?? []))
  const [source] = sources
  if (source === undefined) return { of: null, among: null }
  const of = new Set(looked.filter(it => sources.has(it.among)).flatMap(it => it.hwids)).size
  return { of, among: sources.size === 1 ? source : 'diagnosed_or_rendered' }
}

function groupBy(faults: readonly Fault[]): Map<RuleId, Fault[]> {
  const groups = new Map<RuleId, Fault[]>()
  for (const fault of faults) {
    const group = groups.get(fault.rule)
    if (group === undefined) groups.set(fault.rule, [fault])
    else group.push(fault)
  }
  return groups
}
