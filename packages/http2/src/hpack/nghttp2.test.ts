/** HPACK against one that nobody here wrote: Node's own HTTP/2 server (nghttp2), over a real connection. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type FrameHandler, FrameReader } from '../frame-reader.ts'
import { writeFrameHeader, writeSettings, writeSettingsAck } from '../frame-writer.ts'
import { FLAG, FRAME, FRAME_HEADER_BYTES, PREFACE, SETTING } from '../protocol.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'

const cleanUps: (() => void)[] = []
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
})

/** Answers each request with its own `x-…` headers. */
async function startEcho(headerTableSize: number): Promise<number> {
  const server = createServer({ settings: { headerTableSize } })
  server.on('stream', (stream, headers: IncomingHttpHeaders) => {
    const echoed = Object.entries(headers).filter(([name]) => name.startsWith('x-'))
    stream.respond({ ':status': 200, ...Object.fromEntries(echoed) }, { endStream: true })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A client of one request at a time, which knows no more of HTTP/2 than this test needs. */
class EchoClient {
  readonly #socket: Socket
  readonly #encoder = new HpackEncoder()
  readonly #decoder = new HpackDecoder()
  /** `ready`, `answer`, or `error`, which fails whoever waits. */
  readonly #events = new EventEmitter()
  #streamId = -1

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.setNoDelay(true)
    cleanUps.push(() => this.#socket.destroy())
  }

  /** Until the server's settings are here and are acknowledged. */
  async start(ownTableBytes: number): Promise<void> {
    const reader = new FrameReader(this.#handler(ownTableBytes))
    this.#socket.on('data', (chunk: Buffer) => reader.read(chunk))
    const out = Buffer.alloc(64)
    const end = writeSettings(out, PREFACE.copy(out), [[SETTING.HEADER_TABLE_SIZE, ownTableBytes]])
    const ready = once(this.#events, 'ready')
    this.#socket.write(out.subarray(0, end))
    await ready
  }

  async echo(headers: ReadonlyMap<string, string>): Promise<Map<string, string>> {
    this.#streamId += 2
    const out = Buffer.alloc(16_384)
    let at = this.#encoder.writePendingUpdate(out, FRAME_HEADER_BYTES)
    for (const [name, value] of [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'localhost'],
    ] as const)
      at = this.#encoder.writeIndexed(name, value, out, at)
    let turn = this.#streamId
    for (const [name, value] of headers) at = this.#write(turn++ % 3, name, value, out, at)
    const flags = FLAG.END_HEADERS | FLAG.END_STREAM
    writeFrameHeader(out, 0, at - FRAME_HEADER_BYTES, FRAME.HEADERS, flags, this.#streamId)
    const answer = once(this.#events, 'answer') as Promise<[Map<string, string>]>
    this.#socket.write(out.subarray(0, at))
    return (await answer)[0]
  }

  #write(way: number, name: string, value: string, out: Buffer, at: number): number {
    if (way === 0) return this.#encoder.writeLiteral(name, value, out, at)
    if (way === 1) return this.#encoder.writeNeverIndexed(name, value, out, at)
    return this.#encoder.writeIndexed(name, value, out, at)
  }

  #handler(ownTableBytes: number): FrameHandler {
    const fail = (what: string): void => {
      this.#events.emit('error', new Error(what))
    }
    return {
      onHeaders: (_, block, start, end) => {
        const fields = new Map<string, string>()
        this.#decoder.decode(block, start, end, (name, value) => fields.set(name, value))
        this.#events.emit('answer', fields)
      },
      onSetting: (id, value) => {
        if (id === SETTING.HEADER_TABLE_SIZE) this.#encoder.setTableBytes(value)
      },
      onSettingsEnd: () => {
        const out = Buffer.alloc(FRAME_HEADER_BYTES)
        writeSettingsAck(out, 0)
        this.#socket.write(out)
      },
      onSettingsAck: () => {
        this.#decoder.setMaxTableBytes(ownTableBytes)
        this.#events.emit('ready')
      },
      onReset: (_, code) => fail(`RST_STREAM ${code}`),
      onGoAway: (_, code, debug) => fail(`GOAWAY ${code} ${debug}`),
      onData: () => undefined,
      onPing: () => undefined,
      onWindowUpdate: () => undefined,
      onPushPromise: () => undefined,
    }
  }
}

test.each([
  ['the default table', 4096, 4096],
  ['a table that holds two fields', 100, 100],
  ['no table in one direction', 0, 4096],
  ['no table in the other', 4096, 0],
  ['a table larger than ours', 65_536, 65_536],
])('a hundred requests with %s are read alike at both ends', async (_, theirs, ours) => {
  const client = new EchoClient(await startEcho(theirs))
  await client.start(ours)
  for (let i = 0; i < 100; i++) {
    const headers = new Map([
      ['x-constant', 'the same each time'],
      ['x-number', String(i)],
      ['x-turn', 'abc'.repeat(i % 7)],
      // Long enough for nghttp2 to choose the Huffman code; all octets from 0x80 on come up.
      ['x-octets', 'a'.repeat(40) + String.fromCharCode(0x80 + ((2 * i) % 128), 0x81 + ((2 * i) % 128))],
    ])
    const answer = await client.echo(headers)
    expect(answer.get(':status')).toBe('200')
    for (const [name, value] of headers) expect([name, answer.get(name)]).toEqual([name, value])
  }
})
