/** The data folder: made at the first start; what is wrong with it is said at once, with a remedy. */
import { constants } from 'node:fs'
import { access, mkdir, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Roost can't start as it is set up. `remedy` says what to do; the CLI prints both without a stack. */
export class StartError extends Error {
  readonly remedy: string

  constructor(message: string, remedy: string) {
    super(message)
    this.name = 'StartError'
    this.remedy = remedy
  }
}

/** Makes the folder when it is missing, checks that we may use it, and returns its real path. */
export async function prepareFolder(folder: string): Promise<string> {
  try {
    await makeFolder(folder)
    if (!(await stat(folder)).isDirectory()) throw new Error('it is not a folder')
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return await realpath(folder)
  } catch (error) {
    const { message, code } = await causeOf(folder, error as NodeJS.ErrnoException)
    throw new StartError(
      `the data folder ${folder} can't be used: ${message}`,
      REMEDIES[code ?? ''] ?? 'Give it to the user that runs Roost, or name another one with ROOST_DATA_DIR.',
    )
  }
}

/**
 * With those above it. `mkdir` of Node with `recursive` asks for ever where a file system that takes no folders answers ENOENT, as /proc
 * does (seen with Node 20).
 */
async function makeFolder(folder: string): Promise<void> {
  const isMissing = await makeOne(folder)
  if (!isMissing) return
  if (dirname(folder) !== folder) await makeFolder(dirname(folder))
  if (await makeOne(folder))
    throw Object.assign(new Error(`ENOENT: ${dirname(folder)} takes no folder`), { code: 'ENOENT' })
}

/** True when what is above it is missing. */
async function makeOne(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 })
    return false
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return true
    if (code === 'EEXIST' || code === 'EISDIR') return false // the root of macOS is EISDIR
    throw error
  }
}

/** For a folder that can't be made on a read-only file system Node says ENOENT; the folder above it knows better. */
async function causeOf(folder: string, error: NodeJS.ErrnoException): Promise<NodeJS.ErrnoException> {
  if (error.code !== 'ENOENT' || dirname(folder) === folder) return error
  const above = await access(dirname(folder), constants.W_OK).catch((it: NodeJS.ErrnoException) => it)
  if (above === undefined) return error
  return above.code === 'ENOENT' ? causeOf(dirname(folder), error) : above
}

/** What helps against faults of a disk, whatever was being done there. */
const REMEDIES: Readonly<Record<string, string>> = {
  EROFS: 'The file system is read-only: name a folder on another one with ROOST_DATA_DIR.',
  ENOSPC: 'The disk is full: make room there, or name a folder on another one with ROOST_DATA_DIR.',
  EDQUOT: 'The disk quota is used up: make room, or name a folder elsewhere with ROOST_DATA_DIR.',
}

/** A fault of a disk as an operator needs it; undefined for anything else. */
export function diskFault(error: unknown): StartError | undefined {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException
  const remedy = REMEDIES[code ?? '']
  return remedy === undefined ? undefined : new StartError(message, remedy)
}
