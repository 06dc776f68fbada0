/**
 * The requests in flight on one connection, as columns of preallocated arrays: a request is a number, and costs no
 * object. `Map` from stream id to slot: ids only grow, but a stalled stream may stay behind any number of others.
 */
import type { RequestObserver } from './result.ts'
import type { HeaderTemplate } from './template.ts'

export const NO_SLOT = -1

export class Slots {
  readonly capacity: number
  readonly streamId: Int32Array
  /** What the peer lets us send on the stream; negative after it lowered its initial window. */
  readonly sendWindow: Int32Array
  /** Bytes received that the peer was not given back yet. */
  readonly unacknowledged: Int32Array
  readonly sentBytes: Int32Array
  readonly status: Int16Array
  /** 1 after the answer's final header block. */
  readonly hasHeaders: Uint8Array
  readonly isTruncated: Uint8Array
  readonly answerBytes: Int32Array
  readonly deadlineAt: Float64Array
  readonly tag: unknown[]
  readonly observer: (RequestObserver | undefined)[]
  readonly template: (HeaderTemplate | undefined)[]
  /** What is left of a body that the windows did not let out. */
  readonly body: (Uint8Array | undefined)[]
  readonly wanted: ((string | undefined)[] | undefined)[]
  readonly answer: (Buffer | undefined)[]
  readonly #byStream = new Map<number, number>()
  readonly #free: Int32Array
  #freeCount: number

  constructor(capacity: number) {
    this.capacity = capacity
    this.streamId = new Int32Array(capacity)
    this.sendWindow = new Int32Array(capacity)
    this.unacknowledged = new Int32Array(capacity)
    this.sentBytes = new Int32Array(capacity)
    this.status = new Int16Array(capacity)
    this.hasHeaders = new Uint8Array(capacity)
    this.isTruncated = new Uint8Array(capacity)
    this.answerBytes = new Int32Array(capacity)
    this.deadlineAt = new Float64Array(capacity)
    this.tag = new Array<unknown>(capacity).fill(undefined)
    this.observer = new Array<RequestObserver | undefined>(capacity).fill(undefined)
    this.template = new Array<HeaderTemplate | undefined>(capacity).fill(undefined)
    this.body = new Array<Uint8Array | undefined>(capacity).fill(undefined)
    this.wanted = new Array<(string | undefined)[] | undefined>(capacity).fill(undefined)
    this.answer = new Array<Buffer | undefined>(capacity).fill(undefined)
    this.#free = Int32Array.from({ length: capacity }, (_, i) => capacity - 1 - i)
    this.#freeCount = capacity
  }

  get active(): number {
    return this.capacity - this.#freeCount
  }

  /** NO_SLOT when all are taken. */
  take(streamId: number): number {
    if (this.#freeCount === 0) return NO_SLOT
    const slot = this.#free[--this.#freeCount] as number
    this.streamId[slot] = streamId
    this.unacknowledged[slot] = 0
    this.sentBytes[slot] = 0
    this.status[slot] = 0
    this.hasHeaders[slot] = 0
    this.isTruncated[slot] = 0
    this.answerBytes[slot] = 0
    this.forgetWanted(slot)
    this.#byStream.set(streamId, slot)
    return slot
  }

  find(streamId: number): number {
    return this.#byStream.get(streamId) ?? NO_SLOT
  }

  /** The array stays from request to request. */
  forgetWanted(slot: number): void {
    const wanted = this.wanted[slot]
    if (wanted !== undefined) wanted.length = 0
  }

  /** The references go, so that nothing of a finished request is kept. */
  release(slot: number): void {
    this.#byStream.delete(this.streamId[slot] as number)
    this.streamId[slot] = 0
    this.tag[slot] = undefined
    this.observer[slot] = undefined
    this.template[slot] = undefined
    this.body[slot] = undefined
    this.answer[slot] = undefined
    this.#free[this.#freeCount++] = slot
  }

  /** Slots in flight, oldest stream first; a copy, so that they may be released while it is walked. */
  all(): number[] {
    return [...this.#byStream.values()]
  }
}
