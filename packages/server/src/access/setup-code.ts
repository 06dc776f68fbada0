/**
 * The set-up code: the proof that whoever makes the first owner can read what the server prints. A stranger who finds the port first has
 * none. It is derived from the secret and from the canary of the database, so all servers print the same one, nothing has to be
 * stored, and another database has another one. It is good for as long as there is nobody.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Seal } from '../credentials/seal.ts'
import type { Queryable } from '../store/database.ts'
import { hasPeople } from './people.ts'
import { hashToken } from './tokens.ts'

const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'
/** Five bits each. */
const CHARACTERS = 20

/** Undefined when there is an owner, or no canary yet. */
export async function readSetupCode(db: Queryable, seal: Seal): Promise<string | undefined> {
  if (await hasPeople(db)) return undefined
  const { rows } = await db.query<{ sealed: Buffer }>('select sealed from secret_canary')
  return rows[0] === undefined ? undefined : codeFrom(seal.keyFor('set-up code'), rows[0].sealed)
}

/** What tells this installation from others on the same host: eight hex digits, the same on all its servers. No secret. */
export async function readInstallation(db: Queryable, seal: Seal): Promise<string> {
  const { rows } = await db.query<{ sealed: Buffer }>('select sealed from secret_canary')
  const canary = rows[0]?.sealed ?? Buffer.alloc(0)
  return createHmac('sha256', seal.keyFor('installation')).update(canary).digest('hex').slice(0, 8)
}

function codeFrom(key: Buffer, canary: Buffer): string {
  const bytes = createHmac('sha256', key).update(canary).digest().subarray(0, CHARACTERS)
  const letters = [...bytes].map(byte => ALPHABET[byte % ALPHABET.length]).join('')
  return letters.replaceAll(/(.{5})(?=.)/g, '$1-')
}

/** In constant time; capitals, blanks and hyphens make no difference. */
export function isSetupCode(given: string, code: string): boolean {
  const plain = (text: string) => hashToken(text.toUpperCase().replaceAll(/[\s-]/g, ''))
  return timingSafeEqual(plain(given), plain(code))
}
