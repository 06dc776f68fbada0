import { describe, expect, test } from 'vitest'
import { frame, setting, uint32 } from '../test/raw-client.ts'
import { type FrameHandler, FrameReader, type FrameReaderOptions } from './frame-reader.ts'
import { ConnectionError, errorName, FLAG, FRAME, PREFACE } from './protocol.ts'

const { END_STREAM, END_HEADERS, PADDED, PRIORITY, ACK } = FLAG

/** Writes down what it is told, as text that can be compared. */
function recorder(events: string[]): FrameHandler {
  const hex = (buffer: Buffer, start: number, end: number) => buffer.toString('hex', start, end)
  return {
    onData: (id, buffer, start, end, flow, isEnd) =>
      events.push(`data ${id} ${hex(buffer, start, end)} flow ${flow} ${isEnd}`),
    onHeaders: (id, block, start, end, isEnd) =>
      events.push(`headers ${id} ${hex(block, start, end)} ${isEnd}`),
    onReset: (id, code) => events.push(`reset ${id} ${code}`),
    onSetting: (id, value) => events.push(`setting ${id} ${value}`),
    onSettingsEnd: () => events.push('settings end'),
    onSettingsAck: () => events.push('settings ack'),
    onPing: (buffer, at, isAck) => events.push(`ping ${hex(buffer, at, at + 8)} ${isAck}`),
    onGoAway: (id, code, debug) => events.push(`goaway ${id} ${code} ${debug}`),
    onWindowUpdate: (id, increment) => events.push(`window ${id} ${increment}`),
    onPushPromise: id => events.push(`push ${id}`),
  }
}

/** What a reader makes of the chunks: its events and, as the last one, the error that ended it. */
function read(chunks: readonly Buffer[], options: FrameReaderOptions = {}): string[] {
  const events: string[] = []
  const reader = new FrameReader(recorder(events), options)
  try {
    for (const chunk of chunks) reader.read(chunk)
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    events.push(`${errorName(error.code)}: ${error.message}`)
  }
  return events
}

const BLOCK = Buffer.from('828684', 'hex')
const OPAQUE = Buffer.from('0102030405060708', 'hex')
/** One of everything. */
const CONVERSATION = Buffer.concat([
  PREFACE,
  frame(FRAME.SETTINGS, 0, 0, Buffer.concat([setting(1, 0), setting(4, 2 ** 31 - 1)])),
  frame(FRAME.SETTINGS, ACK, 0),
  frame(FRAME.HEADERS, END_HEADERS, 1, BLOCK),
  frame(FRAME.DATA, PADDED, 1, Buffer.from('02616263ffff', 'hex')),
  frame(FRAME.DATA, END_STREAM, 1, Buffer.from('d')),
  frame(FRAME.HEADERS, END_STREAM | PADDED | PRIORITY, 3, Buffer.from('01000000010f8200', 'hex')),
  frame(FRAME.CONTINUATION, 0, 3),
  frame(FRAME.CONTINUATION, END_HEADERS, 3, BLOCK),
  frame(FRAME.PRIORITY, 0, 9, Buffer.alloc(5)),
  frame(0x42, 0xff, 7, Buffer.from('unknown')),
  frame(FRAME.PING, 0, 0, OPAQUE),
  frame(FRAME.PING, ACK, 0, OPAQUE),
  frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(0x80000005)),
  frame(FRAME.WINDOW_UPDATE, 0, 1, uint32(0)),
  frame(FRAME.RST_STREAM, 0, 3, uint32(8)),
  frame(FRAME.PUSH_PROMISE, END_HEADERS, 1, uint32(2)),
  frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(0x80000003), uint32(11), Buffer.from('calm')])),
])
const EVENTS = [
  'setting 1 0',
  'setting 4 2147483647',
  'settings end',
  'settings ack',
  'headers 1 828684 false',
  'data 1 616263 flow 6 false',
  'data 1 64 flow 1 true',
  'headers 3 82828684 true',
  'ping 0102030405060708 false',
  'ping 0102030405060708 true',
  'window 0 5',
  'window 1 0',
  'reset 3 8',
  'push 1',
  'goaway 3 11 calm',
]
const AS_SERVER = { expectsPreface: true }

describe('whole conversations', () => {
  test('every type of frame is handed on with what it holds', () => {
    expect(read([CONVERSATION], AS_SERVER)).toEqual(EVENTS)
  })

  test('a cut at any byte changes nothing', () => {
    for (let cut = 1; cut < CONVERSATION.length; cut++) {
      const chunks = [CONVERSATION.subarray(0, cut), CONVERSATION.subarray(cut)]
      expect(read(chunks, AS_SERVER), `cut at ${cut}`).toEqual(EVENTS)
    }
  })

  test('chunks of one size, from a byte to a hundred, change nothing', () => {
    for (let size = 1; size <= 100; size++)
      expect(read(cutEvery(CONVERSATION, size), AS_SERVER), `chunks of ${size}`).toEqual(EVENTS)
  })

  test('a chunk that lies in a larger buffer is read from its start to its end', () => {
    const events: string[] = []
    const reader = new FrameReader(recorder(events), AS_SERVER)
    const within = Buffer.concat([Buffer.from('before'), CONVERSATION, Buffer.from('after')])
    reader.read(within, 6, 6 + CONVERSATION.length)
    expect(events).toEqual(EVENTS)
  })

  test('a cut frame is kept apart from the memory that it came in', () => {
    const events: string[] = []
    const reader = new FrameReader(recorder(events))
    const ping = frame(FRAME.PING, 0, 0, OPAQUE)
    const memory = Buffer.from(ping.subarray(0, 12))
    reader.read(memory)
    memory.fill(0)
    reader.read(ping.subarray(12))
    expect(events).toEqual(['ping 0102030405060708 false'])
  })
})

describe('what breaks a rule ends the reading with the code of the rule', () => {
  const big = (bytes: number) => Buffer.alloc(bytes)
  test.each<[string, Buffer, string]>([
    ['a frame one byte over the limit', frame(FRAME.DATA, 0, 1, big(16_385)), 'FRAME_SIZE_ERROR'],
    ['an unknown frame over the limit', frame(0x42, 0, 1, big(16_385)), 'FRAME_SIZE_ERROR'],
    ['DATA on stream 0', frame(FRAME.DATA, 0, 0), 'PROTOCOL_ERROR'],
    ['DATA with padding and no length of it', frame(FRAME.DATA, PADDED, 1), 'FRAME_SIZE_ERROR'],
    [
      'DATA with as much padding as bytes',
      frame(FRAME.DATA, PADDED, 1, Buffer.from([2, 0])),
      'PROTOCOL_ERROR',
    ],
    ['HEADERS on stream 0', frame(FRAME.HEADERS, END_HEADERS, 0, BLOCK), 'PROTOCOL_ERROR'],
    ['HEADERS with padding and no length of it', frame(FRAME.HEADERS, PADDED, 1), 'FRAME_SIZE_ERROR'],
    [
      'HEADERS with as much padding as bytes',
      frame(FRAME.HEADERS, PADDED | END_HEADERS, 1, Buffer.from([3, 0x82, 0])),
      'PROTOCOL_ERROR',
    ],
    ['HEADERS too short for its priority', frame(FRAME.HEADERS, PRIORITY, 1, big(4)), 'FRAME_SIZE_ERROR'],
    [
      'HEADERS whose padding covers its priority',
      frame(FRAME.HEADERS, PADDED | PRIORITY | END_HEADERS, 1, Buffer.from([1, 0, 0, 0, 0, 0])),
      'PROTOCOL_ERROR',
    ],
    ['CONTINUATION out of nothing', frame(FRAME.CONTINUATION, END_HEADERS, 1, BLOCK), 'PROTOCOL_ERROR'],
    ['CONTINUATION of another stream', interrupted(frame(FRAME.CONTINUATION, 0, 3)), 'PROTOCOL_ERROR'],
    ['CONTINUATION of stream 0', interrupted(frame(FRAME.CONTINUATION, 0, 0)), 'PROTOCOL_ERROR'],
    ['DATA within a header block', interrupted(frame(FRAME.DATA, 0, 1)), 'PROTOCOL_ERROR'],
    ['HEADERS within a header block', interrupted(frame(FRAME.HEADERS, 0, 1)), 'PROTOCOL_ERROR'],
    ['an unknown frame within a header block', interrupted(frame(0x42, 0, 1)), 'PROTOCOL_ERROR'],
    ['RST_STREAM on stream 0', frame(FRAME.RST_STREAM, 0, 0, big(4)), 'PROTOCOL_ERROR'],
    ['RST_STREAM of three bytes', frame(FRAME.RST_STREAM, 0, 1, big(3)), 'FRAME_SIZE_ERROR'],
    ['RST_STREAM of five bytes', frame(FRAME.RST_STREAM, 0, 1, big(5)), 'FRAME_SIZE_ERROR'],
    ['SETTINGS on a stream', frame(FRAME.SETTINGS, 0, 1), 'PROTOCOL_ERROR'],
    ['SETTINGS of seven bytes', frame(FRAME.SETTINGS, 0, 0, big(7)), 'FRAME_SIZE_ERROR'],
    ['an acknowledgement with settings', frame(FRAME.SETTINGS, ACK, 0, big(6)), 'FRAME_SIZE_ERROR'],
    ['PING on a stream', frame(FRAME.PING, 0, 1, big(8)), 'PROTOCOL_ERROR'],
    ['PING of seven bytes', frame(FRAME.PING, 0, 0, big(7)), 'FRAME_SIZE_ERROR'],
    ['GOAWAY on a stream', frame(FRAME.GOAWAY, 0, 1, big(8)), 'PROTOCOL_ERROR'],
    ['GOAWAY of seven bytes', frame(FRAME.GOAWAY, 0, 0, big(7)), 'FRAME_SIZE_ERROR'],
    ['WINDOW_UPDATE of three bytes', frame(FRAME.WINDOW_UPDATE, 0, 0, big(3)), 'FRAME_SIZE_ERROR'],
    ['PRIORITY on stream 0', frame(FRAME.PRIORITY, 0, 0, big(5)), 'PROTOCOL_ERROR'],
    ['PRIORITY of four bytes', frame(FRAME.PRIORITY, 0, 1, big(4)), 'FRAME_SIZE_ERROR'],
    ['PUSH_PROMISE on stream 0', frame(FRAME.PUSH_PROMISE, 0, 0, big(4)), 'PROTOCOL_ERROR'],
  ])('%s', (_what, bytes, code) => {
    const events = read([bytes])
    expect(events).toHaveLength(1)
    expect(events[0]).toMatch(new RegExp(`^${code}: `))
    // The same, however it is cut.
    expect(read(cutEvery(bytes, 1))).toEqual(events)
  })

  test('a frame as large as the limit passes, and a raised limit lets larger ones pass', () => {
    const events: string[] = []
    const reader = new FrameReader(recorder(events), { maxFrameBytes: 10 })
    reader.read(frame(FRAME.DATA, 0, 1, big(10)))
    reader.setMaxFrameBytes(11)
    reader.read(frame(FRAME.DATA, 0, 1, big(11)))
    expect(events).toHaveLength(2)
    expect(() => reader.read(frame(FRAME.DATA, 0, 1, big(12)))).toThrow(
      'a frame has 12 bytes; 11 are allowed',
    )
  })

  test('a frame that is too large is refused by its header, before its bytes have come', () => {
    const header = frame(FRAME.DATA, 0, 1, big(16_385)).subarray(0, 9)
    expect(read(cutEvery(header, 4))).toEqual([
      'FRAME_SIZE_ERROR: a frame has 16385 bytes; 16384 are allowed',
    ])
  })

  test('a wrong preface is refused at its first wrong byte', () => {
    for (let at = 0; at < PREFACE.length; at++) {
      const wrong = Buffer.from(PREFACE.subarray(0, at + 1))
      wrong[at] = (wrong[at] as number) ^ 1
      expect(read([wrong], AS_SERVER)).toEqual(['PROTOCOL_ERROR: the connection preface is wrong'])
      expect(read([wrong.subarray(0, at)], AS_SERVER)).toEqual([])
    }
  })

  test.each([
    ['another frame', frame(FRAME.PING, 0, 0, OPAQUE)],
    ['an acknowledgement', frame(FRAME.SETTINGS, ACK, 0)],
  ])('a preface that ends with %s instead of SETTINGS is refused', (_what, bytes) => {
    expect(read([PREFACE, bytes], AS_SERVER)).toEqual(['PROTOCOL_ERROR: the preface ends without SETTINGS'])
    expect(read([PREFACE, frame(FRAME.SETTINGS, 0, 0), bytes], AS_SERVER)).toHaveLength(2)
  })
})

describe('floods', () => {
  test('a header block may have 64 frames and not one more, also when they are empty', () => {
    const start = frame(FRAME.HEADERS, 0, 1, BLOCK)
    const empty = frame(FRAME.CONTINUATION, 0, 1)
    const last = frame(FRAME.CONTINUATION, END_HEADERS, 1)
    expect(read([start, ...Array<Buffer>(62).fill(empty), last])).toEqual(['headers 1 828684 false'])
    expect(read([start, ...Array<Buffer>(63).fill(empty), last])).toEqual([
      'ENHANCE_YOUR_CALM: a header block has too many bytes or frames',
    ])
  })

  test('a header block may have as many bytes as the limit and not one more', () => {
    const start = frame(FRAME.HEADERS, 0, 1, Buffer.alloc(60))
    const limit = { maxBlockBytes: 100 }
    expect(read([start, frame(FRAME.CONTINUATION, END_HEADERS, 1, Buffer.alloc(40))], limit)).toHaveLength(1)
    expect(read([start, frame(FRAME.CONTINUATION, END_HEADERS, 1, Buffer.alloc(41))], limit)).toEqual([
      'ENHANCE_YOUR_CALM: a header block has too many bytes or frames',
    ])
  })

  test('frames and bytes are counted anew for each block', () => {
    const block = [
      frame(FRAME.HEADERS, 0, 1, Buffer.alloc(40)),
      ...Array<Buffer>(61).fill(frame(FRAME.CONTINUATION, 0, 1)),
      frame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(20)),
      frame(FRAME.CONTINUATION, END_HEADERS, 1, Buffer.alloc(40)),
    ]
    const event = `headers 1 ${'00'.repeat(100)} false`
    expect(read([...block, ...block], { maxBlockBytes: 100 })).toEqual([event, event])
  })

  test('of a long GOAWAY text a kilobyte is kept', () => {
    const text = Buffer.alloc(5000, 'x')
    const [event] = read([frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(1), uint32(0), text]))])
    expect(event).toBe(`goaway 1 0 ${'x'.repeat(1024)}`)
  })
})

describe('fuzz', () => {
  test('a damaged conversation ends in events or in a ConnectionError, the same however it is cut', () => {
    let errors = 0
    for (let seed = 1; seed <= 2000; seed++) {
      const random = randomFrom(seed)
      const damaged = Buffer.from(CONVERSATION)
      for (let i = 0; i <= seed % 4; i++) damaged[random(damaged.length)] = random(256)
      const events = read([damaged], AS_SERVER)
      expect(read(cutRandomly(damaged, random), AS_SERVER), `seed ${seed}`).toEqual(events)
      if (/^[A-Z_]+: /.test(events.at(-1) ?? '')) errors++
    }
    // The fuzz reaches the checks and, behind them, the frames.
    expect(errors).toBeGreaterThan(500)
    expect(errors).toBeLessThan(1900)
  })

  test('noise behind a preface is read without any other error', () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = randomFrom(seed)
      const frames = Array.from({ length: 20 }, () => {
        const payload = Buffer.from(Array.from({ length: random(12) }, () => random(256)))
        return frame(random(11), random(256), random(4), payload)
      })
      const noise = Buffer.concat([PREFACE, frame(FRAME.SETTINGS, 0, 0), ...frames])
      expect(read(cutRandomly(noise, random), AS_SERVER), `seed ${seed}`).toEqual(read([noise], AS_SERVER))
    }
  })
})

function interrupted(by: Buffer): Buffer {
  return Buffer.concat([frame(FRAME.HEADERS, 0, 1, BLOCK), by])
}

function cutEvery(bytes: Buffer, size: number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  return chunks
}

function cutRandomly(bytes: Buffer, random: (below: number) => number): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random(40)
    chunks.push(bytes.subarray(at, end))
    at = end
  }
  return chunks
}

/** mulberry32: small, and the same numbers for a seed on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
