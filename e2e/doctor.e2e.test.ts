/** `roost doctor` as operators run it: beside a running server on its own folder, and when it has stopped. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ended, run } from './support/command.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'

let folder: string
let simulator: Simulator
let server: RoostServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  simulator = await startSimulator()
  const environment = { ...simulator.environment(), ROOST_DATA_DIR: folder }
  server = await startRoostServer({ environment, caPem: simulator.caPem })
})
afterAll(async () => {
  await server?.close()
  await simulator?.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
})

interface Report {
  readonly ok: boolean
  readonly findings: readonly { readonly area: string; readonly subject: string; readonly state: string }[]
}

function doctor(...args: string[]): Promise<Ended> {
  return run(['doctor', '--offline', ...args], { environment: { ROOST_DATA_DIR: folder } })
}

test('beside a running server it asks the embedded database, and leaves both as they are', async () => {
  const { code, out, err } = await doctor('--url', server.baseUrl, '--json')
  expect([code, err]).toEqual([0, ''])
  const { ok, findings } = JSON.parse(out) as Report
  expect(ok).toBe(true)
  for (const subject of ['server', 'PostgreSQL', 'schema', 'jobs'])
    expect(
      findings.filter(it => it.subject === subject).map(it => it.state),
      subject,
    ).toEqual(['ok'])
  expect((await fetch(`${server.baseUrl}/readyz`)).status).toBe(200)
})

test('the table says the same, and neither has the secret of the folder in it', async () => {
  const { code, out } = await doctor('--url', server.baseUrl)
  expect(code).toBe(0)
  expect(out).toMatch(/^ {2}ok {7}server +answers at /m)
  const kept = await Promise.all(
    ['secret', 'postgres.password'].map(name => readFile(join(folder, name), 'utf8')),
  )
  for (const secret of kept) expect(out).not.toContain(secret.trim())
})

test('of a server that has stopped it says so with status 1, and looks into its database when that is wished', async () => {
  const url = server.baseUrl
  await server.close()
  const stopped = await doctor('--url', url)
  expect(stopped.code).toBe(1)
  expect(stopped.out).toContain(`nobody listens at ${url}`)
  expect(stopped.out).toMatch(/^ {2}unknown {2}PostgreSQL/m)
  const looked = await doctor('--url', url, '--start-database', '--json')
  expect(looked.code).toBe(1)
  const { findings } = JSON.parse(looked.out) as Report
  expect(findings.filter(it => it.subject === 'schema').map(it => it.state)).toEqual(['ok'])
  expect((await doctor('--url', url)).out).toMatch(/^ {2}unknown {2}PostgreSQL/m) // stopped again
})
