/**
 * The real server as its users run it: the `roost serve` process with a data folder of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROGRAM } from './command.ts'
import { eventually } from './eventually.ts'

/** Has all rights, in every server of these tests. */
export const SERVER_TOKEN = 'e2e-server-token-that-is-long-enough'
/** The first start unpacks and initialises a database. */
const READY_WITHIN_MS = 90_000
const STOP_WITHIN_MS = 15_000
const OUTPUT_KEPT = 20_000

export interface RoostServer {
  readonly baseUrl: string
  /** One REST call with the server token. Throws on a status outside 2xx, with the answer in the message. */
  rest<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T>
  /** Ends the process as a power cut would, and returns when it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same folder and port. */
  startAgain(): Promise<void>
  /** Stops the process and removes its data. */
  close(): Promise<void>
}

export interface RoostServerOptions {
  /** Where the gateways are, and whatever else differs from the defaults. */
  readonly environment: Readonly<Record<string, string>>
  /** An authority that the server must trust beside the public ones. */
  readonly caPem: string
  /** The Node that runs it; the one of the test when absent. */
  readonly program?: string
  /** As `--roles` takes them; all when absent. */
  readonly roles?: string
}

export async function startRoostServer(options: RoostServerOptions): Promise<RoostServer> {
  const folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  await writeFile(join(folder, 'ca.pem'), options.caPem)
  let child: ChildProcess | undefined
  let output = (): string => ''
  const start = (port: string): Promise<string> => {
    child = spawn(
      options.program ?? process.execPath,
      [PROGRAM, 'serve', ...(options.roles === undefined ? [] : ['--roles', options.roles])],
      {
        env: {
          ...process.env,
          ROOST_DATA_DIR: join(folder, 'data'),
          ROOST_EXTRA_CA: join(folder, 'ca.pem'),
          ROOST_PORT: port,
          ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN,
          ...options.environment,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    output = keepOutput(child)
    return waitUntilReady(child, output)
  }
  /** Says of a server that is gone what it said last. */
  const told = (error: unknown): never => {
    const { exitCode = null, signalCode = null } = child ?? {}
    if (exitCode === null && signalCode === null) throw error
    throw new Error(`${String(error)}: roost serve ended by ${signalCode ?? exitCode}\n${output()}`)
  }
  const end = async (how: (running: ChildProcess) => Promise<void>): Promise<void> => {
    if (child !== undefined) await how(child)
  }
  const close = async (): Promise<void> => {
    await end(stop)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const baseUrl = await start('0')
    return {
      baseUrl,
      kill: () => end(killNow),
      startAgain: async () => {
        await start(new URL(baseUrl).port)
      },
      close,
      rest: <T>(method: string, path: string, body?: object) =>
        call<T>(`${baseUrl}${path}`, { method, body }).catch(told),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function killNow(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function keepOutput(child: ChildProcess): () => string {
  let kept = ''
  const keep = (chunk: Buffer): void => {
    kept = (kept + chunk.toString()).slice(-OUTPUT_KEPT)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => kept
}

/** Gives back the base URL, which the server prints once it listens. */
async function waitUntilReady(child: ChildProcess, output: () => string): Promise<string> {
  const { value } = await eventually({
    what: 'the server ready',
    read: () => readBaseUrl(child, output()),
    until: url => url !== undefined,
    withinMs: READY_WITHIN_MS,
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${output()}`)
  })
  return value as string
}

async function readBaseUrl(child: ChildProcess, output: string): Promise<string | undefined> {
  if (child.exitCode !== null) throw new Error(`roost serve ended with ${child.exitCode} before it was ready`)
  const baseUrl = /listening on (http:\S+)/.exec(output)?.[1]
  if (baseUrl === undefined) return undefined
  const { status } = await fetch(`${baseUrl}/readyz`)
  return status === 200 ? baseUrl : undefined
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const giveUp = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS)
  await ended
  clearTimeout(giveUp)
}

export interface CallOptions {
  /** Default: POST. */
  readonly method?: string
  readonly body?: object | undefined
  /** Default: with the server token. */
  readonly authorization?: string
}

/** Throws on a status outside 2xx, with the answer in the message. */
export async function call<T>(
  url: string,
  { method = 'POST', body, authorization = `Bearer ${SERVER_TOKEN}` }: CallOptions,
): Promise<T> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined
      ? { headers: { authorization } }
      : { headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${url} was answered with ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}
