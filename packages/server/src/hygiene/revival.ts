/**
 * R15: an open brings back the addresses that its device has lost by its silence. What it brings back has proved nothing to
 * its gateway, so the clock of its registration stays; a send finds out.
 *
 * Not an FCM address that was not heard of for 270 days: Google has ended that one, and the app registers another.
 * After the open was stored, in a transaction of its own: a job that ends the address waits for the device's row, so it has
 * either ended it before that or sees the open.
 */
import { bucketOf } from '../registry/buckets.ts'
import { plainArray, textArray } from '../store/array-literals.ts'
import type { Database, PlannedStatement, Queryable } from '../store/database.ts'
import { deviceColumns, type HeldKey, IS_UNREPLACED, lockHeld } from './locks.ts'

export interface Opened {
  readonly appId: number
  readonly hwid: string
  /** ms. */
  readonly at: number
}

/** The first line is the predicate of the index address_silent. */
const IS_LOST_BY_SILENCE = `a.state = 'dead' and a.reason in ('inactive', 'not_heard_of')
     and (a.reason = 'inactive' or a.provider <> 'fcm')`

/** Uses the index address_silent: nearly no open finds anything, and a look at the rows themselves would cost each a fifth more. */
const FIND: PlannedStatement = {
  name: 'find_lost_by_silence',
  text: `
  select a.bucket, a.app_id as "appId", a.hwid, a.address_hash as hash, a.generation
    from unnest($1::smallint[], $2::integer[], $3::text[]) as i (bucket, app_id, hwid)
    join address a on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid
   where ${IS_LOST_BY_SILENCE}`,
}

interface Lost extends HeldKey {
  readonly generation: number
}

/** Returns how many addresses came back. */
export async function reviveOpened(db: Database, opened: readonly Opened[]): Promise<number> {
  if (opened.length === 0) return 0
  const keys = opened.map(it => ({ ...it, bucket: bucketOf(it.hwid) }))
  const { rows } = await db.once<Lost>(FIND, [
    plainArray(keys, it => it.bucket),
    plainArray(keys, it => it.appId),
    textArray(keys, it => it.hwid),
  ])
  if (rows.length === 0) return 0
  const at = Math.max(...opened.map(it => it.at))
  return db.transaction(async tx => revive(tx, await lockHeld(tx, rows), at))
}

/** Of two addresses of a device and kind the one that was registered last. */
const REVIVE = `
  with fit as (
    select distinct on (a.bucket, a.app_id, a.hwid, a.kind) a.bucket, a.app_id, a.hwid, a.address_hash, a.reason
      from unnest($1::smallint[], $2::integer[], $3::text[], $4::bytea[], $5::integer[]) as i (bucket, app_id, hwid, hash, generation)
      join address a on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.hash
                    and a.generation = i.generation
     where ${IS_LOST_BY_SILENCE} and ${IS_UNREPLACED} and (a.expires_at is null or a.expires_at > $6)
     order by a.bucket, a.app_id, a.hwid, a.kind, a.last_registered_at desc, a.address_hash
  ), revived as (
    update address a
       set state = 'active', reason = null, generation = a.generation + 1, state_since = $6, ages_from = $6,
           doubts = 0, doubted_at = null, held_by = null, held_generation = null, old_deaths = 0, old_death_at = null
      from fit f
     where a.bucket = f.bucket and a.app_id = f.app_id and a.hwid = f.hwid and a.address_hash = f.address_hash
    returning a.*, f.reason as removed_for
  )
  insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation, evidence)
  select bucket, app_id, hwid, $6, 'restored', 'opened', provider, environment, kind, right(address, 8), generation,
         jsonb_build_object('formerState', 'dead', 'removedFor', removed_for)
    from revived`

async function revive(tx: Queryable, lost: readonly Lost[], at: number): Promise<number> {
  const columns = [...deviceColumns(lost), lost.map(it => it.hash), lost.map(it => it.generation)]
  return (await tx.query(REVIVE, [...columns, new Date(at)])).rowCount
}
