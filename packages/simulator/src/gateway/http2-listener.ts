/**
 * The front of a stand-in that speaks HTTP/2 alone, on our own engine: quick enough not to be what a load test measures.
 *
 * The stream limit is enforced by the engine: streams above it end with REFUSED_STREAM (RFC 9113 §5.1.2).
 */
import type { IncomingHttpHeaders } from 'node:http'
import { ERROR, type ServerConnection, type ServerRequest, startServer } from '@roost/http2'
import {
  debugData,
  type GatewayConnection,
  type GatewayListener,
  type GatewayReply,
  type ListenOptions,
} from './listener.ts'

export async function listenHttp2(options: ListenOptions): Promise<GatewayListener> {
  const { settings } = options
  const server = await startServer({
    host: options.host,
    port: options.port,
    tls: { key: options.identity.keyPem, cert: options.identity.certPem },
    settings: {
      maxConcurrentStreams: settings.maxConcurrentStreams ?? 1000,
      initialWindowBytes: settings.initialWindowSize ?? 65_535,
      headerTableBytes: settings.headerTableSize ?? 4096,
      maxHeaderListBytes: settings.maxHeaderListSize ?? 8000,
    },
    onConnection: connection => {
      connection.tag = connectionOf(connection)
      options.onConnection?.()
    },
    onRequest: request => receive(options, request),
  })
  return { origin: server.url, close: () => server.close() }
}

function connectionOf(connection: ServerConnection): GatewayConnection {
  return {
    id: connection.id,
    requests: 0,
    isLeaving: false,
    allowStreams: limit => connection.setMaxConcurrentStreams(limit),
  }
}

function receive(options: ListenOptions, request: ServerRequest): void {
  const connection = request.connection.tag as GatewayConnection
  if (connection.isLeaving) return
  connection.requests++
  const goAway = options.faults.goAwayAt(connection.requests, connection)
  const { headers, rawHeaders } = headersOf(request)
  const asked = options.answer({
    method: headers[':method'] as string,
    path: headers[':path'] as string,
    headers,
    rawHeaders,
    body: Buffer.from(request.body), // the engine's own is gone after this call
    connection,
  })
  if (goAway !== undefined) {
    connection.isLeaving = true
    const debug = debugData(goAway)
    request.connection.goAway({ lastStreamId: request.streamId, code: goAway.code ?? ERROR.NO_ERROR, debug })
  }
  void asked.then(
    reply => respond(request, reply),
    () => request.reset(ERROR.INTERNAL_ERROR),
  )
}

function headersOf(request: ServerRequest): { headers: IncomingHttpHeaders; rawHeaders: string[] } {
  const headers: Record<string, string> = {}
  const rawHeaders: string[] = []
  for (const [name, value] of request.headers) {
    headers[name] ??= value
    rawHeaders.push(name, value)
  }
  return { headers, rawHeaders }
}

function respond(request: ServerRequest, reply: GatewayReply): void {
  if (!request.isOpen || reply === 'silence') return
  if (reply === 'refuse_stream') request.reset(ERROR.REFUSED_STREAM)
  else if (reply === 'reset_connection') request.connection.destroy()
  else request.respond(reply.status, Object.entries(reply.headers ?? {}), reply.body)
}
