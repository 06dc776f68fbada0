/** What the doctor says of this machine, its settings and its data folder: each of them broken for real. */
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { judgeConnections } from './database.ts'
import { type DoctorOptions, examine } from './doctor.ts'
import type { Told } from './finding.ts'
import { judgeSpace } from './folder.ts'
import { pageOf } from './page.ts'
import { judgeMetrics } from './server.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const clock = { now: () => NOW }
const SECRET = 'f3b1c09a7e5d4862b0a9c8d7e6f5a4b3c2d1e0f9'

/** Where nobody listens. */
let nobody: string
beforeAll(async () => {
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  nobody = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`
  await new Promise(resolve => closed.close(resolve))
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-doctor-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function look(
  environment: Record<string, string> = {},
  options: Partial<DoctorOptions> = {},
): Promise<Told[]> {
  return examine({
    environment: { ROOST_DATA_DIR: folder, ...environment },
    url: nobody,
    isOffline: true,
    clock,
    nodeVersion: 'v24.3.0',
    ...options,
  })
}

const of = (told: readonly Told[], subject: string) => told.filter(it => it.subject === subject)

describe('the machine', () => {
  test.each([
    ['v18.20.0', 'wrong', 'v18.20.0; Roost needs 20.19 or later'],
    ['v20.18.3', 'wrong', 'v20.18.3; Roost needs 20.19 or later'],
    ['v20.19.0', 'warning', 'v20.19.0 gets no security fixes since 2026-04-30'],
    ['v22.12.0', 'ok', 'v22.12.0'],
    ['v25.1.0', 'warning', 'v25.1.0 is no long-term version'],
    ['v24.0.0', 'ok', 'v24.0.0'],
  ])('of Node %s it says %s', async (nodeVersion, state, says) => {
    expect(of(await look({}, { nodeVersion }), 'Node')).toMatchObject([{ state, says }])
  })

  test('TLS that looks at no certificate is wrong', async () => {
    expect(of(await look({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }), 'TLS')).toMatchObject([{ state: 'wrong' }])
    expect(of(await look(), 'TLS')).toEqual([])
  })
})

describe('settings', () => {
  test('all faults are told, and the rest is looked at all the same', async () => {
    const told = await look({
      ROOST_PORT: 'seven',
      ROOST_EXTRA_CA: join(folder, 'none.pem'),
      ROOST_SECRET: 'short',
    })
    expect(told.filter(it => it.area === 'settings')).toMatchObject(
      [
        { subject: 'ROOST_SECRET', state: 'wrong', says: expect.stringContaining('32 or more characters') },
        { subject: 'ROOST_PORT', state: 'wrong', says: 'must be a port number' },
        { subject: 'ROOST_EXTRA_CA', state: 'wrong', says: expect.stringContaining('ENOENT') },
      ].toSorted((a, b) => order(told, a.subject) - order(told, b.subject)),
    )
    expect(of(told, 'Node')).toHaveLength(1)
    expect(of(told, 'data folder')).toHaveLength(1)
  })

  const order = (told: readonly Told[], subject: string) => told.findIndex(it => it.subject === subject)

  test('a slip in a name is told with the name that was perhaps meant', async () => {
    expect(of(await look({ ROOST_PROT: '7460' }), 'ROOST_PROT')).toMatchObject([
      { state: 'warning', says: 'is not a setting; did you mean ROOST_PORT?' },
    ])
  })

  test.each([
    ['a'.repeat(40), 'warning'],
    ['the-secret-of-our-installation-0123', 'warning'],
    ['0101010101010101010101010101010101', 'warning'],
    [SECRET, undefined],
  ])('the secret %s: %s', async (secret, state) => {
    expect(of(await look({ ROOST_SECRET: secret }), 'ROOST_SECRET').map(it => it.state)).toEqual(
      state === undefined ? [] : [state],
    )
  })

  test('private endpoints that are let through, and a secret that other servers have not, are warned of', async () => {
    const told = await look({
      ROOST_ALLOW_PRIVATE_ENDPOINTS: '1',
      ROOST_DATABASE_URL: 'postgres://roost:x@127.0.0.1:9/roost',
    })
    expect(told.filter(it => it.area === 'settings').map(it => [it.subject, it.state])).toEqual([
      ['ROOST_SECRET', 'warning'],
      ['ROOST_ALLOW_PRIVATE_ENDPOINTS', 'warning'],
    ])
  })

  test('a database URL that can’t be read is not taken for none', async () => {
    const told = await look({ ROOST_DATABASE_URL: 'mysql://localhost/roost' })
    expect(of(told, 'PostgreSQL')).toMatchObject([
      { state: 'unknown', says: expect.stringContaining('ROOST_DATABASE_URL') },
    ])
  })
})

describe('the data folder', () => {
  test('one that is not there is warned of, with where it was looked for, and is not made', async () => {
    const missing = join(folder, 'data')
    const told = await look({ ROOST_DATA_DIR: missing })
    expect(of(told, 'data folder')).toMatchObject([{ state: 'warning', says: `there is none at ${missing}` }])
    expect(of(await look({ ROOST_DATA_DIR: missing }), 'data folder')).toHaveLength(1)
  })

  test('a file in its place is wrong', async () => {
    const file = join(folder, 'data')
    await writeFile(file, '')
    expect(of(await look({ ROOST_DATA_DIR: file }), 'data folder')).toMatchObject([
      { state: 'wrong', says: `${file} is no folder` },
    ])
  })

  test('secrets that other users may read are wrong, a folder that they may look into is warned of', async () => {
    await chmod(folder, 0o700)
    expect(of(await look(), 'data folder')).toMatchObject([{ state: 'ok' }])
    await chmod(folder, 0o755)
    expect(of(await look(), 'data folder')).toMatchObject([
      { state: 'warning', remedy: `chmod 700 ${folder}` },
    ])
    await writeFile(join(folder, 'secret'), SECRET, { mode: 0o644 })
    await chmod(join(folder, 'secret'), 0o644)
    expect(of(await look(), 'data folder')).toMatchObject([
      { state: 'wrong', remedy: `chmod 600 ${join(folder, 'secret')}` },
    ])
  })

  test('a link that leads in a circle is told with the system’s words', async () => {
    const link = join(folder, 'data')
    await symlink(link, link)
    expect(of(await look({ ROOST_DATA_DIR: link }), 'data folder')).toMatchObject([
      { state: 'wrong', says: expect.stringContaining('ELOOP') },
    ])
  })

  test('little room is warned of, nearly none is wrong, and so is room for no more files', () => {
    const GIB = 1024 ** 3
    const space = { bytes: 100 * GIB, files: 1_000_000, freeFiles: 900_000 }
    expect(judgeSpace({ ...space, freeBytes: 60 * GIB })).toMatchObject({
      state: 'ok',
      says: '60.0 GiB of 100 GiB are free',
    })
    expect(judgeSpace({ ...space, freeBytes: GIB }).state).toBe('warning')
    expect(judgeSpace({ ...space, freeBytes: GIB / 10 }).state).toBe('wrong')
    expect(judgeSpace({ ...space, freeBytes: 60 * GIB, freeFiles: 10 }).state).toBe('wrong')
    expect(judgeSpace({ ...space, freeBytes: 60 * GIB, files: 0, freeFiles: 0 }).state).toBe('ok')
  })

  test('an embedded database that does not run is said to be unknown, and not started', async () => {
    await mkdir(join(folder, 'postgres'))
    expect(of(await look(), 'PostgreSQL')).toMatchObject([
      { state: 'unknown', remedy: expect.stringContaining('--start-database') },
    ])
  })
})

describe('the server', () => {
  test('where nobody listens it is wrong', async () => {
    expect(of(await look(), 'server')).toMatchObject([
      { state: 'wrong', says: `nobody listens at ${nobody}`, remedy: expect.stringContaining('roost serve') },
    ])
  })

  test('another program that answers in its place is told apart', async () => {
    const other = createServer((_request, response) => response.writeHead(404).end('no')).listen(
      0,
      '127.0.0.1',
    )
    await new Promise(resolve => other.once('listening', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    expect(of(await look({}, { url }), 'server')).toMatchObject([
      { state: 'wrong', says: `something that is no Roost answers at ${url} (status 404)` },
    ])
    other.close()
  })

  test('one that lags, has hardly a file left to open, or turns calls away is warned of', () => {
    const well = 'nodejs_eventloop_lag_p99_seconds 0.011\nprocess_open_fds 40\nprocess_max_fds 1024\n'
    expect(judgeMetrics(well)).toEqual([])
    const unwell = [
      'nodejs_eventloop_lag_p99_seconds 1.25',
      'process_open_fds 1000',
      'process_max_fds 1024',
      'roost_calls_refused_total{limit="app"} 7',
      'roost_calls_refused_total{limit="client"} 5',
    ].join('\n')
    expect(judgeMetrics(unwell).map(it => [it.subject, it.says])).toEqual([
      ['load', 'one call of a hundred waits 1.3 s for its turn'],
      ['open files', '1000 of 1024 that it may have: connections are refused soon'],
      ['limits of calls', '12 calls were answered 429 since its start'],
    ])
  })
})

test('connections are warned of when few are left, and wrong when none is', () => {
  expect(judgeConnections({ used: 40, ours: 20, most: 97 }).state).toBe('ok')
  expect(judgeConnections({ used: 90, ours: 20, most: 97 }).state).toBe('warning')
  expect(judgeConnections({ used: 97, ours: 20, most: 97 }).state).toBe('wrong')
  expect(judgeConnections({ used: 850, ours: 20, most: 997 }).state).toBe('ok')
})

test('what errors of others quote of a secret is hidden, in the table and in the JSON', async () => {
  const password = 'pässword-of-the-database'
  const environment = {
    ROOST_DATABASE_URL: `postgres://roost:${encodeURIComponent(password)}@127.0.0.1:9/roost`,
    ROOST_SECRET: SECRET,
    ROOST_BOOTSTRAP_TOKEN: 'a-token-for-the-api-5f3c1',
  }
  const told = await look({ ...environment, ROOST_LOG_LEVEL: SECRET })
  const all = JSON.stringify(told) + pageOf(told, { hasColors: false, width: 120 })
  for (const secret of [password, encodeURIComponent(password), SECRET, environment.ROOST_BOOTSTRAP_TOKEN])
    expect(all).not.toContain(secret)
})

test('the table has a row for each finding, its remedy below it, and the counts at the end', async () => {
  const told = await look()
  const lines = pageOf(told, { hasColors: false, width: 100 }).split('\n')
  expect(lines[0]).toBe('machine')
  expect(lines[1]).toMatch(/^ {2}ok {7}Node +v24\.3\.0$/)
  expect(lines.find(it => it.includes('nobody listens'))).toMatch(/^ {2}wrong {4}server +nobody/)
  expect(lines.some(it => /^ +→ Start it/.test(it))).toBe(true)
  expect(lines.at(-1)).toMatch(/^1 wrong, .*\d+ ok$/)
  expect(lines.every(it => it.length <= 100)).toBe(true)
})

test('what another program says can’t paint the terminal', () => {
  const said: Told = {
    area: 'server',
    subject: 'server',
    state: 'wrong',
    says: '\u001b[31mred\u001b[0m',
    remedy: null,
  }
  expect(pageOf([said], { hasColors: false, width: 80 })).not.toContain('\u001b')
})
