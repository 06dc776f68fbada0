/** The page's way to try webhooks on one machine, walked as it is written: its certificate, its receiver, its settings. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { WebhookDelivery } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'

let folder: string
let server: BareServer
const receivers: ChildProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-receiver-'))
  const page = await readFile(new URL('../../../../docs/webhooks.md', import.meta.url), 'utf8')
  const [verify = '', receiver = ''] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].map(it => it[1])
  await writeFile(join(folder, 'verify.mjs'), verify)
  await writeFile(join(folder, 'receiver.mjs'), receiver)
  const openssl = /```sh\n(openssl [\s\S]*?)```/.exec(page)?.[1] ?? 'false'
  execFileSync('sh', ['-c', openssl], { cwd: folder, stdio: 'pipe' })
  const ROOST_EXTRA_CA = join(folder, 'hook.pem')
  const environment = { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1', ROOST_EXTRA_CA }
  server = await startBare({ environment })
})
afterAll(async () => {
  for (const receiver of receivers) receiver.kill()
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** The receiver of the page, on a port of its own choice; with what it prints, line by line. */
async function receive(secret: string) {
  const child = spawn(process.execPath, ['receiver.mjs'], {
    cwd: folder,
    env: { ...process.env, PORT: '0', WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  receivers.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => (await lines.next()).value ?? ''
  return { next, url: await next() }
}

test('the receiver of the page takes a test, and refuses what has another signature', async () => {
  const { app } = await server.createApp()
  const path = `/v1/apps/${app}/webhooks`
  const { url } = await receive('whsec_another')
  const { body: hook } = await server.rest<{ id: string; secret: string }>('POST', path, { url })
  await server.rest('POST', `${path}/${hook.id}/test`)
  const newest = async () =>
    (await server.rest<{ deliveries: WebhookDelivery[] }>('GET', `${path}/${hook.id}/deliveries`)).body
      .deliveries[0]
  await expect.poll(newest).toMatchObject({ attempts: 1, status: 401 })

  const receiver = await receive(hook.secret)
  await server.rest('PATCH', `${path}/${hook.id}`, { url: receiver.url })
  await server.rest('POST', `${path}/${hook.id}/test`)
  expect(await receiver.next()).toMatch(new RegExp(`^[0-9a-f-]{36} webhook\\.test ${app} \\{`))
  await expect.poll(newest).toMatchObject({ type: 'webhook.test', state: 'delivered', status: 204 })
})
