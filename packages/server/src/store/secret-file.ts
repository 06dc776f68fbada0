/** Secrets in files of the data folder, each for its owner alone. */
import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'

/**
 * Reads a secret from a file that only we may read, and makes it at the first start, of `fresh`. Of two starts at once
 * one makes it.
 */
export async function keepSecret(file: string, fresh = randomBytes(32).toString('hex')): Promise<string> {
  const kept = await readSecret(file)
  if (kept !== undefined) return kept
  // Whole or not at all, and never over another: a start may be killed here, or another one be faster.
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, `${fresh}\n`, { mode: 0o600, flush: true })
  await link(draft, file).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') await rename(draft, file) // some network file systems have no links
  })
  await rm(draft, { force: true })
  return (await readSecret(file)) ?? ''
}

/** Undefined when there is none. */
export async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
