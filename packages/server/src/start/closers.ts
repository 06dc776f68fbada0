/** What was opened is closed in reverse. */
export type Closer = () => Promise<unknown>

export class Closers {
  readonly #closers: Closer[] = []

  push(closer: Closer): void {
    this.#closers.push(closer)
  }

  /** One after the other, also after one that fails: rejects at its end with the first failure. Of a second call only what was opened since. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const closer of this.#closers.splice(0).reverse())
      try {
        await closer()
      } catch (error) {
        failures.push(error)
      }
    if (failures.length > 0) throw failures[0]
  }
}
