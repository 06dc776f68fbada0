import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryStore } from '../../test/memory-store.ts'
import { createLock } from '../mobile/runtime.ts'
import { type Client, createClient, type Transport } from './client.ts'
import { changeUser } from './shared.ts'
import { adoptSettings, type DeviceState, type Store } from './state.ts'

const DAY_MS = 24 * 60 * 60_000

interface Heard {
  readonly path: string
  readonly authorization: string | undefined
  readonly request: Readonly<Record<string, unknown>>
}

let server: Server
let heard: Heard[]
/** Answers by method; a method that is not here succeeds. */
let answers: Map<string, { status: number; body: string }>
/** Their answers wait. */
let holding: Map<string, Promise<void>>
let now: number

beforeEach(async () => {
  heard = []
  answers = new Map()
  holding = new Map()
  now = 1_800_000_000_000
  server = await listen(0)
})

afterEach(() => close(server))

test('a call carries the device and the token, and gives back the response', async () => {
  answers.set('getConfig', ok({ features: { vapid_key: 'k' } }))
  const { client } = makeClient()
  expect(await client.call('getConfig', { features: ['vapid_key'] })).toEqual({
    features: { vapid_key: 'k' },
  })
  expect(heard).toEqual([
    {
      path: '/json/1.3/getConfig',
      authorization: 'Token secret-token',
      request: {
        application: 'AAAAA-BBBBB',
        hwid: 'AAAAA-BBBBB_1',
        device_type: 12,
        v: '0.1.0',
        device_model: 'Firefox 153',
        os_version: 'Linux',
        app_version: '2.1',
        language: 'en',
        timezone: 3600,
        time_zone: 'Europe/Berlin',
        features: ['vapid_key'],
      },
    },
  ])
})

test.each([
  ['an argument error', { status: 200, body: '{"status_code":210,"status_message":"no"}' }, 'refused'],
  ['a malformed request', { status: 400, body: '' }, 'refused'],
  ['a token of another application', { status: 403, body: '' }, 'unauthorized'],
  ['a server fault', { status: 500, body: '{"status_code":500}' }, 'unavailable'],
  ['a throttle', { status: 429, body: '' }, 'unavailable'],
  ["a proxy's page", { status: 200, body: '<html>' }, 'unavailable'],
  ['a JSON that is no envelope', { status: 200, body: 'null' }, 'unavailable'],
])('%s is told by its code', async (_, answer, code) => {
  answers.set('applicationOpen', answer)
  await expect(makeClient().client.call('applicationOpen')).rejects.toMatchObject({ code })
})

test('registrations are numbered in the order in which they were made', async () => {
  const { client } = makeClient()
  await client.call('registerDevice')
  await client.call('applicationOpen')
  await client.call('unregisterDevice')
  expect(heard.map(call => call.request.client_seq)).toEqual([1, undefined, 2])
})

test('race M: a device that is handed a new hwid keeps it, and registers its address under it at once', async () => {
  const { client, store } = makeClient()
  answers.set('registerDevice', ok({ new_hwid: 'a-new-one' }))
  await client.call('registerDevice', { push_token: 'https://push.example/1' })
  await client.call('setTags')
  expect(heard.map(call => [call.path, call.request.hwid, call.request.client_seq])).toEqual([
    ['/json/1.3/registerDevice', 'AAAAA-BBBBB_1', 1],
    ['/json/1.3/registerDevice', 'a-new-one', 2],
    ['/json/1.3/setTags', 'a-new-one', undefined],
  ])
  expect(heard[1]?.request.push_token).toBe('https://push.example/1')
  expect(await store.read()).toMatchObject({ hwid: 'a-new-one' })
})

test('R5: calls whose order counts are said one after the other, so that none overtakes another', async () => {
  const { client } = makeClient()
  let answerFirst = () => {}
  holding.set('registerDevice', new Promise(resolve => (answerFirst = resolve)))
  const registering = client.call('registerDevice')
  const loggingIn = client.call('registerUser', { userId: 'ann' })
  const opening = client.call('applicationOpen')
  await opening // it waits for nobody
  expect(heard.map(call => call.path)).not.toContain('/json/1.3/registerUser')
  answerFirst()
  await Promise.all([registering, loggingIn])
  expect(heard.at(-1)).toMatchObject({ path: '/json/1.3/registerUser', request: { client_seq: 2 } })
})

test('R5: a device that was restored from a backup is late once, and counts on from a number that is ahead', async () => {
  const { client } = makeClient()
  answers.set('registerUser', ok({ stale: true }))
  await client.call('registerUser', { userId: 'ann' })
  await client.call('registerDevice')
  expect(heard.map(call => call.request.client_seq)).toEqual([1, now / 1000 + 1, now / 1000 + 2])
})

test('R5: one whose clock was set back gets ahead all the same', async () => {
  const { client, store } = makeClient()
  await store.update(state => ({ ...(state as DeviceState), clientSeq: 2_000_000_000 }))
  answers.set('registerDevice', ok({ stale: true }))
  await client.call('registerDevice')
  expect(heard.map(call => call.request.client_seq)).toEqual([2_000_000_001, 4_000_000_003])
})

test('R25: nobody is told by the name that the device has when it is told, however it was called when it was kept', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'u', method: 'registerUser', fields: { userId: null }, at: now })
  await store.update(state => ({ ...(state as DeviceState), hwid: 'handed-out' }))
  await client.flush()
  expect(heard.map(call => [call.request.hwid, call.request.userId])).toEqual([['handed-out', 'handed-out']])
})

test('R25: of two who log in and out at once the server hears last of the one that counts on the device', async () => {
  const { client, store } = makeClient()
  const adopt = (state?: DeviceState) => state as DeviceState
  const users = ['ann', undefined, 'bob', ''] as const
  await Promise.all(
    users.map(async userId => {
      const { call } = await changeUser({ store, adopt, userId, uuid: crypto.randomUUID(), now })
      now -= 3_600_000 // the clock is set back meanwhile
      await client.deliverKept(call.key)
    }),
  )
  expect(await store.read()).toMatchObject({ userId: undefined, isUserTold: true })
  expect(heard.map(call => call.request.userId)).toEqual(['ann', 'AAAAA-BBBBB_1', 'bob', 'AAAAA-BBBBB_1'])
})

test('R25: a login of which a page was killed before it could tell is told by the next one', async () => {
  const { client, store } = makeClient()
  const adopt = (state?: DeviceState) => state as DeviceState
  await changeUser({ store, adopt, userId: 'ann', uuid: '1', now })
  await client.flush()
  expect(heard.map(call => [call.path, call.request.userId])).toEqual([['/json/1.3/registerUser', 'ann']])
})

test('a receipt that finds no server is sent when the server is back', async () => {
  const { client } = makeClient()
  const { port } = server.address() as AddressInfo
  await close(server)
  const receipt = { key: 'r', method: 'messageDeliveryEvent', fields: { hash: 'h' } }
  expect(await client.deliver(receipt)).toBe('kept')
  server = await listen(port)
  await client.flush()
  await client.flush()
  expect(heard.map(call => [call.path, call.request.hash])).toEqual([['/json/1.3/messageDeliveryEvent', 'h']])
})

test('what is kept goes out in the order in which it was asked for', async () => {
  const { client } = makeClient()
  answers.set('setTags', { status: 503, body: '' })
  await client.deliver({ key: 'b', method: 'setTags', fields: { tags: { a: 1 } } })
  now -= 3_600_000 // the clock was set back
  await client.deliver({ key: 'a', method: 'setTags', fields: { tags: { a: 2 } } })
  answers.clear()
  heard = []
  await client.flush()
  expect(heard.map(call => call.request.tags)).toEqual([{ a: 1 }, { a: 2 }])
})

test('a refused call is told to its caller and does not block those behind it', async () => {
  const { client, store } = makeClient()
  answers.set('setTags', { status: 200, body: '{"status_code":210,"status_message":"unknown tag"}' })
  await store.keep({ key: 'older', method: 'setTags', fields: {}, at: now - 1 })
  expect(await client.deliver({ key: 'r', method: 'pushStat', fields: { hash: 'h' } })).toBe('sent')
  await expect(client.deliver({ key: 't', method: 'setTags', fields: {} })).rejects.toMatchObject({
    code: 'refused',
  })
  expect(await store.kept()).toEqual([])
})

test('a call that the server chokes on holds back its own kind only', async () => {
  const { client, store } = makeClient()
  answers.set('setTags', { status: 500, body: '' })
  await store.keep({ key: 't1', method: 'setTags', fields: {}, at: now - 2 })
  await store.keep({ key: 't2', method: 'setTags', fields: {}, at: now - 1 })
  expect(await client.deliver({ key: 'r', method: 'pushStat', fields: { hash: 'h' } })).toBe('sent')
  expect(heard.map(call => call.path)).toEqual(['/json/1.3/setTags', '/json/1.3/pushStat'])
  expect((await store.kept()).map(call => call.key)).toEqual(['t1', 't2'])
})

test('a call that gets no answer at all is told as unreachable', async () => {
  const { client } = makeClient()
  await close(server)
  await expect(client.call('applicationOpen')).rejects.toMatchObject({ code: 'unreachable' })
  server = await listen(0)
})

test('a receipt older than 30 days is dropped unsent', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'old', method: 'pushStat', fields: { hash: 'old' }, at: now - 30 * DAY_MS - 1 })
  await store.keep({ key: 'new', method: 'pushStat', fields: { hash: 'new' }, at: now - 30 * DAY_MS })
  await client.flush()
  expect(heard.map(call => call.request.hash)).toEqual(['new'])
  expect(await store.kept()).toEqual([])
})

function ok(response: unknown): { status: number; body: string } {
  return { status: 200, body: JSON.stringify({ status_code: 200, status_message: 'OK', response }) }
}

function makeClient(): { client: Client; store: Store } {
  const { port } = server.address() as AddressInfo
  const baseUrl = `http://127.0.0.1:${port}`
  const settings = { baseUrl, application: 'AAAAA-BBBBB', deviceToken: 'secret-token', appVersion: '2.1' }
  const store = memoryStore(adoptSettings(undefined, settings, () => '1'))
  const client = createClient({
    store,
    transport,
    lock: createLock(),
    now: () => now,
    facts: () => ({
      deviceType: 12,
      deviceModel: 'Firefox 153',
      osVersion: 'Linux',
      language: 'en',
      timezoneSeconds: 3600,
      timeZone: 'Europe/Berlin',
    }),
  })
  return { client, store }
}

const transport: Transport = async ({ url, headers, body = '' }) => {
  const answer = await fetch(url, { method: 'POST', headers: { ...headers, connection: 'close' }, body })
  return { status: answer.status, body: await answer.text() }
}

async function listen(port: number): Promise<Server> {
  const listening = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Pick<Heard, 'request'>
      const path = request.url ?? ''
      heard.push({ path, authorization: request.headers.authorization, request: body.request })
      const method = path.slice('/json/1.3/'.length)
      const answer = answers.get(method) ?? ok(null)
      void (holding.get(method) ?? Promise.resolve()).then(() =>
        response.writeHead(answer.status).end(answer.body),
      )
    })
  })
  await new Promise<void>(resolve => listening.listen(port, '127.0.0.1', resolve))
  return listening
}

async function close(listening: Server): Promise<void> {
  await new Promise(resolve => listening.close(resolve))
}

test('a receipt that waited says for how long, and another call does not', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'r', method: 'pushStat', fields: { hash: 'h' }, at: now - 2 * DAY_MS })
  await store.keep({ key: 't', method: 'setTags', fields: { tags: {} }, at: now - 1000 })
  await client.flush()
  expect(heard.map(call => call.request.age)).toEqual([2 * 24 * 3600, undefined])
})

test('receipts that wait go in one call, each with its age', async () => {
  const { client, store } = makeClient()
  await store.keep({
    key: 'a',
    method: 'pushStat',
    fields: { hash: 'a', receipt_key: 'k' },
    at: now - DAY_MS,
  })
  const landed = { receipts: [{ kind: 'landed', hash: 'b' }] }
  await store.keep({ key: 'b', method: 'postReceipts', fields: landed, at: now - 2000 })
  await store.keep({ key: 't', method: 'setTags', fields: { tags: {} }, at: now - 1000 })
  await client.deliver({ key: 'c', method: 'messageDeliveryEvent', fields: { hash: 'c' } })
  expect(heard.map(call => call.path)).toEqual(['/json/1.3/postReceipts', '/json/1.3/setTags'])
  expect(heard[0]?.request.receipts).toEqual([
    { kind: 'opened', hash: 'a', receipt_key: 'k', age: 24 * 3600 },
    { kind: 'landed', hash: 'b', age: 2 },
    { kind: 'delivered', hash: 'c', age: 0 },
  ])
  expect(await store.kept()).toEqual([])
})

test('one receipt that is refused costs none of the others', async () => {
  const { client, store } = makeClient()
  answers.set('postReceipts', { status: 200, body: '{"status_code":210,"status_message":"no"}' })
  await store.keep({ key: 'a', method: 'pushStat', fields: { hash: 'a' }, at: now })
  await store.keep({ key: 'b', method: 'messageDeliveryEvent', fields: { hash: 'b' }, at: now })
  await client.flush()
  expect(heard.slice(1).map(call => [call.path, call.request.hash])).toEqual([
    ['/json/1.3/pushStat', 'a'],
    ['/json/1.3/messageDeliveryEvent', 'b'],
  ])
  expect(await store.kept()).toEqual([])
})

test('R25: who has logged in or out is told however late it is', async () => {
  const { client, store } = makeClient()
  await store.keep({ key: 'u', method: 'registerUser', fields: { userId: 'bob' }, at: now - 400 * DAY_MS })
  await client.flush()
  expect(heard.map(call => call.request.userId)).toEqual(['bob'])
})
