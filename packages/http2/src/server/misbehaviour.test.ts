import { describe, expect, test } from 'vitest'
import { frame, literals, type RawClient, setting, uint32 } from '../../test/raw-client.ts'
import {
  collect,
  data,
  get,
  goAwayOf,
  POST_BLOCK,
  post,
  rawClient,
  resetOf,
  silentClient,
  start,
} from '../../test/server-fixture.ts'
import { ConnectionError, FLAG, FRAME, PREFACE, SETTING } from '../protocol.ts'
import { EndedStreams } from './ended-streams.ts'

const { END_STREAM, END_HEADERS } = FLAG
const REQUIRED = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':path', '/'],
] as const

describe('what breaks the protocol ends the connection with GOAWAY and closes it', () => {
  test.each<[string, Buffer[], string]>([
    ['DATA on a stream that was never opened', [data(1, 'x')], 'PROTOCOL_ERROR'],
    ['a stream with an even id', [get(2)], 'PROTOCOL_ERROR'],
    ['a stream with a lower id than one before', [get(5), get(3)], 'STREAM_CLOSED'],
    ['HEADERS on a stream that was answered', [get(1), get(1)], 'STREAM_CLOSED'],
    ['DATA on a stream that was answered', [get(1), data(1, 'x')], 'STREAM_CLOSED'],
    ['RST_STREAM on an idle stream', [reset(1)], 'PROTOCOL_ERROR'],
    ['WINDOW_UPDATE on an idle stream', [windowUpdate(1, 1)], 'PROTOCOL_ERROR'],
    ['WINDOW_UPDATE on a stream with an even id', [get(3), windowUpdate(2, 1)], 'PROTOCOL_ERROR'],
    ['WINDOW_UPDATE of the connection by 0', [windowUpdate(0, 0)], 'PROTOCOL_ERROR'],
    ['a window of the connection over 2^31-1', [windowUpdate(0, 2 ** 31 - 1)], 'FLOW_CONTROL_ERROR'],
    ['PUSH_PROMISE', [get(1), frame(FRAME.PUSH_PROMISE, END_HEADERS, 1, uint32(2))], 'PROTOCOL_ERROR'],
    ['SETTINGS_ENABLE_PUSH of 2', [settings(SETTING.ENABLE_PUSH, 2)], 'PROTOCOL_ERROR'],
    ['a first window over 2^31-1', [settings(SETTING.INITIAL_WINDOW_SIZE, 2 ** 31)], 'FLOW_CONTROL_ERROR'],
    ['SETTINGS_MAX_FRAME_SIZE of 16383', [settings(SETTING.MAX_FRAME_SIZE, 16_383)], 'PROTOCOL_ERROR'],
    ['SETTINGS_MAX_FRAME_SIZE of 2^24', [settings(SETTING.MAX_FRAME_SIZE, 2 ** 24)], 'PROTOCOL_ERROR'],
    ['an index that HPACK does not know', [headers(1, Buffer.from([0xff, 0xff, 0x03]))], 'COMPRESSION_ERROR'],
    ['a header block that is cut', [headers(1, Buffer.from([0x00, 0x05, 0x61]))], 'COMPRESSION_ERROR'],
    ['a frame over the limit', [frame(FRAME.DATA, 0, 1, Buffer.alloc(16_385))], 'FRAME_SIZE_ERROR'],
    ['a header block in endless pieces', continuationFlood(), 'ENHANCE_YOUR_CALM'],
  ])('%s', async (_what, bytes, code) => {
    const client = rawClient(await start())
    client.send(...bytes)
    expect(await goAwayOf(client)).toMatch(new RegExp(`^${code}: `))
    await client.closed
  })

  test('SETTINGS that push an open window over 2^31-1', async () => {
    const { onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(get(1), windowUpdate(1, 2 ** 31 - 1 - 65_535))
    await told(1)
    client.send(settings(SETTING.INITIAL_WINDOW_SIZE, 65_536))
    expect(await goAwayOf(client)).toMatch(/^FLOW_CONTROL_ERROR: /)
  })

  test('a wrong preface', async () => {
    const client = silentClient(await start())
    client.send(Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'))
    expect(await goAwayOf(client)).toBe('PROTOCOL_ERROR: the connection preface is wrong')
    await client.closed
  })

  test('a preface without SETTINGS', async () => {
    const client = silentClient(await start())
    client.send(PREFACE, get(1))
    expect(await goAwayOf(client)).toBe('PROTOCOL_ERROR: the preface ends without SETTINGS')
  })

  test('more DATA than the window of the connection', async () => {
    const settings = { initialWindowBytes: 2 ** 24, maxFrameBytes: 2 ** 21 }
    const client = rawClient(await start({ settings, maxBodyBytes: 2 ** 24 }))
    client.send(acknowledge(), post(1), data(1, Buffer.alloc(2 ** 20)))
    await client.roundTrip()
    client.send(data(1, Buffer.alloc(2 ** 20 + 1)))
    expect(await goAwayOf(client)).toBe('FLOW_CONTROL_ERROR: more DATA than the window of the connection')
  })

  test('an HPACK table that was made smaller and is used as before', async () => {
    const indexed = headers(1, Buffer.concat([POST_BLOCK, Buffer.from('4003782d610131', 'hex')]), END_STREAM)
    const settings = { headerTableBytes: 0 }
    const early = rawClient(await start({ settings }))
    early.send(indexed)
    await early.frame(FRAME.HEADERS, 1)
    const client = rawClient(await start({ settings }))
    client.send(acknowledge(), indexed)
    expect(await goAwayOf(client)).toMatch(/^COMPRESSION_ERROR: /)
  })

  test('GOAWAY names the last stream that was seen, and the owner is told what was broken', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(get(1), get(7))
    await told(2)
    const fault = new Promise<ConnectionError | undefined>(resolve => {
      if (requests[0] !== undefined) requests[0].connection.onClose = resolve
    })
    client.send(windowUpdate(0, 0))
    expect((await client.frame(FRAME.GOAWAY)).payload.readUInt32BE(0)).toBe(7)
    expect(await fault).toBeInstanceOf(ConnectionError)
    expect(requests.map(request => request.isOpen)).toEqual([false, false])
    // Nobody is there any more: this must not throw.
    for (const request of requests) request.respond(200)
  })
})

describe('what breaks a stream ends that stream alone', () => {
  test.each<[string, readonly (readonly [string, string])[]]>([
    ['a name in upper case', [...REQUIRED, ['X-Upper', '1']]],
    ['an empty name', [...REQUIRED, ['', '1']]],
    ['a name with a space', [...REQUIRED, ['x y', '1']]],
    ['a pseudo-header that nobody knows', [...REQUIRED, [':proto', 'x']]],
    ['a pseudo-header behind a header', [...REQUIRED.slice(1), ['x-a', '1'], [':method', 'GET']]],
    ['a pseudo-header twice', [...REQUIRED, [':path', '/2']]],
    ['an empty path', [...REQUIRED.slice(0, 2), [':path', '']]],
    ['no method', REQUIRED.slice(1)],
    ['no scheme', [REQUIRED[0], REQUIRED[2]]],
    ['no path', REQUIRED.slice(0, 2)],
    ['a header of the connection', [...REQUIRED, ['connection', 'close']]],
    ['transfer-encoding', [...REQUIRED, ['transfer-encoding', 'chunked']]],
    ['te with more than trailers', [...REQUIRED, ['te', 'gzip']]],
    ['a line break in a value', [...REQUIRED, ['x-a', 'one\r\ntwo: 2']]],
    ['a zero byte in a value', [...REQUIRED, ['x-a', '\0']]],
    ['a length that is no number', [...REQUIRED, ['content-length', '1e3']]],
    ['two lengths', [...REQUIRED, ['content-length', '0'], ['content-length', '1']]],
    ['a length that its body does not have', [...REQUIRED, ['content-length', '1']]],
  ])('%s', async (_what, fields) => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(headers(1, literals(...fields), END_STREAM))
    expect(await resetOf(client, 1)).toBe('PROTOCOL_ERROR')
    client.send(headers(3, literals(...REQUIRED, ['te', 'trailers'], ['content-length', '0']), END_STREAM))
    await told(1)
    expect(requests[0]?.streamId).toBe(3)
  })

  test.each<[string, Buffer[], string]>([
    ['more DATA than its window', [post(1), acknowledge(), data(1, 'four')], 'FLOW_CONTROL_ERROR'],
    ['a window over 2^31-1', [post(1), windowUpdate(1, 2 ** 31 - 1)], 'FLOW_CONTROL_ERROR'],
    ['a window update by 0', [post(1), windowUpdate(1, 0)], 'PROTOCOL_ERROR'],
    ['trailers that do not end it', [post(1), headers(1, literals(['x-a', '1']))], 'PROTOCOL_ERROR'],
    ['HEADERS behind its end', [get(1), headers(1, literals(['x-a', '1']), END_STREAM)], 'STREAM_CLOSED'],
    ['DATA behind its end', [get(1), data(1, 'x')], 'STREAM_CLOSED'],
  ])('%s', async (_what, bytes, code) => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ settings: { initialWindowBytes: 3 }, onRequest }))
    client.send(...bytes)
    expect(await resetOf(client, 1)).toBe(code)
    client.send(get(3))
    await told(requests.length + 1)
    expect(client.frames.some(each => each.type === FRAME.GOAWAY)).toBe(false)
  })

  test('frames that were on their way when a stream was reset are no fault', async () => {
    const { requests, onRequest } = collect()
    const client = rawClient(await start({ settings: { maxConcurrentStreams: 0 }, onRequest }))
    client.send(post(1))
    expect(await resetOf(client, 1)).toBe('REFUSED_STREAM')
    client.send(
      data(1, 'on its way'),
      reset(1),
      windowUpdate(1, 5),
      headers(1, literals(['x-a', '1']), END_STREAM),
    )
    await client.roundTrip()
    expect(client.frames.some(each => each.type === FRAME.GOAWAY)).toBe(false)
    // The stream has ended now: what still comes is a fault.
    client.send(data(1, 'too late'))
    expect(await goAwayOf(client)).toMatch(/^STREAM_CLOSED: DATA on stream 1/)
    await client.closed
    expect(requests).toHaveLength(0)
  })

  test('the oldest of very many streams that were reset get the benefit of the doubt', () => {
    const ended = new EndedStreams()
    for (let streamId = 1; streamId <= 10_001; streamId += 2) ended.add(streamId)
    expect([1, 1809, 10_001, 10_003].map(streamId => ended.has(streamId))).toEqual([true, true, true, false])
    ended.delete(10_001)
    expect(ended.has(10_001)).toBe(false)
  })
})

describe('floods', () => {
  const ping = frame(FRAME.PING, 0, 0, Buffer.alloc(8))

  test.each<[string, (n: number) => Buffer, number]>([
    ['PING frames', () => ping, 1000],
    ['SETTINGS frames', () => frame(FRAME.SETTINGS, 0, 0), 999],
    ['empty DATA frames', () => data(1, ''), 1000],
    ['RST_STREAM frames', n => Buffer.concat([get(2 * n + 3), reset(2 * n + 3)]), 2000],
  ])('of %s: as many as the budget has pass, the next one ends the connection', async (name, nth, budget) => {
    const { onRequest } = collect()
    const client = rawClient(await start({ onRequest, now: () => 0 }))
    client.send(post(1))
    client.send(...Array.from({ length: budget }, (_, n) => nth(n)))
    client.send(get(100_001))
    await settled(client)
    expect(client.frames.some(each => each.type === FRAME.GOAWAY)).toBe(false)
    client.send(nth(budget + 100_000))
    expect(await goAwayOf(client)).toBe(`ENHANCE_YOUR_CALM: too many ${name}`)
    await client.closed
  })

  test('the budget fills again with time', async () => {
    let nowMs = 0
    const client = rawClient(await start({ now: () => nowMs }))
    client.send(...Array<Buffer>(1000).fill(ping))
    await settled(client)
    nowMs += 1000
    client.send(...Array<Buffer>(33).fill(ping))
    await settled(client)
    expect(client.frames.some(each => each.type === FRAME.GOAWAY)).toBe(false)
    client.send(ping)
    expect(await goAwayOf(client)).toBe('ENHANCE_YOUR_CALM: too many PING frames')
  })

  test('streams that are reset at once do not stay open', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(...Array.from({ length: 500 }, (_, n) => Buffer.concat([get(2 * n + 1), reset(2 * n + 1)])))
    client.send(get(2001))
    await told(501)
    expect(requests.at(-1)?.connection.openStreams).toBe(1)
  })
})

/** Settles when all that was sent has been read. It costs none of the budgets: a request without a path is refused, and that is the echo. */
async function settled(client: RawClient): Promise<void> {
  const streamId = 100_003 + 2 * client.frames.length
  client.send(headers(streamId, literals([':method', 'GET']), END_STREAM))
  expect(await resetOf(client, streamId)).toBe('PROTOCOL_ERROR')
}

function headers(streamId: number, block: Buffer, flags = 0): Buffer {
  return frame(FRAME.HEADERS, END_HEADERS | flags, streamId, block)
}

function reset(streamId: number): Buffer {
  return frame(FRAME.RST_STREAM, 0, streamId, uint32(8))
}

function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FRAME.WINDOW_UPDATE, 0, streamId, uint32(increment))
}

function settings(id: number, value: number): Buffer {
  return frame(FRAME.SETTINGS, 0, 0, setting(id, value))
}

function acknowledge(): Buffer {
  return frame(FRAME.SETTINGS, FLAG.ACK, 0)
}

function continuationFlood(): Buffer[] {
  return [frame(FRAME.HEADERS, 0, 1), ...Array<Buffer>(64).fill(frame(FRAME.CONTINUATION, 0, 1))]
}
