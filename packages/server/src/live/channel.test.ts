/** One channel over a real socket, with a host that lets everybody in. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { ServerFrame } from '@roost/protocol'
import { afterEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Channel, type ChannelHost } from './channel.ts'
import type { SentKey } from './frames.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

const HELLO = { type: 'hello', app: 'A', deviceToken: 't', hwid: 'h', userId: null, state: 'online' }

async function open(options: ConstructorParameters<typeof WebSocket>[2] = {}) {
  const acknowledged: SentKey[] = []
  const former: number[] = []
  const host: ChannelHost = {
    hello: async (channel, { hwid }) => {
      channel.member = {
        appId: 1,
        bucket: 0,
        hwid,
        userId: null,
        session: 's',
        access: { app: 'A', deviceToken: 't' },
      }
      return { type: 'welcome', heartbeatSeconds: 30 }
    },
    acknowledge: async (_channel, frames, others) => {
      acknowledged.push(...frames)
      former.push(...others)
    },
    say: async () => undefined,
    sayOfCall: async () => undefined,
    refusalOf: () => ({ type: 'error', code: 'internal_error', detail: '', remedy: '' }),
    gone: () => undefined,
  }
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options)
  cleanups.push(
    () => client.terminate(),
    () => server.close(),
  )
  const [[socket]] = await Promise.all([
    once(server, 'connection') as Promise<[WebSocket]>,
    once(client, 'open'),
  ])
  const channel = new Channel(socket, host)
  client.send(JSON.stringify(HELLO))
  await once(client, 'message')
  return { client, socket, channel, acknowledged, former }
}

const frameOf = (seq: number, body = ''): Extract<ServerFrame, { type: 'message' }> => ({
  type: 'message',
  seq,
  id: `id ${seq}`,
  messageId: `m ${seq}`,
  userId: null,
  receiptKey: '',
  notification: { hash: 'h', body },
})
const keyOf = (seq: number): SentKey => ({ bucket: 0, hwid: 'h', messageId: `m ${seq}` })

test('a device that reads nothing is disconnected before it fills the memory, and the code says why', async () => {
  const { client, socket, channel } = await open()
  client.pause()
  const body = 'x'.repeat(16_000)
  let seq = 1
  while (channel.sendMessage(frameOf(seq, body), keyOf(seq))) seq++
  expect(socket.bufferedAmount).toBeLessThan(300_000)
  client.resume()
  expect((await once(client, 'close'))[0]).toBe(4004)
})

test('a device that reads and acknowledges nothing is disconnected after a thousand', async () => {
  const { client, channel } = await open()
  let seq = 1
  while (channel.sendMessage(frameOf(seq), keyOf(seq))) if (++seq % 100 === 0) await once(client, 'message')
  expect(seq).toBe(1001)
  expect((await once(client, 'close'))[0]).toBe(4004)
})

test('a frame is sent once over a connection, until it is acknowledged', async () => {
  const { client, channel, acknowledged, former } = await open()
  expect(channel.sendMessage(frameOf(1), keyOf(1))).toBe(true)
  expect(channel.sendMessage(frameOf(1), keyOf(1))).toBe(false)
  await once(client, 'message')
  client.send(JSON.stringify({ type: 'ack', seqs: [1, 77] }))
  expect(JSON.parse(String((await once(client, 'message'))[0]))).toEqual({ type: 'acked', seqs: [1, 77] })
  expect(acknowledged).toEqual([keyOf(1)])
  expect(former).toEqual([77])
})

test('a device that answers no ping until the next is disconnected, one that answers stays', async () => {
  const mute = await open({ autoPong: false })
  mute.channel.heartbeat()
  await once(mute.client, 'ping')
  const closed = once(mute.client, 'close')
  mute.channel.heartbeat()
  await closed
  const { client, socket, channel } = await open()
  for (let beat = 0; beat < 3; beat++) {
    const pong = once(socket, 'pong')
    channel.heartbeat()
    await pong
  }
  expect(client.readyState).toBe(WebSocket.OPEN)
})

test('a device that says too much between two heartbeats is disconnected', async () => {
  const { client } = await open()
  const closed = once(client, 'close')
  for (let i = 0; i < 3001; i++) client.send('{"type":"ping"}')
  expect((await closed)[0]).toBe(4001)
})

test.each([
  [
    '{"type":"ack","seqs":[1],"name":"a\\u0000b"}',
    'frame.name holds a NUL character or half a surrogate pair',
  ],
  ['{"type":"ack","seqs":[1],"name":"\\ud800"}', 'frame.name holds a NUL character or half a surrogate pair'],
  [
    `{"type":"ack","seqs":[1],"name":${'['.repeat(100)}${']'.repeat(100)}}`,
    'the frame is nested deeper than 64 levels',
  ],
  ['', 'the frame is not JSON: it is empty'],
  ['[1]', 'a frame is an object of JSON'],
])(
  'what no body of a call may hold, no frame may: it closes the channel and says why',
  async (frame, why) => {
    const { client } = await open()
    client.send(frame)
    const [code, reason] = await once(client, 'close')
    expect([code, String(reason)]).toEqual([4001, why])
  },
)

test.each(['', 'a', 'ab'])(
  'a reason is cut at the end of a character, and whatever is said before hello ends its own channel alone (%j)',
  async beginning => {
    const { client } = await open()
    const key = `${beginning}${'…'.repeat(39)}`
    client.send(`{"${key}":{"${key}":"\\u0000"}}`)
    const [code, reason] = await once(client, 'close')
    expect([code, String(reason)]).toEqual([4001, expect.stringMatching(/^frame\.[ab]*…+(\.[ab]*…*)?$/)])
    expect(reason.length).toBeLessThanOrEqual(123)
  },
)
