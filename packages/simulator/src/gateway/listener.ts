/**
 * What every stand-in is to its senders: a TLS front that reads requests, asks the gateway for a reply and obeys
 * connection faults. `http2-listener.ts` is that front.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Settings } from 'node:http2'
import type { ServerIdentity } from '../authority.ts'
import type { ConnectionFaults, GoAway } from './faults.ts'

export { listen } from './http2-listener.ts'

export interface GatewayRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Names and values in turn, as received: the only place where a repeated header shows. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly connection: GatewayConnection
  /** 0 over HTTP/1.1. */
  readonly streamId: number
}

/** One TCP connection; over HTTP/1.1 the stream limit and GOAWAY have no meaning and do nothing. */
export interface GatewayConnection {
  readonly id: number
  requests: number
  /** A GOAWAY was sent: streams that were on their way by then are not processed. */
  isLeaving: boolean
  /** The newest stream that the gateway was asked about. */
  lastStreamId: number
  /** Of the certificate that the peer showed, good or not, as `X509Certificate.fingerprint256` writes it. */
  readonly certificateFingerprint: string | undefined
  allowStreams(limit: number): void
  /** By default the newest stream is the last one that is answered; 0 says that none was ever processed. */
  goAway(goAway: GoAway, lastStreamId?: number): void
  /** Resets TCP. */
  destroy(): void
}

export interface GatewayAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** What a request gets; the words are ways of getting no answer at all. */
export type GatewayReply =
  | GatewayAnswer
  /** REFUSED_STREAM: not processed. */
  | 'refuse_stream'
  /** INTERNAL_ERROR: nobody knows. */
  | 'reset_stream'
  | 'reset_connection'
  | 'silence'

export interface ListenOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly identity: ServerIdentity
  readonly settings: Settings
  /** Who does not choose HTTP/2 is served as well. */
  readonly allowHttp1: boolean
  readonly faults: ConnectionFaults
  /** A reply that is there at once saves the request a promise. */
  readonly answer: (request: GatewayRequest) => GatewayReply | Promise<GatewayReply>
  readonly onConnection?: (connection: GatewayConnection) => void
  /** Asks for a client certificate and goes on without one. Over HTTP/2 alone. */
  readonly asksForCertificate?: boolean
}

export interface GatewayListener {
  readonly origin: string
  /** Those that are open; over HTTP/1.1 too those that carried a request. */
  connections(): readonly GatewayConnection[]
  close(): Promise<void>
}

/** All of them or none: when one can't be opened, the others are closed. */
export async function openAll<Name extends string>(
  opening: Readonly<Record<Name, Promise<GatewayListener>>>,
): Promise<Record<Name, GatewayListener>> {
  const settled = await Promise.allSettled(Object.values<Promise<GatewayListener>>(opening))
  const open = settled.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = settled.find(result => result.status === 'rejected')
  if (failed !== undefined) {
    await Promise.all(open.map(listener => listener.close()))
    throw failed.reason
  }
  return Object.fromEntries(Object.keys(opening).map((name, i) => [name, open[i]])) as Record<
    Name,
    GatewayListener
  >
}
