/**
 * Rounds: what is due of a trigger becomes deliveries. A message for each event would cost more than sending it, and one for
 * all of them could hold each device once only; so a message takes all that is due on a day (UTC) of devices that a version
 * of the trigger takes for the same time on that day: nearly always the first.
 *
 * In one transaction what is due is taken, asked once more whom it is for, and queued; so a crash leaves all of it or nothing. Its
 * deliveries go the way of named devices: a batch for each gateway, which is taken again as long as nobody has it in hand.
 *
 *   occasion ──due──▶ delivery in the queue ──▶ accepted, dead, failed …
 *      └──cancelled, expired, no longer meant, …──▶ counted in trigger_tally
 */
import { createHash } from 'node:crypto'
import { type NewTrigger, TTL_SECONDS_DEFAULT, type UnsentReason } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { compileAccepted } from '../../audience/condition.ts'
import { readScope } from '../../audience/scope.ts'
import { PROVIDER_OF_PLATFORM } from '../../dispatch/plan-connected.ts'
import { BUCKETS } from '../../registry/buckets.ts'
import { deviceOrder } from '../../registry/lock-order.ts'
import { jsonArray, plainArray, textArray } from '../../store/array-literals.ts'
import { type Database, isCollision, isDatabaseAway, type Queryable } from '../../store/database.ts'
import { ASKED_COLUMNS, askedOf } from '../create.ts'
import { wordsOf } from '../faults.ts'

/** As many as the workers send at once. */
const TAKEN_AT_ONCE = 500
/** More to one device on one day are a mistake of the app's, and each would be a message. */
export const TIMES_A_DAY = 100
const DAY_MS = 24 * 3_600_000
const MINUTE_MS = 60_000
/** A message that is now or never is still tried for a minute, as all are. */
const SHORTEST_LIFE_MS = MINUTE_MS
const RETRY_AFTER_MS = MINUTE_MS

interface Trigger {
  readonly id: string
  readonly appId: number
  readonly version: number
  readonly definition: NewTrigger
}

interface Occasion {
  readonly bucket: number
  readonly hwid: string
  readonly id: number
  readonly userId: string | null
  readonly attributes: Readonly<Record<string, unknown>> | null
  readonly dueAt: string
  readonly isCancelled: boolean
}

interface Candidate {
  readonly occasion: Occasion
  readonly bucket: number
  readonly hwid: string
  /** Whose it is now. */
  readonly userId: string | null
  /** Null: it has no address that is sent to. */
  readonly provider: string | null
  readonly isMeant: boolean
  readonly isInAudience: boolean
}

/** Takes what is due of one trigger, if there is any; false when there was nothing to do. Any number may run at once. */
export async function takeOccasions(db: Database, at: number): Promise<boolean> {
  const { rows } = await db.query<Next>(NEXT, [new Date(at)])
  const next = rows[0]
  if (next === undefined) return false
  try {
    const areTaken = await db.transaction(tx => takeOf(tx, next.id, at))
    if (areTaken && next.hasFault) await db.query(CLEAR, [next.id])
    return areTaken
  } catch (error) {
    if (!isCollision(error) && !isDatabaseAway(error))
      await db.query(PUT_OFF, [next.id, wordsOf(error), new Date(at + RETRY_AFTER_MS)])
    throw error // for the log
  }
}

/** One that can't be taken holds up no other: its occasions stay, and it is tried again after a while. */
const PUT_OFF = 'update trigger set last_fault = $2, retry_at = $3 where id = $1'
const CLEAR = 'update trigger set last_fault = null, retry_at = null where id = $1'

async function takeOf(tx: Queryable, id: string, at: number): Promise<boolean> {
  const trigger = (await tx.query<Trigger>(HOLD_TRIGGER, [id])).rows[0]
  if (trigger === undefined) return false
  const occasions = await takeDue(tx, trigger, at)
  if (occasions.length === 0) return false
  await sortOut(tx, { trigger, occasions, at })
  return true
}

interface Next {
  readonly id: string
  readonly hasFault: boolean
}

/** The one that has waited longest. Uses the index trigger_occasion_due. */
const NEXT = `
  select t.id, t.last_fault is not null as "hasFault" from trigger t
   cross join lateral (select due_at from trigger_occasion
                        where trigger_id = t.id and due_at <= $1 order by due_at limit 1) o
   where t.state = 'active' and (t.retry_at is null or t.retry_at <= $1) order by o.due_at limit 1`

/** Who pauses, changes or deletes it waits until this is committed. */
const HOLD_TRIGGER = `
  select id, app_id as "appId", version, definition from trigger where id = $1 and state = 'active' for share`

/** Others pass by (`skip locked`) and take the next ones. */
const TAKE = `
  with due as (
    select bucket, app_id, hwid, id from trigger_occasion
     where trigger_id = $1 and due_at <= $2 order by due_at limit ${TAKEN_AT_ONCE} for update skip locked
  )
  delete from trigger_occasion o using due
   where o.bucket = due.bucket and o.app_id = due.app_id and o.hwid = due.hwid and o.id = due.id
  returning o.bucket, o.hwid, o.id, o.user_id as "userId", o.attributes, o.due_at as "dueAt", o.is_cancelled as "isCancelled"`

async function takeDue(tx: Queryable, { id }: Trigger, at: number): Promise<readonly Occasion[]> {
  const { rows } = await tx.query<Occasion>(TAKE, [id, new Date(at)])
  return rows.sort((one, other) => one.id - other.id)
}

interface Taken {
  readonly trigger: Trigger
  readonly occasions: readonly Occasion[]
  readonly at: number
}

async function sortOut(tx: Queryable, { trigger, occasions, at }: Taken): Promise<void> {
  const tally = new Map<UnsentReason, number>()
  const drop = (reason: UnsentReason, count = 1) => tally.set(reason, (tally.get(reason) ?? 0) + count)
  const living = occasions.filter(it => {
    if (it.isCancelled) drop('cancelled')
    else if (hasExpired(trigger, it, at)) drop('expired')
    else return true
    return false
  })
  const candidates = await readCandidates(tx, { trigger, occasions: living, at })
  drop('noLongerMeant', living.length - new Set(candidates.map(it => it.occasion)).size)
  const reachable = candidates.filter(it => {
    if (!it.isMeant) drop('noLongerMeant')
    else if (!it.isInAudience) drop('notInAudience')
    else if (it.provider === null) drop('unreachable')
    else return true
    return false
  })
  for (let left = reachable; left.length > 0; ) {
    const { once, again } = eachOnce(left)
    const placed = await takeDevices(tx, { trigger, candidates: once, at })
    drop('tooOften', once.length - placed.length)
    await deliver(tx, { trigger, placed, at })
    left = again
  }
  await note(tx, trigger, { tally, at })
}

/** Two events of one device are two messages, if it may get two. */
function eachOnce(candidates: readonly Candidate[]): { once: Candidate[]; again: Candidate[] } {
  const seen = new Set<string>()
  const once: Candidate[] = []
  const again: Candidate[] = []
  for (const it of candidates) {
    ;(seen.has(it.hwid) ? again : once).push(it)
    seen.add(it.hwid)
  }
  return { once, again }
}

function lifeMs({ definition }: Trigger): number {
  return Math.max(SHORTEST_LIFE_MS, (definition.message.ttlSeconds ?? TTL_SECONDS_DEFAULT) * 1000)
}

function hasExpired(trigger: Trigger, { dueAt }: Occasion, at: number): boolean {
  return Date.parse(dueAt) + lifeMs(trigger) < at
}

const PUSHED_BY = 'case when not a.opted_out then a.provider end'
/** What goes by the live channel, too, needs no address. */
const REACHED_BY = `coalesce(${PUSHED_BY}, ${PROVIDER_OF_PLATFORM})`
const COLUMNS = `i.place - 1 as place, d.bucket, d.hwid, d.user_id as "userId",
  i.user_id is null or d.user_id is not distinct from i.user_id as "isMeant"`
const ADDRESS = `left join address a on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid
    and a.kind = 'alert' and a.state in ('active', 'suspect')`
const OCCASIONS = `unnest($2::smallint[], $3::text[], $4::text[]) with ordinality as i (bucket, hwid, user_id, place)`
const ITS_DEVICE = `join device d on d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid`

/** R25: asked as it is now. A device of nobody's that somebody has logged in on since is meant; one of somebody else is not. */
async function readCandidates(tx: Queryable, { trigger, occasions, at }: Taken): Promise<Candidate[]> {
  if (occasions.length === 0) return []
  const { appId, definition } = trigger
  const values: unknown[] = [
    appId,
    plainArray(occasions, it => it.bucket),
    textArray(occasions, it => it.hwid),
    textArray(occasions, it => it.userId),
  ]
  const inAudience = `${await audienceSql(tx, { trigger, at, values })} as "isInAudience"`
  const provider = (definition.message.route ?? 'push') === 'push' ? PUSHED_BY : REACHED_BY
  const select = (join: string, where = '') =>
    `select ${COLUMNS}, ${provider} as provider, ${inAudience} from ${OCCASIONS} ${join} ${ADDRESS} ${where}`
  const statement =
    definition.to === 'user'
      ? `${select(ITS_DEVICE, 'where i.user_id is null')}
         union all ${select('join device d on d.app_id = $1 and d.user_id = i.user_id')} order by place`
      : `${select(ITS_DEVICE)} order by place`
  const { rows } = await tx.query<Omit<Candidate, 'occasion'> & { readonly place: number }>(statement, values)
  return rows.map(({ place, ...it }) => ({ ...it, occasion: occasions[place] as Occasion }))
}

async function audienceSql(
  tx: Queryable,
  { trigger, at, values }: { readonly trigger: Trigger; readonly at: number; readonly values: unknown[] },
): Promise<string> {
  const { condition } = trigger.definition
  if (condition === undefined) return 'true'
  const scope = await readScope(tx, { appId: trigger.appId, condition, at })
  const compiled = compileAccepted(condition, { firstParameter: values.length + 1, scope })
  values.push(...compiled.values)
  return `(${compiled.sql})`
}

/**
 * In order, so that two servers wait for each other and not in a circle. A clock that is set back changes no day, or a device
 * would come into a round that it is in.
 */
const TAKE_DEVICES = `
  insert into trigger_device as t (bucket, app_id, hwid, trigger_id, last_at, day, times)
  select i.bucket, $1, i.hwid, $2, $5, $6, 1
    from (select bucket, $1::integer as app_id, hwid from unnest($3::smallint[], $4::text[]) as i (bucket, hwid)) i
   order by ${deviceOrder('i')}
  on conflict (bucket, app_id, hwid, trigger_id) do update
     set last_at = greatest(t.last_at, excluded.last_at), day = greatest(t.day, excluded.day),
         times = case when t.day < excluded.day then 1 else t.times + 1 end
   where ($7::timestamptz is null or t.last_at <= $7) and (t.day < excluded.day or t.times < ${TIMES_A_DAY})
  returning hwid, day::text, times`

interface Place {
  readonly hwid: string
  readonly day: string
  /** Of this device by this trigger on that day: 1 for the first. */
  readonly times: number
}

interface Placed extends Place {
  readonly candidate: Candidate
}

async function takeDevices(
  tx: Queryable,
  {
    trigger,
    candidates,
    at,
  }: { readonly trigger: Trigger; readonly candidates: readonly Candidate[]; readonly at: number },
): Promise<Placed[]> {
  const { oncePerDays } = trigger.definition
  const { rows } = await tx.query<Place>(TAKE_DEVICES, [
    trigger.appId,
    trigger.id,
    plainArray(candidates, it => it.bucket),
    textArray(candidates, it => it.hwid),
    new Date(at),
    dayOf(at),
    oncePerDays === undefined ? null : new Date(at - oncePerDays * DAY_MS),
  ])
  const places = new Map(rows.map(it => [it.hwid, it]))
  return candidates.flatMap(candidate => {
    const place = places.get(candidate.hwid)
    return place === undefined ? [] : [{ ...place, candidate }]
  })
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

interface Delivering {
  readonly trigger: Trigger
  readonly placed: readonly Placed[]
  readonly at: number
}

async function deliver(tx: Queryable, { trigger, placed, at }: Delivering): Promise<void> {
  for (const [, ofRound] of groupBy(placed, it => `${it.day} ${it.times}`)) {
    const [{ day, times }] = ofRound
    const messageId = await openRound(tx, { trigger, day, times, at })
    for (const [provider, ofBatch] of groupBy(ofRound, it => it.candidate.provider as string)) {
      const batchId = await openBatch(tx, { trigger, messageId, provider, count: ofBatch.length, at })
      await enqueue(tx, { trigger, messageId, batchId, candidates: ofBatch.map(it => it.candidate), at })
    }
  }
}

type Some<T> = readonly [T, ...T[]]

/** By key in one order on all servers, since they lock what the groups stand for. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): [string, Some<T>][] {
  const groups = new Map<string, [T, ...T[]]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1))
}

interface Round {
  readonly trigger: Trigger
  readonly day: string
  readonly times: number
  readonly at: number
}

const FIND_ROUND = `
  select r.message_id as "messageId", m.state in ('sending', 'paused') as "isGoing"
    from trigger_round r join message m on m.id = r.message_id
   where r.trigger_id = $1 and r.version = $2 and r.day = $3 and r.times = $4 and r.is_open
     for share`

const INSERT_ROUND = `
  insert into trigger_round (trigger_id, message_id, version, day, times) values ($1, $2, $3, $4, $5)
  on conflict (trigger_id, version, day, times) where is_open do nothing`

/** Its message. One that somebody has cancelled gets no more; what comes then is another one's. */
async function openRound(tx: Queryable, round: Round): Promise<string> {
  const { trigger, day, times } = round
  const key = [trigger.id, trigger.version, day, times]
  const { rows } = await tx.query<{ messageId: string; isGoing: boolean }>(FIND_ROUND, key)
  const found = rows[0]
  if (found?.isGoing) return found.messageId
  if (found !== undefined)
    await tx.query('update trigger_round set is_open = false where trigger_id = $1 and message_id = $2', [
      trigger.id,
      found.messageId,
    ])
  const messageId = uuidv7()
  await insertMessage(tx, round, messageId)
  const { rowCount } = await tx.query(INSERT_ROUND, [trigger.id, messageId, trigger.version, day, times])
  if (rowCount === 1) return messageId
  await tx.query('delete from message where id = $1', [messageId]) // another server has just opened it
  return openRound(tx, round)
}

const INSERT_MESSAGE = `
  insert into message (id, app_id, state, request_hash, created_at, planned_at, trigger, ${ASKED_COLUMNS.join(', ')})
  values ($1, $2, 'sending', $3, $4, $4, $5, ${ASKED_COLUMNS.map((_, i) => `$${i + 6}`).join(', ')})`

/** Whom it is for is in its queue; what the target says holds of all of them. */
async function insertMessage(tx: Queryable, { trigger, at }: Round, messageId: string): Promise<void> {
  const { id, appId, version, definition } = trigger
  const { condition, message } = definition
  const to = condition === undefined ? { all: true as const } : { condition }
  await tx.query(INSERT_MESSAGE, [
    messageId,
    appId,
    createHash('sha256').update(messageId).digest(), // nobody asked for it by a key
    new Date(at),
    JSON.stringify({ id, version }),
    ...askedOf({ lane: 'transactional', ...message, to }, { at }),
  ])
}

interface NewBatch {
  readonly trigger: Trigger
  readonly messageId: string
  readonly provider: string
  readonly count: number
  readonly at: number
}

/** One that nobody has in hand; one that was done is as good as one that waits. */
const REOPEN_BATCH = `
  with free as (
    select id from batch
     where message_id = $1 and provider = $2 and send_at = $3 and state in ('waiting', 'done') and failures = 0 and doubtful = 0
     limit 1 for update skip locked
  )
  update batch b
     set targeted = b.targeted + $4, state = 'waiting', due_at = least(case when b.state = 'waiting' then b.due_at end, $5)
    from free where b.id = free.id
  returning b.id`

const INSERT_BATCH = `
  insert into batch (message_id, app_id, provider, bucket_from, bucket_to, due_at, is_read, targeted, lane, send_at)
  select m.id, m.app_id, $2, 0, ${BUCKETS - 1}, $5, true, $4, m.lane, $3 from message m where m.id = $1
  returning id`

async function openBatch(
  tx: Queryable,
  { trigger, messageId, provider, count, at }: NewBatch,
): Promise<number> {
  const values = [messageId, provider, new Date(slotEnd(trigger, at)), count, new Date(at)]
  const reopened = await tx.query<{ id: number }>(REOPEN_BATCH, values)
  const { rows } = reopened.rows[0] ? reopened : await tx.query<{ id: number }>(INSERT_BATCH, values)
  return (rows[0] as { id: number }).id
}

/**
 * Deliveries of a batch live from one moment on: the end of the slot in which they were due, a twentieth of their life long,
 * and between a minute and an hour. So a day has some thousand batches at most, whatever the number of events.
 */
function slotEnd(trigger: Trigger, at: number): number {
  const slotMs = Math.min(60 * MINUTE_MS, Math.max(MINUTE_MS, lifeMs(trigger) / 20))
  return Math.ceil((at + 1) / slotMs) * slotMs
}

interface Queued {
  readonly trigger: Trigger
  readonly messageId: string
  readonly batchId: number
  readonly candidates: readonly Candidate[]
  readonly at: number
}

const ENQUEUE = `
  insert into delivery_queue (bucket, message_id, hwid, app_id, batch_id, attempt, due_at, reason, event)
  select i.bucket, $1, i.hwid, $2, $3, 1, $4, 'planned', i.event
    from unnest($5::smallint[], $6::text[], $7::jsonb[]) as i (bucket, hwid, event)`

async function enqueue(
  tx: Queryable,
  { trigger, messageId, batchId, candidates, at }: Queued,
): Promise<void> {
  await tx.query(ENQUEUE, [
    messageId,
    trigger.appId,
    batchId,
    new Date(at),
    plainArray(candidates, it => it.bucket),
    textArray(candidates, it => it.hwid),
    // From now on it is that user's, also what a visitor did: who comes after gets nothing of it.
    jsonArray(candidates, ({ userId, occasion: { attributes } }) => ({ userId, attributes })),
  ])
}

/** Last, since all who take occasions of the trigger wait for these rows. */
async function note(
  tx: Queryable,
  { id }: Trigger,
  { tally, at }: { readonly tally: ReadonlyMap<UnsentReason, number>; readonly at: number },
): Promise<void> {
  const counted = [...tally].filter(([, count]) => count > 0).sort(([one], [other]) => (one < other ? -1 : 1))
  if (counted.length === 0) return
  await tx.query(
    `insert into trigger_tally as t (trigger_id, day, reason, count)
     select $1, $2, reason, count from unnest($3::text[], $4::integer[]) as i (reason, count)
     on conflict (trigger_id, day, reason) do update set count = t.count + excluded.count`,
    [id, dayOf(at), counted.map(([reason]) => reason), counted.map(([, count]) => count)],
  )
}

/** Some clocks run behind. */
const CLOSE_AFTER_MS = 3_600_000

/** Rounds of days that are over get no more, and their messages come to an end. */
export async function closeRounds(db: Queryable, at: number): Promise<void> {
  await db.query('update trigger_round set is_open = false where is_open and day < $1', [
    dayOf(at - CLOSE_AFTER_MS),
  ])
}
