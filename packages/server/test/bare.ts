/**
 * The real server without stand-ins, for tests that send nothing: its gateways are addresses at which nobody listens.
 * Several of them can share a database, as the processes of a bigger installation do.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeviceView, LedgerEntry } from '@roost/protocol'
import { pino } from 'pino'
import { readConfig } from '../src/config.ts'
import { type StartOptions, startServer } from '../src/main.ts'
import type { Database } from '../src/store/database.ts'
import { cloneDatabase } from './database.ts'
import { type Answer, type CompatBody, TestClock } from './roost.ts'

export const SERVER_TOKEN = 'bare-server-token-of-enough-length'
export const SECRET = 'the same secret for all servers of a test'
/** Port 9 is "discard": a message that leaves by mistake reaches nobody. */
const NOWHERE = 'https://127.0.0.1:9'

export interface BareOptions extends Pick<StartOptions, 'roles'> {
  /** Of a database that others have, too. By default it has one of its own, which is dropped when it is closed. */
  readonly databaseUrl?: string
  /** Share the clock between servers of one database. */
  readonly clock?: TestClock
  readonly environment?: Readonly<Record<string, string>>
  readonly closeWithinMs?: number
  readonly requestTimeoutMs?: number
  readonly drainMs?: number
}

/** What a device must know to call in. */
export interface Access {
  readonly app: string
  readonly deviceToken: string
}

export interface BareServer {
  readonly url: string
  readonly db: Database
  readonly clock: TestClock
  /** Everything that was logged so far, as text, at level debug. */
  logged(): string
  createApp(): Promise<Access>
  /** A second one on the same database, by the same clock unless told otherwise; whoever starts it closes it first. */
  another(options?: Omit<BareOptions, 'databaseUrl'>): Promise<BareServer>
  rest<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer<T>>
  device(access: Access, method: string, fields: Record<string, unknown>): Promise<Answer<CompatBody>>
  view(access: Access, hwid: string): Promise<DeviceView>
  ledger(access: Access, hwid: string): Promise<LedgerEntry[]>
  close(): Promise<void>
}

export async function startBare(options: BareOptions = {}): Promise<BareServer> {
  const database =
    options.databaseUrl === undefined
      ? await cloneDatabase()
      : { url: options.databaseUrl, drop: () => Promise.resolve() }
  const clock = options.clock ?? new TestClock()
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  const config = readConfig({
    ROOST_DATABASE_URL: database.url,
    ROOST_DATA_DIR: folder,
    ROOST_SECRET: SECRET,
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN,
    ROOST_APNS_PRODUCTION_URL: NOWHERE,
    ROOST_APNS_SANDBOX_URL: NOWHERE,
    ROOST_FCM_URL: NOWHERE,
    ROOST_GOOGLE_TOKEN_URL: NOWHERE,
    ROOST_HMS_URL: NOWHERE,
    ROOST_HMS_TOKEN_URL: NOWHERE,
    ...options.environment,
  })
  const lines: string[] = []
  const logger = pino({ level: 'debug' }, { write: line => lines.push(line) })
  const server = await startServer(config, {
    clock,
    logger,
    ...(options.roles === undefined ? {} : { roles: options.roles }),
    ...(options.closeWithinMs === undefined ? {} : { closeWithinMs: options.closeWithinMs }),
    ...(options.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: options.requestTimeoutMs }),
    ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
  })

  const rest: BareServer['rest'] = async (method, path, body) => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${SERVER_TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
  const devicePath = (access: Access, hwid: string) =>
    `/v1/apps/${access.app}/devices/${encodeURIComponent(hwid)}`
  return {
    url: server.url,
    db: server.db,
    clock,
    rest,
    logged: () => lines.join(''),
    createApp: async () => {
      const { code, deviceToken } = (
        await rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', { name: 'Test' })
      ).body
      return { app: code, deviceToken }
    },
    another: more => startBare({ clock, ...more, databaseUrl: database.url }),
    device: async (access, method, fields) => {
      const response = await fetch(`${server.url}/json/1.3/${method}`, {
        method: 'POST',
        headers: { authorization: `Token ${access.deviceToken}`, 'content-type': 'text/plain;charset=UTF-8' },
        body: JSON.stringify({ request: { application: access.app, ...fields } }),
      })
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as CompatBody,
      }
    },
    view: async (access, hwid) => (await rest<DeviceView>('GET', devicePath(access, hwid))).body,
    ledger: async (access, hwid) =>
      (await rest<{ entries: LedgerEntry[] }>('GET', `${devicePath(access, hwid)}/ledger`)).body.entries,
    close: async () => {
      await server.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
