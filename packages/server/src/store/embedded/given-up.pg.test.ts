/** A start of the embedded database that is given up, or fails on its way: what it has begun is ended, and nothing else. */
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, getEventListeners, once } from 'node:events'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { programsIn } from '../../../test/programs.ts'
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded.ts'
import { findPostgres } from './binaries.ts'
import { initialise, type Place } from './cluster.ts'
import { chooseLauncher, type Launcher } from './launcher.ts'
import { type Launch, launch } from './server.ts'

let root: string
let folder: string
let started: EmbeddedPostgres[] = []
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'roost-test-'))
  folder = join(root, 'postgres')
})
afterEach(async () => {
  for (const it of started) await it.stop()
  started = []
  await rm(root, { recursive: true, force: true })
})

async function start(options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const it = await startEmbeddedPostgres({ dataDirectory: root, fsync: false, ...options })
  started.push(it)
  return it
}

/** With what these statements do to it, in the place where the claim on it is. */
async function makeDatabase(...statements: readonly string[]): Promise<void> {
  const made = await startEmbeddedPostgres({ dataDirectory: root, fsync: false })
  try {
    await ask(made.url, ...statements)
  } finally {
    await made.stop()
  }
}

async function ask(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url.replace('/roost?', '/postgres?') })
  client.on('error', () => undefined)
  await client.connect()
  try {
    for (const it of statements) await client.query(it)
  } finally {
    await client.end()
  }
}

/** What Roost starts there, by a launcher that does something beside it. */
async function placeWith(
  wrap: (launcher: Launcher) => Launcher['wrap'],
  signal: AbortSignal,
): Promise<Place> {
  const binaries = await findPostgres()
  const launcher = await chooseLauncher({ folder, probe: binaries.initdb })
  const password = await readFile(join(root, 'postgres.password'), 'utf8').catch(() => 'a password')
  return { binaries, launcher: { ...launcher, wrap: wrap(launcher) }, folder, password, signal }
}

function launchIn(place: Place): Launch {
  return { ...place, port: undefined, logFile: join(root, 'postgres.log'), fsync: false }
}

const STOPPED = new Error('stopped')

function aborting(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(STOPPED) }
}

const turn = () => new Promise(resolve => setImmediate(resolve))
const pidFile = () => join(folder, 'postmaster.pid')

test('while the cluster is made: nothing of it goes on, and the next start makes it', async () => {
  const { signal, abort } = aborting()
  // It goes on for ever, so that no machine is too slow to meet it at work.
  const held: Launcher['wrap'] = (program, args) => [
    'sh',
    ['-c', '"$@"; exec sleep 1000', root, program, ...args],
  ]
  const asUser = (launcher: Launcher): Launcher['wrap'] => {
    return (program, args) => launcher.wrap(...held(program, args))
  }
  const making = initialise(await placeWith(asUser, signal))
  const isBegun = async () => (await readdir(root)).some(name => existsSync(join(root, name, 'PG_VERSION')))
  while (!(await isBegun())) await turn()
  abort()
  await expect(making).rejects.toBe(STOPPED)
  expect([await programsIn(root), existsSync(folder)]).toEqual([[], false])
  await start()
  expect(await readdir(root)).not.toContainEqual(expect.stringContaining('.new-'))
})

test('whose programs can not be started: says so, and listens for no stop any more', async () => {
  const { signal } = aborting()
  const place = await placeWith(() => () => ['/nowhere/postgres', []], signal)
  await expect(initialise(place)).rejects.toThrow('PostgreSQL could not make its folder')
  await expect(launch(launchIn(place))).rejects.toThrow('PostgreSQL could not be started')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('while a server on the folder answers nobody: that one is left alone', async () => {
  await makeDatabase()
  const { signal, abort } = aborting()
  let asked = 0
  const port = createServer(socket => {
    socket.destroy()
    asked += 1
    if (asked === 3) abort()
  }).listen(0, '127.0.0.1')
  const mute = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', folder])
  try {
    await Promise.all([once(mute, 'spawn'), once(port, 'listening')])
    await writeFile(pidFile(), `${mute.pid}\n\n\n${(port.address() as AddressInfo).port}\n`)
    await expect(start({ signal })).rejects.toBe(STOPPED)
    expect(isRunning(mute)).toBe(true)
  } finally {
    mute.kill('SIGKILL')
    port.close()
  }
})

const isRunning = (it: ChildProcess) => it.exitCode === null && it.signalCode === null

test('while its server recovers, which may take minutes: the server is ended', async () => {
  await makeDatabase()
  await recoverForEver()
  const { signal, abort } = aborting()
  const starting = start({ signal })
  const isBegun = () => existsSync(pidFile())
  while (!isBegun()) await turn()
  abort()
  await expect(starting).rejects.toBe(STOPPED)
  expect([await programsIn(folder), isBegun()]).toEqual([[], false])
})

/** The server asks for its first file of a backup, and is never given one. */
async function recoverForEver(): Promise<void> {
  await writeFile(join(folder, 'recovery.signal'), '')
  await appendFile(join(folder, 'postgresql.auto.conf'), "restore_command = 'exec sleep 1000'\n")
}

test('where another Roost runs on the folder: its server is left alone', async () => {
  const other = await start()
  const { signal, abort } = aborting()
  const aborted = (launcher: Launcher): Launcher['wrap'] => {
    return (program, args) => {
      abort()
      return launcher.wrap(program, args)
    }
  }
  const place = await placeWith(aborted, signal)
  await expect(launch(launchIn(place))).rejects.toBe(STOPPED)
  await ask(other.url, 'select 1')
})

/** Whoever asks whether it is there is answered, and who claims it is not. */
const NO_CLAIM = [
  `create function refuse() returns event_trigger language plpgsql as $$ begin
     if current_setting('application_name') like 'roost %' then raise 'no claim'; end if;
   end $$`,
  'create event trigger no_claim on login execute function refuse()',
] as const

test('whose claim on its own server fails: that server is ended', async () => {
  await makeDatabase(...NO_CLAIM)
  await expect(start()).rejects.toThrow('no claim')
  expect(existsSync(pidFile())).toBe(false)
})

test('that can make no database in its server: that server is ended', async () => {
  const template = ['alter database template1 is_template false', 'drop database template1']
  await makeDatabase('drop database roost', ...template)
  await expect(start()).rejects.toThrow('template1')
  expect(existsSync(pidFile())).toBe(false)
})

test('again, of a server that was killed, whose claim fails: the new server is ended before it is told', async () => {
  const told = new EventEmitter()
  const tell = (says: string) => {
    if (says.includes('no claim')) told.emit('failure', existsSync(pidFile()))
  }
  await ask((await start({ tell })).url, ...NO_CLAIM, 'checkpoint') // without fsync, a commit alone may be lost
  const failure = once(told, 'failure')
  process.kill(Number.parseInt(await readFile(pidFile(), 'utf8'), 10), 'SIGKILL')
  expect(await failure).toEqual([false])
})
