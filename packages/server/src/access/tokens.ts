/**
 * API tokens: `server` tokens serve REST, `device` tokens serve the device API of one app. Only their SHA-256 is
 * stored; a token is 256 random bits, so nothing can be guessed from it.
 */
import { hash, randomBytes } from 'node:crypto'
import type { Queryable } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { Snapshot } from './snapshot.ts'

export type TokenKind = 'server' | 'device'

export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** The prefix tells people, and secret scanners, what they are looking at. */
export function newToken(kind: TokenKind): string {
  return `roost_${kind}_${randomBytes(32).toString('base64url')}`
}

/** Storing the same token twice changes nothing. */
export async function storeToken(
  db: Queryable,
  token: {
    readonly kind: TokenKind
    readonly token: string
    readonly label: string
    readonly appId?: number
  },
): Promise<void> {
  await db.query(
    'insert into api_token (kind, app_id, hash, label) values ($1, $2, $3, $4) on conflict (hash) do nothing',
    [token.kind, token.appId ?? null, hashToken(token.token), token.label],
  )
}

export async function hasServerToken(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query("select from api_token where kind = 'server' limit 1")
  return rowCount > 0
}

/** Hashes of the server tokens, remembered for a moment: every call of the REST API asks. */
export class ServerTokens {
  readonly #hashes: Snapshot<ReadonlySet<string>>

  constructor(db: Queryable, clock: Clock) {
    this.#hashes = new Snapshot(() => readServerHashes(db), clock)
  }

  async has(token: string): Promise<boolean> {
    const hash = hashToken(token).toString('hex')
    return (await this.#hashes.current()).has(hash) || (await this.#hashes.afterMiss()).has(hash)
  }
}

async function readServerHashes(db: Queryable): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ hash: string }>(
    "select encode(hash, 'hex') as hash from api_token where kind = 'server'",
  )
  return new Set(rows.map(row => row.hash))
}
