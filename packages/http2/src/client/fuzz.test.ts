/**
 * What servers really sent, damaged: bits flipped, pieces cut, doubled and mixed. Whatever comes out of that, each
 * request has one result, nothing but the protocol's own errors ends the connection, and nothing is waited for.
 *
 * The damage is made from fixed seeds; a case that fails prints the bytes that it was made of.
 */
import { once } from 'node:events'
import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Ledger, PUSH } from '../../test/ledger.ts'
import {
  answer,
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goAway,
  headers,
  ping,
  RawConnection,
  reset,
  settings,
  TYPE,
  windowUpdate,
} from '../../test/raw-peer.ts'
import { ERROR, SETTING } from '../protocol.ts'
import { ClientConnection, type ConnectionSettings } from './connection.ts'
import { dial } from './dial.ts'
import { ConnectionPool } from './pool.ts'

const REQUESTS = 6
const CASES = 4000
const CASES_ON_THE_WIRE = 400
const AFTER_ALL_DEADLINES = 1e9

const CONNECTION: ConnectionSettings = {
  assumedStreams: 100,
  maxStreams: 100,
  maxBodyBytes: 1000,
  pingIntervalMs: 1e12,
  pingTimeoutMs: 1e12,
  firstStreamId: 1,
}

/** Every kind of frame that a server may send, on the streams that the client has open. */
const WRITTEN = Buffer.concat([
  settings([SETTING.MAX_CONCURRENT_STREAMS, 100], [SETTING.INITIAL_WINDOW_SIZE, 70_000]),
  frame(TYPE.SETTINGS, 1, 0),
  windowUpdate(0, 100_000),
  headers(1, { ':status': '103', link: '<x>' }),
  answer(1, 200),
  ping(),
  headers(3, { ':status': '400', 'apns-id': 'A', 'retry-after': '3' }),
  data(3, '{"reason":'),
  data(3, '"BadDeviceToken"}', END_STREAM),
  windowUpdate(5, 100),
  reset(5, ERROR.REFUSED_STREAM),
  frame(TYPE.HEADERS, 0, 7, block({ ':status': '200' })),
  frame(TYPE.CONTINUATION, END_HEADERS, 7, block({ 'apns-id': 'B' })),
  frame(TYPE.DATA, 8, 7, Buffer.from('\x03abc\0\0\0')),
  headers(7, { 'x-trailer': '1' }, END_HEADERS | END_STREAM),
  settings([SETTING.HEADER_TABLE_SIZE, 0], [SETTING.INITIAL_WINDOW_SIZE, 10]),
  answer(9, 503, 'x'.repeat(2000)),
  goAway(9, ERROR.NO_ERROR, '{"reason":"Shutdown"}'),
])

/** The bytes that Node's own server sends to this client, taken down on their way. */
async function recordNode(): Promise<Buffer> {
  const server = createHttp2Server()
  server.on('stream', (stream, fields) => {
    const isLong = String(fields[':path']).endsWith('3')
    stream.respond({
      ':status': isLong ? 400 : 200,
      'apns-id': String(fields[':path']),
      date: 'Thu, 01 Jan 2026 00:00:00 GMT', // the same bytes in every run
    })
    stream.end(isLong ? 'a longer answer '.repeat(100) : 'ok')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const chunks: Buffer[] = []
  const proxy = createServer(client => {
    const upstream = connect((server.address() as AddressInfo).port, '127.0.0.1')
    upstream.on('data', (chunk: Buffer) => chunks.push(chunk))
    for (const socket of [client, upstream]) socket.on('error', () => {})
    client.pipe(upstream).pipe(client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const pool = new ConnectionPool({ origin: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` })
  const ledger = new Ledger()
  ledger.sendMany(pool, REQUESTS)
  await ledger.allSettled()
  await pool.close()
  expect(ledger.counts().answered).toBe(REQUESTS)
  proxy.close()
  server.close()
  return Buffer.concat(chunks)
}

// ── damage ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Mulberry32: small, and the same numbers for the same seed everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

type Random = (below: number) => number
type Damage = (bytes: Buffer, random: Random, other: Buffer) => Buffer

function piece(bytes: Buffer, random: Random): readonly [start: number, end: number] {
  const start = random(bytes.length + 1)
  return [start, Math.min(bytes.length, start + random(40))]
}

const DAMAGES: readonly Damage[] = [
  function flipBits(bytes, random) {
    const damaged = Buffer.from(bytes)
    for (let left = 1 + random(6); left > 0; left--) {
      const at = random(Math.max(1, damaged.length))
      damaged[at] = (damaged[at] as number) ^ (1 << random(8))
    }
    return damaged
  },
  function cutEnd(bytes, random) {
    return bytes.subarray(0, random(bytes.length + 1))
  },
  function leaveOut(bytes, random) {
    const [start, end] = piece(bytes, random)
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)])
  },
  function double(bytes, random) {
    const [start, end] = piece(bytes, random)
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)])
  },
  function mix(bytes, random, other) {
    return Buffer.concat([
      bytes.subarray(0, random(bytes.length + 1)),
      other.subarray(random(other.length + 1)),
    ])
  },
  function insertFrame(bytes, random) {
    const at = frameAt(bytes, random)
    const payload = Buffer.from(Array.from({ length: random(20) }, () => random(256)))
    const made = frame(random(11), random(256), random(2 * REQUESTS + 4), payload)
    return Buffer.concat([bytes.subarray(0, at), made, bytes.subarray(at)])
  },
  function changeHead(bytes, random) {
    const damaged = Buffer.from(bytes)
    const at = frameAt(bytes, random) + ([2, 3, 4, 8][random(4)] as number)
    if (at < damaged.length) damaged[at] = random(20)
    return damaged
  },
  function swapFrames(bytes, random) {
    const [first, second] = [frameAt(bytes, random), frameAt(bytes, random)].sort((a, b) => a - b)
    return Buffer.concat([bytes.subarray(0, first), bytes.subarray(second), bytes.subarray(first, second)])
  },
]

/** Where one of its frames begins. */
function frameAt(bytes: Buffer, random: Random): number {
  const starts = [0]
  for (let at = 0; at + 9 <= bytes.length; ) {
    at += 9 + bytes.readUIntBE(at, 3)
    if (at < bytes.length) starts.push(at)
  }
  return starts[random(starts.length)] as number
}

function damage(recordings: readonly Buffer[], seed: number): { bytes: Buffer; random: Random } {
  const random = randomFrom(seed)
  const [base, other] = [recordings[random(recordings.length)], recordings[random(recordings.length)]]
  let bytes = base as Buffer
  for (let left = 1 + random(3); left > 0; left--)
    bytes = (DAMAGES[random(DAMAGES.length)] as Damage)(bytes, random, other as Buffer)
  return { bytes, random }
}

// ── the runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

describe('damaged streams of servers', () => {
  let server: Server
  let port = 0
  let recordings: Buffer[] = []
  let onAccept: (socket: Socket) => void = () => {}

  beforeAll(async () => {
    recordings = [WRITTEN, await recordNode()]
    server = createServer(socket => {
      socket.on('error', () => {})
      onAccept(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => server.close())

  /** Feeds a connection with open requests in random chunks; gives back how it ended. */
  async function feed(bytes: Buffer, random: Random): Promise<{ ledger: Ledger; reason: string }> {
    const socket = await dial({ origin: `http://127.0.0.1:${port}`, timeoutMs: 5000 }, () => {})
    let reason = ''
    const onClosed = (_: ClientConnection, why: string) => {
      reason = why
    }
    const events = { onRoom() {}, onDraining() {}, onClosed }
    const connection = new ClientConnection(socket, CONNECTION, events, 0)
    const ledger = new Ledger()
    for (let i = 0; i < REQUESTS; i++)
      connection.send(PUSH, `/${i}`, [], Buffer.from('body'), 1000, ledger, ledger.take())
    await new Promise(setImmediate)
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random(random(2) === 0 ? 12 : 2000))
      connection.receive(bytes.subarray(at, end), end - at)
      at = end
    }
    connection.tick(AFTER_ALL_DEADLINES)
    connection.fail('the end of the case')
    socket.destroy()
    return { ledger, reason }
  }

  test('as they were recorded, all requests are answered as the server meant', async () => {
    onAccept = socket => socket.resume()
    const [written, node] = await Promise.all(recordings.map(it => feed(it, randomFrom(0))))
    expect(node?.ledger.counts()).toEqual({ answered: REQUESTS, not_sent: 0, uncertain: 0 })
    // Stream 5 is refused, and 11 lies above GOAWAY's last stream.
    expect(written?.ledger.counts()).toEqual({ answered: 4, not_sent: 2, uncertain: 0 })
  })

  test('give each request one result, and end by the protocol’s own errors only', async () => {
    onAccept = socket => socket.resume()
    const ends = new Map<string, number>()
    const counts = { answered: 0, not_sent: 0, uncertain: 0 }
    for (let seed = 1; seed <= CASES; seed++) {
      const { bytes, random } = damage(recordings, seed)
      try {
        const { ledger, reason } = await feed(bytes, random)
        ledger.verify()
        const end = reason.replace(/:.*/, '')
        ends.set(end, (ends.get(end) ?? 0) + 1)
        for (const [kind, count] of Object.entries(ledger.counts()))
          counts[kind as keyof typeof counts] += count
      } catch (error) {
        throw new Error(`seed ${seed}, bytes ${bytes.toString('hex')}`, { cause: error })
      }
    }
    // Damage that nobody notices would prove nothing: all classes and the usual errors occur.
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(CASES / 20)
    for (const end of ['PROTOCOL_ERROR', 'FRAME_SIZE_ERROR', 'COMPRESSION_ERROR'])
      expect(ends.get(end)).toBeGreaterThan(CASES / 100)
  })

  test('over a real socket, no pool is left with a request that waits', async () => {
    for (let seed = 1; seed <= CASES_ON_THE_WIRE; seed++) {
      const { bytes } = damage(recordings, -seed)
      onAccept = socket => {
        const connection = new RawConnection(socket, socket)
        connection
          .untilRequests(REQUESTS)
          .then(() => socket.end(bytes))
          .catch(() => {}) // a second connection of the pool, for what was not sent
      }
      const origin = `http://127.0.0.1:${port}`
      const pool = new ConnectionPool({ origin, maxConnections: 1, reconnectMs: 60_000 })
      const ledger = new Ledger()
      ledger.sendMany(pool, REQUESTS)
      await ledger.allSettled()
      await pool.close(true)
      ledger.verify()
    }
  })
})
