/**
 * The one narrow door between the gateways' rules and the wire. Our HTTP/2 engine stands behind it
 * (`http2-transport.ts`), and for push services that have nothing newer Node's HTTP/1.1 (`web-transport.ts`).
 */
/** Lower-case names. Secret ones never enter a compression table. */
export interface FixedHeaders {
  readonly constant: Readonly<Record<string, string>>
  readonly secret: Readonly<Record<string, string>>
}

/** Of whoever sends: one object may stand for thousands of requests, and change its mind about all of them. */
export interface Wish {
  readonly isWanted: boolean
  /** Somebody waits for it: it shall not stand behind thousands that nobody waits for. Default false. */
  readonly isUrgent?: boolean
}

/** What this side shows in the TLS handshake, PEM. */
export interface ClientCertificate {
  /** The certificate, followed by intermediate ones if there are any. */
  readonly cert: string
  readonly key: string
}

export interface TransportRequest {
  /** `https://host[:port]` */
  readonly origin: string
  /**
   * Requests of different pools never share a connection. APNs binds a connection to the team and key of its
   * first push, so its clients name them here. Absent: one pool for the origin.
   */
  readonly pool?: string
  /** Shown by every connection of the pool: another certificate needs another pool. */
  readonly clientCertificate?: ClientCertificate | undefined
  readonly method: 'POST' | 'GET' | 'DELETE'
  readonly path: string
  /**
   * Headers that are the same for many requests: give the same object each time, so that they are encoded once. A
   * changed token is another object.
   */
  readonly fixed?: FixedHeaders | undefined
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** From now, over queueing, connecting and answering. */
  readonly deadlineMs: number
  /** Asked as long as it waits for room: what is not wanted any more is `not_sent`. */
  readonly wish?: Wish | undefined
}

export interface TransportFailure {
  /** `not_sent`: refused stream, above GOAWAY's last stream id, could not connect: never processed by the peer.
   * `uncertain`: sent, and then the connection, the stream or the deadline ended. */
  readonly kind: 'not_sent' | 'uncertain'
  readonly reason: string
  /** The debug text of the GOAWAY that ended the connection, when it had one. */
  readonly goaway?: string
}

export type TransportResult =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: Uint8Array
    }
  | TransportFailure

export interface Transport {
  /** Never rejects. */
  request(request: TransportRequest): Promise<TransportResult>
  close(): Promise<void>
}
