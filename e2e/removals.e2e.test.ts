/** `roost removals`, `alerts` and `webhooks`, on the embedded database that a server has left. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outputOf, run, whileServing } from './support/command.ts'
import { call, SERVER_TOKEN } from './support/roost-server.ts'

let folder: string
let environment: NodeJS.ProcessEnv
let app: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  environment = {
    ROOST_DATA_DIR: join(folder, 'data'),
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN,
  }
  await whileServing(environment, fill)
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Two phones: one unregisters itself, the other is unregistered. */
async function fill(url: string): Promise<void> {
  const made = await call<{ code: string; deviceToken: string }>(`${url}/v1/apps`, { body: { name: 'Test' } })
  app = made.code
  const authorization = `Token ${made.deviceToken}`
  const device = (method: string, fields: object) =>
    call(`${url}/json/1.3/${method}`, { body: { request: { application: app, ...fields } }, authorization })
  for (const hwid of ['one', 'two'])
    await device('registerDevice', { hwid, device_type: 3, push_token: `token-of-${hwid}` })
  await device('unregisterDevice', { hwid: 'one', device_type: 3 })
  await call(`${url}/v1/apps/${app}/devices/bulk-unregister`, { body: { devices: [{ hwid: 'two' }] } })
}

const roost = (...words: string[]) => outputOf(words, { environment })

async function json<T>(...words: string[]): Promise<T> {
  return JSON.parse(await roost(...words, '--app', app, '--json')) as T
}

test('removals are written as CSV, counted, and taken back', async () => {
  await roost('jobs', 'run', 'bulk-requests')
  const [header, ...lines] = (await roost('removals', 'export', '--app', app)).split('\n')
  expect(header).toMatch(/^id,at,hwid,event,reason/)
  expect(lines.map(it => it.split(',').slice(2, 5).join(' '))).toEqual([
    'one unregistered asked_by_device',
    'two unregistered asked_by_sender',
  ])
  const undo = ['removals', 'undo', '--reason', 'asked_by_sender', 'asked_by_device']
  expect(await json(...undo, '--dry-run')).toMatchObject({ matched: 1, restorable: 1 })
  expect(await json(...undo)).toMatchObject({ state: 'done', total: 1, restored: 1 })
  expect(await json(...undo)).toMatchObject({ restored: 0 })
  expect(await run(['removals', 'undo', '--app', app], { environment })).toMatchObject({
    code: 1,
    err: expect.stringContaining('--message'),
  })
}, 120_000)

test('webhooks are added, stopped, given another secret and deleted; alerts are listed', async () => {
  const added = await json<{ id: string; secret: string }>('webhooks', 'add', 'https://example.com/hook')
  expect(added.secret).toMatch(/^whsec_/)
  const changed = await json<{ secret: string }>('webhooks', 'secret', added.id)
  expect(changed.secret).not.toBe(added.secret)
  expect(await json('webhooks', 'stop', added.id)).toMatchObject({ isActive: false })
  expect(await json('webhooks', 'start', added.id)).toMatchObject({ isActive: true })
  expect(await json('webhooks', 'deliveries', added.id)).toEqual({ deliveries: [] })
  const redeliver = ['webhooks', 'redeliver', added.id, '--failed-since', '2026-01-01T00:00:00Z']
  expect(await json(...redeliver)).toEqual({ count: 0 })
  await json('webhooks', 'delete', added.id)
  expect(await roost('webhooks', 'list', '--app', app)).toBe('no webhooks')
  expect(await json('alerts', 'list')).toEqual({ alerts: [] })
  const nothing = '0190163d-8694-739b-aea5-966c26f8ad91'
  expect(await run(['alerts', 'release', nothing, '--app', app], { environment })).toMatchObject({
    code: 1,
    err: expect.stringContaining(nothing),
  })
}, 180_000)
