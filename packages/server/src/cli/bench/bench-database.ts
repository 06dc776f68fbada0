/**
 * The database of `roost bench register`: with ROOST_DATABASE_URL one of its own beside the one that is named, made for
 * the measurement and dropped afterwards; else the embedded one.
 */
import { randomBytes } from 'node:crypto'
import { Database } from '../../store/database.ts'

export interface BenchDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** The user of `url` needs the right to create databases. */
export async function makeBenchDatabase(url: string): Promise<BenchDatabase> {
  const name = `roost_bench_${randomBytes(6).toString('hex')}`
  const admin = new Database({ url, maxConnections: 1 })
  await admin.query(`create database ${name}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  return {
    url: own.href,
    drop: async () => {
      await admin.query(`drop database if exists ${name} with (force)`)
      await admin.close()
    },
  }
}

export interface BaseSize {
  readonly devices: number
  /** Tables of devices and addresses with all their indexes. */
  readonly bytes: number
  /** `bytes` by the number of devices. */
  readonly bytesPerDevice: number
  /** Rows that were replaced and not yet cleared away (pg_stat_user_tables). */
  readonly deadRows: number
  /** Updates that needed no new index entries, of all updates so far. */
  readonly hotShare: number | null
}

const SIZE = `
  select (select count(*) from device) as devices,
         sum(pg_total_relation_size(relid)) as bytes,
         sum(n_dead_tup) as "deadRows",
         sum(n_tup_hot_upd)::float / nullif(sum(n_tup_upd), 0) as "hotShare"
    from pg_stat_user_tables
   where relname in ('device', 'address', 'address_directory', 'ledger')`

export async function sizeOf(db: Database): Promise<BaseSize> {
  const { rows } = await db.query<BaseSize>(SIZE)
  const { devices = 0, bytes = 0, deadRows = 0, hotShare = null } = rows[0] ?? {}
  return {
    devices,
    bytes: Number(bytes),
    bytesPerDevice: devices === 0 ? 0 : Math.round(Number(bytes) / devices),
    deadRows: Number(deadRows),
    hotShare: hotShare === null ? null : Number(hotShare.toFixed(3)),
  }
}
