/**
 * A bigger installation for drills: one process that takes the calls, some that send, a PostgreSQL that can be stopped and started
 * at its port, and the stand-ins, which are the independent count of what happened.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MessageView, NewMessage } from '@roost/protocol'
import { type Crowd, createCrowd, type Simulator, startSimulator } from '@roost/simulator'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../packages/server/src/store/embedded.ts'
import { crashPostgres } from '../../packages/server/test/crash.ts'
import { PROGRAM } from './command.ts'
import { eventually } from './eventually.ts'
import { type RoostServer, startRoostServer } from './roost-server.ts'

export const BUNDLE_ID = 'com.example.fleet'
const WITHIN_MS = 120_000

export interface Sender {
  readonly process: ChildProcess
  /** The last of what it has logged. */
  output(): string
  /** Ends it, and returns when it is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

export interface Fleet {
  readonly simulator: Simulator
  readonly api: RoostServer
  readonly app: string
  readonly deviceToken: string
  readonly projectId: string
  readonly databaseUrl: string
  /** Of the cluster's own files. */
  readonly databaseFolder: string
  startSender(): Promise<Sender>
  /** Registers phones, of iOS and Android in equal parts. */
  crowd(count: number): Promise<Crowd>
  send(message: NewMessage): Promise<string>
  /** A read that holds the invariant, or undefined while the API can't serve. */
  read(id: string): Promise<MessageView | undefined>
  /** Reads all the time until the message is as wanted, and returns that read. */
  until(id: string, isWanted: (message: MessageView) => boolean, withinMs?: number): Promise<MessageView>
  /** As the cluster's own user. */
  query(sql: string): Promise<readonly Record<string, unknown>[]>
  /** Ends PostgreSQL as a power cut would. */
  crashDatabase(): Promise<void>
  /** On the same folder and port. */
  startDatabase(): Promise<void>
  close(): Promise<void>
}

export async function startFleet(): Promise<Fleet> {
  const closers: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    return await start(closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function start(closers: (() => Promise<unknown>)[], close: () => Promise<void>): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  closers.push(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
  const dataDirectory = join(folder, 'database')
  let database: EmbeddedPostgres = await startEmbeddedPostgres({ dataDirectory })
  closers.push(() => database.stop())
  const simulator = await startSimulator()
  closers.push(() => simulator.close())
  await writeFile(join(folder, 'ca.pem'), simulator.caPem)
  const environment = {
    ...simulator.environment(),
    ROOST_DATABASE_URL: database.url,
    ROOST_SECRET: 'the same secret for all processes of a test',
  }
  const api = await startRoostServer({ environment, caPem: simulator.caPem, roles: 'api' })
  closers.push(() => api.close())
  const made = await api.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', { name: 'Fleet' })
  const { code: app, deviceToken } = made
  const project = await simulator.fcm.createProject()
  for (const credential of [
    { gateway: 'apns', kind: 'p8', ...simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }) },
    { gateway: 'fcm', kind: 'service-account', serviceAccount: project.serviceAccount },
  ])
    await api.rest('POST', `/v1/apps/${app}/credentials`, credential)

  const read: Fleet['read'] = async id => {
    const message = await api
      .rest<MessageView>('GET', `/v1/apps/${app}/messages/${id}`)
      .catch((error: unknown) => requireAway(error))
    if (message !== undefined) requireInvariant(message)
    return message
  }
  const fleet: Fleet = {
    simulator,
    api,
    app,
    deviceToken,
    projectId: project.projectId,
    databaseUrl: database.url,
    databaseFolder: join(dataDirectory, 'postgres'),
    startSender: async () => {
      const sender = await startSender({
        ...environment,
        ROOST_DATA_DIR: folder,
        ROOST_EXTRA_CA: join(folder, 'ca.pem'),
      })
      closers.push(() => sender.end('SIGTERM'))
      return sender
    },
    crowd: async count => {
      const ios = { kind: 'ios', bundleId: BUNDLE_ID } as const
      const android = { kind: 'android', projectId: project.projectId } as const
      const roost = { baseUrl: api.baseUrl, app, deviceToken }
      const crowd = createCrowd({ simulator, roost, count: 0, mix: [] })
      closers.push(async () => crowd.close())
      crowd.add(ios, Math.ceil(count / 2))
      crowd.add(android, Math.floor(count / 2))
      const { failed, reason } = await crowd.register()
      if (failed > 0) throw new Error(`${failed} phones could not register: ${reason}`)
      return crowd
    },
    send: async message =>
      (await api.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message as object)).id,
    read,
    until: async (id, isWanted, withinMs = WITHIN_MS) => {
      const { value } = await eventually({
        what: `message ${id} as wanted`,
        read: () => read(id),
        until: message => message !== undefined && isWanted(message),
        withinMs,
      })
      return value as MessageView
    },
    query: sql => runOnce(database.url, sql),
    crashDatabase: () => crashPostgres(join(dataDirectory, 'postgres')),
    startDatabase: async () => {
      database = await startEmbeddedPostgres({ dataDirectory, port: database.port })
    },
    close,
  }
  return fleet
}

/** Everything else than "not now" is a fault. */
function requireAway(error: unknown): undefined {
  if (/was answered with 503|fetch failed/.test(String(error))) return undefined
  throw error
}

function requireInvariant({ counts }: MessageView): void {
  const { targeted, accepted, dead, failed, skipped, uncertain, pending } = counts
  const isHeld = targeted === accepted + dead + failed + skipped + uncertain + pending && pending >= 0
  if (!isHeld) throw new Error(`the invariant is broken: ${JSON.stringify(counts)}`)
}

async function startSender(environment: NodeJS.ProcessEnv): Promise<Sender> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--roles', 'send'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-20_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    if (signal !== 'SIGKILL') child.kill('SIGCONT') // one that was stopped hears nothing
    await ended
  }
  await eventually({
    what: 'a sender',
    read: () => output,
    until: text => text.includes('Roost is running: send'),
    withinMs: WITHIN_MS,
  })
  return { process: child, output: () => output, end }
}

async function runOnce(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}
