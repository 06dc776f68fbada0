/**
 * The one narrow door between the gateways' rules and the wire. `node:http2` stands behind it today
 * (`node-http2.ts`); another engine only has to keep these promises.
 */
export interface TransportRequest {
  /** `https://host[:port]` */
  readonly origin: string
  readonly method: 'POST' | 'GET' | 'DELETE'
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** From now, over queueing, connecting and answering. */
  readonly deadlineMs: number
}

export type TransportResult =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: Uint8Array
    }
  /** Refused stream, above GOAWAY's last stream id, could not connect: never processed by the peer. */
  | { readonly kind: 'not_sent'; readonly reason: string }
  /** Sent, and then the connection, the stream or the deadline ended. */
  | { readonly kind: 'uncertain'; readonly reason: string }

export interface Transport {
  /** Never rejects. */
  request(request: TransportRequest): Promise<TransportResult>
  close(): Promise<void>
}
