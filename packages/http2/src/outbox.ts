/**
 * What is to be written, gathered in large buffers: everything that a turn of the event loop produces leaves in one
 * `socket.write`. Buffers come back into a small pool when the socket is done with them.
 */
const BUFFER_BYTES = 64 * 1024
const POOLED_BUFFERS = 8

export interface Sink {
  /** `done` is called when the buffer may be used again. */
  write(buffer: Buffer, done: () => void): void
}

export class Outbox {
  readonly #sink: Sink
  readonly #onHandedOver: () => void
  readonly #pool: Buffer[] = []
  #buffer: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #length = 0
  #isScheduled = false
  #isOpen = false
  #unwritten = 0

  /** `onHandedOver` runs after everything that was committed went to the sink. */
  constructor(sink: Sink, onHandedOver: () => void) {
    this.#sink = sink
    this.#onHandedOver = onHandedOver
  }

  /** Bytes that were handed to the sink and are not through it. */
  get pendingBytes(): number {
    return this.#unwritten
  }

  get buffer(): Buffer {
    return this.#buffer
  }

  /** Before it is open, what is written waits. */
  open(): void {
    this.#isOpen = true
    if (this.#length > 0) this.#schedule()
  }

  /** Makes room for `bytes` in `buffer` and returns where they begin; `commit` what was written. */
  reserve(bytes: number): number {
    if (this.#length + bytes > this.#buffer.length) this.#replace(bytes)
    return this.#length
  }

  commit(end: number): void {
    this.#length = end
    if (!this.#isScheduled) this.#schedule()
  }

  flush(): void {
    if (this.#length > 0 && this.#isOpen) this.#replace(0)
  }

  /** Nothing leaves any more. */
  close(): void {
    this.#isOpen = false
    this.#length = 0
  }

  #schedule(): void {
    if (!this.#isOpen) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      if (this.#isOpen) this.flush()
    })
  }

  #replace(bytes: number): void {
    const full = this.#buffer
    const length = this.#length
    if (length > 0 && !this.#isOpen) return this.#grow(length + bytes)
    this.#buffer = this.#take(bytes)
    this.#length = 0
    if (length === 0) return this.#giveBack(full)
    this.#unwritten += length
    this.#sink.write(full.subarray(0, length), () => {
      this.#unwritten -= length
      this.#giveBack(full)
    })
    this.#onHandedOver()
  }

  /** While the connection is being made nothing can be handed on. */
  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#buffer.length))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }

  #take(bytes: number): Buffer {
    if (bytes > BUFFER_BYTES) return Buffer.allocUnsafeSlow(bytes)
    return this.#pool.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }

  #giveBack(buffer: Buffer): void {
    if (buffer.length === BUFFER_BYTES && this.#pool.length < POOLED_BUFFERS) this.#pool.push(buffer)
  }
}
