/**
 * Data rights: all that is held of a device or a person, to hand out or to erase (GDPR, articles 15, 17 and 20).
 *
 * Tables are found by their columns, so one that is added later is covered, too: every table with `app_id` and `hwid` is
 * about devices, and every other one with JSON may name them. Of those, texts that are equal to a name or a token are
 * replaced. What is queued for the device goes with it; deliveries that are at a gateway at that moment are booked
 * afterwards, and a sweep erases that, too, ten minutes later. Until then the names are in `erasure_sweep`.
 *
 * The record of it has a salted hash of the name: who knows the name can show that it was erased.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type ErasureTarget, type ErasureView, PushError } from '@roost/protocol'
import { v7 as uuidv7 } from 'uuid'
import type { Database, Queryable } from '../store/database.ts'
import { addressBucketOf, bucketOf } from './buckets.ts'

/** A chunk that was under way is booked within its lease of seconds, and the gateway's deadline before it. */
const SWEEP_AFTER_MS = 10 * 60_000
const ERASED = '(erased)'

export interface Erase {
  readonly appId: number
  readonly target: ErasureTarget
  /** The label of the API token. */
  readonly by: string
  /** ms. */
  readonly at: number
}

/** Erases in one transaction. Throws `device_unknown` when there is nothing of such a name. */
export async function erase(db: Database, wanted: Erase): Promise<ErasureView> {
  return db.transaction(async tx => {
    const { appId, target, at } = wanted
    const hwids = await hwidsOf(tx, appId, target)
    const names = await namesOf(tx, { appId, target, hwids })
    const counts = new Map<string, number>()
    await eraseDevices(tx, { appId, hwids, counts })
    if ('userId' in target) await eraseUser(tx, { appId, userId: target.userId, counts })
    await scrubJson(tx, { appId, names, counts })
    if ([...counts.values()].every(count => count === 0))
      throw new PushError('device_unknown', 'this app holds nothing under this name')
    return record(tx, { wanted, hwids, counts, at })
  })
}

async function hwidsOf(tx: Queryable, appId: number, target: ErasureTarget): Promise<string[]> {
  if ('hwid' in target) return [target.hwid]
  const { rows } = await tx.query<{ hwid: string }>(
    'select hwid from device where app_id = $1 and user_id = $2 order by bucket, hwid for update',
    [appId, target.userId],
  )
  return rows.map(it => it.hwid)
}

interface Names {
  readonly appId: number
  readonly target: ErasureTarget
  readonly hwids: readonly string[]
}

/** All that may stand in some JSON: hwids, whole tokens, the user. */
async function namesOf(tx: Queryable, { appId, target, hwids }: Names): Promise<string[]> {
  const { rows } = await tx.query<{ address: string }>(
    `select a.address from address a join unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
         on a.bucket = i.bucket and a.hwid = i.hwid where a.app_id = $1`,
    [appId, hwids.map(bucketOf), hwids],
  )
  const users = 'userId' in target ? [target.userId] : []
  return [...new Set([...hwids, ...users, ...rows.map(it => it.address)])]
}

/** Tables of ours, of this schema; views and what graphile-worker keeps are not among them. */
const TABLES = `
  select t.table_name as name,
         bool_or(c.column_name = 'app_id') as "hasApp",
         bool_or(c.column_name = 'hwid') as "hasHwid",
         bool_or(c.column_name = 'user_id') as "hasUser",
         bool_or(c.column_name = 'bucket') as "hasBucket",
         coalesce(array_agg(c.column_name::text) filter (where c.data_type = 'jsonb'), '{}') as json,
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
  readonly json: readonly string[]
}

/** Its names are kept for the sweep. */
const SWEEP = 'erasure_sweep'

async function readTables(tx: Queryable): Promise<Table[]> {
  return (await tx.query<Table>(TABLES)).rows.filter(it => it.name !== SWEEP)
}

interface Erasing {
  readonly appId: number
  readonly hwids: readonly string[]
  readonly counts: Map<string, number>
}

function add(counts: Map<string, number>, table: string, count: number): void {
  if (count > 0) counts.set(table, (counts.get(table) ?? 0) + count)
}

async function eraseDevices(tx: Queryable, { appId, hwids, counts }: Erasing): Promise<void> {
  if (hwids.length === 0) return
  const buckets = hwids.map(bucketOf)
  // The order of locks of registrations: devices, directory, addresses.
  const device = await tx.query(
    `delete from device d using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
      where d.bucket = i.bucket and d.app_id = $1 and d.hwid = i.hwid`,
    [appId, buckets, hwids],
  )
  add(counts, 'device', device.rowCount)
  add(counts, 'address_directory', await eraseDirectory(tx, { appId, hwids }))
  add(counts, 'delivery_queue', await eraseQueued(tx, { appId, hwids }))
  for (const table of await readTables(tx)) {
    if (!table.hasHwid || !table.hasApp || table.name === 'device' || table.name === 'address_directory')
      continue
    const byBucket = table.hasBucket ? 't.bucket = i.bucket and' : ''
    const { rowCount } = await tx.query(
      `delete from ${table.quoted} t using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
        where ${byBucket} t.app_id = $1 and t.hwid = i.hwid`,
      [appId, buckets, hwids],
    )
    add(counts, table.name, rowCount)
  }
}

/** Nobody was meant by them then: the counts of their messages stay sums of what happened. */
async function eraseQueued(
  tx: Queryable,
  { appId, hwids }: { readonly appId: number; readonly hwids: readonly string[] },
): Promise<number> {
  const { rows } = await tx.query<{ count: number }>(
    `with gone as (
       delete from delivery_queue q using unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
        where q.bucket = i.bucket and q.app_id = $1 and q.hwid = i.hwid
       returning q.batch_id
     ), counted as (
       update batch b set targeted = greatest(0, b.targeted - g.count)
         from (select batch_id, count(*)::integer as count from gone group by batch_id) g
        where b.id = g.batch_id
     )
     select count(*) as count from gone`,
    [appId, hwids.map(bucketOf), hwids],
  )
  return rows[0]?.count ?? 0
}

/** Found by the hashes of the device's addresses: the directory goes by the address, and has no index by device. */
async function eraseDirectory(
  tx: Queryable,
  { appId, hwids }: { readonly appId: number; readonly hwids: readonly string[] },
): Promise<number> {
  const { rows } = await tx.query<{ hash: Buffer }>(
    `select distinct a.address_hash as hash from address a
       join unnest($2::smallint[], $3::text[]) as i (bucket, hwid) on a.bucket = i.bucket and a.hwid = i.hwid
      where a.app_id = $1`,
    [appId, hwids.map(bucketOf), hwids],
  )
  const keys = [appId, rows.map(it => addressBucketOf(it.hash)), rows.map(it => it.hash), hwids]
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

/** Rows about the person that are about no device. */
async function eraseUser(
  tx: Queryable,
  {
    appId,
    userId,
    counts,
  }: { readonly appId: number; readonly userId: string; readonly counts: Map<string, number> },
): Promise<void> {
  for (const table of await readTables(tx)) {
    if (!table.hasUser || !table.hasApp || table.hasHwid) continue
    const { rowCount } = await tx.query(`delete from ${table.quoted} where app_id = $1 and user_id = $2`, [
      appId,
      userId,
    ])
    add(counts, table.name, rowCount)
  }
  // A person without a device is told by their own name in what was skipped.
  for (const name of ['delivery_exception', 'delivery_queue']) {
    const { rowCount } = await tx.query(
      `delete from ${name} where bucket = $1 and app_id = $2 and hwid = $3`,
      [bucketOf(userId), appId, userId],
    )
    add(counts, name, rowCount)
  }
}

/** Whoever is named in a message, an event or a bulk call that waits. */
async function scrubJson(
  tx: Queryable,
  {
    appId,
    names,
    counts,
  }: { readonly appId: number; readonly names: readonly string[]; readonly counts: Map<string, number> },
): Promise<void> {
  const tables = (await readTables(tx)).filter(it => it.hasApp && !it.hasHwid && it.json.length > 0)
  const quoted = names.map(name => JSON.stringify(name))
  for (const table of tables)
    for (const column of table.json) {
      const { rows } = await tx.query<{ place: string; value: unknown }>(
        `select t.ctid::text as place, t."${column}" as value from ${table.quoted} t
          where t.app_id = $1
            and exists (select from unnest($2::text[]) as n (name) where strpos(t."${column}"::text, n.name) > 0)
            for update of t`,
        [appId, quoted],
      )
      for (const { place, value } of rows)
        await tx.query(`update ${table.quoted} set "${column}" = $2 where ctid = $1::tid`, [
          place,
          JSON.stringify(without(value, new Set(names))),
        ])
      add(counts, table.name, rows.length)
    }
}

/** The last characters of a token say whose it is to who knows the token, so they go where the name went. */
function without(value: unknown, names: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return names.has(value) ? ERASED : value
  if (Array.isArray(value)) return value.map(it => without(it, names))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key]) => !names.has(key))
  const isNamed = entries.some(([, it]) => typeof it === 'string' && names.has(it))
  return Object.fromEntries(
    entries.map(([key, it]) => [key, isNamed && key === 'addressEnd' ? ERASED : without(it, names)]),
  )
}

interface Recording {
  readonly wanted: Erase
  readonly hwids: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly at: number
}

const COLUMNS = 'id, subject, at, by, counts, swept_at as "sweptAt"'

async function record(tx: Queryable, { wanted, hwids, counts, at }: Recording): Promise<ErasureView> {
  const { appId, target, by } = wanted
  const salt = randomBytes(16)
  const name = 'hwid' in target ? target.hwid : target.userId
  const { rows } = await tx.query<ErasureView>(
    `insert into erasure (id, app_id, subject, salt, hash, by, at, counts) values ($1, $2, $3, $4, $5, $6, $7, $8)
     returning ${COLUMNS}`,
    [
      uuidv7(),
      appId,
      'hwid' in target ? 'device' : 'user',
      salt,
      hashOf(salt, name),
      by,
      new Date(at),
      JSON.stringify(Object.fromEntries(counts)),
    ],
  )
  const view = rows[0] as ErasureView
  await tx.query(
    `insert into erasure_sweep (erasure_id, bucket, app_id, hwid, due_at)
     select $1, bucket, $2, hwid, $3 from unnest($4::smallint[], $5::text[]) as i (bucket, hwid)`,
    [view.id, appId, new Date(at + SWEEP_AFTER_MS), hwids.map(bucketOf), hwids],
  )
  if (hwids.length === 0) await finishSweeps(tx, at)
  return view
}

function hashOf(salt: Buffer, name: string): Buffer {
  return createHash('sha256').update(salt).update(name).digest()
}

/** Newest first. With a name: those of this name alone. */
export async function listErasures(
  db: Queryable,
  query: { readonly appId: number; readonly name?: string },
): Promise<ErasureView[]> {
  const { rows } = await db.query<ErasureView & { salt: Buffer; hash: Buffer }>(
    `select ${COLUMNS}, salt, hash from erasure where app_id = $1 order by at desc, id desc limit 10000`,
    [query.appId],
  )
  const { name } = query
  const wanted = name === undefined ? rows : rows.filter(it => hashOf(it.salt, name).equals(it.hash))
  return wanted.map(({ salt: _, hash: _hash, ...view }) => view)
}

/**
 * Erases what was booked after the erasure, and forgets the names. A device that has come back since is left: it has
 * registered anew. Returns how many. Safe to run in several processes at once.
 */
export async function sweepErasures(db: Database, at: number): Promise<number> {
  return db.transaction(async tx => {
    const { rows } = await tx.query<{ appId: number; hwid: string; isBack: boolean }>(
      `delete from erasure_sweep s where due_at <= $1
       returning app_id as "appId", hwid, exists (select from device d
                   where d.bucket = s.bucket and d.app_id = s.app_id and d.hwid = s.hwid) as "isBack"`,
      [new Date(at)],
    )
    const counts = new Map<string, number>()
    for (const { appId, hwid, isBack } of rows)
      if (!isBack) await eraseDevices(tx, { appId, hwids: [hwid], counts })
    await finishSweeps(tx, at)
    return rows.length
  })
}

async function finishSweeps(tx: Queryable, at: number): Promise<void> {
  await tx.query(
    `update erasure e set swept_at = $1
      where swept_at is null and not exists (select from erasure_sweep s where s.erasure_id = e.id)`,
    [new Date(at)],
  )
}

/** All rows about a device or a person, by table: what they may ask for. Throws `device_unknown`. */
export async function exportPerson(
  db: Database,
  { appId, target }: Pick<Erase, 'appId' | 'target'>,
): Promise<Record<string, unknown[]>> {
  return db.transaction(async tx => {
    const hwids = await hwidsOf(tx, appId, target)
    const found: Record<string, unknown[]> = {}
    for (const table of await readTables(tx)) {
      if (!table.hasApp || (!table.hasHwid && !table.hasUser)) continue
      const column = table.hasHwid ? 'hwid' : 'user_id'
      const values = table.hasHwid ? hwids : 'userId' in target ? [target.userId] : []
      const byBucket =
        table.hasBucket && table.hasHwid
          ? 'and t.bucket = any($3::smallint[])'
          : 'and $3::smallint[] is not null'
      const { rows } = await tx.query<{ row: unknown }>(
        `select to_jsonb(t) - 'bucket' - 'app_id' - 'address_hash' - 'address_bucket' as row from ${table.quoted} t
          where t.app_id = $1 and t.${column} = any($2::text[]) ${byBucket}`,
        [appId, values, hwids.map(bucketOf)],
      )
      if (rows.length > 0) found[table.name] = rows.map(it => it.row)
    }
    if (Object.keys(found).length === 0)
      throw new PushError('device_unknown', 'this app holds nothing under this name')
    return found
  })
}
