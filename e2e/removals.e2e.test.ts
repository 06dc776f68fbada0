/** `roost removals`, `alerts` and `webhooks`, on the embedded database that a server has left. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))
const TOKEN = 'removals-e2e-token-of-enough-length'

let folder: string
let environment: NodeJS.ProcessEnv
let app: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  environment = {
    PATH: process.env.PATH,
    ROOST_DATA_DIR: join(folder, 'data'),
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: TOKEN,
  }
  await served(async call => {
    const made = await call('/v1/apps', { name: 'Test' }, `Bearer ${TOKEN}`)
    app = made.code as string
    const device = (method: string, fields: object) =>
      call(`/json/1.3/${method}`, { request: { application: app, ...fields } }, `Token ${made.deviceToken}`)
    for (const hwid of ['one', 'two'])
      await device('registerDevice', { hwid, device_type: 3, push_token: `token-of-${hwid}` })
    await device('unregisterDevice', { hwid: 'one', device_type: 3 })
    const bulk = await call(
      `/v1/apps/${app}/devices/bulk-unregister`,
      { devices: [{ hwid: 'two' }] },
      `Bearer ${TOKEN}`,
    )
    expect(bulk, JSON.stringify(bulk)).not.toHaveProperty('code')
  })
}, 120_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

type Call = (path: string, body: object, authorization: string) => Promise<Record<string, unknown>>

/** Its stop waits for what was asked of it. */
async function served(work: (call: Call) => Promise<void>): Promise<void> {
  const server = spawn(process.execPath, [PROGRAM, 'serve'], { env: environment, stdio: 'pipe' })
  const closed = once(server, 'close')
  try {
    const url = await urlOf(server.stdout)
    await work(async (path, body, authorization) => {
      const headers = { authorization, 'content-type': 'application/json' }
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      return (await response.json()) as Record<string, unknown>
    })
  } finally {
    server.kill('SIGTERM')
    await closed
  }
}

async function urlOf(output: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of output) {
    text += String(chunk)
    const url = /(http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`the server ended: ${text}`)
}

const run = (...words: string[]) =>
  promisify(execFile)(process.execPath, [PROGRAM, ...words], { env: environment })

async function json<T>(...words: string[]): Promise<T> {
  return JSON.parse((await run(...words, '--app', app, '--json')).stdout) as T
}

test('removals are written as CSV, counted, and taken back', async () => {
  await run('jobs', 'run', 'bulk-requests')
  const { stdout } = await run('removals', 'export', '--app', app)
  const [header, ...lines] = stdout.trim().split('\n')
  expect(header).toMatch(/^id,at,hwid,event,reason/)
  expect(lines.map(it => it.split(',').slice(2, 5).join(' '))).toEqual([
    'one unregistered asked_by_device',
    'two unregistered asked_by_sender',
  ])
  const undo = ['removals', 'undo', '--reason', 'asked_by_sender', 'asked_by_device']
  expect(await json(...undo, '--dry-run')).toMatchObject({ matched: 1, restorable: 1 })
  expect(await json(...undo)).toMatchObject({ state: 'done', total: 1, restored: 1 })
  expect(await json(...undo)).toMatchObject({ restored: 0 })
  await expect(run('removals', 'undo', '--app', app)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--message'),
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
  const { stdout } = await run('webhooks', 'list', '--app', app)
  expect(stdout).toBe('no webhooks\n')
  expect(await json('alerts', 'list')).toEqual({ alerts: [] })
  const nothing = '0190163d-8694-739b-aea5-966c26f8ad91'
  await expect(run('alerts', 'release', nothing, '--app', app)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining(nothing),
  })
}, 180_000)
