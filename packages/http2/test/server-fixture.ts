/**
 * Servers and clients for tests, each closed after its test: the server under test, Node's own HTTP/2 client, and raw
 * ones.
 */
import { once } from 'node:events'
import * as http2 from 'node:http2'
import { afterEach } from 'vitest'
import { errorName, FLAG, FRAME } from '../src/protocol.ts'
import type { ServerRequest } from '../src/server/request.ts'
import { type Http2Server, type ServerOptions, startServer } from '../src/server/server.ts'
import { createTestCertificate } from './certificate.ts'
import { frame, RawClient } from './raw-client.ts'

export const certificate = createTestCertificate()
const opened: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

/** By default it answers 200 to everything. */
export async function start(options: Partial<ServerOptions> = {}): Promise<Http2Server> {
  const server = await startServer({ onRequest: request => request.respond(200), ...options })
  opened.push(() => server.close())
  return server
}

/** Node's own client. */
export function nodeClient(
  server: Http2Server,
  options: http2.SecureClientSessionOptions = {},
): http2.ClientHttp2Session {
  const session = http2.connect(server.url, { ca: certificate.cert, ...options })
  // Each test looks at what it expects; the event without a listener would end the process.
  session.on('error', () => {})
  opened.push(() => session.destroy())
  return session
}

export interface NodeAnswer {
  readonly status: number
  readonly headers: http2.IncomingHttpHeaders
  readonly body: Buffer
}

export async function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders = {},
  body?: Buffer | string,
): Promise<NodeAnswer> {
  const fields = { ':method': 'POST', ':path': '/', ...headers }
  const stream = session.request(fields, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return await answerOf(stream)
}

export async function answerOf(stream: http2.ClientHttp2Stream): Promise<NodeAnswer> {
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  const [response] = await Promise.all([once(stream, 'response'), once(stream, 'end')])
  const [headers] = response as [http2.IncomingHttpHeaders]
  return { status: Number(headers[':status']), headers, body: Buffer.concat(parts) }
}

export function rawClient(server: Http2Server, settings?: Buffer): RawClient {
  const client = silentClient(server)
  client.greet(settings)
  return client
}

/** One that has not even sent the preface. */
export function silentClient(server: Http2Server): RawClient {
  const client = new RawClient(server.port)
  opened.push(() => void client.socket.destroy())
  return client
}

/** Blocks of fields from the static table: GET or POST, https, `/`. */
export const GET_BLOCK: Buffer = Buffer.from('828784', 'hex')
export const POST_BLOCK: Buffer = Buffer.from('838784', 'hex')

export function get(streamId: number): Buffer {
  return frame(FRAME.HEADERS, FLAG.END_HEADERS | FLAG.END_STREAM, streamId, GET_BLOCK)
}

/** The beginning of a request whose body is to come. */
export function post(streamId: number): Buffer {
  return frame(FRAME.HEADERS, FLAG.END_HEADERS, streamId, POST_BLOCK)
}

export function data(streamId: number, body: Buffer | string, flags = 0): Buffer {
  return frame(FRAME.DATA, flags, streamId, Buffer.from(body))
}

export async function resetOf(client: RawClient, streamId: number): Promise<string> {
  return errorName((await client.frame(FRAME.RST_STREAM, streamId)).payload.readUInt32BE(0))
}

/** `PROTOCOL_ERROR: what was wrong` */
export async function goAwayOf(client: RawClient): Promise<string> {
  const { payload } = await client.frame(FRAME.GOAWAY)
  return `${errorName(payload.readUInt32BE(4))}: ${payload.toString('utf8', 8)}`
}

export interface Collector {
  readonly requests: ServerRequest[]
  readonly onRequest: (request: ServerRequest) => void
  /** Settles when so many have been told. */
  told(count: number): Promise<void>
}

/** Keeps requests instead of answering them. */
export function collect(): Collector {
  const requests: ServerRequest[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  return {
    requests,
    onRequest: request => {
      requests.push(request)
      for (const each of waiting) if (requests.length >= each.count) each.resolve()
    },
    told: count =>
      new Promise(resolve => {
        if (requests.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
  }
}
