/**
 * The secret that seals credentials, where ROOST_SECRET names none: a file of the data folder, made at the first start. A database that was
 * sealed with one that has gone is told so before anything is written: a new secret would open nothing of it, and lie where the old one is
 * to be put back.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Queryable } from './database.ts'
import { prepareFolder, StartError } from './folder.ts'
import { keepSecret, readSecret } from './secret-file.ts'

/** Of two first starts at once one makes it. Throws StartError. */
export async function keepOwnSecret(db: Queryable, dataDirectory: string): Promise<string> {
  // In this order: a start beside this one makes the secret first, and seals then.
  const wasSealed = await isSealed(db)
  if (wasSealed && !(await isThere(dataDirectory))) tellMissing(join(dataDirectory, 'secret'))
  const file = join(await prepareFolder(dataDirectory), 'secret')
  if (wasSealed && (await readSecret(file)) === undefined) tellMissing(file)
  return keepSecret(file)
}

/** What can't be looked at is there. */
async function isThere(folder: string): Promise<boolean> {
  return stat(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
}

function tellMissing(file: string): never {
  throw new StartError(
    `${file} is missing, and this database was sealed with another ROOST_SECRET than a new one`,
    'Put the file back from your backup of the data folder, or set ROOST_SECRET to what it held; nothing was changed.',
  )
}

async function isSealed(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ isSealed: boolean }>(
    'select exists (select from secret_canary) or exists (select from credential) as "isSealed"',
  )
  return rows[0]?.isSealed === true
}
