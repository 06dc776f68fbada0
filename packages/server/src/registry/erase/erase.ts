/**
 * Data rights: all that is held of a device or a person, to hand out or to erase (GDPR, articles 15, 17 and 20).
 *
 * Tables are found by their columns, so one that is added later is covered, too: every table with `app_id` and `hwid` or
 * `user_id` is about devices or people. Other places that name them are listed in mentions.ts; a test asks of each column
 * whether it is known here. What is queued for the device goes with it; deliveries that are at a gateway at that moment are
 * booked afterwards, and a sweep erases that, too, ten minutes later. Until then the names are in `erasure_sweep` and
 * `erasure_sweep_user`.
 *
 * The record of it has salted hashes of the name and of the devices that went with a person: who knows one of them can show
 * that it was erased.
 *
 * Order of locks: bulk calls, messages and events that name them, then what settling a chunk takes (batches, queue), then
 * what registering does (devices, directory, addresses).
 */
import { createHash, randomBytes } from 'node:crypto'
import { type ErasureTarget, type ErasureView, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import { eraseFromExports } from '../../audience/export.ts'
import { eraseAcceptances } from '../../dispatch/acceptances.ts'
import { eraseMembers } from '../../inbox/members.ts'
import { countErasedInstalls } from '../../insight/statistics/base.ts'
import { gatherErased } from '../../insight/statistics/gather.ts'
import type { Database, Queryable } from '../../store/database.ts'
import { addressBucketOf, bucketOf } from '../buckets.ts'
import { addressOrder, deviceOrder, directoryOrder } from '../lock-order.ts'
import { eraseMentions, type Names, readMessagesTo } from './mentions.ts'

/** A chunk that was under way is booked within its lease of seconds, and the gateway's deadline before it. */
const SWEEP_AFTER_MS = 10 * 60_000

export interface Erase {
  readonly appId: number
  readonly target: ErasureTarget
  /** The name of the person, or the label of the token. */
  readonly by: string
  /** ms. */
  readonly at: number
}

/** Erases in one transaction. Throws `device_unknown` when there is nothing of such a name. */
export async function erase(db: Database, wanted: Erase): Promise<ErasureView> {
  return db.transaction(async tx => {
    const { appId, target, at } = wanted
    const names = await namesOf(tx, appId, target)
    const counts = new Map<string, number>()
    for (const [table, count] of await eraseMentions(tx, names)) add(counts, table, count)
    await eraseCursors(tx, names)
    add(counts, 'delivery_queue', await eraseQueued(tx, names))
    const hwids = await lockDevices(tx, appId, target)
    await eraseDevices(tx, { appId, hwids, counts })
    if ('userId' in target) await eraseUser(tx, { appId, userId: target.userId, counts })
    if (counts.size === 0) throw new PushError('device_unknown', 'this app holds nothing under this name')
    return record(tx, {
      ...('hwid' in target
        ? ({ subject: 'device', name: target.hwid } as const)
        : ({ subject: 'user', name: target.userId } as const)),
      appId,
      by: wanted.by,
      hwids,
      counts,
      at,
    })
  })
}

/** Some of them have been heard of since they were chosen. */
class HeardOf extends Error {
  readonly left: readonly string[]

  constructor(left: readonly string[]) {
    super('heard of again')
    this.left = left
  }
}

export interface EraseMany {
  readonly appId: number
  readonly hwids: readonly string[]
  readonly by: string
  /** ms. */
  readonly at: number
  /** Locks the devices and returns which of them are still to be erased. */
  readonly lockStill: (tx: Queryable, hwids: readonly string[]) => Promise<readonly string[]>
}

/** Many devices in one transaction, with one record for all of them. Returns which. */
export async function eraseMany(db: Database, wanted: EraseMany): Promise<readonly string[]> {
  for (let hwids = wanted.hwids; hwids.length > 0; ) {
    try {
      await db.transaction(tx => eraseStill(tx, { ...wanted, hwids }))
      return hwids
    } catch (error) {
      if (!(error instanceof HeardOf)) throw error
      hwids = error.left // nothing was done yet to any of them
    }
  }
  return []
}

async function eraseStill(tx: Queryable, { appId, hwids, by, at, lockStill }: EraseMany): Promise<void> {
  const names = { ...(await namesOfDevices(tx, appId, hwids)), users: [] }
  const counts = new Map<string, number>()
  for (const [table, count] of await eraseMentions(tx, names)) add(counts, table, count)
  await eraseCursors(tx, names)
  add(counts, 'delivery_queue', await eraseQueued(tx, names))
  const left = await lockStill(tx, hwids)
  if (left.length < hwids.length) throw new HeardOf(left)
  await eraseDevices(tx, { appId, hwids, counts })
  await record(tx, { appId, subject: 'devices', name: '', by, at, hwids, counts })
}

/** What the target is known by. Nothing is locked, so it serves reading, too. */
async function namesOf(tx: Queryable, appId: number, target: ErasureTarget): Promise<Names> {
  const hwids = 'hwid' in target ? [target.hwid] : await hwidsOf(tx, appId, target.userId)
  const users = 'userId' in target ? [target.userId] : []
  return { ...(await namesOfDevices(tx, appId, hwids)), users }
}

async function namesOfDevices(
  tx: Queryable,
  appId: number,
  hwids: readonly string[],
): Promise<Omit<Names, 'users'>> {
  const { rows } = await tx.query<{ address: string }>(
    `select distinct a.address from address a join unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
         on a.bucket = i.bucket and a.hwid = i.hwid where a.app_id = $1`,
    [appId, hwids.map(bucketOf), hwids],
  )
  return { appId, hwids, tokens: rows.map(it => it.address) }
}

async function hwidsOf(tx: Queryable, appId: number, userId: string): Promise<string[]> {
  const { rows } = await tx.query<{ hwid: string }>(
    'select hwid from device where app_id = $1 and user_id = $2 order by bucket, hwid',
    [appId, userId],
  )
  return rows.map(it => it.hwid)
}

/** Returns whose they are now: one that went over to somebody else a moment ago is theirs. */
async function lockDevices(tx: Queryable, appId: number, target: ErasureTarget): Promise<string[]> {
  if ('hwid' in target) return [target.hwid]
  const { rows } = await tx.query<{ hwid: string }>(
    `select hwid from device where app_id = $1 and user_id = $2 order by ${deviceOrder('device')} for update`,
    [appId, target.userId],
  )
  return rows.map(it => it.hwid)
}

/**
 * A batch that is under way remembers the last device that it has come to. The one before it in the same bucket is as good
 * a place to go on at.
 */
async function eraseCursors(tx: Queryable, { appId, hwids }: Devices): Promise<void> {
  await tx.query(
    `update batch b
        set cursor_hwid = coalesce((select max(d.hwid) from device d
                                     where d.bucket = b.cursor_bucket and d.app_id = b.app_id and d.hwid < b.cursor_hwid
                                       and d.hwid <> all($2::text[])), '')
      where b.app_id = $1 and (b.state in ('waiting', 'sending') or b.state = 'held') and b.cursor_hwid = any($2)`,
    [appId, hwids],
  )
}

/** Tables of ours, of this schema; views and what graphile-worker keeps are not among them. */
const TABLES = `
  select t.table_name as name,
         bool_or(c.column_name = 'app_id') as "hasApp",
         bool_or(c.column_name = 'hwid') as "hasHwid",
         bool_or(c.column_name = 'user_id') as "hasUser",
         bool_or(c.column_name = 'bucket') as "hasBucket",
         quote_ident(t.table_name) as quoted
    from information_schema.tables t
    join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
   where t.table_schema = current_schema() and t.table_type = 'BASE TABLE'
   group by t.table_name order by t.table_name`

interface Table {
  readonly name: string
  readonly quoted: string
  readonly hasApp: boolean
  readonly hasHwid: boolean
  readonly hasUser: boolean
  readonly hasBucket: boolean
}

/** A person without a device is told by their own name in what was skipped, as if it were a hwid. */
const NAMED_UNREACHED = 'delivery_exception'
/** Found by the address alone, and says nothing that the address does not. */
const DIRECTORY = 'address_directory'
const FORMER_USERS = 'former_user'
/** Their names are kept for the sweep. */
const SWEEPS: ReadonlySet<string> = new Set(['erasure_sweep', 'erasure_sweep_user'])

async function readTables(tx: Queryable): Promise<Table[]> {
  return (await tx.query<Table>(TABLES)).rows.filter(it => !SWEEPS.has(it.name))
}

interface Devices {
  readonly appId: number
  readonly hwids: readonly string[]
}

interface Erasing extends Devices {
  readonly counts: Map<string, number>
}

function add(counts: Map<string, number>, table: string, count: number): void {
  if (count > 0) counts.set(table, (counts.get(table) ?? 0) + count)
}

async function eraseDevices(tx: Queryable, { appId, hwids, counts }: Erasing): Promise<void> {
  if (hwids.length === 0) return
  const keys = [appId, hwids.map(bucketOf), hwids]
  await countErasedInstalls(tx, { appId, hwids, buckets: hwids.map(bucketOf) })
  const device = await tx.query(
    `delete from device d using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
      where d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid`,
    keys,
  )
  add(counts, 'device', device.rowCount)
  add(counts, DIRECTORY, await eraseDirectory(tx, { appId, hwids }))
  await tx.query(
    `select from address a join unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
         on a.bucket = i.bucket and a.app_id = $1 and a.hwid = i.hwid
      order by ${addressOrder('a')} for update of a`,
    keys,
  )
  await eraseRows(tx, { appId, hwids, counts })
  add(counts, 'inbox_members', await eraseMembers(tx, { appId, hwids }))
  add(counts, 'acceptance', await eraseAcceptances(tx, { appId, hwids }))
}

/** They have an order of locks of their own. */
const ERASED_APART: ReadonlySet<string> = new Set(['device', DIRECTORY, 'delivery_queue'])

/** Rows about devices that are not there (any more): of one that has just registered anew nothing is touched. */
async function eraseRows(tx: Queryable, { appId, hwids, counts }: Erasing): Promise<void> {
  await gatherErased(tx, { appId, hwids, buckets: hwids.map(bucketOf) })
  for (const table of await readTables(tx)) {
    if (!table.hasHwid || !table.hasApp || ERASED_APART.has(table.name)) continue
    const byBucket = table.hasBucket ? 't.bucket = i.bucket and' : ''
    const { rowCount } = await tx.query(
      `delete from ${table.quoted} t using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
        where ${byBucket} t.app_id = $1 and t.hwid = i.hwid
          and not exists (select from device d where d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid)`,
      [appId, hwids.map(bucketOf), hwids],
    )
    add(counts, table.name, rowCount)
  }
}

/**
 * Nobody was meant by them then: the counts of their messages stay sums of what happened. The batches are locked first, as
 * a worker does that books a chunk.
 */
async function eraseQueued(tx: Queryable, { appId, hwids }: Devices): Promise<number> {
  const keys = [appId, hwids.map(bucketOf), hwids]
  const { rows: batches } = await tx.query<{ id: number }>(
    `select id from batch
      where id in (select q.batch_id from delivery_queue q join unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
                       on q.bucket = i.bucket and q.hwid = i.hwid where q.app_id = $1)
      order by id for update`,
    keys,
  )
  const { rows } = await tx.query<{ count: number }>(
    `with gone as (
       delete from delivery_queue q using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
        where q.bucket = i.bucket and q.app_id = $1 and q.hwid = i.hwid and q.batch_id = any($4::bigint[])
       returning q.batch_id
     ), counted as (
       update batch b set targeted = greatest(0, b.targeted - g.count)
         from (select batch_id, count(*)::integer as count from gone group by batch_id) g
        where b.id = g.batch_id
     )
     select count(*) as count from gone`,
    [...keys, batches.map(it => it.id)],
  )
  return rows[0]?.count ?? 0
}

/** Found by the hashes of the device's addresses: the directory goes by the address, and has no index by device. */
async function eraseDirectory(tx: Queryable, { appId, hwids }: Devices): Promise<number> {
  const { rows } = await tx.query<{ hash: Buffer }>(
    `select distinct a.address_hash as hash from address a
       join unnest($2::smallint[], $3::text[]) as i (bucket, hwid) on a.bucket = i.bucket and a.hwid = i.hwid
      where a.app_id = $1`,
    [appId, hwids.map(bucketOf), hwids],
  )
  const keys = [appId, rows.map(it => addressBucketOf(it.hash)), rows.map(it => it.hash), hwids]
  await tx.query(
    `select from address_directory h
       join unnest($2::smallint[], $3::bytea[]) as i (address_bucket, hash)
         on h.address_bucket = i.address_bucket and h.app_id = $1 and h.address_hash = i.hash
      order by ${directoryOrder('h')} for update of h`,
    keys.slice(0, 3),
  )
  const held = await tx.query(
    `delete from address_directory d using unnest($2::smallint[], $3::bytea[]) as i (address_bucket, hash)
      where d.address_bucket = i.address_bucket and d.app_id = $1 and d.address_hash = i.hash and d.hwid = any($4)`,
    keys,
  )
  // Others hold what was the device's once; only its name goes.
  await tx.query(
    `update address_directory d set previous_bucket = null, previous_hwid = null
       from unnest($2::smallint[], $3::bytea[]) as i (address_bucket, hash)
      where d.address_bucket = i.address_bucket and d.app_id = $1 and d.address_hash = i.hash
        and d.previous_hwid = any($4)`,
    keys,
  )
  return held.rowCount
}

/** Their devices go as devices; of others only what names the person, such as messages of when they were logged in there. */
async function eraseUser(
  tx: Queryable,
  {
    appId,
    userId,
    counts,
  }: { readonly appId: number; readonly userId: string; readonly counts: Map<string, number> },
): Promise<void> {
  for (const table of await readTables(tx)) {
    if (!table.hasUser || !table.hasApp || table.name === 'device') continue
    const { rowCount } = await tx.query(`delete from ${table.quoted} where app_id = $1 and user_id = $2`, [
      appId,
      userId,
    ])
    add(counts, table.name, rowCount)
  }
  const { rowCount } = await tx.query(
    `delete from ${NAMED_UNREACHED} e where bucket = $1 and app_id = $2 and hwid = $3
        and not exists (select from device d where d.bucket = $1 and d.app_id = $2 and d.hwid = $3)`,
    [bucketOf(userId), appId, userId],
  )
  add(counts, NAMED_UNREACHED, rowCount)
}

interface Recording {
  readonly appId: number
  readonly subject: ErasureView['subject']
  /** '' of several devices, which are known by their hashes alone. */
  readonly name: string
  readonly by: string
  readonly hwids: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly at: number
}

const COLUMNS = 'id, subject, at, by, counts, swept_at as "sweptAt"'

async function record(
  tx: Queryable,
  { appId, subject, name, by, hwids, counts, at }: Recording,
): Promise<ErasureView> {
  const salt = randomBytes(16)
  const { rows } = await tx.query<ErasureView>(
    `insert into erasure (id, app_id, subject, salt, hash, by, at, counts, device_hashes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     returning ${COLUMNS}`,
    [
      uuidv7(),
      appId,
      subject,
      salt,
      hashOf(salt, name),
      by,
      new Date(at),
      JSON.stringify(Object.fromEntries(counts)),
      subject === 'device' ? [] : hwids.map(hwid => hashOf(salt, hwid)),
    ],
  )
  const view = rows[0] as ErasureView
  await tx.query(
    `insert into erasure_sweep (erasure_id, bucket, app_id, hwid, due_at)
     select $1, bucket, $2, hwid, $3 from unnest($4::smallint[], $5::text[]) as i (bucket, hwid)`,
    [view.id, appId, new Date(at + SWEEP_AFTER_MS), hwids.map(bucketOf), hwids],
  )
  if (subject === 'user')
    await tx.query(
      'insert into erasure_sweep_user (erasure_id, app_id, user_id, due_at) values ($1, $2, $3, $4)',
      [view.id, appId, name, new Date(at + SWEEP_AFTER_MS)],
    )
  return view
}

function hashOf(salt: Buffer, name: string): Buffer {
  return createHash('sha256').update(salt).update(name).digest()
}

/** Newest first, 10,000 at most. With a name: those of this hwid or user alone, and of the person whose device it was. */
export async function listErasures(
  db: Queryable,
  query: { readonly appId: number; readonly name?: string },
): Promise<ErasureView[]> {
  const { rows } = await db.query<ErasureView>(
    `select ${COLUMNS} from erasure
      where app_id = $1 and ($2::bytea is null or sha256(salt || $2) = any(device_hashes || hash))
      order by at desc, id desc limit 10000`,
    [query.appId, query.name === undefined ? null : Buffer.from(query.name)],
  )
  return rows
}

/**
 * Erases what was booked after the erasure, and forgets the names. A device that has come back since is left: it has
 * registered anew; and so is a person who has logged in again. Returns how many devices and people. Safe to run in several
 * processes at once.
 */
export async function sweepErasures(db: Database, at: number): Promise<number> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<{ appId: number; hwid: string }>(
      'delete from erasure_sweep s where due_at <= $1 returning app_id as "appId", hwid',
      [new Date(at)],
    )
    const counts = new Map<string, number>()
    for (const appId of new Set(rows.map(it => it.appId))) {
      const hwids = rows.filter(it => it.appId === appId).map(it => it.hwid)
      await eraseCursors(tx, { appId, hwids })
      await eraseQueued(tx, { appId, hwids: await absent(tx, appId, hwids) })
      await eraseRows(tx, { appId, hwids, counts })
      await eraseMembers(tx, { appId, hwids: await absent(tx, appId, hwids) })
      await eraseAcceptances(tx, { appId, hwids: await absent(tx, appId, hwids) })
      await eraseFromExports(tx, { appId, hwids: await absent(tx, appId, hwids), users: [] })
    }
    const people = await sweepPeople(tx, at)
    await finishSweeps(tx, at)
    return rows.length + people
  })
}

async function sweepPeople(tx: Queryable, at: number): Promise<number> {
  const { rows } = await tx.query<{ appId: number; userId: string; isBack: boolean }>(
    `delete from erasure_sweep_user s where due_at <= $1
     returning app_id as "appId", user_id as "userId",
               exists (select from device d where d.app_id = s.app_id and d.user_id = s.user_id) as "isBack"`,
    [new Date(at)],
  )
  for (const { appId, userId, isBack } of rows) {
    if (isBack) continue
    await eraseUser(tx, { appId, userId, counts: new Map() })
    await eraseFromExports(tx, { appId, hwids: [], users: [userId] })
  }
  return rows.length
}

async function absent(tx: Queryable, appId: number, hwids: readonly string[]): Promise<string[]> {
  const { rows } = await tx.query<{ hwid: string }>(
    `select hwid from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
      where not exists (select from device d where d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid)`,
    [appId, hwids.map(bucketOf), hwids],
  )
  return rows.map(it => it.hwid)
}

async function finishSweeps(tx: Queryable, at: number): Promise<void> {
  await tx.query(
    `update erasure e set swept_at = $1
      where swept_at is null and not exists (select from erasure_sweep s where s.erasure_id = e.id)
        and not exists (select from erasure_sweep_user s where s.erasure_id = e.id)`,
    [new Date(at)],
  )
}

/**
 * All rows about a device or a person, by table, and the messages that were for them by name: what they may ask for. Tokens
 * are keys to their devices, so of these only the last characters. Throws `device_unknown`.
 */
export async function exportPerson(
  db: Database,
  { appId, target }: Pick<Erase, 'appId' | 'target'>,
): Promise<Record<string, unknown[]>> {
  return db.transaction(async tx => {
    const names = await namesOf(tx, appId, target)
    const found: Record<string, unknown[]> = {}
    for (const table of await readTables(tx)) {
      if (!table.hasApp || (!table.hasHwid && !table.hasUser) || table.name === DIRECTORY) continue
      const rows = await rowsOf(tx, table, names)
      if (rows.length > 0) found[table.name] = rows
    }
    const messages = await readMessagesTo(tx, names)
    if (messages.length > 0) found.message = messages
    if (Object.keys(found).length === 0)
      throw new PushError('device_unknown', 'this app holds nothing under this name')
    return found
  })
}

async function rowsOf(tx: Queryable, table: Table, { appId, hwids, users }: Names): Promise<unknown[]> {
  const named = table.hasHwid ? [...hwids, ...(table.name === NAMED_UNREACHED ? users : [])] : users
  const byBucket =
    table.hasBucket && table.hasHwid ? 'and t.bucket = any($3::smallint[])' : 'and $3::smallint[] is not null'
  if (table.name === FORMER_USERS) return readFormer(tx, { appId, users })
  const { rows } = await tx.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) - array['bucket', 'app_id', 'address_hash', 'address_bucket', 'keys'] as row from ${table.quoted} t
      where t.app_id = $1 and t.${table.hasHwid ? 'hwid' : 'user_id'} = any($2::text[]) ${byBucket}`,
    [appId, named, named.map(bucketOf)],
  )
  return rows.map(({ row }) => masked(row))
}

/** Of a person their own name alone: who else had a device of theirs is none of their business. */
async function readFormer(
  tx: Queryable,
  { appId, users }: { readonly appId: number; readonly users: readonly string[] },
): Promise<unknown[]> {
  const { rows } = await tx.query<{ row: unknown }>(
    `select to_jsonb(t) - array['bucket', 'app_id'] as row from ${FORMER_USERS} t where app_id = $1 and user_id = any($2)`,
    [appId, users],
  )
  return rows.map(({ row }) => row)
}

const ADDRESS_END = 8

function masked({ address, ...row }: Record<string, unknown>): Record<string, unknown> {
  return typeof address === 'string' ? { ...row, address_end: address.slice(-ADDRESS_END) } : row
}
