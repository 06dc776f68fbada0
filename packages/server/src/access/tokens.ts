/**
 * API tokens: `server` tokens serve REST, `device` tokens serve the device API of one app. Only their SHA-256 is
 * stored; a token is 256 random bits, so nothing can be guessed from it. A server token may be confined to an app and to
 * scopes. One that is revoked keeps its row and serves nobody.
 */
import { hash, randomBytes } from 'node:crypto'
import { type ApiTokenView, PushError, RIGHTS, type Right } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type Caller, grantOfToken } from './rights.ts'
import { Snapshot } from './snapshot.ts'
import { TokenUse } from './token-use.ts'

export type TokenKind = 'server' | 'device'

/** "roost_server_" and some of what is random: enough to tell tokens apart, and nothing to guess from. */
const PREFIX_RANDOM_CHARACTERS = 4
const USE_NOTED_EVERY_MS = 60_000

export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer')
}

/** The prefix tells people, and secret scanners, what they are looking at. */
export function newToken(kind: TokenKind): string {
  return `roost_${kind}_${randomBytes(32).toString('base64url')}`
}

/** Null for tokens that somebody else made up: what they begin with may be all there is to guess. */
function prefixOf(token: string): string | null {
  const made = /^roost_(?:server|device)_(?=[\w-]{43}$)/.exec(token)
  return made === null ? null : token.slice(0, made[0].length + PREFIX_RANDOM_CHARACTERS)
}

export interface NewToken {
  readonly kind: TokenKind
  readonly token: string
  readonly label: string
  readonly appId?: number | null
  /** Default: all. */
  readonly scopes?: readonly Right[] | null
  readonly madeBy?: string
  /** ms; default: by the database's clock. */
  readonly at?: number
}

/** Storing the same token twice changes nothing; one that was revoked stays so. */
export async function storeToken(db: Queryable, token: NewToken): Promise<number | undefined> {
  const { rows } = await db.query<{ id: number }>(
    `insert into api_token (kind, app_id, hash, label, scopes, prefix, made_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now()))
     on conflict (hash) do nothing returning id`,
    [
      token.kind,
      token.appId ?? null,
      hashToken(token.token),
      token.label,
      token.scopes ?? null,
      prefixOf(token.token),
      token.madeBy ?? null,
      token.at === undefined ? null : new Date(token.at),
    ],
  )
  return rows[0]?.id
}

/** A revoked one counts: the start that makes the first token is over. */
export async function hasServerToken(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query("select from api_token where kind = 'server' limit 1")
  return rowCount > 0
}

const VIEW = `
  select t.id, t.kind, t.label as name, app.code as app, coalesce(t.scopes, $1) as scopes, t.prefix, t.made_by as "madeBy",
         t.created_at as "createdAt", t.used_at as "usedAt"
    from api_token t left join app on app.id = t.app_id
   where t.revoked_at is null`

/** Of an app, or all of them; the newest first. */
export async function listTokens(db: Queryable, appId: number | null): Promise<ApiTokenView[]> {
  const { rows } = await db.query<ApiTokenView>(
    `${VIEW} and ($2::integer is null or t.app_id = $2) order by t.id desc`,
    [RIGHTS, appId],
  )
  return rows.map(it => (it.kind === 'device' ? { ...it, scopes: [] } : it))
}

/** Throws `api_token_unknown`, also for one of another app when `appId` says which. */
export async function readToken(
  db: Queryable,
  { id, appId }: { readonly id: number; readonly appId: number | null },
): Promise<ApiTokenView> {
  const found = (await listTokens(db, appId)).find(it => it.id === id)
  if (found === undefined) throw new PushError('api_token_unknown', `there is no token ${id}`)
  return found
}

/** Servers that believe in it still are told by `tx.announce('access')`. Throws `api_token_unknown`. */
export async function revokeToken(
  tx: Queryable,
  { id, appId, at }: { readonly id: number; readonly appId: number | null; readonly at: number },
): Promise<void> {
  const { rowCount } = await tx.query(
    `update api_token set revoked_at = $3
      where id = $1 and ($2::integer is null or app_id = $2) and revoked_at is null`,
    [id, appId, new Date(at)],
  )
  if (rowCount === 0) throw new PushError('api_token_unknown', `there is no token ${id}`)
}

/** Server tokens by their hashes, remembered for a moment: every call of the REST API asks. */
export class ServerTokens {
  readonly #callers: Snapshot<ReadonlyMap<string, Caller>>
  readonly #use: TokenUse

  constructor(db: Queryable, clock: Clock) {
    this.#callers = new Snapshot(() => readServerTokens(db), clock)
    this.#use = new TokenUse({ db, clock, everyMs: USE_NOTED_EVERY_MS })
  }

  /** Undefined when there is no such token. */
  async find(token: string): Promise<Caller | undefined> {
    const key = hashToken(token).toString('hex')
    const caller = (await this.#callers.current()).get(key) ?? (await this.#callers.afterMiss()).get(key)
    if (caller !== undefined) this.#use.note(caller.id)
    return caller
  }

  /** A token was revoked. */
  forget(): void {
    this.#callers.forget()
  }
}

async function readServerTokens(db: Queryable): Promise<ReadonlyMap<string, Caller>> {
  const { rows } = await db.query<{
    hash: string
    id: number
    label: string
    appId: number | null
    scopes: Right[] | null
  }>(
    `select encode(hash, 'hex') as hash, id, label, app_id as "appId", scopes
       from api_token where kind = 'server' and revoked_at is null`,
  )
  return new Map(
    rows.map(({ hash: key, id, label, appId, scopes }) => [
      key,
      { kind: 'token', id, name: label, sessionId: null, grants: [grantOfToken(appId, scopes)] },
    ]),
  )
}
