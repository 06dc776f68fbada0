/**
 * Whether there is a Roost at all, asked by commands that work with what is there. Run at the wrong place, or with the wrong setting, they
 * would make an empty one and tell of that: here they say so and make nothing.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from './database.ts'
import { StartError } from './folder.ts'
import { type Prepared, prepareDatabase, requireServer } from './prepare.ts'

/** Throws StartError where the data folder has no database. */
export async function requireFolder(dataDirectory: string): Promise<void> {
  try {
    await stat(join(dataDirectory, 'postgres'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return // told by whoever works with it
    throw new StartError(
      `there is no Roost in ${dataDirectory}`,
      'Run this where the server is started, or name its folder with ROOST_DATA_DIR. The first start of a server makes one: roost serve.',
    )
  }
}

/** As `prepareDatabase`, of a database that was a Roost's before. Throws StartError of any other. */
export async function prepareExisting(
  db: Database,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Prepared> {
  await requireServer(db)
  const { rows } = await db.query<{ has: boolean }>("select to_regclass('schema_version') is not null as has")
  if (rows[0]?.has !== true)
    throw new StartError(
      'there is no Roost in this database: it has no schema of one',
      'Name that of the server with ROOST_DATABASE_URL. The first start of a server makes the schema, and so does roost migrate.',
    )
  return prepareDatabase(db, { signal })
}
