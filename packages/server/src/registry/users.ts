/**
 * Users: people with one or more devices. A user is not a row but the name that devices carry, so a login is one write
 * and a user without devices leaves nothing behind.
 * R25: a device that is logged out, or goes over to another user, gets nothing any more that is meant for the former.
 */
import { type DeviceSummary, PushError } from '@roost/protocol'
import { carryOccasions, carryOccasionsOfDevices } from '../messages/triggers/occasions.ts'
import type { Database, Queryable } from '../store/database.ts'
import { bucketOf } from './buckets.ts'
import { deviceOrder } from './lock-order.ts'
import { ofUserByIndex } from './person-devices.ts'
import { STATE_OF_DEVICE } from './read.ts'
import type { RegistryContext } from './register/registration.ts'
import type { DeviceUpdate } from './register/update.ts'

interface UserKey {
  readonly appId: number
  readonly userId: string
}

/** A name that clients give to everybody ("guest") has millions of devices. */
const DEVICES_MAX = 1000

/** Uses the index device_of_user; of more devices than are told it is left to that which. */
const DEVICES = `
  select d.hwid, d.platform, d.device_model as "deviceModel", d.user_id as "userId", coalesce(newest.state, 'none') as state, newest.reason,
         d.last_seen_at as "lastSeenAt"
    from (select * from device where app_id = $1 and user_id = $2 limit ${DEVICES_MAX + 1}) d ${STATE_OF_DEVICE}
   order by d.last_seen_at desc, d.hwid`

export interface UserView {
  readonly userId: string
  readonly devices: DeviceSummary[]
  /** There are more than are told. */
  readonly hasMore: boolean
}

/** Its devices, last seen first, 1000 at most. Throws `user_unknown`. */
export async function readUser(db: Queryable, { appId, userId }: UserKey): Promise<UserView> {
  const { rows } = await db.query<DeviceSummary>(DEVICES, [appId, userId])
  if (rows.length === 0)
    throw new PushError('user_unknown', `no device of this app belongs to user "${userId}"`)
  return { userId, devices: rows.slice(0, DEVICES_MAX), hasMore: rows.length > DEVICES_MAX }
}

/** Locked in order, so that a merge and a login wait for each other. */
const SET_USER = `
  with locked as (
    select bucket, app_id, hwid from device where app_id = $1 and user_id = $2
     order by ${deviceOrder('device')} for update
  )
  update device d set user_id = $3
    from locked l where d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid and d.user_id = $2`

/** All devices of a user go over to another one, with what events of theirs have asked for. Returns how many; 0 when repeated. */
export async function mergeUsers(
  db: Database,
  { appId, from, into }: { readonly appId: number; readonly from: string; readonly into: string },
): Promise<number> {
  if (from === into) return 0
  return db.transaction(async tx => {
    const { rowCount } = await tx.query(SET_USER, [appId, from, into])
    await carryOccasions(tx, { appId, from, into })
    return rowCount
  })
}

/** Logs the user out everywhere. Returns of how many devices. */
export async function logOutUser(db: Database, { appId, userId }: UserKey): Promise<number> {
  return db.transaction(async tx => (await tx.query(SET_USER, [appId, userId, null])).rowCount)
}

/**
 * R25: clients name the user in every call, and queue calls that failed for hours or days. One that is not about the user
 * must not log a former one in again, so it names the user of a device that is not known yet, and of no other.
 */
export async function withoutLateUser(db: Queryable, update: DeviceUpdate): Promise<WithoutLateUser> {
  const { appId, hwid, userId } = update
  if (userId === null) return { update, isUserIgnored: false }
  const { rows } = await db.query<Pick<DeviceUpdate, 'userId'>>(
    'select user_id as "userId" from device where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid],
  )
  const [known] = rows
  if (known === undefined) return { update, isUserIgnored: false }
  return { update: { ...update, userId: null }, isUserIgnored: known.userId !== userId }
}

export interface WithoutLateUser {
  readonly update: DeviceUpdate
  /** It names somebody else than the device belongs to; the caller has to know that this changed nothing. */
  readonly isUserIgnored: boolean
}

export interface MergeFromDevice {
  readonly appId: number
  /** The calling device, as one of the new user. */
  readonly update: DeviceUpdate
  readonly from: string
  readonly into: string
  /** With those of its devices that came after the calling one. Else that goes over alone. */
  readonly areAllMeant: boolean
}

/** As many as a person has; all others stay. */
const TAKEN_ALONG_MAX = 100

/**
 * $1 app, $2 from, $3 into, $4 and $5 the calling device. It goes itself, and with it those that came to the user no earlier than it did;
 * one of which that is not known came before it was noted. A name of more than DEVICES_MAX is no person's, and finding who came later would
 * read all of them, so from there it goes alone.
 */
const TAKE_ALONG = `
  with own as (
    select user_since from device where bucket = $4 and app_id = $1 and hwid = $5 and user_id = $2
  ), of_user as materialized (
    select bucket, hwid, user_since, last_seen_at from device ${ofUserByIndex('$1', '$2')} limit ${DEVICES_MAX + 1}
  ), later as (
    select u.bucket, u.hwid
      from of_user u cross join own
     where u.hwid <> $5 and (own.user_since is null or u.user_since >= own.user_since)
       and (select count(*) from of_user) <= ${DEVICES_MAX}
     order by u.last_seen_at desc, u.hwid limit ${TAKEN_ALONG_MAX}
  ), meant as (
    select $4::smallint as bucket, $5::text as hwid from own union all select bucket, hwid from later
  ), locked as (
    select d.bucket, d.app_id, d.hwid
      from meant m join device d on d.bucket = m.bucket and d.app_id = $1 and d.hwid = m.hwid and d.user_id = $2
     order by ${deviceOrder('d')} for update of d
  )
  update device d set user_id = $3
    from locked l where d.bucket = l.bucket and d.app_id = l.app_id and d.hwid = l.hwid and d.user_id = $2
  returning d.bucket, d.hwid`

/**
 * A device asks for a merge. The device token is public, and whoever has it may claim any name, so a stranger must not take other people's
 * devices along: only those go over with the calling one that came to the former user no earlier than it did. Back ends merge whole users.
 */
export async function mergeFromDevice(context: RegistryContext, merge: MergeFromDevice): Promise<void> {
  const { update, into, areAllMeant } = merge
  const isLogout = into === update.hwid
  // First, or the calling device would be somebody else for a moment, and what waits for it not meant for that one.
  if (areAllMeant && !isLogout) await takeAlong(context.db, merge)
  await context.registrations.apply({ ...update, userId: isLogout ? null : into, isLogout })
}

async function takeAlong(
  db: Database,
  { appId, update: { hwid }, from, into }: MergeFromDevice,
): Promise<void> {
  if (from === into) return
  await db.transaction(async tx => {
    const values = [appId, from, into, bucketOf(hwid), hwid]
    const { rows: devices } = await tx.query<{ bucket: number; hwid: string }>(TAKE_ALONG, values)
    await carryOccasionsOfDevices(tx, { appId, from, into, devices })
  })
}
