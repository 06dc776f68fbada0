/**
 * What the pool promises over the life of many connections: rotation loses nothing, silence ends in time, the queue
 * stays bounded, and `not_sent` and `uncertain` are told as what they are.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createSecureContext, createServer as createTlsServer } from 'node:tls'
import { describe, expect, vi } from 'vitest'
import { createTestCertificate } from '../../test/certificate.ts'
import { TICK_MS, test } from '../../test/fixtures.ts'
import { type Ledger, type Outcome, PUSH } from '../../test/ledger.ts'
import {
  ACK,
  answer,
  END_STREAM,
  goAway,
  headers,
  join,
  type RawConnection,
  type RawPeer,
  settings,
  startRawPeer,
  TYPE,
  windowUpdate,
} from '../../test/raw-peer.ts'
import { ERROR, SETTING } from '../protocol.ts'
import { ClientConnection, type ConnectionSettings } from './connection.ts'
import { dial } from './dial.ts'
import type { ConnectionPool } from './pool.ts'

const SETTINGS: ConnectionSettings = {
  assumedStreams: 100,
  maxStreams: 1000,
  maxBodyBytes: 1024,
  pingIntervalMs: 60_000,
  pingTimeoutMs: 60_000,
  firstStreamId: 1,
}
const NO_EVENTS = { onRoom() {}, onDraining() {}, onClosed() {} }

/** Answers every request when its body is through. */
function answerAll(connection: RawConnection): void {
  connection.isRecording = false
  connection.write(settings(), windowUpdate(0, 2 ** 30))
  connection.onFrame = it => {
    if (it.type <= TYPE.HEADERS && (it.flags & END_STREAM) !== 0) connection.write(answer(it.streamId))
  }
}

/** Sends as the doc says: awaits `ready()` when the queue is full. */
async function sendPatiently(pool: ConnectionPool, ledger: Ledger, count: number): Promise<number> {
  let most = 0
  for (let i = 0; i < count; i++) {
    while (ledger.trySend(pool) < 0) await pool.ready()
    most = Math.max(most, pool.counts.queued)
  }
  return most
}

describe('rotation', () => {
  /** Answers 1000 requests, refuses what comes after them, and closes. Counts what it processed, by path. */
  function rotate(connection: RawConnection, processed: Map<string, number>): void {
    let left = 1000
    let last = 0
    connection.write(settings([SETTING.MAX_CONCURRENT_STREAMS, 500]), windowUpdate(0, 2 ** 30))
    connection.onFrame = it => {
      if (it.type > TYPE.HEADERS || (it.flags & END_STREAM) === 0) return
      if (left === 0) return
      left--
      last = it.streamId
      connection.write(answer(it.streamId))
      if (left === 0) connection.write(goAway(last, ERROR.NO_ERROR))
    }
    void connection.ended.then(() => {
      for (const [streamId, fields] of connection.decodeRequests())
        if (streamId <= last) {
          const path = fields[':path'] as string
          processed.set(path, (processed.get(path) ?? 0) + 1)
        }
      connection.frames.length = 0
      connection.halfClose()
    })
  }

  test('by GOAWAY every 1000 streams under full load loses nothing of 100 000 requests', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const processed = new Map<string, number>()
    peer.onConnection = connection => rotate(connection, processed)
    const pool = openPool({ maxConnections: 4, reconnectMs: 1 })
    const count = 100_000
    const repeats: string[] = []
    ledger.onOutcome = (tag, { kind }) => {
      if (kind === 'not_sent') repeats.push(`/3/device/${tag}`)
    }
    let sent = 0
    while (sent < count || repeats.length > 0 || ledger.settled < ledger.sent) {
      const path = repeats.pop() ?? (sent < count ? `/push/${sent++}` : undefined)
      if (path === undefined) await new Promise(setImmediate)
      else
        while (ledger.trySend(pool, { path }) < 0) {
          await pool.ready()
        }
    }
    await pool.close()
    await Promise.all(peer.connections.map(it => it.ended))
    const counts = ledger.counts()
    expect(counts.uncertain).toBe(0)
    expect(peer.connections.length).toBeGreaterThanOrEqual(count / 1000)
    const times = [...processed.values()]
    expect(times.reduce((sum, it) => sum + it, 0)).toBe(counts.answered)
    // Each request was processed once: what came back as not sent had not been processed.
    expect(counts.answered).toBe(count)
    expect(times.every(it => it === 1)).toBe(true)
  })

  test('opens a successor when the stream ids are used up', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ firstStreamId: 2 ** 31 - 5, reconnectMs: 1 })
    const tags = ledger.sendMany(pool, 7)
    const seen: number[][] = []
    for (let left = 7; left > 0; left -= 3) {
      const connection = await peer.greet()
      await connection.untilRequests(Math.min(3, left))
      const streams = connection.framesOf(TYPE.HEADERS).map(it => it.streamId)
      connection.write(...streams.map(it => answer(it)))
      seen.push(streams)
    }
    expect((await ledger.outcomes(tags)).every(it => it.kind === 'answered')).toBe(true)
    const ids = [2 ** 31 - 5, 2 ** 31 - 3, 2 ** 31 - 1]
    expect(seen).toEqual([ids, ids, ids.slice(0, 1)])
  })
})

/** A connection whose clock the test moves, and its peer, which has not sent its SETTINGS. */
async function openConnection(
  peer: RawPeer,
  maxStreams = 1000,
): Promise<{ connection: ClientConnection; raw: RawConnection }> {
  let connection: ClientConnection | undefined
  const socket = await dial({ origin: peer.origin, timeoutMs: 5000 }, (buffer, length) =>
    connection?.receive(buffer, length),
  )
  const limits = { ...SETTINGS, maxStreams, assumedStreams: maxStreams }
  connection = new ClientConnection(socket, limits, NO_EVENTS, 0)
  const raw = await peer.accept()
  await raw.nth(TYPE.SETTINGS)
  return { connection, raw }
}

function sendOn(connection: ClientConnection, ledger: Ledger, deadlineAt = 1000): number {
  const tag = ledger.take()
  connection.send(PUSH, `/${tag}`, [], Buffer.from('body'), deadlineAt, ledger, tag)
  return tag
}

describe('silence', () => {
  test('ends at the deadline of each request, in whatever order they are, and not before', async ({
    peer,
    ledger,
  }) => {
    const { connection, raw } = await openConnection(peer)
    raw.write(settings())
    const tags = [900, 1000, 950].map(deadlineAt => sendOn(connection, ledger, deadlineAt))
    await raw.untilRequests(3)
    connection.tick(899)
    expect(ledger.settled).toBe(0)
    connection.tick(950)
    expect(ledger.settled).toBe(2)
    connection.tick(1000)
    for (const { kind, reason } of await ledger.outcomes(tags))
      expect([kind, reason]).toEqual(['uncertain', 'no answer before the deadline'])
    for (const streamId of [1, 3, 5]) expect(await raw.resetCode(streamId)).toBe(ERROR.CANCEL)
    connection.fail('the end of the test')
  })

  test('of a peer that never greets ends at the deadline', async ({ peer, ledger }) => {
    const { connection, raw } = await openConnection(peer)
    const tag = sendOn(connection, ledger)
    await raw.untilRequests(1)
    connection.tick(1000)
    expect((await ledger.outcome(tag)).kind).toBe('uncertain')
    connection.fail('the end of the test')
  })

  test('after the answer has begun is uncertain, and tells the status that came', async ({
    peer,
    ledger,
  }) => {
    const { connection, raw } = await openConnection(peer)
    const tag = sendOn(connection, ledger)
    await raw.untilRequests(1)
    raw.write(settings(), headers(1, { ':status': '200' }))
    await raw.roundTrip()
    connection.tick(1000)
    expect(await ledger.outcome(tag)).toMatchObject({ kind: 'uncertain', status: 200 })
    connection.fail('the end of the test')
  })

  test('makes room for the next: late answers to reset streams are passed over, thousands of them', async ({
    peer,
    ledger,
  }) => {
    const count = 1500
    const { connection, raw } = await openConnection(peer, count)
    const tags = Array.from({ length: count }, () => sendOn(connection, ledger))
    await raw.untilRequests(count)
    connection.tick(1000)
    expect(new Set((await ledger.outcomes(tags)).map(it => it.kind))).toEqual(new Set(['uncertain']))
    const next = sendOn(connection, ledger, 2000)
    raw.write(
      settings(),
      join(count + 1, i => answer(2 * i + 1)),
    )
    expect((await ledger.outcome(next)).kind).toBe('answered')
    connection.fail('the end of the test')
  })

  test('to a PING ends a half-open connection', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ pingIntervalMs: 20, pingTimeoutMs: 20 })
    const tag = ledger.send(pool)
    const connection = await peer.greet()
    await connection.nth(TYPE.PING)
    const outcome = await ledger.outcome(tag)
    expect(outcome).toMatchObject({ kind: 'uncertain', reason: 'the peer does not answer a PING' })
    await connection.ended
  })

  test('of an idle connection is no room until it answers a PING', async ({ peer }) => {
    const { connection, raw } = await openConnection(peer, 10)
    connection.tick(SETTINGS.pingIntervalMs)
    expect(connection.room).toBe(0)
    connection.probe()
    const asked = await raw.nth(TYPE.PING)
    raw.write(settings())
    raw.write(pong(asked.payload))
    await vi.waitUntil(() => connection.room === 10, { timeout: 25_000 })
    connection.fail('the end of the test')
  })

  test('of an idle connection that answers no PING ends it before anything is sent on it', async ({
    peer,
  }) => {
    const { connection, raw } = await openConnection(peer, 10)
    connection.tick(SETTINGS.pingIntervalMs)
    connection.probe()
    await raw.nth(TYPE.PING)
    connection.tick(SETTINGS.pingIntervalMs + SETTINGS.pingTimeoutMs)
    expect(connection.state).toBe('closed')
  })

  test('with answered PINGs is only slow', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ pingIntervalMs: 1, pingTimeoutMs: 60_000 })
    const tag = ledger.send(pool)
    const connection = await peer.greet()
    connection.onFrame = it => {
      if (it.type === TYPE.PING) connection.write(pong(it.payload))
    }
    await connection.nth(TYPE.PING, 5)
    connection.write(answer(1))
    expect((await ledger.outcome(tag)).kind).toBe('answered')
  })
})

function pong(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 8, TYPE.PING, ACK, 0, 0, 0, 0]), payload])
}

describe('the queue', () => {
  test('gives each request its own deadline, in whatever order they stand', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool({ assumedStreams: 1 })
    const first = ledger.send(pool)
    const connection = await peer.greet([SETTING.MAX_CONCURRENT_STREAMS, 1])
    await connection.untilRequests(1)
    const patient = ledger.sendMany(pool, 3, { path: '/patient' })
    const hasty = ledger.sendMany(pool, 2, { path: '/hasty', deadlineMs: 20 })
    const last = ledger.send(pool, { path: '/last' })
    for (const outcome of await ledger.outcomes(hasty))
      expect(outcome).toMatchObject({ kind: 'not_sent', reason: 'no stream before the deadline' })
    connection.decodeRequests()
    for (let n = 1; n <= 5; n++) {
      await connection.untilRequests(n)
      connection.write(answer(2 * n - 1))
    }
    for (const outcome of await ledger.outcomes([first, ...patient, last]))
      expect(outcome.kind).toBe('answered')
    const paths = [...connection.decodeRequests().values()].map(it => it[':path'])
    expect(paths).toEqual(['/patient', '/patient', '/patient', '/last'])
  })

  test('sends nothing that is not wanted any more, and keeps the order of the rest', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool({ assumedStreams: 1 })
    const campaign = { isWanted: true }
    const first = ledger.send(pool, { wish: campaign })
    const connection = await peer.greet([SETTING.MAX_CONCURRENT_STREAMS, 1])
    await connection.untilRequests(1)
    const stopped = ledger.sendMany(pool, 40, { path: '/stopped', wish: campaign })
    const kept = ledger.sendMany(pool, 2, { path: '/kept', wish: { isWanted: true } })
    const last = ledger.send(pool, { path: '/last' })
    campaign.isWanted = false
    connection.decodeRequests()
    for (let n = 1; n <= 4; n++) {
      await connection.untilRequests(n)
      connection.write(answer(2 * n - 1))
    }
    for (const outcome of await ledger.outcomes(stopped))
      expect(outcome).toMatchObject({ kind: 'not_sent', reason: 'it was not wanted any more' })
    for (const outcome of await ledger.outcomes([first, ...kept, last])) expect(outcome.kind).toBe('answered')
    const paths = [...connection.decodeRequests().values()].map(it => it[':path'])
    expect(paths).toEqual(['/kept', '/kept', '/last'])
  })

  test('stays bounded however much is sent, and refuses what it can not take', async ({
    peer,
    ledger,
    openPool,
  }) => {
    peer.onConnection = answerAll
    const pool = openPool({ maxQueued: 50, maxConnections: 2 })
    const most = await sendPatiently(pool, ledger, 50_000)
    await ledger.allSettled()
    expect(most).toBeLessThanOrEqual(50)
    expect(most).toBeGreaterThan(0)
    expect(ledger.counts()).toEqual({ answered: 50_000, not_sent: 0, uncertain: 0 })
  })

  test('that is full takes no request, and says when there is room', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ maxQueued: 4 })
    const tags = ledger.sendMany(pool, 4)
    expect([pool.hasRoom, ledger.trySend(pool)]).toEqual([false, -1])
    const ready = pool.ready()
    answerAll(await peer.accept())
    await ready
    expect(pool.hasRoom).toBe(true)
    expect((await ledger.outcomes(tags)).every(it => it.kind === 'answered')).toBe(true)
  })

  test('throws for a header that can not be sent, and keeps nothing of it', async ({ pool, ledger }) => {
    const send = () => pool.send(PUSH, '/a\r\nb', [], Buffer.alloc(0), 1000, ledger, 0)
    expect(send).toThrow(RangeError)
    expect(pool.counts.queued).toBe(0)
  })
})

describe('observers', () => {
  test('that send again from onResult get a result for that, too', async ({ peer, ledger, openPool }) => {
    peer.onConnection = answerAll
    const pool = openPool({ maxStreams: 10 })
    let left = 2000
    ledger.onOutcome = () => {
      if (left-- > 0) ledger.send(pool)
    }
    ledger.sendMany(pool, 50)
    await ledger.allSettled()
    expect(ledger.counts()).toEqual({ answered: 2050, not_sent: 0, uncertain: 0 })
  })

  test('that throw are heard of, and nobody else suffers', async ({ peer, ledger, pool }) => {
    const thrown: unknown[] = []
    process.setUncaughtExceptionCaptureCallback(error => thrown.push(error))
    try {
      const observer = {
        onResult() {
          throw new Error('a fault of the observer')
        },
      }
      const before = ledger.send(pool)
      pool.send(PUSH, '/', [], Buffer.from('x'), 60_000, observer, undefined)
      const after = ledger.send(pool)
      const connection = await peer.greet()
      await connection.untilRequests(3)
      const bytes = Buffer.concat([answer(1), answer(3), answer(5)])
      connection.write(bytes.subarray(0, -3)) // the reader has to keep the beginning of a frame behind the throw
      await ledger.outcome(before)
      connection.write(bytes.subarray(-3))
      expect((await ledger.outcome(after)).kind).toBe('answered')
      await new Promise(setImmediate)
      await new Promise(setImmediate)
    } finally {
      process.setUncaughtExceptionCaptureCallback(null)
    }
    expect(thrown).toEqual([new Error('a fault of the observer')])
  })
})

describe('closing', () => {
  test('waits for what is in flight and queued', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ assumedStreams: 1 })
    const tags = ledger.sendMany(pool, 3)
    const connection = await peer.greet([SETTING.MAX_CONCURRENT_STREAMS, 1])
    let isClosed = false
    const closed = pool.close().then(() => {
      isClosed = true
    })
    for (let n = 1; n <= 3; n++) {
      await connection.untilRequests(n)
      expect(isClosed).toBe(false)
      connection.write(answer(2 * n - 1))
    }
    await closed
    expect((await ledger.outcomes(tags)).every(it => it.kind === 'answered')).toBe(true)
    expect(await connection.goAway()).toEqual({ code: ERROR.NO_ERROR, debug: '' })
    expect([pool.hasRoom, ledger.trySend(pool)]).toEqual([false, -1])
  })

  test('keeps to the deadlines of what is in flight', async ({ peer, ledger, pool }) => {
    const first = ledger.send(pool)
    const connection = await peer.greet()
    await connection.untilRequests(1)
    connection.write(answer(1))
    await ledger.outcome(first) // to connect shall not use the deadline up
    const tag = ledger.send(pool, { deadlineMs: 1000 })
    await connection.untilRequests(2)
    await pool.close()
    expect((await ledger.outcome(tag)).kind).toBe('uncertain')
  })

  test('keeps to the deadlines of what waits for a stream that never comes', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool({ assumedStreams: 1 })
    const first = ledger.send(pool)
    const connection = await peer.greet([SETTING.MAX_CONCURRENT_STREAMS, 0])
    await connection.untilRequests(1)
    await connection.nth(TYPE.SETTINGS, 2)
    const tag = ledger.send(pool, { deadlineMs: 50 })
    connection.write(answer(1))
    await ledger.outcome(first)
    await pool.close()
    expect((await ledger.outcome(tag)).kind).toBe('not_sent')
  })

  test('by force ends everything at once, also what a leaving connection has in flight', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool({ assumedStreams: 2 })
    const tags = ledger.sendMany(pool, 3)
    const connection = await peer.greet([SETTING.MAX_CONCURRENT_STREAMS, 2])
    await connection.untilRequests(2)
    connection.write(goAway(2 ** 31 - 1, ERROR.NO_ERROR))
    await connection.roundTrip()
    await pool.close(true)
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain', 'uncertain', 'not_sent'])
    await connection.ended
  })

  test('by force does not wait for a connection that is being made', async ({ ledger, openPool }) => {
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as { port: number }
    const pool = openPool({ origin: `https://127.0.0.1:${port}` })
    const tag = ledger.send(pool)
    const [socket] = (await once(silent, 'connection')) as [import('node:net').Socket]
    await pool.close(true)
    expect((await ledger.outcome(tag)).kind).toBe('not_sent')
    socket.destroy()
    silent.close()
  })

  test('lets go of a peer that never closes its own side', async ({ peer, ledger }) => {
    const socket = await dial({ origin: peer.origin, timeoutMs: 5000 }, () => {})
    const connection = new ClientConnection(socket, SETTINGS, NO_EVENTS, 0)
    const raw = await peer.greet()
    await raw.nth(TYPE.SETTINGS)
    connection.end()
    expect((await raw.goAway()).code).toBe(ERROR.NO_ERROR)
    await once(socket, 'close')
    expect(ledger.sent).toBe(0)
  })
})

describe('what was handed over', () => {
  test('is uncertain when the connection fails, and what was not yet is not sent', async ({
    peer,
    ledger,
  }) => {
    const { connection, raw } = await openConnection(peer)
    const out = sendOn(connection, ledger)
    await raw.untilRequests(1)
    const kept = sendOn(connection, ledger)
    connection.fail('a cut')
    expect((await ledger.outcomes([out, kept])).map(it => [it.kind, it.reason])).toEqual([
      ['uncertain', 'a cut'],
      ['not_sent', 'a cut'],
    ])
    await raw.ended
    expect(raw.framesOf(TYPE.HEADERS)).toHaveLength(1)
  })

  test('is uncertain when it expires in the same turn, for it goes out all the same', async ({
    peer,
    ledger,
  }) => {
    const { connection, raw } = await openConnection(peer)
    const tag = sendOn(connection, ledger, 10)
    connection.tick(10)
    expect((await ledger.outcome(tag)).kind).toBe('uncertain')
    await raw.untilRequests(1) // the peer may well process it before it reads the reset
    connection.fail('the end of the test')
  })

  test('is nothing on a connection that takes no more requests, and it ends all the same', async ({
    peer,
    ledger,
  }) => {
    const { connection, raw } = await openConnection(peer)
    const tag = sendOn(connection, ledger)
    connection.end()
    expect(() => connection.send(PUSH, '/', [], Buffer.alloc(0), 1000, ledger, 'x')).toThrow('no room')
    await raw.untilRequests(1)
    raw.write(settings(), answer(1))
    expect((await ledger.outcome(tag)).kind).toBe('answered')
    await raw.ended
    expect(connection.state).toBe('closed')
  })
})

describe('connecting', () => {
  test('that fails tells what waits at once, and repeats pause first', async ({ ledger, openPool }) => {
    const closed = createServer()
    closed.listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as { port: number }
    closed.close()
    await once(closed, 'close')
    const pool = openPool({ origin: `http://127.0.0.1:${port}` })
    const outcomes = await ledger.outcomes(ledger.sendMany(pool, 3))
    for (const { kind, reason } of outcomes)
      expect([kind, reason]).toEqual(['not_sent', expect.stringContaining('ECONNREFUSED')])
    const repeat = ledger.send(pool, { deadlineMs: 50 })
    expect(pool.counts).toMatchObject({ connecting: 0, queued: 1 })
    expect(await ledger.outcome(repeat)).toMatchObject({
      kind: 'not_sent',
      reason: 'no stream before the deadline',
    })
  })

  test('is tried again after the pause', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ reconnectMs: 1 })
    let attempts = 0
    peer.onConnection = connection => {
      if (++attempts < 3) connection.resetTransport()
      else answerAll(connection)
    }
    let outcome: Outcome
    do outcome = await ledger.outcome(ledger.send(pool))
    while (outcome.kind !== 'answered')
    expect(attempts).toBe(3)
  })

  test('pauses for a peer that ends every connection at once, whatever is sent meanwhile', async ({
    peer,
    ledger,
    pool,
  }) => {
    peer.onConnection = connection => connection.write(settings(), goAway(0, ERROR.ENHANCE_YOUR_CALM, 'busy'))
    const refused = await ledger.outcome(ledger.send(pool))
    expect(refused).toMatchObject({ kind: 'not_sent', goAway: 'busy' })
    // The pause is a minute: none of these may go near the peer.
    await ledger.outcomes(ledger.sendMany(pool, 3, { deadlineMs: 50 }))
    expect(ledger.counts()).toEqual({ answered: 0, not_sent: 4, uncertain: 0 })
    expect(peer.connections).toHaveLength(1)
  })

  test('does not pause after a peer that goes away in good order before its first answer, having taken requests', async ({
    peer,
    ledger,
    pool,
  }) => {
    // A pause would be a minute, and doubled each time.
    for (let round = 0; round < 3; round++) {
      const [taken = 0, refused = 0] = ledger.sendMany(pool, 2)
      const connection = await peer.greet()
      await connection.untilRequests(2)
      connection.write(goAway(1, ERROR.NO_ERROR))
      expect((await ledger.outcome(refused)).kind).toBe('not_sent')
      const again = ledger.send(pool)
      const next = await peer.greet()
      await next.untilRequests(1)
      connection.write(answer(1))
      next.write(answer(1), goAway(1, ERROR.NO_ERROR))
      const outcomes = await ledger.outcomes([taken, again])
      expect(outcomes.map(it => it.kind)).toEqual(['answered', 'answered'])
    }
  })

  test('grows while requests wait, and shrinks to one when idle', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ maxConnections: 3, assumedStreams: 1, idleMs: 3 * TICK_MS })
    const tags = ledger.sendMany(pool, 3)
    const connections: RawConnection[] = []
    for (let i = 0; i < 3; i++) connections.push(await peer.greet([SETTING.MAX_CONCURRENT_STREAMS, 1]))
    await Promise.all(connections.map(it => it.untilRequests(1)))
    for (const it of connections) it.write(answer(1))
    await ledger.outcomes(tags)
    await Promise.all(connections.slice(1).map(it => it.goAway()))
    expect(pool.counts).toMatchObject({ connections: 1, inFlight: 0, queued: 0 })
    const again = ledger.send(pool)
    await (connections[0] as RawConnection).untilRequests(2)
    connections[0]?.write(answer(3))
    expect((await ledger.outcome(again)).kind).toBe('answered')
  })

  test('over TLS wants h2, a trusted certificate, and the right name', async ({ ledger, openPool }) => {
    const certificate = createTestCertificate()
    const trusted = createSecureContext({ ca: certificate.cert })
    const h1 = createTlsServer({ ...certificate, ALPNProtocols: ['http/1.1'] })
    const peer = await startRawPeer(certificate)
    h1.listen(0, '127.0.0.1')
    await once(h1, 'listening')
    const { port } = h1.address() as { port: number }
    const reasonOf = async (options: Parameters<typeof openPool>[0]) =>
      (await ledger.outcome(ledger.send(openPool(options)))).reason
    expect(await reasonOf({ origin: `https://127.0.0.1:${port}`, secureContext: trusted })).toMatch(
      /^could not/,
    )
    expect(await reasonOf({ origin: peer.origin })).toContain('self-signed certificate')
    expect(
      await reasonOf({ origin: peer.origin, secureContext: trusted, servername: 'other.example' }),
    ).toContain('other.example')
    expect(ledger.counts().not_sent).toBe(3)
    h1.close()
    await peer.close()
  })

  test('over TLS serves, and a close without notify leaves what was sent uncertain', async ({
    ledger,
    openPool,
  }) => {
    const certificate = createTestCertificate()
    const peer = await startRawPeer(certificate)
    const pool = openPool({
      origin: `https://localhost:${peer.port}`,
      lookup: (_, options, callback) =>
        options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
      secureContext: createSecureContext({ ca: certificate.cert }),
    })
    const tags = ledger.sendMany(pool, 3)
    const connection = await peer.greet()
    await connection.untilRequests(3)
    connection.write(answer(3, 200, 'ok'))
    expect(await ledger.outcome(tags[1] as number)).toMatchObject({ kind: 'answered', body: 'ok' })
    connection.closeTransport()
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain', 'answered', 'uncertain'])
    await peer.close()
  })
})
