/** The live channel against a WebSocket server whose every frame the test chooses. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { memoryStore } from '../../test/memory-store.ts'
import { createLock } from '../mobile/runtime.ts'
import type { Client } from './client.ts'
import { createLive } from './live.ts'
import type { Live, LiveStatus } from './live-options.ts'
import type { PushPayload } from './payload.ts'
import type { OpenSocket } from './socket.ts'
import { adoptSettings, type DeviceState, type KeptCall, type Store } from './state.ts'

type Frame = Readonly<Record<string, unknown>>

/** One connection, as the server has it. */
interface Peer {
  readonly socket: WebSocket
  /** The next frame that nobody has waited for. */
  next(): Promise<Frame>
  say(frame: object): void
}

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

test('a message is shown once, acknowledged, and its number told again until that is acknowledged', async () => {
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
  again.say(message(1, 'a')) // it could not know
  expect(await again.next()).toEqual({ type: 'ack', seqs: [1] })
  again.say({ type: 'acked', seqs: [1] })
  again.say(message(2, 'b'))
  expect(await shown.next()).toMatchObject({ hash: 'b' })
  expect(await again.next()).toEqual({ type: 'ack', seqs: [2] })
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
  live = makeLive(frame => others.add(frame))
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
  expect(await others.next()).toEqual({ type: 'call', call: { id: '1' } })
})

function makeLive(onFrame: (frame: object) => void = () => undefined): Live {
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
    onFrame,
    onStatus: status => statuses.push(status),
    random: () => 0.5,
    later: (end, ms) => {
      // those that wait for a welcome, a pong or the next beat are never over here
      if (statuses.at(-1) === 'connecting' && ms !== 20_000) pauses.add({ ms, end })
      return () => undefined
    },
  })
}

const openSocket: OpenSocket = (url, { onOpen, onText, onClose }) => {
  const socket = new WebSocket(url)
  socket.on('open', onOpen)
  socket.on('message', data => onText(String(data)))
  socket.on('error', () => undefined)
  socket.on('close', onClose)
  return { send: text => socket.send(text), close: () => socket.close() }
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

function message(seq: number, hash: string, userId: string | null = null): object {
  const notification = { hash, title: `Title ${hash}` }
  return { type: 'message', seq, id: hash, messageId: hash, userId, receiptKey: 'key', notification }
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

function peerOf(socket: WebSocket): Peer {
  const frames = new Queue<Frame>()
  socket.on('message', data => frames.add(JSON.parse(String(data)) as Frame))
  return { socket, next: () => frames.next(), say: frame => socket.send(JSON.stringify(frame)) }
}

/** What came and nobody has taken yet. */
class Queue<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  add(item: T): void {
    const taker = this.#waiting.shift()
    if (taker === undefined) this.#items.push(item)
    else taker(item)
  }

  next(): Promise<T> {
    return this.#items.length > 0
      ? Promise.resolve(this.#items.shift() as T)
      : new Promise(resolve => this.#waiting.push(resolve))
  }
}
