/**
 * The reach of a message: why were 4100 of 10 000 sent to? How many came to each step, by which reasons the others were lost, and
 * whether one cause lies behind many of them (D6: the same answer for more than a fifth of all).
 *
 * What was booked is exact, and its steps add up. Who was never targeted is in no row, so of a message to all, to a condition or to a
 * segment the steps before are counted now, of those who were there when it was planned, and with what its segments meant then.
 */
import {
  type MessageView,
  PushError,
  type ReachStep,
  type ReachView,
  type RuleId,
  type SegmentReach,
} from '@roost/protocol'
import { keptSegments } from '../../../audience/segment-meaning.ts'
import { sizeOf } from '../../../audience/size.ts'
import { countExceptions, readMessage } from '../../../messages/read.ts'
import type { Database, Queryable } from '../../../store/database.ts'
import { meaningOf } from '../reasons.ts'
import { REMEDIES } from '../remedies.ts'
import { type MessageKey, type Spoken, textsFor } from '../texts/texts.ts'
import { tell } from '../texts/told.ts'
import { listLost } from './lost.ts'
import { type Booked, type Cause, causeOf, withoutRecord } from './steps.ts'
import { conditionThen, isNamedTarget, readSubject, type Subject } from './subject.ts'

/** D6. */
export const INCIDENT_SHARE = 0.2
/** Two of five test phones are none. */
export const INCIDENT_DEVICES = 10
/** What gateways say has ends that differ from device to device. */
const GROUPS_MAX = 100

/** Where many have it, one thing is wrong that is none of the devices'. */
const OF_ONE_CAUSE: ReadonlySet<RuleId> = new Set([
  ...(['DX-01', 'DX-02', 'DX-04', 'DX-05', 'DX-06', 'DX-07', 'DX-08', 'DX-09', 'DX-10', 'DX-11'] as const),
  ...(['DX-12', 'DX-13', 'DX-14', 'DX-36', 'DX-37', 'DX-40', 'DX-41', 'DX-59', 'DX-61', 'DX-62'] as const),
  ...(['DX-63', 'DX-64', 'DX-70', 'DX-71', 'DX-72'] as const),
])

/** In which deliveries are lost once they are booked. */
const BOOKED_STEPS = ['addressable', 'allowed', 'rendered', 'answered', 'accepted'] as const
const STEPS_OF_NAMED = ['with_address', 'permitted', ...BOOKED_STEPS] as const

export interface ReachQuery {
  readonly appId: number
  readonly appCode: string
  readonly messageId: string
  /** ms. */
  readonly at: number
  /** From 0 to below 1; which part of a large audience is counted. */
  readonly random: () => number
  /** As in Accept-Language. */
  readonly lang: string | undefined
}

/** Throws `message_unknown`. */
export async function reachOfMessage(db: Database, query: ReachQuery): Promise<ReachView> {
  const { appId, messageId, at } = query
  const { message, subject, booked } = await db.transaction(async tx => {
    await tx.query('set transaction isolation level repeatable read, read only')
    const subject = await readSubject(tx, query)
    const message = await readMessage(tx, { appId, id: messageId })
    return { message, subject, booked: await readBooked(tx, messageId, message) }
  })
  const spoken = textsFor(query.lang)
  const isNamed = isNamedTarget(subject.target)
  const groups = booked
    .map(it => ({ ...it, ...causeOf(it, { isNamed }) }))
    .sort((one, other) => other.count - one.count)
  const now = isNamed || subject.isTriggered ? undefined : await readAudienceNow(db, { ...query, subject })
  const endedBy =
    now === undefined || now.reach.withAddress === now.reach.valid ? null : await endedByNow(db, query)
  return {
    messageId,
    state: message.state,
    course: courseOf(message, subject, at, spoken),
    lang: spoken.lang,
    asOf: new Date(at).toISOString(),
    errorPercent: now?.errorPercent ?? 0,
    steps: stepsOf({ query, message, isNamed, groups, now: now?.reach, endedBy }, spoken),
    groups: groups.slice(0, GROUPS_MAX).map(it => groupView(it, message, spoken)),
    incidents: incidentsOf(groups, message.counts.targeted, spoken),
    held: message.held.map(it => {
      const meant = meaningOf('credential', it.reason, it.gateway)
      return { ...it, rule: meant?.rule ?? null, ...wordsOf(meant, spoken) }
    }),
  }
}

// ── what was booked ───────────────────────────────────────────────────────────────────────────────────────────────────

const WAITING = `
  select 'waiting' as outcome, q.reason, b.provider as gateway, q.hold_id is not null as "isHeld", count(*)::integer as count
    from batch b join delivery_queue q on q.batch_id = b.id
   where b.message_id = $1 group by 2, 3, 4`

async function readBooked(db: Queryable, messageId: string, { counts }: MessageView): Promise<Booked[]> {
  const ended = await countExceptions(db, messageId)
  const waiting = counts.pending === 0 ? [] : (await db.query<Booked>(WAITING, [messageId])).rows
  const booked = [...ended.map(it => ({ ...it, gateway: gatewayOf(it.gateway), isHeld: false })), ...waiting]
  return [...booked, ...withoutRecord(booked, counts)]
}

/** Who was never given to any has "none". */
function gatewayOf(gateway: string | null): string | null {
  return gateway === 'none' ? null : gateway
}

// ── who was meant ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Now {
  readonly reach: SegmentReach
  readonly errorPercent: number
}

/** Undefined where it can't be known any more: a snapshot is gone, or the condition names what is. */
async function readAudienceNow(
  db: Queryable,
  { appId, at, random, subject }: ReachQuery & { readonly subject: Subject },
): Promise<Now | undefined> {
  if (await isSnapshotGone(db, subject)) return undefined
  const { audience, sendAt, plannedAt } = subject
  const condition = conditionThen(subject)
  const asked = {
    appId,
    condition,
    at: plannedAt === null ? at : Date.parse(sendAt),
    hasReach: true,
    isExact: false,
    random,
    ...(audience !== null && { readSegments: keptSegments(audience) }),
  }
  try {
    const { reach, errorPercent } = await sizeOf(db, asked)
    return reach === null ? undefined : { reach, errorPercent }
  } catch (error) {
    if (error instanceof PushError) return undefined
    throw error
  }
}

/** Addresses end for many reasons; so many are asked for the one that most of them have. */
const ENDED_ASKED = 50

/** Null where no reason is that of more than half. */
async function endedByNow(db: Queryable, query: ReachQuery): Promise<Meant | null> {
  const { appId, messageId, at } = query
  const asked = { appId, messageId, at, step: 'alive', after: undefined, reason: undefined } as const
  const { devices } = await listLost(db, { ...asked, limit: ENDED_ASKED })
  const meant = devices.flatMap(
    ({ reason, gateway }) => (reason === null ? undefined : meaningOf('address', reason, gateway)) ?? [],
  )
  return meant.find(it => meant.filter(other => other.rule === it.rule).length * 2 > devices.length) ?? null
}

async function isSnapshotGone(db: Queryable, { audience }: Subject): Promise<boolean> {
  const snapshots = Object.values(audience?.segments ?? {}).flatMap(it =>
    'snapshot' in it ? [it.snapshot] : [],
  )
  if (snapshots.length === 0) return false
  const { rows } = await db.query<{ left: number }>(
    'select count(*)::integer as left from segment_snapshot where id = any($1::bigint[]) and ended_at is null',
    [snapshots],
  )
  return (rows[0]?.left ?? 0) < snapshots.length
}

// ── as it is told ─────────────────────────────────────────────────────────────────────────────────────────────────────

type Group = Booked & Cause

interface Stepping {
  readonly query: ReachQuery
  readonly message: MessageView
  readonly isNamed: boolean
  readonly groups: readonly Group[]
  readonly now: SegmentReach | undefined
  /** Why most addresses have ended. */
  readonly endedBy: Meant | null
}

type Step = Omit<ReachView['steps'][number], 'title' | 'cause' | 'devices'>

/** Of those who were never booked. */
const CAUSES_NOW: Readonly<Partial<Record<ReachStep, Meant>>> = {
  with_address: { rule: 'DX-33', key: 'DX-33' },
  permitted: { rule: 'DX-45', key: 'DX-45.denied' },
}

function causeNow(step: ReachStep, { endedBy }: Stepping): Meant | undefined {
  return step === 'alive' ? (endedBy ?? undefined) : CAUSES_NOW[step]
}

function stepsOf(stepping: Stepping, spoken: Spoken): ReachView['steps'] {
  const { query, message } = stepping
  const steps: Step[] = [...stepsNow(stepping), ...stepsBooked(stepping), ...stepsTold(message)]
  const path = `/v1/apps/${query.appCode}/messages/${query.messageId}/reach`
  return steps.map(it => ({
    ...it,
    title: spoken.texts.reach[it.step],
    cause: it.basis === 'now' && it.lost !== 0 ? causeView(causeNow(it.step, stepping), spoken) : null,
    devices: it.lost === null || it.lost === 0 ? null : `${path}/${it.step}/devices`,
  }))
}

function stepsNow({ now }: Stepping): Step[] {
  if (now === undefined) return []
  const { devices, withAddress, valid, permitted } = now
  return [
    { step: 'audience', count: devices, lost: null, basis: 'now' },
    { step: 'with_address', count: withAddress, lost: devices - withAddress, basis: 'now' },
    { step: 'alive', count: valid, lost: withAddress - valid, basis: 'now' },
    { step: 'permitted', count: permitted, lost: valid - permitted, basis: 'now' },
  ]
}

function causeView(meant: Meant | undefined, spoken: Spoken): ReachView['steps'][number]['cause'] {
  return meant === undefined ? null : { rule: meant.rule, ...wordsOf(meant, spoken) }
}

/** Of a message that is sent in parts, what the next part waits for. */
function courseOf(
  message: MessageView,
  { plannedAt, sendAt }: Subject,
  at: number,
  spoken: Spoken,
): ReachView['course'] {
  const key = courseKeyOf(message, plannedAt === null && Date.parse(sendAt) > at)
  if (key === null) return null
  const rule: RuleId = key.startsWith('DX-26') ? 'DX-26' : 'DX-29'
  const told = tell(spoken.texts.messages[key], { dueAt: sendAt }, spoken)
  return { rule, ...told, ...wordsOf({ rule, key }, spoken) }
}

function courseKeyOf({ state, awaits }: MessageView, isAhead: boolean): MessageKey | null {
  if (state === 'paused') return 'DX-26.paused'
  if (state === 'cancelled') return 'DX-26.cancelled'
  if (state === 'done') return null
  if (isAhead) return 'DX-29.scheduled'
  if (awaits.includes('clock')) return 'DX-29.clock'
  return awaits.includes('winner') ? 'DX-29.winner' : null
}

/** Of named ones all are targeted, whether they have an address or not. */
function stepsBooked({ message, isNamed, groups }: Stepping): Step[] {
  const first = isNamed ? 'audience' : 'targeted'
  let { targeted: count } = message.counts
  const steps: Step[] = [{ step: first, count, lost: null, basis: 'sent' }]
  for (const step of isNamed ? STEPS_OF_NAMED : BOOKED_STEPS) {
    const lost = groups.filter(it => it.step === step).reduce((sum, it) => sum + it.count, 0)
    count -= lost
    steps.push({ step, count, lost, basis: 'sent' })
  }
  return steps
}

/** Some tell of an open alone. */
function stepsTold({ counts: { accepted, delivered, opened } }: MessageView): Step[] {
  return [
    { step: 'received', count: delivered, lost: Math.max(0, accepted - delivered), basis: 'told' },
    { step: 'opened', count: opened, lost: Math.max(0, delivered - opened), basis: 'told' },
  ]
}

function groupView(
  { outcome, reason, gateway, count, rule, key, step }: Group,
  { counts }: MessageView,
  spoken: Spoken,
): ReachView['groups'][number] {
  const meant = rule === null || key === null ? undefined : { rule, key }
  const share = shareOf(count, counts.targeted)
  return { rule, step, outcome, reason, gateway, count, share, ...wordsOf(meant, spoken) }
}

function shareOf(count: number, all: number): number {
  return all === 0 ? 0 : Math.round((count / all) * 10_000) / 10_000
}

interface Meant {
  readonly rule: RuleId
  readonly key: MessageKey
}

type Remedy = ReachView['groups'][number]['remedy']

export function wordsOf(
  meant: Meant | undefined,
  { texts }: Spoken,
): { readonly title: string; readonly remedy: Remedy } {
  if (meant === undefined) return { title: texts.words.other, remedy: { who: 'nobody', steps: [] } }
  const { who, steps } = REMEDIES[meant.key]
  const told = steps.map(key => ({ key, text: texts.steps[key] }))
  return { title: texts.titles[meant.rule], remedy: { who, steps: told } }
}

function incidentsOf(groups: readonly Group[], targeted: number, spoken: Spoken): ReachView['incidents'] {
  return commonCausesOf(groups, targeted).map(({ rule, count, key }) => ({
    rule,
    count,
    share: shareOf(count, targeted),
    ...wordsOf({ rule, key }, spoken),
  }))
}

/** One rule for more than a fifth of those that were targeted. */
export interface CommonCause extends Meant {
  readonly count: number
}

/** Most frequent first. */
export function commonCausesOf(
  groups: readonly Pick<Group, 'rule' | 'key' | 'count'>[],
  targeted: number,
): CommonCause[] {
  const byRule = new Map<RuleId, { count: number; key: MessageKey }>()
  for (const { rule, key, count } of groups) {
    if (rule === null || key === null || !OF_ONE_CAUSE.has(rule)) continue
    const known = byRule.get(rule)
    byRule.set(rule, { count: count + (known?.count ?? 0), key: known?.key ?? key })
  }
  return [...byRule]
    .filter(([, { count }]) => count >= INCIDENT_DEVICES && count > targeted * INCIDENT_SHARE)
    .sort(([, one], [, other]) => other.count - one.count)
    .map(([rule, { count, key }]) => ({ rule, key, count }))
}
