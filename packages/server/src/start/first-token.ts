import { join } from 'node:path'
import { hasServerToken, newToken, storeToken } from '../access/tokens.ts'
import type { Config } from '../config.ts'
import type { Database } from '../store/database.ts'
import { prepareFolder } from '../store/folder.ts'
import { keepSecret } from '../store/secret-file.ts'

/** Whose tokens those are that no person has made: it stands in the audit log, and in invitations, as who did it. */
const ADMINISTRATOR = 'Server administrator'
/** What they were called before. */
const FORMER_LABELS = ['ROOST_BOOTSTRAP_TOKEN', 'first start']

/**
 * The token of the first start is kept in the data folder, so that it is not lost with a start that fails later on. It
 * is handed out only by the start that stores it.
 */
export async function ensureServerToken(db: Database, config: Config): Promise<string | undefined> {
  await db.query('update api_token set label = $1 where label = any($2) and made_by is null', [
    ADMINISTRATOR,
    FORMER_LABELS,
  ])
  if (config.bootstrapToken !== undefined) {
    await storeToken(db, { kind: 'server', token: config.bootstrapToken, label: ADMINISTRATOR })
    return undefined
  }
  if (await hasServerToken(db)) return undefined
  const token = await keepSecret(
    join(await prepareFolder(config.dataDirectory), 'server-token'),
    newToken('server'),
  )
  await storeToken(db, { kind: 'server', token, label: ADMINISTRATOR })
  return token
}
