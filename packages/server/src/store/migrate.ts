/**
 * Forward-only migrations: `migrations/NNNN_name.sql`, each in one transaction with its version row first,
 * all under one advisory lock, so any number of processes may start at once.
 */
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Database, Queryable } from './database.ts'

/** Any number, the same in all versions: it names the lock that migrations run under. */
const MIGRATION_LOCK = 7460_0001

/** Beside `src/` and `dist/`, so the same relative path serves both. */
export const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../migrations/', import.meta.url))

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

export async function readMigrations(directory: string = MIGRATIONS_DIRECTORY): Promise<Migration[]> {
  const files = (await readdir(directory)).filter(file => /^\d{4}_.+\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async file => ({
      version: Number(file.slice(0, 4)),
      name: file.slice(5, -4),
      sql: await readFile(`${directory}/${file}`, 'utf8'),
    })),
  )
}

/** Brings the schema up to date and returns the migrations that were applied now, oldest first. */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<Migration[]> {
  const session = await db.connection()
  try {
    // A migration takes as long as its tables are big, and so may those that wait for it.
    await session.query('set statement_timeout = 0')
    await session.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await session.query(
      `create table if not exists schema_version (
         version integer primary key, name text not null, applied_at timestamptz not null default now())`,
    )
    const pending = await pendingOf(session, migrations)
    for (const migration of pending) await apply(session, migration)
    return pending
  } finally {
    session.release() // ends the session and with it the lock
  }
}

async function pendingOf(session: Queryable, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await session.query<{ version: number }>('select version from schema_version')
  const applied = new Set(rows.map(row => row.version))
  return migrations.filter(migration => !applied.has(migration.version))
}

async function apply(session: Queryable, migration: Migration): Promise<void> {
  await session.query('begin')
  try {
    await session.query('insert into schema_version (version, name) values ($1, $2)', [
      migration.version,
      migration.name,
    ])
    await session.query(migration.sql)
    await session.query('commit')
  } catch (error) {
    await session.query('rollback')
    throw new Error(`migration ${migration.version} (${migration.name}) failed; the schema is as before`, {
      cause: error,
    })
  }
}
