/**
 * The limit of open streams as Google's front end enforces it: not a refused stream, but the end of the connection.
 *
 * Source: seen by senders whose HTTP/2 stack did not obey SETTINGS: GOAWAY with PROTOCOL_ERROR and these words.
 */
import { constants } from 'node:http2'
import type { ConnectionFaults, GoAway, Shuttable } from '../gateway/faults.ts'

const GO_AWAY: GoAway = { code: constants.NGHTTP2_PROTOCOL_ERROR, debug: 'exceeded_max_concurrent_streams' }

export class StreamLimit implements ConnectionFaults {
  readonly #others: ConnectionFaults
  #open = new WeakMap<object, number>()
  #max = Number.POSITIVE_INFINITY

  /** `others` are asked when the limit holds. */
  constructor(others: ConnectionFaults) {
    this.#others = others
  }

  /** Counts from now on; undefined leaves it to HTTP/2's own limit. */
  set(max: number | undefined): void {
    this.#max = max ?? Number.POSITIVE_INFINITY
    this.#open = new WeakMap()
  }

  get isLimited(): boolean {
    return this.#max !== Number.POSITIVE_INFINITY
  }

  goAwayAt(requests: number, connection: object): GoAway | undefined {
    const open = (this.#open.get(connection) ?? 0) + 1
    this.#open.set(connection, open)
    const planned = this.#others.goAwayAt(requests, connection)
    return open > this.#max ? GO_AWAY : planned
  }

  attach(listener: Shuttable): void {
    this.#others.attach?.(listener)
  }

  withholds(requests: number, connection: object): boolean {
    return this.#others.withholds?.(requests, connection) === true
  }

  /** A request that came was answered. */
  answered(connection: object): void {
    this.#open.set(connection, Math.max(0, (this.#open.get(connection) ?? 0) - 1))
  }
}
