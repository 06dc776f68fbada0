import { expect, test } from 'vitest'
import { createClient, type TransportRequest } from './client.ts'
import { markInbox, readInbox } from './inbox.ts'
import { adoptSettings, type DeviceState, type KeptCall, type Store } from './state.ts'

const INBOX = { entries: [], unread: 3, next: null }

/** A device whose network the test holds; `asked` in the order in which it came. */
function makeDevice() {
  const asked: TransportRequest[] = []
  const device = { isOnline: true, inbox: { status: 200, body: JSON.stringify(INBOX) } }
  let state = adoptSettings(
    undefined,
    {
      baseUrl: 'https://push.example',
      application: 'AAAAA-BBBBB',
      deviceToken: 'device-token',
      appVersion: undefined,
    },
    () => 'uuid',
  )
  const outbox = new Map<string, KeptCall>()
  const store: Store = {
    read: async () => state,
    update: async change => {
      state = change(state)
      return state
    },
    keep: async call => {
      if (!outbox.has(call.key)) outbox.set(call.key, call)
    },
    kept: async () => [...outbox.values()],
    forget: async key => {
      outbox.delete(key)
    },
  }
  const transport = async (request: TransportRequest) => {
    if (!device.isOnline) throw new TypeError('no network')
    asked.push(request)
    if (request.method === 'GET') return device.inbox
    return { status: 200, body: '{"status_code":200,"response":null}' }
  }
  const client = createClient({
    store,
    transport,
    lock: (_name, work) => work(),
    now: () => 0,
    facts: () => ({ deviceType: 12, deviceModel: '', osVersion: '', language: 'en', timezoneSeconds: 0 }),
  })
  return { device, asked, context: { client, store, transport } }
}

const login = { key: 'login', method: 'registerUser', fields: { userId: 'ann' } }

test('the inbox is read with the device token, page by page', async () => {
  const { asked, context } = makeDevice()
  expect(await readInbox(context, { limit: 0, after: '17' })).toEqual(INBOX)
  expect(asked).toMatchObject([
    {
      url: 'https://push.example/v1/apps/AAAAA-BBBBB/devices/AAAAA-BBBBB_uuid/inbox?limit=0&after=17',
      headers: { authorization: 'Token device-token' },
    },
  ])
})

test('a login that the server has not heard of goes before, so that nobody reads the inbox of the one before them', async () => {
  const { device, asked, context } = makeDevice()
  device.isOnline = false
  expect(await context.client.deliver(login)).toBe('kept')
  device.isOnline = true
  await readInbox(context, {})
  expect(asked.map(it => new URL(it.url).pathname.split('/').at(-1))).toEqual(['registerUser', 'inbox'])
})

test('while a login can’t be told, nothing is shown', async () => {
  const { device, asked, context } = makeDevice()
  device.isOnline = false
  await context.client.deliver(login)
  await expect(readInbox(context, {})).rejects.toMatchObject({ code: 'unreachable' })
  expect(asked).toEqual([])
})

test.each([
  [403, '', 'unauthorized'],
  [503, '', 'unavailable'],
  [200, '<html>', 'unavailable'],
])('an answer %i is told by its code', async (status, body, code) => {
  const { device, context } = makeDevice()
  device.inbox = { status, body }
  await expect(readInbox(context, {})).rejects.toMatchObject({ code })
})

test('what was done with an entry is told in the words of the device protocol, and later when nobody hears it', async () => {
  const { device, asked, context } = makeDevice()
  device.isOnline = false
  const id = '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000'
  expect(await markInbox(context, id, 'read')).toBe('kept')
  device.isOnline = true
  expect(await markInbox(context, id, 'deleted')).toBe('sent')
  expect(asked.map(it => JSON.parse(it.body ?? '').request)).toMatchObject([
    { hash: '0199aaaabbbb7ccc8dddeeeeffff0000', status: 2 },
    { hash: '0199aaaabbbb7ccc8dddeeeeffff0000', status: 4 },
  ])
})

test('what was asked for while somebody else was here is asked for anew', async () => {
  const { asked, context } = makeDevice()
  const asking: typeof context.transport = async request => {
    const answer = await context.transport(request)
    if (asked.length === 1)
      await context.store.update(state => ({ ...(state as DeviceState), userId: 'bob' }))
    return answer
  }
  await readInbox({ ...context, transport: asking }, { after: '17' })
  expect(asked.map(it => new URL(it.url).search)).toEqual(['?limit=50&after=17', '?limit=50&userId=bob'])
})

test('R25: whoever is logged in is said, since the server may have refused them and know the one before', async () => {
  const { asked, context } = makeDevice()
  await context.store.update(state => ({ ...(state as DeviceState), userId: 'bob & co' }))
  await readInbox(context, {})
  expect(asked.map(it => new URL(it.url).search)).toEqual(['?limit=50&userId=bob+%26+co'])
})

test('R25: of somebody who logs in while it is looked what waits nothing is asked for as the one before', async () => {
  const { asked, context } = makeDevice()
  const { store } = context
  await store.update(state => ({ ...(state as DeviceState), userId: 'ann' }))
  let isLate = false
  const kept: Store['kept'] = async () => {
    const before = await store.kept()
    if (isLate) await store.update(state => ({ ...(state as DeviceState), userId: 'bob' }))
    isLate = false
    return before
  }
  const flush = async () => {
    isLate = true
  }
  const client = { ...context.client, flush }
  const transport: typeof context.transport = async request => {
    const answer = await context.transport(request)
    const who = new URL(request.url).searchParams.get('userId')
    return asked.length > 1 ? answer : { ...answer, body: JSON.stringify({ ...INBOX, of: who }) }
  }
  expect(await readInbox({ client, store: { ...store, kept }, transport }, {})).toEqual(INBOX)
  expect(asked.map(it => new URL(it.url).searchParams.get('userId'))).toEqual(['ann', 'bob'])
})

test('R25: what somebody has read without a network is told in their name before the next one logs in', async () => {
  const { device, asked, context } = makeDevice()
  const logIn = (userId: string | undefined) =>
    context.store.update(state => ({ ...(state as DeviceState), userId }))
  device.isOnline = false
  await logIn('ann')
  await markInbox(context, '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000', 'read')
  await logIn(undefined)
  await markInbox(context, '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0001', 'read')
  await logIn('bob')
  await context.client.deliver({ ...login, fields: { userId: 'bob' } })
  await markInbox(context, '0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000', 'read') // what ann had read, too
  device.isOnline = true
  await context.client.flush()
  const told = asked.map(it => [it.url.split('/').at(-1), JSON.parse(it.body ?? '').request.userId])
  expect(told).toEqual([
    ['inboxStatus', 'ann'],
    ['inboxStatus', 'AAAAA-BBBBB_uuid'],
    ['registerUser', 'bob'],
    ['inboxStatus', 'bob'],
  ])
})
