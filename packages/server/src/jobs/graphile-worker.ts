/**
 * Loads graphile-worker. As it is loaded it asks for the home folder (through cosmiconfig), and Node throws where the user
 * has none: without HOME and without a line in /etc/passwd, as in many a container. So it is lent one for the moment.
 */
import { homedir, tmpdir } from 'node:os'

export type GraphileWorker = typeof import('graphile-worker')

export async function loadGraphileWorker(): Promise<GraphileWorker> {
  if (hasHome()) return import('graphile-worker')
  process.env.HOME = tmpdir()
  try {
    return await import('graphile-worker')
  } finally {
    delete process.env.HOME
  }
}

function hasHome(): boolean {
  try {
    homedir()
    return true
  } catch {
    return false
  }
}
