/** A folder for the time of one command. It goes with the process, also when that is ended in the middle. */
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartError } from '../store/folder.ts'

export interface TemporaryFolder {
  readonly path: string
  remove(): Promise<void>
}

/** A database that is just ending may still be writing there. */
const REMOVAL = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 } as const

/** Throws StartError where none can be made. For its owner alone. */
export async function makeTemporaryFolder(prefix: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix)).catch((error: Error) => {
    throw new StartError(
      `can't make a temporary folder in ${tmpdir()}: ${error.message}`,
      'Set TMPDIR to a folder that is there, may be written to and has room.',
    )
  })
  const removeAtExit = () => rmSync(path, REMOVAL)
  process.on('exit', removeAtExit)
  return {
    path,
    remove: async () => {
      await rm(path, REMOVAL)
      process.off('exit', removeAtExit)
    },
  }
}
