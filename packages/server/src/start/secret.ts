/** The secret that seals credentials: the same for all servers of a database. */
import type { Config } from '../config.ts'
import { Seal } from '../credentials/seal.ts'
import type { Database } from '../store/database.ts'
import { StartError } from '../store/folder.ts'
import { keepOwnSecret } from '../store/own-secret.ts'

/** Throws StartError where the database was sealed with another secret. */
export async function openSeal(db: Database, config: Config): Promise<Seal> {
  const seal = new Seal(config.secret ?? (await keepOwnSecret(db, config.dataDirectory)))
  await requireSameSecret(db, seal)
  return seal
}

/** Authenticated with the sealed text; no credential has it, theirs are UUIDs. */
const CANARY = 'canary'

/**
 * A second server with another secret would store credentials that the first one can't open, so each start holds its
 * secret to the canary. The first start makes it; of two at once, one of them.
 */
async function requireSameSecret(db: Database, seal: Seal): Promise<void> {
  const { rows } = await db.query<{ id: string; sealed: Buffer }>('select id, sealed from credential')
  const closed = rows.filter(row => !opens(seal, row))
  if (closed.length > 0)
    refuseSecret(`${closed.length} of ${rows.length} stored credentials can't be opened: they were`)
  await db.query('insert into secret_canary (sealed) values ($1) on conflict do nothing', [
    seal.close(CANARY, CANARY),
  ])
  const canary = await db.query<{ sealed: Buffer }>('select sealed from secret_canary')
  if (!canary.rows.every(({ sealed }) => opens(seal, { id: CANARY, sealed })))
    refuseSecret('this database was')
}

function refuseSecret(what: string): never {
  throw new StartError(
    `${what} sealed with another ROOST_SECRET`,
    'Start with the secret of before (without ROOST_SECRET it is the file "secret" in the data folder).',
  )
}

function opens(seal: Seal, row: { readonly id: string; readonly sealed: Buffer }): boolean {
  try {
    seal.open(row.id, row.sealed)
    return true
  } catch {
    return false
  }
}
