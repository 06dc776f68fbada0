/**
 * API tokens: `server` tokens serve REST, `device` tokens serve the device API of one app. Only their SHA-256 is
 * stored; a token is 256 random bits, so nothing can be guessed from it.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Queryable } from '../store/database.ts'

export type TokenKind = 'server' | 'device'

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
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

export async function isServerToken(db: Queryable, token: string): Promise<boolean> {
  const { rowCount } = await db.query("select from api_token where kind = 'server' and hash = $1", [
    hashToken(token),
  ])
  return rowCount > 0
}
