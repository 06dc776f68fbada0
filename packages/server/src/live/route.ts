/**
 * Where devices connect: `GET /v1/live/channel`, upgraded to a WebSocket (RFC 6455). It carries no secret in its URL, which proxies log;
 * who connects is said in the first frame. A page may connect from anywhere, as with the device protocol: nothing goes by cookies.
 *
 * Node hands each request with an `Upgrade` to whoever listens for them, or else serves it as if it had none. Java's client offers HTTP/2
 * in this way with its first call (RFC 7540, 3.2), so what does not want the channel is served as before.
 */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { LIVE_FRAME_BYTES, PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { WebSocketServer } from 'ws'
import type { HttpContext } from '../http/context.ts'

export const CHANNEL_PATH = '/v1/live/channel'

interface Upgrade {
  readonly socket: Socket
  readonly head: Buffer
}

export async function liveChannelRoute(app: FastifyInstance, context: HttpContext): Promise<void> {
  const { channels, limits } = context
  const upgrades = new WeakMap<IncomingMessage, Upgrade>()
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LIVE_FRAME_BYTES,
    perMessageDeflate: false, // some 300 KB for each connection
    clientTracking: false,
  })
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const upgrade = { socket: socket as Socket, head }
    if (!isChannel(request)) return serveWithout(app.server, request, upgrade)
    upgrades.set(request, upgrade)
    app.routing(request, responseOn(upgrade.socket, request))
  })
  app.get(CHANNEL_PATH, { schema: { hide: true } }, async (request, reply) => {
    limits.takeCall(request.ip)
    const upgrade = upgrades.get(request.raw)
    if (upgrade === undefined)
      throw new PushError('input_invalid', 'this is a WebSocket: the call has no header "Upgrade: websocket"')
    if (app.stopping.aborted) throw new PushError('not_ready', 'the server stops')
    reply.hijack()
    reply.raw.detachSocket(upgrade.socket)
    reply.raw.emit('close') // the call is over: what is in hand is counted until then
    sockets.handleUpgrade(request.raw, upgrade.socket, upgrade.head, it => channels.add(it))
  })
}

function isChannel({ url = '', headers }: IncomingMessage): boolean {
  return url.split('?')[0] === CHANNEL_PATH && headers.upgrade?.toLowerCase() === 'websocket'
}

/** For an answer that is none of a WebSocket, such as 429. */
function responseOn(socket: Socket, request: IncomingMessage): ServerResponse {
  socket.on('error', () => undefined)
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  response.once('finish', () => socket.destroySoon())
  return response
}

const OF_UPGRADE: ReadonlySet<string> = new Set(['connection', 'upgrade', 'http2-settings'])

/** Begins the connection anew, with what it has said so far but for the offer. */
function serveWithout(server: Server, request: IncomingMessage, { socket, head }: Upgrade): void {
  const { method, url, httpVersion, rawHeaders } = request
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (!OF_UPGRADE.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[i + 1]}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]))
  server.emit('connection', socket)
}
