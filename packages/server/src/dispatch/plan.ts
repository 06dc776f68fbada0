/**
 * Planning: a message that is due becomes batches, one per provider and bucket range. Small audiences get few
 * ranges, so that a batch is worth its lease. Those who are named: plan-named.ts.
 */
import {
  type Experiment,
  type NewInbox,
  type NewMessage,
  PROVIDERS,
  type Provider,
  type Route,
  type Target,
} from '@roost/protocol'
import { conditionOf, keepSegments } from '../audience/segment-meaning.ts'
import { openInbox } from '../inbox/open.ts'
import { goesLive } from '../live/routed.ts'
import { setRestAside } from '../messages/experiments/parts.ts'
import { LANES, type Lane, laneOf } from '../messages/lanes.ts'
import { narrowRecall } from '../messages/recall.ts'
import { bestHourOfApp } from '../messages/when/best-hour.ts'
import { type Slots, slotsOfBestHour, slotsOfLocalTime, tableOf } from '../messages/when/slots.ts'
import { beginOf, type Timing, timingOf } from '../messages/when/timing.ts'
import { BUCKETS } from '../registry/buckets.ts'
import { type Database, type Queryable, type Transaction, WITHOUT_FLUSH } from '../store/database.ts'
import { isNamed, type MessageAddressKind } from './chunk.ts'
import { readConnected } from './plan-connected.ts'
import { enqueue, planNamed } from './plan-named.ts'
import { keepPlanned } from './served.ts'

/** A lease, a cursor and a commit or more for each range: with fewer addresses that costs more than it shares out. */
const ADDRESSES_PER_RANGE = 4000
const RANGES_MAX = 256

export interface DueMessage {
  readonly id: string
  readonly appId: number
  readonly target: Target
  readonly inbox: NewInbox | null
  readonly lane: Lane
  /** Null: all are due at once. */
  readonly timing: Timing | null
  /** ISO 8601. */
  readonly sendAt: string
  readonly experiment: Experiment | null
  /** Null: that of a push. */
  readonly route: Route | null
  /** The message that it recalls, if it does. */
  readonly recallOf: string | null
}

/** What a recall recalls is booked to its end, or some whom it reached were not among those of the recall. */
const IS_BOOKED =
  '(recall_of is null or exists (select from message o where o.id = message.recall_of and o.finished_at is not null))'

/**
 * Plans one due message up to this lane, if there is one; false when there was nothing to do. Any number may run at once. Uses
 * the index message_to_plan_in_lane.
 */
export async function planNext(db: Database, at: number, lastLane: Lane = LANES.campaign): Promise<boolean> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<DueMessage>(
      `select id, app_id as "appId", target, inbox, lane, timing, send_at as "sendAt", recall_of as "recallOf", experiment,
              rules ->> 'route' as route
         from message
        where state = 'scheduled' and send_at <= $1 and lane <= $2 and ${IS_BOOKED}
        order by lane, send_at, id limit 1 for update skip locked`,
      [new Date(at), lastLane],
    )
    const [due] = rows
    if (due === undefined) return false
    const message = await narrowed(tx, due, at)
    const { id: messageId, appId, target, inbox } = message
    await keepAudience(tx, message)
    const slots = await slotsOf(tx, message)
    if (inbox !== null || !isNamed(message)) await keepTable(tx, { id: messageId, slots })
    if (inbox !== null)
      await openInbox(tx, { messageId, appId, target, inbox, at, isByClock: slots !== null })
    if (inbox?.only !== true) await planPushes(tx, { ...message, slots, at })
    if (message.experiment !== null) await setRestAside(tx, messageId, message.experiment)
    markPlanned(tx, message.id, at)
    // A plan that a crash loses is made again: nothing is sent of it before a claim, and the claim's commit flushes what was
    // committed before it, too.
    tx.send(WITHOUT_FLUSH)
    return true
  })
}

function markPlanned(tx: Transaction, id: string, at: number): void {
  tx.send("update message set state = 'sending', planned_at = $2 where id = $1", [id, new Date(at)])
}

/** Whoever names more waits for no plan when the message is made. */
const AT_ONCE_MAX = 20

/** Only names say whom it is for, few of them, and nothing but them says when: see `planAtOnce`. */
export function canPlanAtOnce(input: NewMessage, at: number): boolean {
  const { to, inbox, experiment } = input
  const names = 'devices' in to ? to.devices : 'users' in to ? to.users : undefined
  return (
    names !== undefined &&
    names.length <= AT_ONCE_MAX &&
    inbox === undefined &&
    experiment === undefined &&
    timingOf(input) === null &&
    beginOf(input, at) <= at
  )
}

interface MadeMessage {
  readonly id: string
  readonly appId: number
  readonly input: NewMessage
  /** ms. */
  readonly at: number
  /** Default: that of notifications. */
  readonly addressKind?: MessageAddressKind
}

/**
 * In the transaction that makes the message, of input that can: it leaves after three answers of the database less than if a planner found it.
 * False when it reaches nobody.
 */
export async function planAtOnce(tx: Transaction, made: MadeMessage): Promise<boolean> {
  const isForSomebody = await planNamed(tx, plannedOf(made))
  markPlanned(tx, made.id, made.at)
  return isForSomebody
}

/** As `planAtOnce`, of devices whose gateways are known in this transaction, by hwid: nothing has to be asked. */
export function planKnown(tx: Transaction, made: MadeMessage, gateways: ReadonlyMap<string, string>): void {
  const message = plannedOf(made)
  for (const provider of new Set(gateways.values())) {
    const hwids = [...gateways].flatMap(([hwid, of]) => (of === provider ? [hwid] : []))
    enqueue(tx, message, { provider, slot: null, hwids })
  }
  markPlanned(tx, made.id, made.at)
}

function plannedOf({ id, appId, input, at, addressKind }: MadeMessage): Planned {
  return {
    id,
    appId,
    target: input.to,
    inbox: null,
    lane: laneOf(input),
    timing: null,
    slots: null,
    sendAt: new Date(beginOf(input, at)).toISOString(),
    experiment: null,
    recallOf: null,
    route: input.route ?? null,
    addressKind,
    at,
  }
}

async function narrowed(tx: Queryable, due: DueMessage, at: number): Promise<DueMessage> {
  const { recallOf } = due
  return recallOf === null ? due : { ...due, target: await narrowRecall(tx, { ...due, recallOf, at }) }
}

/** Segments mean until the end what they mean now: all batches, and all retries, go to the same people. */
async function keepAudience(tx: Queryable, { id, appId, target }: DueMessage): Promise<void> {
  const condition = conditionOf(target)
  const kept = condition && (await keepSegments(tx, { appId, condition }))
  if (kept) await tx.query('update message set audience = $2 where id = $1', [id, JSON.stringify(kept)])
}

export interface Planned extends DueMessage {
  readonly addressKind?: MessageAddressKind | undefined
  /** Null: all are due at once. */
  readonly slots: Slots | null
  readonly at: number
}

/** Null: all are due at once. */
export async function slotsOf(
  tx: Queryable,
  { appId, sendAt, timing }: Pick<DueMessage, 'appId' | 'sendAt' | 'timing'>,
): Promise<Slots | null> {
  if (timing === null) return null
  const { localTime, bestHour } = timing
  const { rows } = await tx.query<{ timeZone: string }>(
    'select time_zone as "timeZone" from app where id = $1',
    [appId],
  )
  const begin = { begin: Date.parse(sendAt), appTimeZone: rows[0]?.timeZone ?? 'UTC' }
  if (localTime !== undefined) return slotsOfLocalTime(localTime, begin)
  const hour = bestHour?.otherwiseHour ?? (await bestHourOfApp(tx, { appId, until: begin.begin }))
  return slotsOfBestHour({ hour, otherwiseTimeZone: bestHour?.otherwiseTimeZone }, begin)
}

async function planPushes(tx: Transaction, message: Planned): Promise<void> {
  if (isNamed(message)) await planNamed(tx, message)
  else await planRanges(tx, message)
}

/** Read of so many buckets, and of each as many addresses as matter: a base of ten million is planned as fast as a small one. */
const SAMPLED_BUCKETS = 16
const SAMPLED_OF_BUCKET = (RANGES_MAX * ADDRESSES_PER_RANGE) / BUCKETS

/** About how many addresses each gateway has; those that have none are left out. Uses the index address_sendable. */
const ESTIMATE = `
  select p.provider, ${BUCKETS / SAMPLED_BUCKETS} * (
           select count(*) from unnest($3::smallint[]) as s (bucket) cross join lateral (
             select from address a
              where a.app_id = $1 and a.provider = p.provider and a.kind = 'alert' and a.bucket = s.bucket
                and a.state in ('active', 'suspect')
              limit ${SAMPLED_OF_BUCKET}) one) as addresses
    from unnest($2::text[]) as p (provider)
   where exists (select from address a where a.app_id = $1 and a.provider = p.provider and a.kind = 'alert'
                                         and a.state in ('active', 'suspect'))`

/** Of each of these gateways that has some. */
export async function estimateAddresses(
  db: Queryable,
  { appId, providers }: { readonly appId: number; readonly providers: readonly Provider[] },
): Promise<{ readonly provider: Provider; readonly addresses: number }[]> {
  const sampled = Array.from({ length: SAMPLED_BUCKETS }, (_, i) => (i * BUCKETS) / SAMPLED_BUCKETS)
  return (await db.query<{ provider: Provider; addresses: number }>(ESTIMATE, [appId, providers, sampled]))
    .rows
}

async function planRanges(tx: Transaction, message: Planned): Promise<void> {
  const estimates = await estimateAddresses(tx, { appId: message.appId, providers: PROVIDERS })
  for (const { provider, addresses } of estimates) {
    const ranges = rangesFor(addresses)
    if (message.slots === null) await insertBatches(tx, { message, provider, ranges })
    else await insertUndivided(tx, { message, provider, ranges })
  }
  if (goesLive(message) && message.slots === null && message.experiment === null)
    await planConnected(tx, message)
}

async function planConnected(tx: Transaction, message: Planned): Promise<void> {
  const connected = await readConnected(tx, message)
  for (const provider of PROVIDERS) {
    const hwids = connected.filter(it => it.provider === provider).map(it => it.hwid)
    for (let first = 0; first < hwids.length; first += ADDRESSES_PER_RANGE)
      enqueue(tx, message, { provider, slot: null, hwids: hwids.slice(first, first + ADDRESSES_PER_RANGE) })
  }
  if (connected.length > 0)
    keepPlanned(
      tx,
      message,
      connected.map(it => it.hwid),
    )
}

/** Ranges of equal width that cover all buckets; their number is a power of two, since 1024 is. */
export function rangesFor(addresses: number, atLeast = 1): { from: number; to: number }[] {
  const wanted = Math.min(RANGES_MAX, Math.max(atLeast, addresses / ADDRESSES_PER_RANGE))
  const count = 2 ** Math.ceil(Math.log2(wanted))
  const width = BUCKETS / count
  return Array.from({ length: count }, (_, i) => ({ from: i * width, to: (i + 1) * width - 1 }))
}

interface NewBatches {
  readonly message: Planned
  readonly provider: string
  readonly ranges: readonly { readonly from: number; readonly to: number }[]
}

/** All batches, and the inboxes, go by the same table, whatever becomes of the app's zone, or of the zones of the world. */
async function keepTable(tx: Queryable, { id, slots }: Pick<Planned, 'id' | 'slots'>): Promise<void> {
  if (slots === null) return
  await tx.query('update message set slot_of = $2 where id = $1', [id, JSON.stringify(await tableOf(slots))])
}

/** Into slots; see divide.ts. */
async function insertUndivided(tx: Queryable, { message, provider, ranges }: NewBatches): Promise<void> {
  await tx.query(
    `insert into slot_range (message_id, provider, bucket_from, bucket_to, due_at)
     select $1, $2, "from", "to", $5 from unnest($3::smallint[], $4::smallint[]) as r ("from", "to")`,
    [message.id, provider, ranges.map(it => it.from), ranges.map(it => it.to), new Date(message.at)],
  )
}

async function insertBatches(tx: Queryable, { message, provider, ranges }: NewBatches): Promise<void> {
  await tx.query(
    `insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, lane)
     select $1, $2, $3, "from", "to", $6, $7 from unnest($4::smallint[], $5::smallint[]) as r ("from", "to")`,
    [
      message.id,
      message.appId,
      provider,
      ranges.map(it => it.from),
      ranges.map(it => it.to),
      new Date(message.at),
      message.lane,
    ],
  )
}
