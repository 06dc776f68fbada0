/** A database made ready for this program at its start: is it one that Roost can work with, and has it our schema? */
import { codeOf, type Database } from './database.ts'
import { StartError } from './folder.ts'
import { type Migration, migrate, readMigrations } from './migrate.ts'

/** The oldest that its makers still mend when this was written (postgresql.org, "versioning policy"), and what we promise. */
export const OLDEST_POSTGRES = 15

export interface Prepared {
  /** Migrations that were applied now, oldest first. */
  readonly applied: readonly Migration[]
  /** Versions that a newer Roost has applied; this one works beside it, since migrations only add. */
  readonly newer: readonly number[]
}

/**
 * Throws StartError for what an operator can mend, and the reason of `signal` between two migrations when that is aborted. Any number of
 * processes may do this at once.
 */
export async function prepareDatabase(
  db: Database,
  {
    oldest = OLDEST_POSTGRES,
    signal,
  }: { readonly oldest?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Prepared> {
  await requireServer(db, oldest)
  const known = await readMigrations()
  const applied = await migrate(db, known, { signal }).catch(tellRights)
  const { rows } = await db.query<{ version: number }>(
    'select version from schema_version where version > $1 order by version',
    [known.at(-1)?.version ?? 0],
  )
  return { applied, newer: rows.map(row => row.version) }
}

/** Throws StartError for a server that does not answer, is too old, or takes no writes. */
export async function requireServer(db: Database, oldest: number = OLDEST_POSTGRES): Promise<void> {
  const { rows } = await db
    .query<{ version: string; number: number; isReadOnly: boolean }>(
      `select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
              current_setting('transaction_read_only')::boolean as "isReadOnly"`,
    )
    .catch((cause: Error) => {
      throw new StartError(`the database does not answer: ${cause.message || codeOf(cause)}`, REMEDY)
    })
  const { version = '', number = 0, isReadOnly = false } = rows[0] ?? {}
  if (number < oldest * 10_000)
    throw new StartError(
      `the database is PostgreSQL ${version}; Roost needs ${oldest} or later`,
      'Upgrade it, name another one with ROOST_DATABASE_URL, or leave that out and use the embedded one.',
    )
  if (isReadOnly)
    throw new StartError(
      'the database takes no writes: it is a standby, or default_transaction_read_only is on',
      'Let ROOST_DATABASE_URL name the primary.',
    )
}

const REMEDY = 'Check ROOST_DATABASE_URL and that PostgreSQL 15 or later is running there.'

/** "Insufficient privilege"; PostgreSQL 15 and later let nobody but the owner create in the schema "public". */
function tellRights(error: Error): never {
  const cause = codeOf(error) === '42501' ? error : error.cause
  if (codeOf(cause) !== '42501') throw error
  throw new StartError(
    `the database's role may not make the schema: ${(cause as Error).message}`,
    'Make it the owner of the database: alter database … owner to …',
  )
}
