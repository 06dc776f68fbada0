/** `roost devices import` as whole processes: killed half-way, and run again. */
import { createWriteStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Command, type Ended, endCommands, LISTENING } from './support/command.ts'
import { eventually } from './support/eventually.ts'
import { call, SERVER_TOKEN } from './support/roost-server.ts'

const WITHIN_MS = 120_000
/** Enough for several seconds of work, of which every hundredth row is refused. */
const ROWS = 200_000
const BAD_EVERY = 100

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
})
afterEach(async () => {
  await endCommands('SIGTERM')
  await rm(folder, { recursive: true, force: true })
})

const authorization = `Bearer ${SERVER_TOKEN}`

function start(...args: string[]): Command {
  const places = { TMPDIR: folder, ROOST_DATA_DIR: join(folder, 'data') }
  const environment = { ...places, ROOST_PORT: '0', ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN }
  return new Command(args, { environment })
}

/** Until it ends. */
function roost(...args: string[]): Promise<Ended> {
  return start(...args).ended()
}

async function serve(): Promise<{ readonly url: string; readonly command: Command }> {
  const command = start('serve')
  return { url: await command.said(LISTENING), command }
}

async function createApp(): Promise<string> {
  const { url, command } = await serve()
  const code = await createAppAt(url)
  await command.end('SIGTERM')
  return code
}

async function createAppAt(url: string): Promise<string> {
  return (await call<{ code: string }>(`${url}/v1/apps`, { body: { name: 'Imported' } })).code
}

function* lines(): Generator<string> {
  yield 'hwid,platform,pushToken,userId\n'
  for (let i = 0; i < ROWS; i++) {
    const token = i % BAD_EVERY === 0 ? 'no hex' : i.toString(16).padStart(64, '0')
    yield `device-${i},ios,${token},user-${i}\n`
  }
}

/** Each hwid of the export, and how many lines it has. */
async function exported(url: string, app: string): Promise<string[]> {
  const answer = await fetch(`${url}/v1/apps/${app}/device-export`, { headers: { authorization } })
  return (await answer.text())
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { hwid: string }).hwid)
}

test('an import that is killed half-way goes on when it is run again, without a lost or doubled row', async () => {
  const app = await createApp()
  const file = join(folder, 'devices.csv')
  const refused = join(folder, 'refused.csv')
  await pipeline(Readable.from(lines()), createWriteStream(file))
  const args = ['devices', 'import', file, '--app', app, '--refused', refused, '--json']

  const first = start(...args)
  await eventually({
    what: 'rows stored',
    read: () => Number([...first.err.matchAll(/(\d+) rows/g)].at(-1)?.[1] ?? 0),
    until: rows => rows > 0,
    withinMs: WITHIN_MS,
  })
  expect(first.isRunning).toBe(true)
  await first.end('SIGKILL')

  const second = await roost(...args)
  const before = Number(/going on behind row (\d+)/.exec(second.err)?.[1])
  expect(before).toBeGreaterThan(0)
  expect(before).toBeLessThan(ROWS)
  const bad = ROWS / BAD_EVERY
  expect(JSON.parse(second.out)).toMatchObject({
    state: 'done',
    rows: ROWS,
    stored: ROWS - bad,
    refused: bad,
  })
  const report = (await readFile(refused, 'utf8')).trim().split('\n')
  expect(report).toHaveLength(bad + 1)
  expect(new Set(report).size).toBe(bad + 1)

  const third = await roost(...args)
  expect(JSON.parse(third.out)).toMatchObject({ state: 'done', rows: ROWS, stored: ROWS - bad })

  const { url } = await serve()
  const hwids = await exported(url, app)
  expect(hwids).toHaveLength(ROWS - bad)
  expect(new Set(hwids).size).toBe(ROWS - bad)
})

test('through a running server an import goes on where a killed one stopped, also of a packed file, and an export comes back', async () => {
  const { url, command } = await serve()
  const app = await createAppAt(url)
  const file = join(folder, 'devices.csv.gz')
  const refused = join(folder, 'refused.ndjson')
  await pipeline(Readable.from(lines()), createGzip(), createWriteStream(file))
  const args = ['devices', 'import', file, '--app', app, '--url', url, '--refused', refused, '--json']

  const first = start(...args)
  const path = `${url}/v1/apps/${app}`
  await eventually({
    what: 'rows stored',
    read: async () => {
      const answer = await fetch(`${path}/device-export`, { headers: { authorization } })
      const { value } = (await answer.body?.getReader().read()) ?? {}
      return value?.length ?? 0
    },
    until: bytes => bytes > 0,
    withinMs: WITHIN_MS,
  })
  expect(first.isRunning).toBe(true)
  await first.end('SIGKILL')

  const second = await roost(...args)
  expect(second.err).toMatch(/going on behind row \d+/)
  const bad = ROWS / BAD_EVERY
  expect(JSON.parse(second.out)).toMatchObject({
    state: 'done',
    rows: ROWS,
    stored: ROWS - bad,
    refused: bad,
  })
  const report = (await readFile(refused, 'utf8')).trim().split('\n')
  expect(report).toHaveLength(bad)
  expect(JSON.parse(report[1] ?? '')).toMatchObject({
    row: BAD_EVERY + 1,
    line: BAD_EVERY + 2,
    field: 'pushToken',
    code: 'address_malformed',
  })

  const copy = join(folder, 'copy.ndjson')
  await roost('devices', 'export', '--app', app, '--url', url, '-o', copy)
  const hwids = (await readFile(copy, 'utf8')).trim().split('\n')
  expect(new Set(hwids).size).toBe(ROWS - bad)
  expect(hwids).toHaveLength(ROWS - bad)
  await command.end('SIGTERM')
})

test('a file that no import can read, or no export can write, is told in two lines', async () => {
  const { url } = await serve()
  const app = await createAppAt(url)
  const file = join(folder, 'devices.csv')
  await pipeline(Readable.from([Buffer.from('hwid,platform\n', 'utf16le')]), createWriteStream(file))
  const wrong = await roost('devices', 'import', file, '--app', app, '--url', url)
  expect(wrong.err).toContain('UTF-16')
  const nobody = await roost('devices', 'import', file, '--app', app, '--url', url, '--token', 'none')
  expect(nobody.err).toContain('token')
  expect(nobody.err).not.toContain('    at ')
  const none = await roost('devices', 'import', folder, '--app', app, '--url', url)
  expect([none.code, none.err]).toEqual([1, expect.stringContaining(`${folder} is no file`)])
  const target = join(folder, 'none', 'devices.csv')
  const nowhere = await roost('devices', 'export', '--app', app, '--url', url, '-o', target)
  expect(nowhere.err).toContain(`${target} can't be written: ENOENT`)
  expect([nowhere.code, nowhere.err.trim().split('\n')]).toEqual([1, expect.objectContaining({ length: 2 })])
})

test('a dry run is plain text where it is read by programs, and a file of which nothing can be taken ends with status 1', async () => {
  const app = await createApp()
  const file = join(folder, 'devices.csv')
  const run = async (content: string | Buffer, ...options: string[]) => {
    await writeFile(file, content)
    return roost('devices', 'import', file, '--app', app, ...options)
  }
  const rows = Array.from(
    { length: 1200 },
    (_, i) => `d-${i},ios,${(i + 1).toString(16).padStart(64, '0')},2020-01-01\n`,
  )
  const dry = await run(`hwid,platform,pushToken,lastSeenAt\n${rows.join('')}`, '--dry-run')
  expect(dry.code).toBe(0)
  expect(dry.out).toContain('1,200 rows: 1,200 would be taken, 0 refused')
  expect(dry.out).toMatch(/1,200 of them were last heard of longer ago .* would begin a new term/)
  expect(dry.out).toMatch(/all that would be taken .* 1,200 .* 1,200/)
  expect(dry.out + dry.err).not.toContain('\u001b[')
  const stored = await run(await readFile(file))
  expect([stored.code, stored.out]).toEqual([0, expect.stringContaining('they begin a new term')])
  expect(stored.err).toContain('100 % | 1200 rows')
  for (const options of [[], ['--dry-run']]) {
    const refused = await run('hwid,platform,pushToken\na,ios,zz\n', ...options)
    expect([refused.code, refused.out]).toEqual([1, expect.stringContaining('1 refused')])
    const empty = await run('', ...options)
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining('the file is empty')])
    const zip = await run(Buffer.from('PK\u0003\u0004'), ...options)
    expect([zip.code, zip.err]).toEqual([1, expect.stringContaining('ZIP archive')])
  }
})

test('bench import that is stopped leaves neither a folder nor a database behind', async () => {
  const bench = start('bench', 'import', '--rows', '1000000', '--json')
  const written = async () => {
    const [own] = (await readdir(folder)).filter(name => name.startsWith('roost-bench-'))
    const log = await readdir(join(folder, own ?? '', 'postgres', 'pg_wal')).catch(() => [])
    return log.filter(name => /^[0-9A-F]{24}$/.test(name)).length
  }
  // Segments of 16 MiB: it is in the middle of storing.
  await eventually({ what: 'a log of writes', read: written, until: n => n > 3, withinMs: WITHIN_MS })
  expect(await bench.end('SIGINT')).toBe(130)
  expect((await readdir(folder)).filter(name => name.startsWith('roost-bench-'))).toEqual([])
})
