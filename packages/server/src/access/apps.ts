/** Apps: one mobile or web application each, with a code that clients name and a device token they hold. */
import { randomInt } from 'node:crypto'
import { PushError } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { type Clock, systemClock } from '../time.ts'
import { Snapshot } from './snapshot.ts'
import { TokenUse } from './token-use.ts'
import { hashToken, newToken, storeToken } from './tokens.ts'

export interface App {
  readonly id: number
  readonly code: string
  readonly name: string
  readonly createdAt: string
  /** Addresses are taken only of devices that may show something. */
  readonly needsPermission: boolean
  /** IANA name, in which hours of the app are meant. */
  readonly timeZone: string
  /** Since when it is kept and serves nobody; null: it serves. */
  readonly archivedAt: string | null
}

/** No letters and digits that people confuse. */
const CODE_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

function newCode(): string {
  const part = () => Array.from({ length: 5 }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('')
  return `${part()}-${part()}`
}

const COLUMNS = `id, code, name, created_at as "createdAt", needs_permission as "needsPermission", time_zone as "timeZone",
  archived_at as "archivedAt"`

/** While the rows of one that is being deleted are taken away (deletion.ts) it is gone for everybody. */
const IS_THERE = 'deleted_at is null'

/** The device token is in the answer and nowhere else afterwards. `at`: ms, by the clock by which its devices come. */
export async function createApp(
  tx: Queryable,
  { name, at, by }: { readonly name: string; readonly at: number; readonly by?: string },
): Promise<{ app: App; deviceToken: string }> {
  const { rows } = await tx.query<App>(
    `insert into app (code, name, created_at) values ($1, $2, $3) returning ${COLUMNS}`,
    [newCode(), name, new Date(at)],
  )
  const app = rows[0] as App
  const deviceToken = newToken('device')
  const made = by === undefined ? {} : { madeBy: by }
  await storeToken(tx, { kind: 'device', token: deviceToken, label: name, appId: app.id, at, ...made })
  return { app, deviceToken }
}

export async function listApps(db: Queryable): Promise<App[]> {
  return (await db.query<App>(`select ${COLUMNS} from app where ${IS_THERE} order by created_at, id`)).rows
}

/** As it is now; nobody else changes it before the transaction ends. Throws `app_unknown`. */
export async function lockApp(tx: Queryable, code: string): Promise<App> {
  const { rows } = await tx.query<App>(
    `select ${COLUMNS} from app where code = $1 and ${IS_THERE} for update`,
    [code],
  )
  return rows[0] ?? unknownApp(code)
}

/** Throws `app_archived`. */
export function requireServing({ code, archivedAt }: Pick<App, 'code' | 'archivedAt'>): void {
  if (archivedAt !== null)
    throw new PushError('app_archived', `app ${code} is archived: it takes no devices and sends nothing`)
}

export function unknownApp(code: string): never {
  throw new PushError('app_unknown', `there is no app "${code.slice(0, 64)}"`)
}

export interface AppChange {
  readonly name?: string | undefined
  readonly needsPermission?: boolean | undefined
  readonly timeZone?: string | undefined
}

/** Other calls may see the app as it was for a moment. Throws `app_unknown`. */
export async function changeApp(db: Queryable, code: string, change: AppChange): Promise<App> {
  const { rows } = await db.query<App>(
    `update app set name = coalesce($2, name), needs_permission = coalesce($3, needs_permission),
            time_zone = coalesce($4, time_zone)
      where code = $1 and ${IS_THERE} returning ${COLUMNS}`,
    [code, change.name ?? null, change.needsPermission ?? null, change.timeZone ?? null],
  )
  return rows[0] ?? unknownApp(code)
}

interface Entry {
  readonly app: App
  /** Ids by hash. */
  readonly tokens: ReadonlyMap<string, number>
}

const ALL = `
  select ${COLUMNS}, (select coalesce(json_object_agg(encode(hash, 'hex'), id), '{}') from api_token
                       where app_id = app.id and kind = 'device' and revoked_at is null) as tokens
    from app where ${IS_THERE}`

/** Every device call uses one of a few. */
const USE_NOTED_EVERY_MS = 3_600_000

/** Apps by code with the hashes of their device tokens, remembered for a moment: every device call asks. */
export class AppDirectory {
  readonly #entries: Snapshot<ReadonlyMap<string, Entry>>
  readonly #use: TokenUse

  constructor(db: Queryable, clock: Clock = systemClock) {
    this.#entries = new Snapshot(() => readAll(db), clock)
    this.#use = new TokenUse({ db, clock, everyMs: USE_NOTED_EVERY_MS })
  }

  /** Throws `app_unknown`. */
  async find(code: string): Promise<App> {
    return (await this.#entry(code)).app
  }

  /** Throws `app_unknown` or, for a token of another app or none at all, `device_token_refused`. */
  async findByDevice(code: string, deviceToken: string | undefined): Promise<App> {
    const entry = await this.#entry(code)
    if (deviceToken === undefined) throw missing(code)
    const key = hashToken(deviceToken).toString('hex')
    const tokenId = entry.tokens.get(key) ?? (await this.#entries.afterMiss()).get(code)?.tokens.get(key)
    if (tokenId === undefined) throw refused(code)
    this.#use.note(tokenId)
    return entry.app
  }

  /** A token was revoked, or an app archived, taken back or deleted. */
  forget(): void {
    this.#entries.forget()
  }

  async #entry(code: string): Promise<Entry> {
    return (
      (await this.#entries.current()).get(code) ??
      (await this.#entries.afterMiss()).get(code) ??
      unknownApp(code)
    )
  }
}

function missing(code: string): PushError {
  return new PushError(
    'device_token_refused',
    `the call has no device token of app ${code}: it is missing, or is not in the form "Authorization: Token <device token>"`,
  )
}

function refused(code: string): PushError {
  return new PushError('device_token_refused', `this device token does not belong to app ${code}`)
}

async function readAll(db: Queryable): Promise<ReadonlyMap<string, Entry>> {
  const { rows } = await db.query<App & { tokens: Record<string, number> }>(ALL)
  return new Map(
    rows.map(({ tokens, ...app }) => [app.code, { app, tokens: new Map(Object.entries(tokens)) }]),
  )
}
