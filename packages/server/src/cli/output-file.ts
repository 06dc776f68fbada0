/** Files that commands write. */
import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StartError } from '../store/folder.ts'

/**
 * Writes a new file, or anew an old one. Only its owner may read a new one: there are people and their tokens in it.
 * Throws StartError when it can't be made; the source is closed then, too.
 */
export async function writeOutput(
  path: string,
  source: Readable,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const file = await open(path, 'w', 0o600).catch((error: Error) => {
    source.destroy()
    throw cannotBeWritten(path, error)
  })
  await write(file, source, signal)
}

function cannotBeWritten(path: string, { message }: Error): StartError {
  return new StartError(`${path} can't be written: ${message}`, 'Name a file in a folder that is there.')
}

/** The stream closes the file. */
async function write(file: FileHandle, source: Readable, signal: AbortSignal | undefined): Promise<void> {
  await pipeline(source, file.createWriteStream(), signal === undefined ? {} : { signal })
}
