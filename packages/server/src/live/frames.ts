/**
 * Frames: messages on their way over the live channel. What a device has not acknowledged is a row with its content, so neither a drop nor a
 * crash loses it. It is a row before it is sent, but where the device is connected to the process that dispatches: see handover.ts.
 *
 *   made ──sent──▶ unacknowledged ──ack──▶ acknowledged
 *     ▲               │    └──its time is over, or it was for another user──▶ withdrawn
 *     └──reconnected──┘
 *
 * One is acknowledged or withdrawn, and never both: `withdrawFrames` decides, and what it withdraws goes by push.
 */
import type { LiveNotification, Route } from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import type { DeviceKey } from '../registry/lock-order.ts'
import { type Database, type Queryable, type Transaction, WITHOUT_FLUSH } from '../store/database.ts'
import { IS_ALIVE, type Place, placesOf } from './presence.ts'

/** Kept for traces as long as acceptances are. */
const KEPT_DAYS = 30
const DAY_MS = 24 * 3_600_000

interface Key {
  readonly bucket: number
  readonly hwid: string
}

/** Whom a message is for, as it was read with its device. */
export interface Candidate extends Key {
  readonly userId: string | null
}

/** Parameters: buckets, hwids, users. */
export const arraysOf = (devices: readonly Candidate[]) => [
  devices.map(it => it.bucket),
  devices.map(it => it.hwid),
  devices.map(it => it.userId),
]

/** SQL: those of `i` who are connected as the user whom the message is for. `$1` is the app, `$5` the states. */
const JOIN_CONNECTED = `
    join live_presence p on p.bucket = i.bucket and p.app_id = $1 and p.hwid = i.hwid
                        and p.state = any($5::text[]) and p.user_id is not distinct from i.user_id
    join live_server s on s.id = p.server and ${IS_ALIVE}`

/** Planned by key, as all that is asked for each chunk: joined whole, the tables cost more with every device that is connected. */
export async function findConnected(
  db: Database,
  query: {
    readonly appId: number
    readonly devices: readonly Candidate[]
    readonly states: readonly string[]
  },
): Promise<ReadonlySet<string>> {
  const { appId, devices, states } = query
  const rows = await db.queryPlanned<{ hwid: string }>(
    `select i.hwid from unnest($2::smallint[], $3::text[], $4::text[]) as i (bucket, hwid, user_id) ${JOIN_CONNECTED}`,
    [appId, ...arraysOf(devices), states],
  )
  return new Set(rows.map(it => it.hwid))
}

export interface NewFrame extends Candidate {
  readonly deliveryId: string
  readonly notification: LiveNotification
}

export interface NewFrames {
  readonly appId: number
  readonly messageId: string
  readonly frames: readonly NewFrame[]
  readonly states: readonly string[]
  readonly at: number
  readonly expiresAt: number
}

/**
 * Of devices that are still connected; a frame that is there stays as it is. Returns the states of those that were made and of those
 * that were there, by hwid.
 */
export async function makeFrames(tx: Queryable, made: NewFrames): Promise<ReadonlyMap<string, FrameState>> {
  const { appId, messageId, frames, states, at, expiresAt } = made
  const { rows } = await tx.query<{ hwid: string; state: FrameState }>(
    `with made as (
       insert into live_frame (bucket, message_id, hwid, app_id, user_id, delivery_id, notification, made_at, expires_at, server)
       select i.bucket, $6, i.hwid, $1, i.user_id, i.id, i.notification, $7, $8, p.server
         from unnest($2::smallint[], $3::text[], $4::text[], $9::uuid[], $10::jsonb[]) as i (bucket, hwid, user_id, id, notification)
         ${JOIN_CONNECTED}
       on conflict (bucket, message_id, hwid) do nothing
       returning hwid
     )
     select hwid, 'unacknowledged' as state from made
     union all
     select f.hwid, ${STATE} from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
       join live_frame f on f.bucket = i.bucket and f.message_id = $6 and f.hwid = i.hwid`,
    [
      appId,
      ...arraysOf(frames),
      states,
      messageId,
      new Date(at),
      new Date(expiresAt),
      frames.map(it => it.deliveryId),
      frames.map(it => JSON.stringify(it.notification)),
    ],
  )
  return new Map(rows.map(it => [it.hwid, it.state]))
}

export type FrameState = 'unacknowledged' | 'acknowledged' | 'withdrawn'

/** SQL over `live_frame f`. */
const STATE = `case when f.acked_at is not null then 'acknowledged'
                      when f.withdrawn_at is not null then 'withdrawn' else 'unacknowledged' end`

interface OfMessage {
  readonly messageId: string
  readonly devices: readonly Key[]
}

const keysOf = ({ messageId, devices }: OfMessage) => [
  messageId,
  devices.map(it => it.bucket),
  devices.map(it => it.hwid),
]

/** By hwid, of those that have one. */
export async function readFrames(db: Database, frames: OfMessage): Promise<ReadonlyMap<string, FrameState>> {
  const rows = await db.queryPlanned<{ hwid: string; state: FrameState }>(
    `select f.hwid, ${STATE} as state
       from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
       join live_frame f on f.bucket = i.bucket and f.message_id = $1 and f.hwid = i.hwid`,
    keysOf(frames),
  )
  return new Map(rows.map(it => [it.hwid, it.state]))
}

/** What is not acknowledged by now is sent no more. In the order of the devices: acknowledgements of others run beside it. */
export async function withdrawFrames(
  db: Queryable,
  frames: OfMessage & { readonly at: number },
): Promise<void> {
  await db.query(
    `with open as (
       select f.bucket, f.hwid from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
         join live_frame f on f.bucket = i.bucket and f.message_id = $1 and f.hwid = i.hwid
        where f.notification is not null order by f.bucket, f.hwid collate "C" for update of f
     )
     update live_frame f set notification = null, withdrawn_at = $4 from open o
      where f.bucket = o.bucket and f.message_id = $1 and f.hwid = o.hwid`,
    [...keysOf(frames), new Date(frames.at)],
  )
}

export interface FrameToSend extends Place {
  readonly bucket: number
  readonly messageId: string
  readonly seq: number
  readonly userId: string | null
  readonly deliveryId: string
  readonly notification: LiveNotification
  /** Who is logged in on the device now; nobody can change before the transaction ends. */
  readonly deviceUserId: string | null
}

const SENT_AT_ONCE = 500

/**
 * Reads and marks at once; its parts are joined by keys, whatever the planner believes. The next one begins behind the last of this one:
 * what it would pass over again are the index entries of all that was sent so far. Uses the indexes live_frame_in_turn and message_recall.
 */
const SEND = `
  with due as materialized (
    select f.bucket, f.app_id, f.hwid, f.message_id, f.seq, f.user_id, f.delivery_id, f.notification, d.user_id as device_user_id,
           f.user_id is not distinct from d.user_id as is_own
      from live_frame f
      join message m on m.id = f.message_id and m.state in ('sending', 'done')
      join device d on d.bucket = f.bucket and d.app_id = f.app_id and d.hwid = f.hwid
     where f.server = $1 and f.notification is not null and f.sent_at is null and f.expires_at > $2 and f.bucket <= $3
       and (f.bucket, f.app_id, f.hwid collate "C", f.seq) > ($4::smallint, $5::integer, $6::text, $7::bigint)
       and not exists (select from message r where r.recall_of = m.id) -- it would be shown after it was taken back
     order by f.bucket, f.app_id, f.hwid collate "C", f.seq -- as devices are locked everywhere
     limit ${SENT_AT_ONCE}
       for share of d
  ), marked as (
    update live_frame f set sent_at = $2, notification = case when due.is_own then f.notification end,
                            withdrawn_at = case when not due.is_own then $2 end
      from due where f.bucket = due.bucket and f.message_id = due.message_id and f.hwid = due.hwid
  )
  select bucket, app_id as "appId", hwid, message_id as "messageId", seq, user_id as "userId", delivery_id as "deliveryId",
         notification, device_user_id as "deviceUserId" from due`

/** A frame is behind this one in the order in which frames are sent. */
export interface FramePlace extends Place {
  readonly bucket: number
  readonly seq: number
}

interface Range {
  readonly server: string
  readonly after: FramePlace
  readonly bucketTo: number
  readonly at: number
}

interface Sender {
  /** Writes, and does not wait. */
  readonly send: (frame: FrameToSend) => void
  /** It is for somebody who is not logged in there any more. */
  readonly refuse: (frame: FrameToSend) => void
}

/**
 * R25: what `send` gets is for whoever is logged in on the device, and as long as it runs nobody else can be. What is for somebody
 * else is withdrawn. Returns where it goes on; undefined when nothing is left.
 */
export async function sendFrames(
  tx: Transaction,
  { server, after, bucketTo, at }: Range,
  { send, refuse }: Sender,
): Promise<FramePlace | undefined> {
  // That it was sent may be lost with the database: then it is sent once more, unless its acknowledgement was stored, which comes later and
  // flushes what was stored before. A connection that has sent it does so only once.
  tx.send(WITHOUT_FLUSH)
  const { rows } = await tx.query<FrameToSend>(SEND, [
    server,
    new Date(at),
    bucketTo,
    after.bucket,
    after.appId,
    after.hwid,
    after.seq,
  ])
  for (const frame of rows) {
    if (frame.userId === frame.deviceUserId) send(frame)
    else refuse(frame)
  }
  return rows.length < SENT_AT_ONCE ? undefined : rows.at(-1)
}

/** Of a frame that was sent. */
export interface SentKey extends Key {
  readonly messageId: string
  /** Of one that was sent before it is a row. */
  readonly unkept?: Unkept
}

/** What is to be known of a frame until its row is there. */
export interface Unkept {
  acknowledge(): void
  /** Its connection has ended without it. */
  giveUp(): void
  /** Its row is there; false when it was lost on the way to the database. */
  readonly kept: Promise<boolean>
  /** Then its row says that it is acknowledged. */
  readonly isKeptAcknowledged: boolean
}

/**
 * Of many devices at once, in the order in which frames are withdrawn. Also of what was withdrawn meanwhile: that the device has it is
 * true all the same.
 */
export async function acknowledge(
  db: Queryable,
  { frames, at }: { readonly frames: readonly SentKey[]; readonly at: number },
): Promise<void> {
  await db.query(
    `with told as (
       select f.bucket, f.message_id, f.hwid
         from unnest($1::smallint[], $2::uuid[], $3::text[]) as i (bucket, message_id, hwid)
         join live_frame f on f.bucket = i.bucket and f.message_id = i.message_id and f.hwid = i.hwid
        order by f.bucket, f.hwid collate "C", f.seq for update of f
     )
     update live_frame f set acked_at = coalesce(acked_at, $4), notification = null from told t
      where f.bucket = t.bucket and f.message_id = t.message_id and f.hwid = t.hwid`,
    [frames.map(it => it.bucket), frames.map(it => it.messageId), frames.map(it => it.hwid), new Date(at)],
  )
}

/** What a device has from a connection before: it had no chance to say so, or nobody was there to hear it. */
export async function acknowledgeHad(
  tx: Queryable,
  devices: readonly (DeviceKey & { readonly have: readonly number[]; readonly at: number })[],
): Promise<void> {
  const had = devices.flatMap(({ have, ...device }) => have.map(seq => ({ ...device, seq })))
  if (had.length === 0) return
  await tx.query(
    `with had as (
       select f.bucket, f.message_id, f.hwid, i.at
         from unnest($1::smallint[], $2::integer[], $3::text[], $4::bigint[], $5::timestamptz[]) as i (bucket, app_id, hwid, seq, at)
         join live_frame f on f.bucket = i.bucket and f.app_id = i.app_id and f.hwid = i.hwid and f.seq = i.seq
                          and f.notification is not null
        order by f.bucket, f.hwid collate "C", f.seq for update of f
     )
     update live_frame f set acked_at = h.at, notification = null from had h
      where f.bucket = h.bucket and f.message_id = h.message_id and f.hwid = h.hwid`,
    [...placesOf(had), had.map(it => it.seq), had.map(it => new Date(it.at))],
  )
}

/** What devices have not acknowledged is the next to be sent by the process that they have connected to. */
export function resumeFrames(
  tx: Transaction,
  devices: readonly (DeviceKey & { readonly server: string })[],
): void {
  tx.send(
    `with open as (
       select f.bucket, f.message_id, f.hwid, i.server
         from unnest($1::smallint[], $2::integer[], $3::text[], $4::uuid[]) as i (bucket, app_id, hwid, server)
         join live_frame f on f.bucket = i.bucket and f.app_id = i.app_id and f.hwid = i.hwid and f.notification is not null
        order by f.bucket, f.hwid collate "C", f.seq for update of f
     )
     update live_frame f set server = o.server, sent_at = null from open o
      where f.bucket = o.bucket and f.message_id = o.message_id and f.hwid = o.hwid`,
    [...placesOf(devices), devices.map(it => it.server)],
  )
}

export interface FrameRecord {
  readonly madeAt: string
  readonly sentAt: string | null
  readonly ackedAt: string | null
  readonly withdrawnAt: string | null
  readonly route: Route
}

/** Of one message to one device; undefined when it did not go over the live channel. */
export async function readFrame(
  db: Queryable,
  { messageId, hwid }: { readonly messageId: string; readonly hwid: string },
): Promise<FrameRecord | undefined> {
  const { rows } = await db.query<FrameRecord>(
    `select f.made_at as "madeAt", f.sent_at as "sentAt", f.acked_at as "ackedAt", f.withdrawn_at as "withdrawnAt",
            coalesce(m.rules ->> 'route', 'push') as route
       from live_frame f join message m on m.id = f.message_id
      where f.bucket = $1 and f.message_id = $2 and f.hwid = $3`,
    [bucketOf(hwid), messageId, hwid],
  )
  return rows[0]
}

/** Returns how many rows went. */
export async function dropOldFrames(db: Queryable, at: number): Promise<number> {
  const before = new Date(at - KEPT_DAYS * DAY_MS)
  return (await db.query('delete from live_frame where made_at < $1', [before])).rowCount
}
