/**
 * The database of a measurement: with ROOST_DATABASE_URL one of its own beside the one that is named, made for the
 * measurement and dropped afterwards; else the embedded one.
 */
import { randomBytes } from 'node:crypto'
import { Database, type DatabaseOptions } from '../../store/database.ts'
import { startEmbeddedPostgres } from '../../store/embedded.ts'
import { makeTemporaryFolder } from '../temporary-folder.ts'

/** Ends something that was opened for a measurement. */
export type Closer = () => Promise<unknown>

/** Runs `work`, and ends in reverse what it has opened, also when it fails. */
export async function closing<T>(work: (closers: Closer[]) => Promise<T>): Promise<T> {
  const closers: Closer[] = []
  try {
    return await work(closers)
  } finally {
    for (const closer of closers.reverse()) await closer()
  }
}

/** A folder that goes with the measurement, and a database. */
export interface BenchStore {
  readonly folder: string
  /** Of the database. */
  readonly url: string
  /** Connections of the measurement's own. */
  readonly db: Database
}

/** Throws StartError. */
export async function openStore(
  environment: NodeJS.ProcessEnv,
  connections: Omit<DatabaseOptions, 'url'>,
  closers: Closer[],
): Promise<BenchStore> {
  const folder = await makeTemporaryFolder('roost-bench-')
  closers.push(() => folder.remove())
  const url = await openDatabase(environment.ROOST_DATABASE_URL, folder.path, closers)
  const db = new Database({ url, ...connections })
  closers.push(() => db.close())
  return { folder: folder.path, url, db }
}

/** The URL of the database; `named` is ROOST_DATABASE_URL, `folder` that of an embedded one. Throws StartError. */
async function openDatabase(named: string | undefined, folder: string, closers: Closer[]): Promise<string> {
  if (named === undefined || named === '') {
    const embedded = await startEmbeddedPostgres({ dataDirectory: folder })
    closers.push(() => embedded.stop())
    return embedded.url
  }
  const own = await makeBenchDatabase(named)
  closers.push(() => own.drop())
  return own.url
}

interface BenchDatabase {
  readonly url: string
  drop(): Promise<void>
}

/** The user of `url` needs the right to create databases. */
async function makeBenchDatabase(url: string): Promise<BenchDatabase> {
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
