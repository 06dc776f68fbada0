/**
 * The whole of Roost for a test: the real server on a database of its own, the stand-ins over real TLS and HTTP/2, and a
 * clock that both share and that only the test moves on.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeviceView, LedgerEntry, MessageView, NewMessage } from '@roost/protocol'
import { createPhone, type Phone, type PhonePlatform, type Simulator, startSimulator } from '@roost/simulator'
import { pino } from 'pino'
import { readConfig } from '../src/config.ts'
import { type RunningServer, type StartOptions, startServer } from '../src/main.ts'
import { cloneDatabase } from './database.ts'

/** Real time goes on underneath; the test adds to it. */
export class TestClock {
  #offsetMs = 0
  #stoodAt: number | undefined

  now(): number {
    return (this.#stoodAt ?? Date.now()) + this.#offsetMs
  }

  /** Nothing runs out by itself until `run`, however slow the machine is; it goes on from there. */
  stand(): void {
    this.#stoodAt ??= Date.now()
  }

  run(): void {
    if (this.#stoodAt !== undefined) this.#offsetMs -= Date.now() - this.#stoodAt
    this.#stoodAt = undefined
  }

  advance(ms: number): void {
    this.#offsetMs += ms
  }
}

export const BUNDLE_ID = 'com.example.test'
export const SERVER_TOKEN = 'test-server-token-of-enough-length'
const SETTLE_WITHIN_MS = 45_000

export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

export interface TestRoost {
  readonly server: RunningServer
  readonly simulator: Simulator
  readonly clock: TestClock
  readonly app: string
  readonly deviceToken: string
  readonly url: string
  /** Everything that was logged so far, as text. */
  logged(): string
  rest<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<Answer<T>>
  /** A call of the JSON 1.3 device protocol with `application` and the device token filled in. */
  device(method: string, fields: Record<string, unknown>): Promise<Answer<CompatBody>>
  phone(
    kind: PhonePlatform['kind'],
    options?: { hwid?: string; userId?: string; tags?: Record<string, unknown>; language?: string },
  ): Promise<Phone>
  send(message: NewMessage): Promise<string>
  /** Waits until the message is as wanted, and returns it. */
  until(id: string, isWanted: (message: MessageView) => boolean): Promise<MessageView>
  /** Waits until the message is done, and returns it. */
  settle(id: string): Promise<MessageView>
  sendAndSettle(message: NewMessage): Promise<MessageView>
  /** A second server on the same database; whoever starts it closes it. */
  another(options?: Pick<StartOptions, 'roles' | 'lookEveryMs' | 'closeWithinMs'>): Promise<RunningServer>
  view(hwid: string): Promise<DeviceView>
  ledger(hwid: string): Promise<LedgerEntry[]>
  close(): Promise<void>
}

export interface CompatBody {
  readonly status_code: number
  readonly status_message: string
  readonly response: Record<string, unknown> | null
}

export interface RoostOptions extends Pick<StartOptions, 'roles' | 'patienceMs'> {
  readonly environment?: Readonly<Record<string, string>>
  /** PEM of what is trusted beside the stand-ins. */
  readonly extraCa?: string
}

export async function startRoost(options: RoostOptions = {}): Promise<TestRoost> {
  const clock = new TestClock()
  const database = await cloneDatabase()
  const simulator = await startSimulator({ clock: () => clock.now() })
  const folder = await mkdtemp(join(tmpdir(), 'roost-test-'))
  await writeFile(join(folder, 'ca.pem'), `${simulator.caPem}\n${options.extraCa ?? ''}`)
  const lines: string[] = []
  const config = readConfig({
    ...simulator.environment(),
    ROOST_EXTRA_CA: join(folder, 'ca.pem'),
    ROOST_DATABASE_URL: database.url,
    ROOST_DATA_DIR: folder,
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN,
    ...options.environment,
  })
  const logger = pino({ level: 'trace' }, { write: line => lines.push(line) })
  const { environment: _environment, extraCa: _extraCa, ...started } = options
  const server = await startServer(config, { clock, logger, ...started })

  const rest: TestRoost['rest'] = async (method, path, body) => {
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
  const made = await rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', { name: 'Test' })
  const { code: app, deviceToken } = made.body
  const project = await simulator.fcm.createProject()
  const huawei = simulator.hms.createApp()
  const uploads = [
    { gateway: 'apns', kind: 'p8', ...simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }) },
    { gateway: 'fcm', kind: 'service-account', serviceAccount: project.serviceAccount },
  ]
  for (const upload of uploads) {
    const answer = await rest('POST', `/v1/apps/${app}/credentials`, upload)
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  }
  const platforms: Record<PhonePlatform['kind'], PhonePlatform> = {
    ios: { kind: 'ios', bundleId: BUNDLE_ID },
    android: { kind: 'android', projectId: project.projectId },
    web: { kind: 'web' },
    hms: { kind: 'hms', appId: huawei.appId },
  }
  const phones: Phone[] = []

  const roost: TestRoost = {
    server,
    simulator,
    clock,
    app,
    deviceToken,
    url: server.url,
    logged: () => lines.join(''),
    rest,
    device: async (method, fields) => {
      const response = await fetch(`${server.url}/json/1.3/${method}`, {
        method: 'POST',
        headers: { authorization: `Token ${deviceToken}`, 'content-type': 'text/plain;charset=UTF-8' },
        body: JSON.stringify({ request: { application: app, ...fields } }),
      })
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as CompatBody,
      }
    },
    phone: async (kind, options = {}) => {
      const phone = createPhone({
        simulator,
        roost: { baseUrl: server.url, app, deviceToken },
        platform: platforms[kind],
        ...options,
      })
      phones.push(phone)
      await phone.open()
      return phone
    },
    send: async message => {
      const answer = await rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message)
      if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
      return answer.body.id
    },
    settle: id => roost.until(id, message => message.state === 'done'),
    until: async (id, isWanted) => {
      for (const end = Date.now() + SETTLE_WITHIN_MS; Date.now() < end; await tick()) {
        const { body } = await rest<MessageView>('GET', `/v1/apps/${app}/messages/${id}`)
        if (isWanted(body)) return body
      }
      throw new Error(`message ${id} did not come to be as wanted within ${SETTLE_WITHIN_MS} ms`)
    },
    sendAndSettle: async message => roost.settle(await roost.send(message)),
    another: options => startServer(config, { clock, logger, ...options }),
    view: async hwid =>
      (await rest<DeviceView>('GET', `/v1/apps/${app}/devices/${encodeURIComponent(hwid)}`)).body,
    ledger: async hwid => {
      const answer = await rest<{ entries: LedgerEntry[] }>(
        'GET',
        `/v1/apps/${app}/devices/${encodeURIComponent(hwid)}/ledger`,
      )
      return answer.body.entries
    },
    close: async () => {
      for (const phone of phones) phone.close()
      await server.close()
      await simulator.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return roost
}

/** Polling, with a deadline around it: never a wait for time to pass. */
export function tick(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 10))
}
