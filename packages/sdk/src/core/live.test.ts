/** The live channel against a WebSocket server whose every frame the test chooses. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { message, openSocket, type Peer, peerOf, Queue } from '../../test/live-peer.ts'
import { memoryStore } from '../../test/memory-store.ts'
import { createLock } from '../mobile/runtime.ts'
import type { Client } from './client.ts'
import { createLive } from './live.ts'
import type { Live, LiveOptions, LiveStatus } from './live-options.ts'
import type { PushPayload } from './payload.ts'
import { adoptSettings, type DeviceState, type KeptCall, type Store } from './state.ts'

let server: WebSocketServer
let peers: Queue<Peer>
let store: Store
let calls: string[]
let kept: KeptCall[]
let shown: Queue<PushPayload>
let statuses: LiveStatus[]
let pauses: Queue<{ readonly ms: number; readonly end: () => void }>
let live: Live

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  peers = new Queue()
  server.on('connection', socket => peers.add(peerOf(socket)))
  calls = []
  kept = []
  shown = new Queue()
  statuses = []
  pauses = new Queue()
  const { port } = server.address() as AddressInfo
  const settings = {
    baseUrl: `http://127.0.0.1:${port}`,
    application: 'AAAAA-BBBBB',
    deviceToken: 'token',
    appVersion: undefined,
  }
  store = { ...memoryStore(adoptSettings(undefined, settings, () => '1')), kept: async () => kept }
  live = makeLive()
})

afterEach(async () => {
  live.stop()
  for (const socket of server.clients) socket.terminate()
  await new Promise(resolve => server.close(resolve))
})

test('it says who it is, and is connected when it is welcome', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  const peer = await peers.next()
  expect(await peer.next()).toEqual({
    type: 'hello',
    app: 'AAAAA-BBBBB',
    deviceToken: 'token',
    hwid: 'AAAAA-BBBBB_1',
    userId: 'anna',
    state: 'online',
    have: [],
  })
  await welcome(peer)
  expect(statuses).toEqual(['connecting', 'connected'])
})

test('an app that never said who is logged in says nothing of it, and one that has says that nobody is', async () => {
  live.start('online')
  expect(await (await peers.next()).next()).not.toHaveProperty('userId')
  await store.update(change({ isUserTold: true }))
  live.userChanged()
  expect(await (await peers.next()).next()).toMatchObject({ userId: null })
})

test('a message is shown once, acknowledged, and its number told by each hello until the server has acknowledged it', async () => {
  live.start('online')
  const peer = await connected()
  peer.say(message(1, 'a'))
  expect(await shown.next()).toMatchObject({ title: 'Title a', hash: 'a', receiptKey: 'key' })
  expect(await peer.next()).toEqual({ type: 'ack', seqs: [1] })
  peer.socket.terminate()
  ;(await pauses.next()).end()
  const again = await peers.next()
  expect(await again.next()).toMatchObject({ have: [1] })
  await welcome(again)
  again.say({ type: 'acked', seqs: [1] }) // of what the hello had told
  again.say(message(2, 'b'))
  expect(await shown.next()).toMatchObject({ hash: 'b' })
  expect(await again.next()).toEqual({ type: 'ack', seqs: [2] })
  expect((await store.read())?.have).toEqual([2])
})

test('a message that comes again is acknowledged again, and not shown', async () => {
  live.start('online')
  const peer = await connected()
  peer.say(message(1, 'a'))
  peer.say(message(1, 'a')) // its acknowledgement was on the way
  peer.say(message(2, 'b'))
  expect([await shown.next(), await shown.next()]).toMatchObject([{ hash: 'a' }, { hash: 'b' }])
  const acks = [await peer.next(), await peer.next(), await peer.next()]
  expect(acks.map(it => it.seqs)).toEqual([[1], [1], [2]])
})

test('a message for which no lock was granted is not acknowledged; one that its receiver can’t cope with is', async () => {
  const inTurn = createLock()
  const inactive = () => Promise.reject(new DOMException('The page is not fully active', 'InvalidStateError'))
  live = makeLive({
    lock: (name, work) => (name === 'roost-message a' ? inactive() : inTurn(name, work)),
    onMessage: message => {
      shown.add(message)
      throw new Error('no')
    },
  })
  live.start('online')
  const peer = await connected()
  peer.say(message(1, 'a'))
  peer.say(message(2, 'b'))
  expect(await peer.next()).toEqual({ type: 'ack', seqs: [2] })
  expect(await shown.next()).toMatchObject({ hash: 'b' })
  expect((await store.read())?.have).toEqual([2])
})

test('R25: what is for somebody else is neither shown nor acknowledged', async () => {
  await store.update(change({ userId: 'bob' }))
  live.start('online')
  const peer = await connected()
  peer.say(message(1, 'a', 'anna'))
  peer.say(message(2, 'b', 'bob'))
  peer.say(message(3, 'c', null))
  expect(await shown.next()).toMatchObject({ hash: 'b' })
  expect(await shown.next()).toMatchObject({ hash: 'c' })
  expect([await peer.next(), await peer.next()]).toEqual([
    { type: 'ack', seqs: [2] },
    { type: 'ack', seqs: [3] },
  ])
})

test('R25: nothing connects while the server has not heard who uses the device', async () => {
  kept = [{ key: 'u', method: 'registerUser', fields: {}, at: 0 }]
  live.start('online')
  const pause = await pauses.next()
  expect(server.clients.size).toBe(0)
  kept = []
  pause.end()
  expect(await (await peers.next()).next()).toMatchObject({ type: 'hello' })
})

test('R25: a device whose user the server does not agree with rests until the app says who it is', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  const peer = await peers.next()
  await peer.next()
  peer.say({ type: 'error', code: 'input_invalid', detail: 'userId: …', remedy: '…' })
  peer.socket.close(4002)
  await untilStatus('resting')
  live.wake()
  expect(statuses.at(-1)).toBe('resting')
  await store.update(change({ userId: 'bob' }))
  live.userChanged()
  expect(await (await peers.next()).next()).toMatchObject({ userId: 'bob' })
})

test('a hello that came before the login that it tells of is said again, whichever answer comes first', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  const early = await peers.next()
  await early.next()
  live.userChanged() // the login has been taken
  const peer = await peers.next()
  early.say({ type: 'error', code: 'input_invalid', detail: 'userId: …', remedy: '…' })
  early.socket.close(4002)
  expect(await peer.next()).toMatchObject({ type: 'hello', userId: 'anna' })
  await welcome(peer)
  expect(statuses).toEqual(['connecting', 'connected'])
})

test.each([null, 'anna'])('who is told once more to be %s keeps the connection', async userId => {
  await store.update(change({ userId: userId ?? undefined, isUserTold: true }))
  live.start('online')
  const peer = await peers.next()
  expect(await peer.next()).toMatchObject({ userId })
  await welcome(peer)
  live.userChanged()
  await settled()
  live.setState('background')
  expect(await peer.next()).toEqual({ type: 'state', state: 'background' })
  expect(statuses).toEqual(['connecting', 'connected'])
})

test('an app that never said who is logged in connects anew when it says that nobody is', async () => {
  live.start('online')
  await connected()
  await store.update(change({ isUserTold: true }))
  live.userChanged()
  expect(await (await peers.next()).next()).toMatchObject({ userId: null })
})

test('after a logout a storage that can’t be read lets the channel rest until the next wake', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  await connected()
  live.logOut()
  const { read } = store
  store.read = () => Promise.reject(new Error('The storage is gone'))
  live.wake()
  await settled()
  expect(statuses.at(-1)).toBe('resting')
  store.read = read
  await store.update(change({ userId: 'bob' }))
  live.wake()
  expect(await (await peers.next()).next()).toMatchObject({ userId: 'bob' })
})

test('a logout is said, and nobody connects until somebody logs in', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  const peer = await connected()
  live.logOut()
  expect(await peer.next()).toEqual({ type: 'logout' })
  await store.update(change({ userId: undefined, isUserTold: true }))
  live.userChanged()
  await settled()
  expect(statuses.at(-1)).toBe('resting')
  await store.update(change({ userId: 'bob' }))
  live.userChanged()
  expect(await (await peers.next()).next()).toMatchObject({ userId: 'bob' })
})

test('after a logout a wake connects whoever has logged in since, also when nobody said so, and nobody else', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  const peer = await connected()
  live.logOut()
  expect(await peer.next()).toEqual({ type: 'logout' })
  await store.update(change({ userId: undefined, isUserTold: true }))
  live.wake()
  await settled()
  expect(statuses.at(-1)).toBe('resting')
  await store.update(change({ userId: 'bob' }))
  live.wake()
  expect(await (await peers.next()).next()).toMatchObject({ userId: 'bob' })
})

test('the same person who logs in again after a logout is told by another hello', async () => {
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  await connected()
  live.logOut()
  await store.update(change({ userId: undefined, isUserTold: true }))
  live.userChanged()
  await store.update(change({ userId: 'anna' }))
  live.userChanged()
  expect(await (await peers.next()).next()).toMatchObject({ type: 'hello', userId: 'anna' })
})

test('a device that the server does not know introduces itself and comes again', async () => {
  live.start('online')
  const peer = await peers.next()
  peer.say({ type: 'error', code: 'device_unknown', detail: '', remedy: '' })
  peer.socket.close(4002)
  ;(await pauses.next()).end()
  await peers.next()
  expect(calls).toEqual(['applicationOpen'])
})

test('pauses grow while nobody answers, differ between devices, and begin anew after a welcome', async () => {
  await new Promise(resolve => server.close(resolve))
  live.start('online')
  const first: number[] = []
  for (let i = 0; i < 8; i++) {
    const { ms, end } = await pauses.next()
    first.push(Math.round(ms))
    end()
  }
  expect(first).toEqual([550, 1100, 2200, 4400, 8800, 17_600, 33_000, 33_000]) // of random() = 0.5
})

test('a newer connection of the device counts, until the app comes to the foreground', async () => {
  live.start('online')
  const peer = await connected()
  peer.socket.close(4005)
  await untilStatus('resting')
  live.wake()
  await peers.next()
})

test('the state of the app is told when it changes, and frames of other types are handed on', async () => {
  const others = new Queue<object>()
  live = makeLive({ onFrame: (frame, userId) => others.add({ frame, userId }) })
  await store.update(change({ userId: 'anna' }))
  live.start('online')
  const peer = await connected()
  live.setState('background')
  live.setState('background')
  expect(live.say({ type: 'call' })).toBe(true)
  expect([await peer.next(), await peer.next()]).toEqual([
    { type: 'state', state: 'background' },
    { type: 'call' },
  ])
  live.start('online') // a second call connects nobody anew
  expect(await peer.next()).toEqual({ type: 'state', state: 'online' })
  peer.say({ type: 'call', call: { id: '1' } })
  // R25: with the person as whom the device has connected
  expect(await others.next()).toEqual({ frame: { type: 'call', call: { id: '1' } }, userId: 'anna' })
})

function makeLive(more: Partial<LiveOptions> = {}): Live {
  const client: Pick<Client, 'call' | 'flush'> = {
    call: async method => {
      calls.push(method)
      return {}
    },
    flush: async () => undefined,
  }
  return createLive({
    store,
    client,
    lock: createLock(),
    openSocket,
    fallbackTitle: 'Site',
    onMessage: message => shown.add(message),
    onStatus: status => statuses.push(status),
    random: () => 0.5,
    later: (end, ms) => {
      // those that wait for a welcome, a pong or the next beat are never over here
      if (statuses.at(-1) === 'connecting' && ms !== 20_000) pauses.add({ ms, end })
      return () => undefined
    },
    ...more,
  })
}

async function connected(): Promise<Peer> {
  const peer = await peers.next()
  await peer.next()
  await welcome(peer)
  return peer
}

async function welcome(peer: Peer): Promise<void> {
  peer.say({ type: 'welcome', heartbeatSeconds: 30 })
  expect(await peer.next()).toMatchObject({ type: 'state' })
}

function change(part: Partial<DeviceState>): (state: DeviceState | undefined) => DeviceState {
  return state => ({ ...(state as DeviceState), ...part })
}

async function untilStatus(status: LiveStatus): Promise<void> {
  while (statuses.at(-1) !== status) await settled()
}

function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
