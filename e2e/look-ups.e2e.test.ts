/** `roost devices find` as people run it, against a running server; and commands on its database, beside it and once it has stopped. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Ended, run } from './support/command.ts'
import { type RoostServer, SERVER_TOKEN, startRoostServer } from './support/roost-server.ts'

const TOKEN = `${'c0ffee'.repeat(10)}1234`

let folder: string
let server: RoostServer
let app: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  const simulator = await startSimulator()
  const environment = { ...simulator.environment(), ROOST_DATA_DIR: folder }
  server = await startRoostServer({ environment, caPem: simulator.caPem })
  await simulator.close()
  app = (await server.rest<{ code: string }>('POST', '/v1/apps', { name: 'Shop' })).code
  const device = { platform: 'ios', pushToken: TOKEN, userId: 'ann@example.com', appVersion: '2.1' }
  await server.rest('PUT', `/v1/apps/${app}/devices/phone-of-ann`, device)
})
afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
})

function devices(...args: string[]): Promise<Ended> {
  return roost('devices', ...args, '--app', app)
}

function roost(...args: string[]): Promise<Ended> {
  return run(args, { environment: { ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN, ROOST_DATA_DIR: folder } })
}

test.each([
  ['phone-of-ann', 'hwid'],
  ['phone-of', 'hwid beginning'],
  ['ann@example.com', 'user'],
  [TOKEN, 'token'],
])('a device is found by %s', async (text, by) => {
  const { code, out } = await devices('find', text, '--url', server.baseUrl)
  expect([code, out]).toEqual([0, expect.stringContaining(`phone-of-ann  (${by})`)])
  expect(out).toContain('ios · 2.1 · user ann@example.com · seen ')
  expect(out).toContain(`apns production …${TOKEN.slice(-8)} active since `)
  expect(out).not.toContain(TOKEN)
})

test('the end of a token finds it, and nothing is an exit of its own', async () => {
  const none = await devices('find', 'nobody-s', '--url', server.baseUrl)
  expect(none).toMatchObject({ code: 1, out: 'none\n' })
  const { out } = await devices('find', TOKEN.slice(-8), '--url', server.baseUrl, '--json')
  expect(JSON.parse(out)).toMatchObject({ devices: [{ hwid: 'phone-of-ann', by: 'token_end' }] })
})

test('commands work on the embedded database beside the server that runs on it, which goes on', async () => {
  expect(await devices('show', 'phone-of-ann')).toMatchObject({
    code: 0,
    out: expect.stringContaining('ann@example.com'),
  })
  for (const [command, verb] of [
    ['alerts', 'list'],
    ['address-policy', 'show'],
    ['webhooks', 'list'],
    ['removals', 'export'],
  ] as const)
    expect(await roost(command, verb, '--app', app)).toMatchObject({ code: 0, err: '' })
  expect(await roost('jobs', 'list')).toMatchObject({
    code: 0,
    out: expect.stringContaining('address-aging'),
  })
  const after = await server.rest<{ userId: string }>('GET', `/v1/apps/${app}/devices/phone-of-ann`)
  expect(after.userId).toBe('ann@example.com')
})

test('a server’s address that is none is told in two lines', async () => {
  const calls = [
    ['devices', 'find', 'x', '--app', app],
    ['diagnose', 'x', '--app', app],
    ['send', '--to-all', '--title', 'x', '--app', app],
    ['test-device', '--app', app],
    ['push-test', '--app', app, '--credential', 'x', '--token', 'x'],
  ]
  for (const args of calls)
    for (const url of ['foo', 'ftp://127.0.0.1', '127.0.0.1:7460']) {
      const { code, err } = await roost(...args, '--url', url)
      expect(code).not.toBe(0)
      expect(err).toBe(
        `roost: --url is "${url}", which is no address of a server\n  → Write it as http://127.0.0.1:7460 or https://push.example.com.\n`,
      )
    }
})

test('a stopped server’s base is searched and shown by the command itself', async () => {
  await server.close() // which leaves this data folder
  expect((await devices('find', 'phone-of-ann')).out).toContain('phone-of-ann  (hwid)')
  const { code, out } = await devices('show', 'phone-of-ann')
  expect([code, out]).toEqual([0, expect.stringContaining('time line, newest first')])
  expect(out).toMatch(/registration +first_seen/)
  expect(out).toMatch(new RegExp(`token +registered …${TOKEN.slice(-8)}`))
  expect(out).toMatch(/login +logged_in/)
})
