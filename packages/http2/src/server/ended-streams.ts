/**
 * The streams that we ended while the peer was still sending. Its frames that were on their way are no fault of the
 * peer's; on any other closed stream they are.
 * Source: RFC 9113 §5.1, "closed".
 */
const MAX_REMEMBERED = 4096

export class EndedStreams {
  readonly #ids = new Set<number>()
  /** Ids up to here may have been forgotten: they get the benefit of the doubt. */
  #forgottenTo = 0

  add(streamId: number): void {
    this.#ids.add(streamId)
    if (this.#ids.size <= MAX_REMEMBERED) return
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest)
      this.#forgottenTo = Math.max(this.#forgottenTo, oldest)
      return
    }
  }

  has(streamId: number): boolean {
    return streamId <= this.#forgottenTo || this.#ids.has(streamId)
  }

  delete(streamId: number): void {
    this.#ids.delete(streamId)
  }
}
