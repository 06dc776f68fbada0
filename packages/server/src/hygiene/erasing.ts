/**
 * R15: devices without an address of which nothing was heard for very long are erased whole, as if somebody had asked for it
 * (registry/erase), where the app wishes it. That can't be undone; so a device stays as long as one of its addresses has
 * ended within the 30 days in which an undo takes that back.
 */
import type { AddressPolicy, RemovedCount } from '@roost/protocol'
import { eraseMany } from '../registry/erase/erase.ts'
import { deviceOrder } from '../registry/lock-order.ts'
import type { Database, Queryable } from '../store/database.ts'
import { bucketRanges, FOUND_AT_ONCE, LISTENING_SINCE, type Sweeping } from './aging.ts'
import { readPolicy } from './policy.ts'
import { platformSql, RemovedCounts } from './removed.ts'
import { UNDO_DAYS } from './undo.ts'

/** Of one transaction: looking for mentions costs nearly the same for one and for many. */
const SLICE = 200
const BY = 'roost: eraseDays'

/**
 * SQL over `device d`, of app $1 and the buckets $4; $2 the time, $3 the days. What a back end tells of it is a sign that
 * somebody counts on it.
 */
const IS_SILENT = `greatest(d.last_seen_at, d.told_at, d.last_open_at, ${LISTENING_SINCE}) < $2::timestamptz - $3::integer * interval '1 day'
     and not exists (
       select from address a
        where a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid
          and a.app_id = $1 and a.bucket = any($4::smallint[]) -- or all of them would be joined
          and (a.state in ('active', 'suspect') or a.state_since > $2::timestamptz - interval '${UNDO_DAYS} days'))`

interface Sweep {
  readonly appId: number
  readonly policy: AddressPolicy
  readonly buckets: readonly number[]
  readonly at: number
}

/** How many the next run would erase. */
export async function countSilent(
  db: Queryable,
  { appId, policy, buckets, at }: Sweep,
): Promise<RemovedCount[]> {
  if (policy.eraseDays === null) return []
  const { rows } = await db.query<RemovedCount>(
    `select 'erased' as reason, ${platformSql('d')} as platform, count(*)::integer as count from device d
      where d.app_id = $1 and d.bucket = any($4::smallint[]) and ${IS_SILENT} group by 2`,
    [appId, new Date(at), policy.eraseDays, buckets],
  )
  return rows
}

/** Of all apps that wish it. `at`: ms. Safe to run twice and in several processes at once. */
export async function eraseSilent(
  db: Database,
  at: number,
  sweeping: Sweeping = { isStopped: () => false },
): Promise<RemovedCount[]> {
  const { rows: apps } = await db.query<{ id: number }>(
    `select p.app_id as id from address_policy p join app on app.id = p.app_id
      where p.erase_days is not null and app.archived_at is null order by 1`,
  )
  const removed = new RemovedCounts()
  for (const { id: appId } of apps) {
    if (sweeping.appId !== undefined && sweeping.appId !== appId) continue
    const erased = await eraseOfApp(db, { appId, at }, sweeping)
    removed.add(erased)
    sweeping.tell?.(appId, { removed: erased, forgotten: 0 })
  }
  return removed.list()
}

async function eraseOfApp(
  db: Database,
  { appId, at }: { readonly appId: number; readonly at: number },
  { isStopped }: Sweeping,
): Promise<RemovedCount[]> {
  const policy = await readPolicy(db, appId)
  const removed = new RemovedCounts()
  for (const buckets of bucketRanges()) {
    if (isStopped()) return removed.list()
    removed.add(await eraseRange(db, { appId, policy, buckets, at }))
  }
  return removed.list()
}

async function eraseRange(db: Database, { appId, policy, buckets, at }: Sweep): Promise<RemovedCount[]> {
  const since = [new Date(at), policy.eraseDays]
  const { rows } = await db.query<{ hwid: string; platform: string }>(
    `select d.hwid, ${platformSql('d')} as platform from device d
      where d.app_id = $1 and d.bucket = any($4::smallint[]) and ${IS_SILENT}
      order by ${deviceOrder('d')} limit ${FOUND_AT_ONCE}`, // the rest is erased the next day
    [appId, ...since, buckets],
  )
  const platforms = new Map(rows.map(row => [row.hwid, row.platform]))
  const removed = new RemovedCounts()
  for (let i = 0; i < rows.length; i += SLICE) {
    const hwids = rows.slice(i, i + SLICE).map(row => row.hwid)
    const lockStill = (tx: Queryable, asked: readonly string[]) =>
      stillSilent(tx, [appId, ...since, buckets, asked])
    const erased = await eraseMany(db, { appId, hwids, by: BY, at, lockStill })
    removed.add(
      erased.map(hwid => ({ reason: 'erased', platform: platforms.get(hwid) ?? 'unknown', count: 1 })),
    )
  }
  return removed.list()
}

/** Those that are silent still, with their rows locked: nobody can call in any more before they are gone. */
async function stillSilent(tx: Queryable, values: readonly unknown[]): Promise<string[]> {
  const [appId, , , buckets, hwids] = values
  await tx.query(
    `select from device d where d.app_id = $1 and d.bucket = any($2::smallint[]) and d.hwid = any($3)
      order by ${deviceOrder('d')} for update`,
    [appId, buckets, hwids],
  )
  const { rows } = await tx.query<{ hwid: string }>(
    `select d.hwid from device d
      where d.app_id = $1 and d.bucket = any($4::smallint[]) and d.hwid = any($5) and ${IS_SILENT}`,
    [...values],
  )
  return rows.map(it => it.hwid)
}
