/** The process of the embedded PostgreSQL: started, found again, stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../folder.ts'
import type { Place } from './cluster.ts'
import { answers, urlOf } from './connection.ts'

/** Recovery after a crash replays at most `max_wal_size` (1 GB): seconds, on slow disks a minute. */
export const START_TIMEOUT_MS = 120_000

const STOP_TIMEOUT_MS = 30_000

const POLL_MS = 50

export interface Running {
  readonly pid: number
  readonly port: number
}

/**
 * A server that a killed Roost left behind: taken over when it answers, waited for while it is shutting down.
 * A `postmaster.pid` whose process is something else (ids are reused, above all in containers) is removed.
 */
export async function waitForLeftover({
  folder,
  password,
  signal,
}: Pick<Place, 'folder' | 'password' | 'signal'>): Promise<Running | undefined> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await pause()) {
    signal?.throwIfAborted()
    const left = await readPidFile(folder)
    if (left === undefined) return undefined
    if (!(await isServerOf(left.pid, folder))) {
      await rm(join(folder, 'postmaster.pid'), { force: true })
      return undefined
    }
    if (await answers(urlOf(left.port, password, 'postgres'))) return left
  }
  throw new StartError(
    `a PostgreSQL server is running on ${folder} but does not answer`,
    `Stop the process named in ${folder}/postmaster.pid, or choose another ROOST_DATA_DIR.`,
  )
}

/** Line 1 is the process id, line 4 the port. Source: PostgreSQL, "postmaster.pid" in storage-file-layout. */
export async function readPidFile(folder: string): Promise<Running | undefined> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  return Number.isInteger(pid) && pid > 0 ? { pid, port: Number(lines[3]) } : undefined
}

export async function isServerOf(pid: number, folder: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(async () => {
    const ps = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined)
    return ps?.stdout ?? folder // where neither can tell, believe the file
  })
  return commandLine.includes(folder)
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export interface Launch extends Place {
  readonly port: number | undefined
  readonly logFile: string
  readonly fsync: boolean
}

/**
 * Starts a server of ours, and gives it back when it answers. Throws StartError, or the reason of `signal`; what it had started
 * is ended then, and no other server on the folder.
 */
export async function launch(place: Launch): Promise<Running> {
  const { signal } = place
  const port = place.port ?? (await freePort())
  const logStart = (await stat(place.logFile).catch(() => undefined))?.size ?? 0
  const child = await startServer(place, port)
  try {
    await untilReady(child, urlOf(port, place.password, 'postgres'), signal)
  } catch (cause) {
    // One that gave up has left the folder to another server, which is not ours to end.
    if (!hasExited(child)) await shutDown(child.pid)
    signal?.throwIfAborted()
    throw cause instanceof StartError ? cause : await launchFault(place, { child, logStart, cause })
  }
  child.unref()
  return { pid: child.pid, port }
}

/** What starts it puts itself aside for it (exec), so the process is the server's own. */
type ServerProcess = ChildProcess & { readonly pid: number }

async function startServer(place: Launch, port: number): Promise<ServerProcess> {
  const log = await open(place.logFile, 'a', 0o600)
  const [command, args] = place.launcher.wrap(place.binaries.postgres, serverArguments(place, port))
  try {
    const child = spawn(command, args, {
      cwd: '/',
      env: place.launcher.env,
      ...place.launcher.identity,
      // A group of its own: Ctrl-C in the terminal goes to Roost, which closes its work before the database.
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    })
    await once(child, 'spawn')
    return child as ServerProcess
  } catch (cause) {
    throw new StartError(
      `PostgreSQL could not be started: ${(cause as Error).message}`,
      'Run "npm ci" again, or name another database with ROOST_DATABASE_URL.',
    )
  } finally {
    await log.close()
  }
}

async function launchFault(
  place: Launch,
  {
    child,
    logStart,
    cause,
  }: { readonly child: ServerProcess; readonly logStart: number; readonly cause: unknown },
): Promise<StartError> {
  const other = await readPidFile(place.folder)
  if (other !== undefined && other.pid !== child.pid && (await isServerOf(other.pid, place.folder)))
    return runsAlready(dirname(place.folder))
  const said = (await readFile(place.logFile, 'utf8'))
    .slice(logStart)
    .trim()
    .split('\n')
    .slice(-4)
    .join('\n  ')
  return new StartError(
    `PostgreSQL did not start on ${place.folder}:\n  ${said || String(cause)}`,
    `Its log is ${place.logFile}. Another database can be named with ROOST_DATABASE_URL.`,
  )
}

function serverArguments(place: Launch, port: number): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '', // a path below the data folder may be too long for a socket
    max_connections: '60',
    shared_buffers: '256MB',
    jit: 'off', // our queries are short; compiling them costs more than it saves
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_error_verbosity: 'terse', // its details quote the rows that are refused, tokens and all
    ...(place.fsync ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return [
    '-D',
    place.folder,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

async function untilReady(child: ChildProcess, url: string, signal: AbortSignal | undefined): Promise<void> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await pause()) {
    signal?.throwIfAborted()
    if (hasExited(child)) throw new Error('it exited')
    if (await answers(url)) return
  }
  throw new Error(`no answer within ${START_TIMEOUT_MS / 1000} s`)
}

const hasExited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

/** Of a server that is ours: by its launch, or by the claim on it. One that has ended is no fault. */
export async function shutDown(pid: number): Promise<void> {
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGINT') // PostgreSQL's "fast shutdown"
  for (const end = Date.now() + STOP_TIMEOUT_MS; Date.now() < end; await pause()) if (!isAlive(pid)) return
  process.kill(pid, 'SIGQUIT') // "immediate": recovers at the next start, loses nothing that was committed
}

export function runsAlready(dataDirectory: string): StartError {
  return new StartError(
    `another Roost is running on ${dataDirectory}`,
    'Stop it first, or give this one another ROOST_DATA_DIR; commands work beside one that has started. Several Roosts can share a server: ROOST_DATABASE_URL.',
  )
}

export function pause(ms: number = POLL_MS): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
