/**
 * The client against a peer that does everything wrong, and against one that does unusual things right. Each request
 * must end in exactly one truthful result; the books are checked after every test (`test/fixtures.ts`).
 */
import { describe, expect } from 'vitest'
import { test } from '../../test/fixtures.ts'
import type { Ledger } from '../../test/ledger.ts'
import { PUSH } from '../../test/ledger.ts'
import {
  ACK,
  answer,
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goAway,
  headers,
  join,
  ping,
  type RawConnection,
  reset,
  settings,
  TYPE,
  windowUpdate,
} from '../../test/raw-peer.ts'
import { ERROR, SETTING } from '../protocol.ts'
import type { ConnectionPool } from './pool.ts'
import { HeaderTemplate } from './template.ts'

const FLOOD = 1500
const KIB_60 = Buffer.alloc(60 * 1024, 'x')

interface Opened {
  readonly connection: RawConnection
  readonly tags: readonly number[]
  /** The stream of each request. */
  readonly streams: readonly number[]
}

/** Requests that are through to the peer, which has not answered any. */
async function inFlight(
  count: number,
  pool: ConnectionPool,
  ledger: Ledger,
  greet: () => Promise<RawConnection>,
): Promise<Opened> {
  const tags = ledger.sendMany(pool, count)
  const connection = await greet()
  await connection.untilRequests(count)
  return { connection, tags, streams: connection.framesOf(TYPE.HEADERS).map(it => it.streamId) }
}

/** Each of these bytes breaks the protocol: the connection ends with this code, and what was in flight is uncertain. */
const VIOLATIONS: readonly [what: string, code: number, bytes: Buffer][] = [
  ['a frame over the size limit', ERROR.FRAME_SIZE_ERROR, data(1, Buffer.alloc(16_385))],
  ['an HTTP/1.1 answer', ERROR.FRAME_SIZE_ERROR, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['HEADERS on an idle stream', ERROR.PROTOCOL_ERROR, answer(101)],
  ['HEADERS on an even stream', ERROR.PROTOCOL_ERROR, answer(2)],
  ['HEADERS on stream 0', ERROR.PROTOCOL_ERROR, answer(0)],
  ['HEADERS on a closed stream', ERROR.STREAM_CLOSED, Buffer.concat([answer(1), answer(1)])],
  ['DATA on a closed stream', ERROR.STREAM_CLOSED, Buffer.concat([answer(1), data(1, 'x')])],
  [
    'HEADERS on a stream that the peer has reset',
    ERROR.STREAM_CLOSED,
    Buffer.concat([reset(1, ERROR.CANCEL), answer(1)]),
  ],
  ['DATA on an idle stream', ERROR.PROTOCOL_ERROR, data(101, 'x')],
  ['DATA on stream 0', ERROR.PROTOCOL_ERROR, data(0, 'x')],
  ['DATA with more padding than bytes', ERROR.PROTOCOL_ERROR, frame(TYPE.DATA, 8, 1, Buffer.from([9, 1]))],
  ['RST_STREAM on an idle stream', ERROR.PROTOCOL_ERROR, reset(101, ERROR.CANCEL)],
  ['RST_STREAM of the wrong length', ERROR.FRAME_SIZE_ERROR, frame(TYPE.RST_STREAM, 0, 1, Buffer.alloc(3))],
  ['WINDOW_UPDATE on an idle stream', ERROR.PROTOCOL_ERROR, windowUpdate(101, 1)],
  ['WINDOW_UPDATE of 0 for the connection', ERROR.PROTOCOL_ERROR, windowUpdate(0, 0)],
  ['an overflow of the window of the connection', ERROR.FLOW_CONTROL_ERROR, windowUpdate(0, 2 ** 31 - 1)],
  [
    'an initial window that overflows a stream',
    ERROR.FLOW_CONTROL_ERROR,
    Buffer.concat([windowUpdate(1, 2 ** 20), settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1])]),
  ],
  ['INITIAL_WINDOW_SIZE of 2^31', ERROR.FLOW_CONTROL_ERROR, settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31])],
  ['MAX_FRAME_SIZE below 16384', ERROR.PROTOCOL_ERROR, settings([SETTING.MAX_FRAME_SIZE, 16_383])],
  ['MAX_FRAME_SIZE of 2^24', ERROR.PROTOCOL_ERROR, settings([SETTING.MAX_FRAME_SIZE, 2 ** 24])],
  ['ENABLE_PUSH from a server', ERROR.PROTOCOL_ERROR, settings([SETTING.ENABLE_PUSH, 1])],
  ['SETTINGS on a stream', ERROR.PROTOCOL_ERROR, frame(TYPE.SETTINGS, 0, 1)],
  ['SETTINGS of seven bytes', ERROR.FRAME_SIZE_ERROR, frame(TYPE.SETTINGS, 0, 0, Buffer.alloc(7))],
  ['a SETTINGS ACK with content', ERROR.FRAME_SIZE_ERROR, frame(TYPE.SETTINGS, ACK, 0, Buffer.alloc(6))],
  ['PING of seven bytes', ERROR.FRAME_SIZE_ERROR, frame(TYPE.PING, 0, 0, Buffer.alloc(7))],
  ['GOAWAY of seven bytes', ERROR.FRAME_SIZE_ERROR, frame(TYPE.GOAWAY, 0, 0, Buffer.alloc(7))],
  ['GOAWAY on a stream', ERROR.PROTOCOL_ERROR, frame(TYPE.GOAWAY, 0, 1, Buffer.alloc(8))],
  ['PUSH_PROMISE', ERROR.PROTOCOL_ERROR, frame(TYPE.PUSH_PROMISE, END_HEADERS, 1, Buffer.from([0, 0, 0, 2]))],
  ['CONTINUATION out of nowhere', ERROR.PROTOCOL_ERROR, frame(TYPE.CONTINUATION, END_HEADERS, 1)],
  [
    'a header block that another stream interrupts',
    ERROR.PROTOCOL_ERROR,
    Buffer.concat([headers(1, { ':status': '200' }, 0), frame(TYPE.CONTINUATION, END_HEADERS, 3)]),
  ],
  [
    'a header block that a PING interrupts',
    ERROR.PROTOCOL_ERROR,
    Buffer.concat([headers(1, { ':status': '200' }, 0), ping()]),
  ],
  [
    'a flood of CONTINUATION',
    ERROR.ENHANCE_YOUR_CALM,
    Buffer.concat([
      headers(1, { ':status': '200' }, 0),
      join(FLOOD, () => frame(TYPE.CONTINUATION, 0, 1, Buffer.from([0x88]))),
    ]),
  ],
  [
    'a header block of 80 KiB',
    ERROR.ENHANCE_YOUR_CALM,
    Buffer.concat([
      headers(1, { ':status': '200' }, 0),
      join(5, () => frame(TYPE.CONTINUATION, 0, 1, Buffer.alloc(16_384))),
    ]),
  ],
  ['a flood of PING', ERROR.ENHANCE_YOUR_CALM, join(FLOOD, () => ping())],
  ['a flood of SETTINGS', ERROR.ENHANCE_YOUR_CALM, join(FLOOD, () => settings())],
  [
    'a flood of empty DATA',
    ERROR.ENHANCE_YOUR_CALM,
    Buffer.concat([headers(1, { ':status': '200' }), join(FLOOD, () => data(1, ''))]),
  ],
  ['a flood of GOAWAY', ERROR.ENHANCE_YOUR_CALM, join(FLOOD, () => goAway(2 ** 31 - 1, ERROR.NO_ERROR))],
  [
    'a header block that refers beyond the tables',
    ERROR.COMPRESSION_ERROR,
    frame(TYPE.HEADERS, END_HEADERS, 1, Buffer.from([0xfe])),
  ],
  [
    'a header block that is cut inside a string',
    ERROR.COMPRESSION_ERROR,
    frame(TYPE.HEADERS, END_HEADERS, 1, Buffer.from([0x00, 0x0a, 0x61])),
  ],
  [
    'a table larger than we allow',
    ERROR.COMPRESSION_ERROR,
    frame(TYPE.HEADERS, END_HEADERS, 1, Buffer.from([0x3f, 0xe2, 0x1f, 0x88])),
  ],
]

describe('a peer that breaks the protocol', () => {
  for (const [what, code, bytes] of VIOLATIONS)
    test(`is told so: ${what}`, async ({ peer, ledger, pool }) => {
      const { connection, tags } = await inFlight(3, pool, ledger, () => peer.greet())
      connection.write(bytes)
      expect((await connection.goAway()).code).toBe(code)
      const outcomes = await ledger.outcomes(tags)
      // Stream 1 may have been answered, or reset, by what came before the fault.
      expect(outcomes.slice(1).map(it => it.kind)).toEqual(['uncertain', 'uncertain'])
      await connection.ended
    })

  test('has what came before the fault counted', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(3, pool, ledger, () => peer.greet())
    connection.write(answer(1, 200), answer(5, 410, '{}'), answer(2))
    const outcomes = await ledger.outcomes(tags)
    expect(outcomes.map(it => [it.kind, it.status])).toEqual([
      ['answered', 200],
      ['uncertain', 0],
      ['answered', 410],
    ])
    expect(outcomes[1]?.reason).toMatch(/^PROTOCOL_ERROR: /)
  })

  test('is told so when it sends anything before its SETTINGS', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.accept())
    connection.write(answer(1))
    expect((await connection.goAway()).code).toBe(ERROR.PROTOCOL_ERROR)
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain', 'uncertain'])
  })
})

/** Each of these spoils one answer: that stream is reset with this code, and the connection goes on. */
const SPOILED_ANSWERS: readonly [what: string, code: number, bytes: Buffer][] = [
  ['DATA before HEADERS', ERROR.PROTOCOL_ERROR, data(1, 'x', END_STREAM)],
  ['no :status', ERROR.PROTOCOL_ERROR, headers(1, { server: 'x' }, END_HEADERS | END_STREAM)],
  ['a :status of 20', ERROR.PROTOCOL_ERROR, headers(1, { ':status': '20' }, END_HEADERS | END_STREAM)],
  ['a :status of 2000', ERROR.PROTOCOL_ERROR, headers(1, { ':status': '2000' }, END_HEADERS | END_STREAM)],
  ['an end after 100', ERROR.PROTOCOL_ERROR, headers(1, { ':status': '100' }, END_HEADERS | END_STREAM)],
  [
    'DATA after 100',
    ERROR.PROTOCOL_ERROR,
    Buffer.concat([headers(1, { ':status': '100' }), data(1, 'x', END_STREAM)]),
  ],
  [
    'a second header block that is not the end',
    ERROR.PROTOCOL_ERROR,
    Buffer.concat([headers(1, { ':status': '200' }), headers(1, { ':status': '200' })]),
  ],
  ['a window update of 0', ERROR.PROTOCOL_ERROR, windowUpdate(1, 0)],
  ['an overflow of the window of the stream', ERROR.FLOW_CONTROL_ERROR, windowUpdate(1, 2 ** 31 - 1)],
]

describe('a spoiled answer', () => {
  for (const [what, code, bytes] of SPOILED_ANSWERS)
    test(`leaves its request uncertain and the others alone: ${what}`, async ({ peer, ledger, pool }) => {
      const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
      connection.write(bytes, answer(3))
      expect(await connection.resetCode(1)).toBe(code)
      expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain', 'answered'])
    })

  test('of a header list bomb is not kept, and the table stays in step', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    // One entry of 4000 bytes, named by one byte a thousand times: 4 MB of headers in 5 KB.
    const entry = Buffer.concat([
      Buffer.from([0x88, 0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
      Buffer.alloc(4000, 'v'),
    ])
    const bomb = Buffer.concat([entry, Buffer.alloc(1000, 0xbe), Buffer.from([0x40, 1, 0x62, 1, 0x63])])
    connection.write(
      frame(TYPE.HEADERS, END_HEADERS | END_STREAM, 1, bomb),
      // What the bomb put into the table last is index 62 now.
      frame(TYPE.HEADERS, END_HEADERS | END_STREAM, 3, Buffer.from([0x88, 0xbe])),
    )
    expect(await connection.resetCode(1)).toBe(ERROR.ENHANCE_YOUR_CALM)
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain', 'answered'])
  })

  test('may go on after our reset, for the peer can not know yet', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    connection.write(headers(1, { server: 'x' }), data(1, 'late'), data(1, 'later', END_STREAM), answer(3))
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain', 'answered'])
    await connection.roundTrip()
  })
})

describe('what no peer may be blamed for', () => {
  test('a flood of WINDOW_UPDATE costs nothing that a request would notice', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool()
    const connection = await (async () => {
      const tag = ledger.send(pool)
      const connection = await peer.greet([SETTING.INITIAL_WINDOW_SIZE, 0])
      await connection.untilRequests(1)
      connection.write(answer(1))
      await ledger.outcome(tag)
      return connection
    })()
    const blocked = ledger.sendMany(pool, 2)
    await connection.nth(TYPE.HEADERS, 3)
    connection.write(join(100_000, () => windowUpdate(0, 1)))
    connection.write(join(20_000, () => windowUpdate(1, 1)))
    await connection.roundTrip()
    connection.write(windowUpdate(3, 100), windowUpdate(5, 100), answer(3), answer(5))
    expect((await ledger.outcomes(blocked)).map(it => it.kind)).toEqual(['answered', 'answered'])
  })

  test('resets of streams that have ended are nothing, however many', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    connection.write(
      answer(1),
      join(FLOOD, () => reset(1, ERROR.NO_ERROR)),
      answer(3),
    )
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['answered', 'answered'])
  })

  test('frames of unknown types and settings, and PRIORITY, are passed over', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet([0x99, 7]))
    connection.write(
      frame(0x42, 0xff, 1, Buffer.alloc(100)),
      frame(TYPE.PRIORITY, 0, 9, Buffer.alloc(5)),
      settings([0x1234, 1]),
      answer(1),
    )
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['answered'])
  })

  test('a PING is answered with its own bytes, each SETTINGS with its acknowledgement', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, streams } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.write(ping(), settings([SETTING.MAX_FRAME_SIZE, 20_000]), answer(streams[0] as number))
    const pong = await connection.nth(TYPE.PING)
    expect([pong.flags, pong.payload.toString()]).toEqual([ACK, '12345678'])
    await connection.until(
      'two SETTINGS ACKs',
      () => connection.framesOf(TYPE.SETTINGS).filter(it => it.flags === ACK).length === 2,
    )
  })
})

describe('answers', () => {
  test('come with status, wanted headers and body', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    connection.write(
      headers(3, { ':status': '400', 'retry-after': '7', 'apns-id': 'B', other: 'x' }),
      data(3, '{"reason":'),
      data(3, '"BadTopic"}', END_STREAM),
      headers(1, { ':status': '200', 'apns-id': 'A' }, END_HEADERS | END_STREAM),
    )
    const [first, second] = await ledger.outcomes(tags)
    expect(first).toMatchObject({
      kind: 'answered',
      status: 200,
      headers: ['A', undefined],
      body: '',
      reason: '',
    })
    expect(second).toMatchObject({ status: 400, headers: ['B', '7'], body: '{"reason":"BadTopic"}' })
  })

  test('of one request never show the headers of the one before', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.write(headers(1, { ':status': '200', 'apns-id': 'A' }, END_HEADERS | END_STREAM))
    await ledger.outcomes(tags)
    const next = ledger.send(pool)
    await connection.untilRequests(2)
    connection.write(answer(3, 200))
    expect((await ledger.outcome(next)).headers).toEqual([undefined, undefined])
  })

  test('are whole for an observer that sends again before it reads them', async ({ peer, ledger, pool }) => {
    let seen: unknown
    const observer = {
      onResult(_: unknown, result: { header(i: number): string | undefined; body: Buffer; status: number }) {
        ledger.send(pool)
        seen = [result.status, result.header(0), result.body.toString()]
      },
    }
    pool.send(PUSH, '/', [], Buffer.from('x'), 10_000, observer, undefined)
    const connection = await peer.greet()
    await connection.untilRequests(1)
    connection.write(headers(1, { ':status': '200', 'apns-id': 'A' }), data(1, 'body', END_STREAM))
    await connection.untilRequests(2)
    expect(seen).toEqual([200, 'A', 'body'])
  })

  test('may be padded, prioritised, and in as many pieces as bytes', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    const status = block({ ':status': '201', 'apns-id': 'A' })
    const padded = Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 9]), status, Buffer.alloc(3)])
    const bytes = Buffer.concat([
      frame(TYPE.HEADERS, 0x8 | 0x20 | END_HEADERS, 1, padded),
      frame(TYPE.DATA, 0x8, 1, Buffer.from('\x02ab\0\0')),
      frame(TYPE.DATA, 0x8, 1, Buffer.from('\x00cd')),
      frame(TYPE.DATA, 0x8 | END_STREAM, 1, Buffer.from('\x03\0\0\0')),
    ])
    for (const byte of bytes) {
      connection.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    const outcome = await ledger.outcome(tags[0] as number)
    expect(outcome).toMatchObject({ kind: 'answered', status: 201, headers: ['A', undefined], body: 'abcd' })
  })

  test('may come in HEADERS and CONTINUATION', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    const fields = block({ ':status': '200', 'apns-id': 'A', 'retry-after': '3' })
    connection.write(
      frame(TYPE.HEADERS, END_STREAM, 1, fields.subarray(0, 3)),
      join(fields.length - 4, i => frame(TYPE.CONTINUATION, 0, 1, fields.subarray(i + 3, i + 4))),
      frame(TYPE.CONTINUATION, END_HEADERS, 1, fields.subarray(-1)),
    )
    expect(await ledger.outcome(tags[0] as number)).toMatchObject({ status: 200, headers: ['A', '3'] })
  })

  test('may have informational ones before them, whose headers are not theirs', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.write(
      headers(1, { ':status': '100' }),
      headers(1, { ':status': '103', 'apns-id': 'early' }),
      answer(1, 204),
    )
    expect(await ledger.outcome(tags[0] as number)).toMatchObject({
      kind: 'answered',
      status: 204,
      headers: [undefined, undefined],
    })
  })

  test('may have trailers', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.write(
      headers(1, { ':status': '200' }),
      data(1, 'x'),
      headers(1, { 'retry-after': '5' }, END_HEADERS | END_STREAM),
    )
    expect(await ledger.outcome(tags[0] as number)).toMatchObject({
      kind: 'answered',
      status: 200,
      headers: [undefined, '5'],
      body: 'x',
    })
  })

  test('are kept up to the limit, in one frame or many, and say so', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ maxBodyBytes: 10 })
    const { connection, tags } = await inFlight(3, pool, ledger, () => peer.greet())
    connection.write(
      answer(1, 200, '0123456789'),
      answer(3, 200, '0123456789A'),
      headers(5, { ':status': '200' }),
      join(4, () => data(5, 'abcd')),
      data(5, '', END_STREAM),
    )
    expect((await ledger.outcomes(tags)).map(it => [it.body, it.isBodyTruncated])).toEqual([
      ['0123456789', false],
      ['0123456789', true],
      ['abcdabcdab', true],
    ])
  })

  test('of three megabytes get the windows that they need', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    let streamWindow = 65_535
    let window = 65_535
    const pieces = 192
    let sent = 0
    const push = () => {
      for (; sent < pieces && streamWindow >= 16_384 && window >= 16_384; sent++) {
        connection.write(data(1, Buffer.alloc(16_384), sent === pieces - 1 ? END_STREAM : 0))
        streamWindow -= 16_384
        window -= 16_384
      }
    }
    const take = (it: { type: number; streamId: number; payload: Buffer }) => {
      if (it.type !== TYPE.WINDOW_UPDATE) return
      if (it.streamId === 0) window += it.payload.readUInt32BE(0)
      else streamWindow += it.payload.readUInt32BE(0)
    }
    for (const it of connection.frames) take(it)
    connection.onFrame = it => {
      take(it)
      push()
    }
    connection.write(headers(1, { ':status': '200' }))
    push()
    expect(await ledger.outcome(tags[0] as number)).toMatchObject({ kind: 'answered', isBodyTruncated: true })
  })

  test('before the request is through stop the rest of it', async ({ peer, ledger, pool }) => {
    const early = ledger.send(pool, { body: KIB_60 })
    const connection = await peer.greet([SETTING.INITIAL_WINDOW_SIZE, 10])
    await connection.nth(TYPE.SETTINGS, 2)
    const first = await connection.nth(TYPE.HEADERS)
    connection.write(answer(first.streamId, 413, 'too long'))
    expect(await ledger.outcome(early)).toMatchObject({ kind: 'answered', status: 413, body: 'too long' })
    expect(connection.bodyOf(first.streamId).length).toBeLessThanOrEqual(KIB_60.length)
    // The connection is as good as before.
    const next = ledger.send(pool, { body: Buffer.from('1234567890') })
    const second = await connection.nth(TYPE.HEADERS, 2)
    connection.write(windowUpdate(0, 100_000))
    await connection.until('the next body', () => connection.bodyOf(second.streamId).length === 10)
    connection.write(answer(second.streamId))
    expect(await ledger.outcome(next)).toMatchObject({ kind: 'answered', status: 200 })
  })
})

describe('the end of a connection', () => {
  test('in the middle of a frame leaves what was sent uncertain', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    connection.write(answer(1), answer(3, 200, 'hello').subarray(0, -2))
    connection.halfClose()
    expect((await ledger.outcomes(tags)).map(it => [it.kind, it.status])).toEqual([
      ['answered', 200],
      ['uncertain', 200],
    ])
    await connection.ended
  })

  test('by TCP reset leaves what was sent uncertain', async ({ peer, ledger, pool }) => {
    const { connection, tags } = await inFlight(3, pool, ledger, () => peer.greet())
    connection.resetTransport()
    for (const outcome of await ledger.outcomes(tags))
      expect(outcome).toMatchObject({ kind: 'uncertain', status: 0, goAway: undefined })
  })

  test('is seen although the peer reads no more and has only closed its half', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool()
    const first = ledger.send(pool)
    const connection = await peer.greet(
      [SETTING.INITIAL_WINDOW_SIZE, 2 ** 30],
      [SETTING.MAX_FRAME_SIZE, 2 ** 24 - 1],
    )
    await connection.untilRequests(1)
    connection.write(windowUpdate(0, 2 ** 30), answer(1))
    await ledger.outcome(first)
    await connection.nth(TYPE.SETTINGS, 2)
    connection.stopReading()
    // More than the kernel takes: the rest stays in the process.
    const tag = ledger.send(pool, { body: Buffer.alloc(15 * 1024 * 1024) })
    await new Promise(setImmediate)
    connection.halfClose()
    expect((await ledger.outcome(tag)).kind).toBe('uncertain')
  })

  test('by RST_STREAM: REFUSED_STREAM was not processed, anything else may have been', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(4, pool, ledger, () => peer.greet())
    connection.write(
      reset(1, ERROR.REFUSED_STREAM),
      reset(3, ERROR.INTERNAL_ERROR),
      reset(5, ERROR.NO_ERROR),
      reset(7, 0x1234),
    )
    expect((await ledger.outcomes(tags)).map(it => [it.kind, it.reason])).toEqual([
      ['not_sent', 'the stream was reset: REFUSED_STREAM'],
      ['uncertain', 'the stream was reset: INTERNAL_ERROR'],
      ['uncertain', 'the stream was reset: NO_ERROR'],
      ['uncertain', 'the stream was reset: error 0x1234'],
    ])
  })

  test('by REFUSED_STREAM after the beginning of an answer is a contradiction, and uncertain', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.write(headers(1, { ':status': '200' }), reset(1, ERROR.REFUSED_STREAM))
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['uncertain'])
  })

  test('by reset of every stream, over and over, gives each request its result', async ({
    peer,
    ledger,
    pool,
  }) => {
    peer.onConnection = connection => {
      connection.write(settings(), windowUpdate(0, 2 ** 30))
      connection.isRecording = false
      connection.onFrame = it => {
        if (it.type === TYPE.HEADERS) connection.write(reset(it.streamId, ERROR.REFUSED_STREAM))
      }
    }
    let repeats = 5000
    ledger.onOutcome = (_, { kind }) => {
      expect(kind).toBe('not_sent')
      if (repeats-- > 0) ledger.send(pool)
    }
    ledger.sendMany(pool, 100)
    await ledger.allSettled()
    expect(ledger.counts()).toEqual({ answered: 0, not_sent: 5100, uncertain: 0 })
    expect(peer.connections).toHaveLength(1)
  })
})

describe('GOAWAY', () => {
  test('with a lower last stream id twice hands back each time what is above it', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(5, pool, ledger, () => peer.greet())
    connection.write(goAway(2 ** 31 - 1, ERROR.NO_ERROR))
    connection.write(goAway(7, ERROR.NO_ERROR), goAway(3, ERROR.NO_ERROR, 'bye'))
    connection.write(answer(3), answer(1))
    expect((await ledger.outcomes(tags)).map(it => [it.kind, it.goAway])).toEqual([
      ['answered', undefined],
      ['answered', undefined],
      ['not_sent', 'bye'],
      ['not_sent', 'bye'],
      ['not_sent', undefined],
    ])
    await connection.ended
  })

  test('names its reason in the results, also of what the close then leaves uncertain', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    const debug = '{"reason":"BadCertificateEnvironment"}'
    connection.write(goAway(1, ERROR.NO_ERROR, debug))
    await ledger.outcome(tags[1] as number)
    connection.resetTransport()
    const [first, second] = await ledger.outcomes(tags)
    expect(first).toMatchObject({ kind: 'uncertain', goAway: debug })
    expect(second).toMatchObject({ kind: 'not_sent', goAway: debug })
    expect(second?.reason).toContain('BadCertificateEnvironment')
  })

  test('lets no new request onto the connection', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ reconnectMs: 1 })
    const { connection, tags } = await inFlight(2, pool, ledger, () => peer.greet())
    connection.write(answer(1), goAway(3, ERROR.NO_ERROR))
    await connection.roundTrip()
    const later = ledger.send(pool)
    const successor = await peer.greet()
    await successor.untilRequests(1)
    successor.write(answer(1, 202))
    expect((await ledger.outcome(later)).status).toBe(202)
    connection.write(answer(3))
    expect((await ledger.outcomes(tags)).map(it => it.kind)).toEqual(['answered', 'answered'])
    expect(connection.framesOf(TYPE.HEADERS)).toHaveLength(2)
    await connection.ended
  })
})

describe('settings', () => {
  test('MAX_CONCURRENT_STREAMS of 1 holds from the first request on when 1 is assumed', async ({
    peer,
    ledger,
    openPool,
  }) => {
    const pool = openPool({ assumedStreams: 1 })
    const tags = ledger.sendMany(pool, 20)
    const connection = await peer.accept()
    connection.write(settings([SETTING.MAX_CONCURRENT_STREAMS, 1]))
    await connection.nth(TYPE.SETTINGS, 2)
    expect(connection.framesOf(TYPE.HEADERS)).toHaveLength(1)
    for (let n = 1; n <= 20; n++) {
      await connection.untilRequests(n)
      await connection.roundTrip()
      expect(connection.framesOf(TYPE.HEADERS)).toHaveLength(n)
      connection.write(answer(2 * n - 1))
    }
    expect((await ledger.outcomes(tags)).every(it => it.kind === 'answered')).toBe(true)
  })

  test('SETTINGS without a limit lift the assumed one', async ({ peer, ledger, openPool }) => {
    const pool = openPool({ assumedStreams: 1 })
    ledger.sendMany(pool, 300)
    const connection = await peer.greet()
    await connection.untilRequests(300)
    connection.write(join(300, i => answer(2 * i + 1)))
    await ledger.allSettled()
  })

  test('MAX_CONCURRENT_STREAMS lowered below what is in flight is never exceeded afterwards', async ({
    peer,
    ledger,
    pool,
  }) => {
    const limit = 3
    const { connection, streams } = await inFlight(50, pool, ledger, () => peer.greet())
    connection.write(settings([SETTING.MAX_CONCURRENT_STREAMS, limit]))
    await connection.nth(TYPE.SETTINGS, 3) // ours, and the acknowledgements of both
    const open = new Set(streams)
    let most = 0
    connection.onFrame = it => {
      if (it.type !== TYPE.HEADERS) return
      open.add(it.streamId)
      most = Math.max(most, open.size)
      setImmediate(() => finish(it.streamId))
    }
    const finish = (streamId: number) => {
      open.delete(streamId)
      connection.write(answer(streamId))
    }
    ledger.sendMany(pool, 200)
    for (const streamId of streams) {
      finish(streamId)
      await connection.roundTrip()
    }
    await ledger.allSettled()
    expect(most).toBe(limit)
  })

  test('MAX_CONCURRENT_STREAMS of 0 holds everything back until it is raised', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection, tags } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.write(settings([SETTING.MAX_CONCURRENT_STREAMS, 0]), answer(1))
    await ledger.outcomes(tags)
    const held = ledger.send(pool)
    await connection.roundTrip()
    expect(connection.framesOf(TYPE.HEADERS)).toHaveLength(1)
    connection.write(settings([SETTING.MAX_CONCURRENT_STREAMS, 1]))
    await connection.untilRequests(2)
    connection.write(answer(3))
    expect((await ledger.outcome(held)).kind).toBe('answered')
  })

  test('INITIAL_WINDOW_SIZE lowered in mid-flight makes windows negative until they are given back', async ({
    peer,
    ledger,
    pool,
  }) => {
    const body = Buffer.alloc(10_000, 'b')
    const opener = ledger.send(pool, { body: Buffer.alloc(0) })
    const connection = await peer.greet([SETTING.INITIAL_WINDOW_SIZE, 4000])
    await connection.nth(TYPE.SETTINGS, 2)
    connection.write(answer(1))
    await ledger.outcome(opener)
    const tag = ledger.send(pool, { body })
    await connection.until('4000 bytes', () => connection.bodyOf(3).length === 4000)
    connection.write(settings([SETTING.INITIAL_WINDOW_SIZE, 1000])) // the window is -3000 now
    connection.write(windowUpdate(3, 3000)) // and 0 now
    await connection.roundTrip()
    expect(connection.bodyOf(3)).toHaveLength(4000)
    connection.write(windowUpdate(3, 1))
    await connection.until('one more byte', () => connection.bodyOf(3).length > 4000)
    await connection.roundTrip()
    expect(connection.bodyOf(3)).toHaveLength(4001)
    connection.write(settings([SETTING.INITIAL_WINDOW_SIZE, 7000])) // 6000 more for every stream
    await connection.until('the whole body', () => connection.bodyOf(3).length === 10_000)
    expect(connection.framesOf(TYPE.DATA).at(-1)?.flags).toBe(END_STREAM)
    connection.write(answer(3))
    expect((await ledger.outcome(tag)).kind).toBe('answered')
  })

  test('one stream without a window does not hold up the others', async ({ peer, ledger, pool }) => {
    const opener = ledger.send(pool, { body: Buffer.alloc(0) })
    const connection = await peer.greet([SETTING.INITIAL_WINDOW_SIZE, 100])
    await connection.nth(TYPE.SETTINGS, 2)
    connection.write(answer(1))
    await ledger.outcome(opener)
    const stalled = ledger.send(pool, { body: Buffer.alloc(200) })
    const others = ledger.sendMany(pool, 10)
    await connection.until('the others', () => connection.framesOf(TYPE.HEADERS).length === 12)
    connection.write(join(10, i => answer(5 + 2 * i)))
    expect((await ledger.outcomes(others)).every(it => it.kind === 'answered')).toBe(true)
    connection.write(windowUpdate(3, 100))
    await connection.until('the stalled body', () => connection.bodyOf(3).length === 200)
    connection.write(answer(3))
    expect((await ledger.outcome(stalled)).kind).toBe('answered')
  })

  test('the window of the connection is never overdrawn, and shared without loss', async ({
    peer,
    ledger,
    pool,
  }) => {
    const opener = ledger.send(pool, { body: Buffer.alloc(0) })
    const connection = await peer.greet([SETTING.INITIAL_WINDOW_SIZE, 2 ** 20])
    await connection.nth(TYPE.SETTINGS, 2)
    connection.write(answer(1))
    await ledger.outcome(opener)
    let window = 65_535
    connection.onFrame = it => {
      if (it.type !== TYPE.DATA) return
      window -= it.payload.length
      if ((it.flags & END_STREAM) !== 0) connection.write(answer(it.streamId))
    }
    const tags = ledger.sendMany(pool, 20, { body: KIB_60 })
    for (let left = 20 * KIB_60.length - 65_535; left > 0; ) {
      const due = window
      await connection.until('an empty window', () => window === 0)
      await connection.roundTrip()
      expect([window, due >= 0]).toEqual([0, true])
      const more = Math.min(left, 99_999)
      window += more
      left -= more
      connection.write(windowUpdate(0, more))
    }
    expect((await ledger.outcomes(tags)).every(it => it.kind === 'answered')).toBe(true)
    for (let i = 0; i < 20; i++) expect(connection.bodyOf(3 + 2 * i).equals(KIB_60)).toBe(true)
  })

  test('MAX_FRAME_SIZE bounds every frame, and a raised one is used', async ({ peer, ledger, pool }) => {
    const small = ledger.send(pool, { body: KIB_60 })
    const connection = await peer.greet()
    await connection.untilRequests(1)
    connection.write(answer(1), windowUpdate(0, 2 ** 20), settings([SETTING.MAX_FRAME_SIZE, 65_536]))
    await ledger.outcome(small)
    const large = ledger.send(pool, { body: KIB_60 })
    await connection.untilRequests(2)
    connection.write(answer(3))
    await ledger.outcome(large)
    const lengths = connection.framesOf(TYPE.DATA).map(it => it.payload.length)
    expect(lengths).toEqual([16_384, 16_384, 16_384, 12_288, 61_440])
    expect(connection.bodyOf(3).equals(KIB_60)).toBe(true)
  })

  test('HEADER_TABLE_SIZE may change at any time, to 0 and back', async ({ peer, ledger, pool }) => {
    const sizes = [4096, 0, 4096, 100, 0, 60, 100_000, 33]
    const seen: unknown[] = []
    const want: unknown[] = []
    const first = ledger.send(pool, { values: ['first'] })
    const connection = await peer.greet()
    await connection.untilRequests(1)
    connection.write(answer(1))
    await ledger.outcome(first)
    connection.decodeRequests()
    let requests = 1
    for (const size of sizes) {
      connection.write(settings([SETTING.HEADER_TABLE_SIZE, size]))
      await connection.roundTrip()
      const tags = ledger.sendMany(pool, 5, { values: [`with ${size}`] })
      requests += 5
      await connection.untilRequests(requests)
      const decoded = connection.decodeRequests()
      for (const [streamId, fields] of decoded) {
        seen.push(fields)
        connection.write(answer(streamId))
      }
      for (const tag of tags)
        want.push({
          ':method': 'POST',
          ':scheme': 'http',
          ':authority': 'push.example',
          ':path': `/3/device/${tag}`,
          'apns-topic': 'com.example.app',
          authorization: 'bearer of.a.token',
          'apns-id': `with ${size}`,
        })
      await ledger.outcomes(tags)
    }
    expect(seen).toEqual(want)
  })

  test('HEADER_TABLE_SIZE changed twice at once is told to the peer as both', async ({
    peer,
    ledger,
    pool,
  }) => {
    const { connection } = await inFlight(1, pool, ledger, () => peer.greet())
    connection.decodeRequests()
    connection.write(
      settings([SETTING.HEADER_TABLE_SIZE, 0]),
      settings([SETTING.HEADER_TABLE_SIZE, 4096]),
      answer(1),
    )
    await connection.roundTrip()
    ledger.sendMany(pool, 3)
    await connection.untilRequests(4)
    const decoded = [...connection.decodeRequests().values()]
    expect(decoded.map(it => it['apns-topic'])).toEqual([
      'com.example.app',
      'com.example.app',
      'com.example.app',
    ])
    connection.write(answer(3), answer(5), answer(7))
    await ledger.allSettled()
  })

  test('a header block over the frame size goes out in CONTINUATION frames', async ({
    peer,
    ledger,
    pool,
  }) => {
    const long = new HeaderTemplate({
      constant: [[':method', 'GET']],
      variable: ['x-first', 'x-second'],
    })
    const values = ['a'.repeat(20_000), 'b'.repeat(30_000)]
    ledger.send(pool, { template: long, values, body: Buffer.alloc(0) })
    ledger.send(pool, { template: long, values, body: Buffer.from('body') })
    ledger.send(pool)
    const connection = await peer.greet()
    await connection.untilRequests(3)
    const types = connection.frames.filter(it => [0, 1, 9].includes(it.type)).map(it => it.type)
    expect(types).toEqual([1, 9, 9, 9, 1, 9, 9, 9, 0, 1, 0])
    expect(connection.frames.every(it => it.payload.length <= 16_384)).toBe(true)
    const [first, second, third] = [...connection.decodeRequests().values()]
    for (const it of [first, second]) expect([it?.['x-first'], it?.['x-second']]).toEqual(values)
    expect(third?.['apns-topic']).toBe('com.example.app')
    expect(connection.bodyOf(3).toString()).toBe('body')
    connection.write(answer(1), answer(3), answer(5))
    await ledger.allSettled()
  })
})
