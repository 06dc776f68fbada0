/** What we sign is what the page for receivers verifies: its code is run as it stands there. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newWebhookSecret, signatureHeaders } from './sign.ts'

interface Came {
  readonly headers: Record<string, string>
  readonly body: Buffer
  readonly secret: string
  readonly now: number
}

let isFromRoost: (came: Came) => boolean
let folder: string
beforeAll(async () => {
  const page = await readFile(new URL('../../../../docs/webhooks.md', import.meta.url), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  folder = await mkdtemp(join(tmpdir(), 'roost-webhook-page-'))
  await writeFile(join(folder, 'verify.mjs'), code)
  ;({ isFromRoost } = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'verify.mjs')).href))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const at = Date.parse('2027-01-31T12:00:00Z')
const [secret, former, another] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()]
const body = '{"type":"webhook.test","data":{"name":"Grüße"}}'
const came = (change: Partial<Came> = {}): Came => ({
  headers: signatureHeaders([secret, former], { eventId: 'e-1', at, body }),
  body: Buffer.from(body),
  secret,
  now: at,
  ...change,
})

test('the code of the page takes what we sign, with the new secret and with the former one', () => {
  expect(isFromRoost(came())).toBe(true)
  expect(isFromRoost(came({ secret: former }))).toBe(true)
})

test.each([
  ['another secret', came({ secret: another })],
  ['a changed body', came({ body: Buffer.from(body.replace('test', 'best')) })],
  ['another id', came({ headers: { ...came().headers, 'webhook-id': 'e-2' } })],
  ['another time', came({ headers: { ...came().headers, 'webhook-timestamp': String(at / 1000 + 1) } })],
  ['no time', came({ headers: { ...came().headers, 'webhook-timestamp': '' } })],
  ['another version of signature', came({ headers: { ...came().headers, 'webhook-signature': 'v2,AAAA' } })],
  ['no signature', came({ headers: {} })],
  ['what is ten minutes old', came({ now: at + 600_000 })],
])('the code of the page refuses %s', (_what, request) => {
  expect(isFromRoost(request)).toBe(false)
})
