/** Apps: one mobile or web application each, with a code that clients name and a device token they hold. */
import { randomInt } from 'node:crypto'
import { PushError } from '@roost/protocol'
import type { Queryable } from '../store/database.ts'
import { type Clock, systemClock } from '../time.ts'
import { Snapshot } from './snapshot.ts'
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
}

/** No letters and digits that people confuse. */
const CODE_ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

function newCode(): string {
  const part = () => Array.from({ length: 5 }, () => CODE_ALPHABET[randomInt(CODE_ALPHABET.length)]).join('')
  return `${part()}-${part()}`
}

const COLUMNS =
  'id, code, name, created_at as "createdAt", needs_permission as "needsPermission", time_zone as "timeZone"'

/** The device token is in the answer and nowhere else afterwards. */
export async function createApp(tx: Queryable, name: string): Promise<{ app: App; deviceToken: string }> {
  const { rows } = await tx.query<App>(`insert into app (code, name) values ($1, $2) returning ${COLUMNS}`, [
    newCode(),
    name,
  ])
  const app = rows[0] as App
  const deviceToken = newToken('device')
  await storeToken(tx, { kind: 'device', token: deviceToken, label: name, appId: app.id })
  return { app, deviceToken }
}

export async function listApps(db: Queryable): Promise<App[]> {
  return (await db.query<App>(`select ${COLUMNS} from app order by created_at, id`)).rows
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
      where code = $1 returning ${COLUMNS}`,
    [code, change.name ?? null, change.needsPermission ?? null, change.timeZone ?? null],
  )
  const app = rows[0]
  if (app === undefined) throw new PushError('app_unknown', `there is no app "${code.slice(0, 64)}"`)
  return app
}

interface Entry {
  readonly app: App
  readonly tokens: ReadonlySet<string>
}

const ALL = `
  select ${COLUMNS}, array(select encode(hash, 'hex') from api_token
                            where app_id = app.id and kind = 'device') as tokens
    from app`

/** Apps by code with the hashes of their device tokens, remembered for a moment: every device call asks. */
export class AppDirectory {
  readonly #entries: Snapshot<ReadonlyMap<string, Entry>>

  constructor(db: Queryable, clock: Clock = systemClock) {
    this.#entries = new Snapshot(() => readAll(db), clock)
  }

  /** Throws `app_unknown`. */
  async find(code: string): Promise<App> {
    return (await this.#entry(code)).app
  }

  /** Throws `app_unknown` or, for a token of another app or none at all, `device_token_refused`. */
  async findByDevice(code: string, deviceToken: string | undefined): Promise<App> {
    const entry = await this.#entry(code)
    if (holds(entry, deviceToken)) return entry.app
    if (deviceToken === undefined || !holds((await this.#entries.afterMiss()).get(code), deviceToken))
      throw new PushError('device_token_refused', `this device token does not belong to app ${code}`)
    return entry.app
  }

  async #entry(code: string): Promise<Entry> {
    const entry = (await this.#entries.current()).get(code) ?? (await this.#entries.afterMiss()).get(code)
    if (entry === undefined) throw new PushError('app_unknown', `there is no app "${code.slice(0, 64)}"`)
    return entry
  }
}

function holds(entry: Entry | undefined, deviceToken: string | undefined): boolean {
  return deviceToken !== undefined && entry?.tokens.has(hashToken(deviceToken).toString('hex')) === true
}

async function readAll(db: Queryable): Promise<ReadonlyMap<string, Entry>> {
  const { rows } = await db.query<App & { tokens: string[] }>(ALL)
  return new Map(rows.map(({ tokens, ...app }) => [app.code, { app, tokens: new Set(tokens) }]))
}
