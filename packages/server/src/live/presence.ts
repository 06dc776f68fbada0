/**
 * Who is present: one row a device that was ever connected, and one a server process that holds connections. All processes of a database
 * see the same.
 *
 *   hello ──▶ online ◀──state──▶ background ──the connection ends──▶ offline ──7 days──▶ logged out
 *                └────────────logout────────────┴─────────────────────────────────────────▶┘
 *
 * A connection counts while its process lives: that says so every 5 s, by the clock of the database, and no row is written for a
 * connection that only stays. Of a device the newest connection counts (`session`).
 */
import { PRESENCE_STATES, type PresenceState, PushError } from '@roost/protocol'
import { bucketOf } from '../registry/buckets.ts'
import { type DeviceKey, deviceOrder } from '../registry/lock-order.ts'
import type { Database, Queryable, Transaction } from '../store/database.ts'

export const BEAT_EVERY_MS = 5000
/** In so many beats a process that lives has said so. */
export const BEATS_TO_JUDGE = 3
/** As long as the lease of a batch. */
const SILENT_AFTER = "interval '15 seconds'"
/** SQL over `live_server s`. */
export const IS_ALIVE = `s.beat_at > clock_timestamp() - ${SILENT_AFTER}`
const LOGIN_LASTS_MS = 7 * 24 * 3_600_000

export interface Place {
  readonly appId: number
  readonly hwid: string
}

export function keyOf({ appId, hwid }: Place): string {
  return `${appId} ${hwid}`
}

export interface Connection extends DeviceKey {
  readonly userId: string | null
  readonly state: 'online' | 'background'
  readonly server: string
  readonly session: string
  /** ms. */
  readonly at: number
}

const lockDevices = (whatIsLocked: string) => `
  select i.app_id as "appId", i.hwid, d.user_id as "userId"
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
    join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
   order by ${deviceOrder('i')} for no key update of d ${whatIsLocked}`
const LOCK_DEVICES = { wait: lockDevices(''), 'pass over': lockDevices('skip locked') }

/**
 * Devices are locked before they are connected, so a user who logs in there meanwhile comes before or after, and not between; and so does
 * the sending of frames, which locks them, too: what was found for a device before it was connected is found again. Who is logged in on
 * those that are known, by `keyOf`. `locked`: what is done where somebody else holds the row.
 */
export async function lockForConnecting(
  tx: Transaction,
  devices: readonly DeviceKey[],
  locked: 'wait' | 'pass over',
): Promise<ReadonlyMap<string, { readonly userId: string | null }>> {
  const { rows } = await tx.query<Place & { userId: string | null }>(LOCK_DEVICES[locked], placesOf(devices))
  return new Map(rows.map(it => [keyOf(it), it]))
}

const CONNECT = `
  insert into live_presence (bucket, app_id, hwid, user_id, state, changed_at, server, session)
  select * from unnest($1::smallint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::uuid[], $8::uuid[])
  on conflict (bucket, app_id, hwid) do update
     set user_id = excluded.user_id, state = excluded.state, changed_at = excluded.changed_at,
         server = excluded.server, session = excluded.session`

/** Of devices that are locked. */
export function storeConnections(tx: Transaction, connections: readonly Connection[]): void {
  tx.send(CONNECT, [
    ...placesOf(connections),
    connections.map(it => it.userId),
    connections.map(it => it.state),
    connections.map(it => new Date(it.at)),
    connections.map(it => it.server),
    connections.map(it => it.session),
  ])
}

/** Parameters: buckets, apps, hwids. */
export function placesOf(places: readonly DeviceKey[]): [number[], number[], string[]] {
  return [places.map(it => it.bucket), places.map(it => it.appId), places.map(it => it.hwid)]
}

/** Null also of a device that is not known. */
export async function readUserOf(db: Queryable, { appId, hwid }: Place): Promise<string | null> {
  const { rows } = await db.query<{ userId: string | null }>(
    'select user_id as "userId" from device where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid],
  )
  return rows[0]?.userId ?? null
}

export interface PresenceChange extends Place {
  readonly session: string
  readonly state: PresenceState
  readonly at: number
}

/** False when the connection does not count any more. One that has ended holds nothing. */
export async function changePresence(db: Queryable, change: PresenceChange): Promise<boolean> {
  const { appId, hwid, session, state, at } = change
  const isOpen = state === 'online' || state === 'background'
  const { rowCount } = await db.query(
    `update live_presence
        set state = $5, changed_at = case when state = $5 then changed_at else $6 end,
            server = case when $7 then server end, session = case when $7 then session end
      where bucket = $1 and app_id = $2 and hwid = $3 and session = $4`,
    [bucketOf(hwid), appId, hwid, session, state, new Date(at), isOpen],
  )
  return rowCount > 0
}

const ENDED_AT_ONCE = 500

/** In the order in which devices connect again meanwhile. */
const END_SOME = `
  with ended as (
    select p.bucket, p.app_id, p.hwid from live_presence p
     where p.server = $1 order by ${deviceOrder('p')} limit ${ENDED_AT_ONCE} for update
  )
  update live_presence p set state = 'offline', changed_at = $2, server = null, session = null
    from ended e where p.bucket = e.bucket and p.app_id = e.app_id and p.hwid = e.hwid`

/** All that have ended with their process. */
export async function endSessions(
  db: Database,
  { server, at }: { readonly server: string; readonly at: number },
): Promise<void> {
  const endSome = () => db.plannedTransaction(tx => tx.query(END_SOME, [server, new Date(at)]))
  while ((await endSome()).rowCount > 0) {} // who has connected elsewhere meanwhile is passed over
  await db.query('delete from live_server where id = $1', [server])
}

/** Says that the process lives; returns whether it had said so in time before. */
export async function beat(db: Database, server: string): Promise<boolean> {
  const { rows } = await db.query<{ wasAlive: boolean }>(
    `with before as (select ${IS_ALIVE} as is_alive from live_server s where s.id = $1)
     insert into live_server (id, beat_at) values ($1, clock_timestamp())
     on conflict (id) do update set beat_at = excluded.beat_at
     returning coalesce((select is_alive from before), false) as "wasAlive"`,
    [server],
  )
  return rows[0]?.wasAlive ?? false
}

/** Ends what was connected to processes that do not say any more that they live. */
export async function endSilent(db: Database, at: number): Promise<void> {
  const { rows } = await db.query<{ id: string }>(`select s.id from live_server s where not (${IS_ALIVE})`)
  for (const { id } of rows) await endSessions(db, { server: id, at })
}

export interface Session extends Place {
  readonly bucket: number
  readonly session: string
}

/** Sessions of this process that count no more: the device has connected elsewhere, or has another user. */
export async function findOutdated(
  db: Queryable,
  { server, sessions }: { readonly server: string; readonly sessions: readonly Session[] },
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ session: string }>(
    `select i.session
       from unnest($2::uuid[], $3::smallint[], $4::integer[], $5::text[]) as i (session, bucket, app_id, hwid)
       left join live_presence p on p.bucket = i.bucket and p.app_id = i.app_id and p.hwid = i.hwid
                                and p.session = i.session and p.server = $1
       left join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
      where p.session is null or d.hwid is null or p.user_id is distinct from d.user_id`,
    [server, sessions.map(it => it.session), ...placesOf(sessions)],
  )
  return new Set(rows.map(it => it.session))
}

/**
 * Of devices, most present first; those that are not known are left out. A row is of the user who was logged in when it connected: of a
 * former one it says nothing, but that a device at which nobody is logged in has logged out.
 */
const PRESENCES = `
  select d.hwid, p.changed_at as since, d.last_seen_at as "lastSeenAt",
         case when p.state in ('online', 'background') and s.id is null then 'offline' else p.state end as state
    from device d
    left join live_presence p on p.bucket = d.bucket and p.app_id = d.app_id and p.hwid = d.hwid
                             and (p.user_id is not distinct from d.user_id
                                  or d.user_id is null and p.state = 'logged_out')
    left join live_server s on s.id = p.server and ${IS_ALIVE}`

interface PresenceRow {
  readonly hwid: string
  readonly state: PresenceState | null
  readonly since: string | null
  readonly lastSeenAt: string
}

export interface Presence {
  readonly hwid: string
  readonly state: PresenceState
  /** ISO 8601. */
  readonly since: string | null
}

/** Throws `device_unknown`. */
export async function readDevicePresence(
  db: Queryable,
  { appId, hwid, at }: Place & { readonly at: number },
) {
  const { rows } = await db.query<PresenceRow>(
    `${PRESENCES} where d.bucket = $1 and d.app_id = $2 and d.hwid = $3`,
    [bucketOf(hwid), appId, hwid],
  )
  if (rows[0] === undefined) throw new PushError('device_unknown', `this app has no device "${hwid}"`)
  return presenceOf(rows[0], at)
}

const DEVICES_MAX = 1000

/** Throws `user_unknown`. */
export async function readUserPresence(
  db: Queryable,
  { appId, userId, at }: { readonly appId: number; readonly userId: string; readonly at: number },
) {
  const { rows } = await db.query<PresenceRow>(
    `${PRESENCES} where d.app_id = $1 and d.user_id = $2 order by d.last_seen_at desc, d.hwid limit ${DEVICES_MAX}`,
    [appId, userId],
  )
  if (rows.length === 0)
    throw new PushError('user_unknown', `no device of this app belongs to user "${userId}"`)
  const devices = rows.map(it => presenceOf(it, at)).sort((a, b) => rankOf(a) - rankOf(b))
  return { userId, state: devices[0]?.state ?? 'logged_out', devices }
}

function rankOf({ state }: Presence): number {
  return PRESENCE_STATES.indexOf(state)
}

function presenceOf({ hwid, state, since, lastSeenAt }: PresenceRow, at: number): Presence {
  if (state === 'online' || state === 'background' || state === 'logged_out') return { hwid, state, since }
  const heardAt = Math.max(Date.parse(lastSeenAt), since === null ? 0 : Date.parse(since))
  const hasLapsed = at - heardAt >= LOGIN_LASTS_MS
  return { hwid, state: hasLapsed ? 'logged_out' : 'offline', since }
}
