/**
 * What a message would come to, without making it: how many of its audience it would reach and where the others are lost, how
 * large it is at each gateway, and what becomes of it for some devices. Nothing is stored, and no gateway is asked.
 */
import { findNotificationFault, type GatewayName, payloadBytesOf } from '@roost/gateways'
import {
  type Condition,
  type DryRun,
  type NewMessage,
  type SegmentReach,
  type Target,
  TTL_SECONDS_DEFAULT,
} from '@roost/protocol'
import { compileCondition } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { conditionOf } from '../audience/segment-meaning.ts'
import { withSegmentId } from '../audience/segments.ts'
import { SMALL_BASE, sizeOf } from '../audience/size.ts'
import { slotsOf } from '../dispatch/plan.ts'
import { LATEST_FIRST, SENDABLE_ADDRESS, toldColumn } from '../dispatch/plan-named.ts'
import { foresee, QUIET_HOURS, type Withheld } from '../dispatch/policy.ts'
import { HOUR_PASSED } from '../dispatch/slots.ts'
import { NOT_ONLINE } from '../live/road.ts'
import { BUCKETS, bucketOf } from '../registry/buckets.ts'
import { type BucketRange, scanBuckets } from '../registry/search/scan.ts'
import { isSmallBase } from '../registry/small-base.ts'
import type { Queryable } from '../store/database.ts'
import { type Creation, findFault, gatewaysOf, renderingsOf, rulesOf } from './create.ts'
import { countReachedLive, findReachedLive, isOnlyLive, type LiveReachQuery } from './dry-run-live.ts'
import { remarksOf } from './dry-run-remarks.ts'
import { factsColumn, type Needs, needsOf, type RecipientFacts } from './facts.ts'
import { languagesOf, Renderer, type Rendering } from './render.ts'
import { PASSED_SLOT, type Slots, slotOfDevice, type ToldSlot } from './when/slots.ts'
import { beginOf, timingOf } from './when/timing.ts'

export interface DryRunQuery extends Creation {
  /** From 0 to below 1; which part of a large audience is counted. */
  readonly random: () => number
  /** All of the audience is counted, and devices of it are looked for longer. Default false. */
  readonly isExact?: boolean
}

/** People wait for an answer while they write. */
const ESTIMATE_MS = 100
/** Of each gateway. */
const SAMPLED_DEVICES = 20
/** ms until no other range of buckets is looked through for them; the last one may take as long as those before it. */
const SAMPLE_MS = 60
const EXACT_SAMPLE_MS = 1500
const GATEWAYS: readonly GatewayName[] = ['apns', 'fcm', 'webpush', 'hms']
/** It is in no receipt, and as long as a real one. */
const NO_MESSAGE = '00000000-0000-7000-8000-000000000000'

/** Throws what createMessage throws of such a message. */
export async function dryRun(db: Queryable, asked: DryRunQuery): Promise<DryRun> {
  const { appId, images } = asked
  const input = { ...asked.input, to: await withSegmentId(db, { appId, to: asked.input.to }) }
  const query = { ...asked, input }
  const fault = await findFault(db, { ...query, id: NO_MESSAGE })
  if (fault !== undefined) throw fault
  const { reach, errorPercent } = await reachOf(db, query)
  const gateways = await gatewaysOf(db, appId)
  const begin = Math.max(query.at, beginOf(input, query.at))
  const timing = timingOf(input)
  const slots = await slotsOf(db, { appId, sendAt: new Date(begin).toISOString(), timing })
  const isWhole = isNamed(input.to) || (await isSmallBase(db, { appId, devices: SMALL_BASE }))
  const sampling = { ...query, begin, slots, isWhole }
  const sampled = isNamed(input.to) ? GATEWAYS : await gatewaysOfAddresses(db, appId)
  const sample = (await Promise.all(sampled.map(it => sampleAt(db, sampling, it)))).flat()
  const isEstimate = errorPercent > 0
  const live = await countReachedLive(db, {
    ...liveQueryOf(query),
    isAtOnce: slots === null,
    isEstimate,
  })
  const looked = { input, reach, live, errorPercent, gateways, sample }
  const remarks = [...(images?.remarks ?? []), ...remarksOf(looked)]
  return {
    reach,
    errorPercent,
    connected: isOnlyLive(input) ? live : null,
    sizes: gateways.flatMap(it => sizesAt(input, it)),
    sample,
    warnings: remarks.map(it => it.text),
    remarks,
  }
}

// ── who would get it ──────────────────────────────────────────────────────────────────────────────────────────────────

async function reachOf(
  db: Queryable,
  { appId, input, at, random, isExact = false }: DryRunQuery,
): Promise<{ readonly reach: SegmentReach; readonly errorPercent: number }> {
  if (isNamed(input.to)) return { reach: await reachOfNamed(db, appId, input.to), errorPercent: 0 }
  const condition: Condition = conditionOf(input.to) ?? { field: 'hwid', op: 'set' }
  const { reach, errorPercent } = await sizeOf(db, {
    ...{ appId, condition, at, random, isExact },
    hasReach: true,
    budgetMs: ESTIMATE_MS,
  })
  return { reach: reach ?? { devices: 0, withAddress: 0, valid: 0, permitted: 0 }, errorPercent }
}

function liveQueryOf({ appId, input, at }: DryRunQuery): Omit<LiveReachQuery, 'isAtOnce' | 'isEstimate'> {
  const named = (to: Target, values: unknown[]) =>
    `d.hwid in (select d.hwid from ${namedDevices(to, values)})`
  return { appId, input, at, named: isNamed(input.to) ? named : undefined }
}

const REACH_OF_NAMED = `
  select count(*) as devices, count(a.has) as "withAddress", count(*) filter (where a.valid) as valid,
         count(*) filter (where a.permitted) as permitted
    from %AUDIENCE% left join lateral (
      select true as has, bool_or(k.state in ('active', 'suspect')) as valid,
             bool_or(k.state in ('active', 'suspect') and not k.opted_out) as permitted
        from address k
       where k.bucket = d.bucket and k.app_id = d.app_id and k.hwid = d.hwid and k.kind = 'alert'
      having count(*) > 0) a on true`

async function reachOfNamed(db: Queryable, appId: number, to: Target): Promise<SegmentReach> {
  const values: unknown[] = [appId]
  const { rows } = await db.query<SegmentReach>(
    REACH_OF_NAMED.replace('%AUDIENCE%', namedDevices(to, values)),
    values,
  )
  return rows[0] as SegmentReach
}

/** SQL: devices `d` by their names, $1 is the app; the names are added to `values`. */
function namedDevices(to: Target, values: unknown[]): string {
  if ('users' in to) {
    const named = `app_id = $1 and user_id = any($${values.push(to.users)}::text[])`
    return to.userDevices === 'latest'
      ? `(select distinct on (d.user_id) d.* from device d ${SENDABLE_ADDRESS} where d.${named} order by d.user_id, ${LATEST_FIRST}) d`
      : `(select * from device where ${named}) d`
  }
  const hwids = [...new Set('devices' in to ? to.devices : [])]
  const buckets = `$${values.push(hwids.map(bucketOf))}::smallint[]`
  return `unnest(${buckets}, $${values.push(hwids)}::text[]) as i (bucket, hwid)
    join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid`
}

// ── what it would be for some of them ─────────────────────────────────────────────────────────────────────────────────

interface Sampled {
  readonly bucket: number
  readonly hwid: string
  readonly facts: RecipientFacts | null
  readonly told: ToldSlot
}

interface Sampling extends DryRunQuery {
  /** When its sending would begin, ms. */
  readonly begin: number
  /** Null: all are due at once. */
  readonly slots: Slots | null
  /** No part of the audience tells more quickly than all of it. */
  readonly isWhole: boolean
}

interface Shown {
  /** Of an experiment. */
  readonly variant?: string
  readonly rendering: Rendering
}

/** All that somebody may be sent; of an experiment that is its variants alone. */
function shownOf(input: NewMessage): Shown[] {
  const renderings = renderingsOf(NO_MESSAGE, input)
  if (input.experiment === undefined) return renderings.map(({ rendering }) => ({ rendering }))
  return renderings.filter(it => it.name !== '').map(({ name, rendering }) => ({ variant: name, rendering }))
}

async function sampleAt(db: Queryable, sampling: Sampling, gateway: GatewayName): Promise<DryRun['sample']> {
  const shown = shownOf(sampling.input).map(({ variant, rendering }) => ({
    name: variant === undefined ? {} : { variant },
    renderer: rendererAt(gateway, rendering),
  }))
  const renderers = shown.map(it => it.renderer)
  const limit = Math.ceil(SAMPLED_DEVICES / shown.length)
  const rows = await readSample(db, { ...sampling, gateway, needs: allNeeds(renderers), limit })
  const fates = await fatesOf(db, sampling, rows)
  return rows.flatMap(row =>
    shown.map(({ name, renderer }) => ({
      ...name,
      ...resultOf(row, { gateway, renderer, fate: fates.get(row.hwid) as Fate }),
    })),
  )
}

/** What its rules would do with a device: skip it, or send to it at a moment. */
type Fate = { readonly reason: string } | { readonly sendAt: number; readonly isDeferred: boolean }

/** By hwid. */
async function fatesOf(
  db: Queryable,
  { appId, input, begin, slots, at: now }: Sampling,
  rows: readonly Sampled[],
): Promise<ReadonlyMap<string, Fate>> {
  const moments = new Map(
    rows.map(it => [it.hwid, slots === null ? begin : slotOfDevice(slots, it.told) * 1000]),
  )
  const due = rows.map(({ bucket, hwid }) => ({ bucket, hwid, at: moments.get(hwid) as number }))
  const rules = rulesOf(input)
  const withheld = await foresee(db, {
    appId,
    rules: rules === null ? null : JSON.parse(rules),
    ttlSeconds: input.ttlSeconds ?? TTL_SECONDS_DEFAULT,
    devices: due,
  })
  const fates = new Map(due.map(({ hwid, at }) => [hwid, fateAt(at, withheld.get(hwid))]))
  if (!isOnlyLive(input)) return fates
  const reached = await findReachedLive(db, { appId, hwids: rows.map(it => it.hwid) })
  return new Map([...fates].map(([hwid, fate]) => [hwid, reached.has(hwid) ? fate : unconnected(fate, now)]))
}

/** Who is connected by the time of what is sent later, nobody knows. */
function unconnected(fate: Fate, now: number): Fate {
  return 'sendAt' in fate && fate.sendAt <= now ? { reason: NOT_ONLINE } : fate
}

function fateAt(at: number, withheld: Withheld | undefined): Fate {
  if (at === PASSED_SLOT) return { reason: HOUR_PASSED }
  if (withheld?.kind === 'skipped') return { reason: withheld.reason }
  return { sendAt: withheld?.dueAt ?? at, isDeferred: withheld !== undefined }
}

function rendererAt(gateway: GatewayName, rendering: Rendering): Renderer {
  return new Renderer(rendering, { gateway, counts: { shared: 0, personal: 0 } })
}

function allNeeds(renderers: readonly Renderer[]): Needs {
  const needs = renderers.map(it => it.needs)
  return needsOf(
    renderers.flatMap(it => it.variables),
    {
      language: needs.some(it => it.language),
      badge: needs.some(it => it.badge),
      unread: needs.some(it => it.unread),
    },
  )
}

function resultOf(
  { hwid, facts }: Sampled,
  {
    gateway,
    renderer,
    fate,
  }: { readonly gateway: GatewayName; readonly renderer: Renderer; readonly fate: Fate },
): DryRun['sample'][number] {
  const nothing = { hwid, gateway, sendAt: null, bytes: null, title: null, body: null }
  if ('reason' in fate) return { ...nothing, outcome: 'skipped', reason: fate.reason }
  const rendered = renderer.notificationFor({ facts })
  if (rendered.kind !== 'notification') {
    const outcome = rendered.kind === 'skip' ? 'skipped' : 'failed'
    return { ...nothing, outcome, reason: rendered.reason }
  }
  const { notification } = rendered
  const { title = null, body = null } = notification
  const bytes = payloadBytesOf(gateway, notification)?.bytes ?? null
  const fault = findNotificationFault(gateway, notification)
  if (fault !== undefined) return { ...nothing, outcome: 'failed', reason: fault, bytes, title, body }
  const outcome = fate.isDeferred ? 'deferred' : 'sent'
  const reason = fate.isDeferred ? QUIET_HOURS : null
  const sendAt = new Date(fate.sendAt).toISOString()
  return { hwid, gateway, outcome, reason, sendAt, bytes, title, body }
}

interface SampleQuery extends Sampling {
  readonly gateway: GatewayName
  readonly needs: Needs
  readonly limit: number
}

const GATEWAYS_OF_ADDRESSES = `
  select g.gateway from unnest($2::text[]) as g (gateway)
   where exists (select from address a -- the index address_sendable
                  where a.app_id = $1 and a.provider = g.gateway and a.kind = 'alert' and a.state in ('active', 'suspect'))`

async function gatewaysOfAddresses(db: Queryable, appId: number): Promise<GatewayName[]> {
  const { rows } = await db.query<{ gateway: GatewayName }>(GATEWAYS_OF_ADDRESSES, [appId, GATEWAYS])
  return rows.map(it => it.gateway)
}

/** Of an audience that is a small part of a large base fewer are found, or nobody: to look through all addresses takes as long as they are many. */
async function readSample(
  db: Queryable,
  { appId, input, at, gateway, needs, limit, slots, isWhole, isExact = false }: SampleQuery,
): Promise<readonly Sampled[]> {
  const values: unknown[] = [appId]
  const audience = await audienceSql(db, { appId, to: input.to, at }, values)
  const until = `$${values.push(slots?.opensUntil === undefined ? null : new Date(slots.opensUntil))}::timestamptz`
  const text = `
    select a.bucket, a.hwid, ${factsColumn(needs, values)} as facts, ${toldColumn(until)} as told
      from ${audience}
      join address a on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
                    and a.state in ('active', 'suspect') and not a.opted_out and a.provider = $${values.push(gateway)}
     where a.app_id = $1 and d.bucket between $${values.length + 1} and $${values.length + 2}
       and a.bucket between $${values.length + 1} and $${values.length + 2}
     limit $${values.length + 3}`
  const read = async ({ from, to }: BucketRange) =>
    (await db.query<Sampled>(text, [...values, from, to, limit])).rows
  const { found } = await scanBuckets(read, {
    after: '',
    width: isWhole ? BUCKETS : 1,
    pageMs: isExact ? EXACT_SAMPLE_MS : SAMPLE_MS,
    isEnough: sampled => sampled.length >= limit,
  })
  return found.slice(0, limit)
}

function isNamed(to: Target): boolean {
  return 'devices' in to || 'users' in to
}

/** SQL: devices `d` of the audience, $1 is the app. */
export async function audienceSql(
  db: Queryable,
  { appId, to, at }: { readonly appId: number; readonly to: Target; readonly at: number },
  values: unknown[],
): Promise<string> {
  if (isNamed(to)) return namedDevices(to, values)
  const condition = conditionOf(to)
  if (condition === undefined) return '(select * from device where app_id = $1) d'
  const scope = await readScope(db, { appId, condition, at })
  const compiled = compileCondition(condition, { firstParameter: values.length + 1, scope })
  values.push(...compiled.values)
  return `(select * from device d where d.app_id = $1 and ${compiled.sql}) d`
}

// ── how large it is ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Of what is the same for all of a language; what templates make is in the sample. */
function sizesAt(input: NewMessage, gateway: GatewayName): DryRun['sizes'] {
  return shownOf(input).flatMap(({ variant, rendering }) => {
    const renderer = rendererAt(gateway, rendering)
    const name = variant === undefined ? {} : { variant }
    return languagesOf(rendering.content, gateway).flatMap(language => {
      const rendered = renderer.constantFor(language)
      const size =
        rendered?.kind === 'notification' ? payloadBytesOf(gateway, rendered.notification) : undefined
      return size === undefined
        ? []
        : [{ ...name, gateway, language: language === '' ? null : language, ...size }]
    })
  })
}
