/** PostgreSQL, ended as a power cut would end it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive } from '../src/store/embedded/server.ts'

const PAUSE_MS = 20
const WITHIN_MS = 120_000

/**
 * SIGQUIT is its "immediate shutdown": no farewell, no checkpoint, recovery at the next start. `folder`: of the cluster's own files.
 * Resolves when it is gone.
 */
export async function crashPostgres(folder: string): Promise<void> {
  const pid = Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')[0])
  process.kill(pid, 'SIGQUIT')
  for (const end = Date.now() + WITHIN_MS; isAlive(pid); await delay(PAUSE_MS))
    if (Date.now() > end) throw new Error(`PostgreSQL (${pid}) did not end within ${WITHIN_MS} ms`)
}
