/**
 * The token with which commands call a server: what they are told, and beside the server's own data folder the one that its first start
 * keeps there. That one goes to this machine alone, whatever address is given.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../store/folder.ts'

const DATA_DEFAULT = './data'
const LOOPBACK = /^(127(\.\d+){3}|\[::1\]|localhost)$/

type Environment = Readonly<Record<string, string | undefined>>

/** `option`: what --token says, where there is one. Throws StartError when there is none. */
export function requireServerToken(
  url: string,
  option: string | undefined,
  environment: Environment = process.env,
): string {
  const token = option ?? (environment.ROOST_BOOTSTRAP_TOKEN || keptToken(url, environment))
  if (token) return token
  throw new StartError(
    'there is no server token',
    'Put one into the environment variable ROOST_BOOTSTRAP_TOKEN, or run this on the server’s machine, where ROOST_DATA_DIR or ./data is its data folder: the first start keeps one there, in the file server-token.',
  )
}

/** Undefined where there is none, or it is not ours to read. */
function keptToken(url: string, { ROOST_DATA_DIR }: Environment): string | undefined {
  if (!LOOPBACK.test(new URL(url).hostname)) return undefined
  try {
    return readFileSync(join(ROOST_DATA_DIR || DATA_DEFAULT, 'server-token'), 'utf8').trim()
  } catch {
    return undefined
  }
}
