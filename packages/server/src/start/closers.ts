/** What was opened is closed in reverse. */
export type Closer = () => Promise<unknown>

export class Closers {
  readonly #closers: Closer[] = []

  push(closer: Closer): void {
    this.#closers.push(closer)
  }

  /** One after the other; of a second call only what was opened since. */
  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer()
  }
}
