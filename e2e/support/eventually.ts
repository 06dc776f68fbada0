/**
 * Waiting for what another process does: asks again until it holds, and fails at a deadline with what was
 * last seen. For outside processes only; inside one, await the event itself.
 */
const PAUSE_MS = 20

export interface EventuallyOptions<T> {
  /** Names what is waited for in the failure. */
  readonly what: string
  readonly read: () => Promise<T> | T
  readonly until: (value: T) => boolean
  readonly withinMs: number
}

/** Gives back the first value that holds and how long that took. */
export async function eventually<T>(
  options: EventuallyOptions<T>,
): Promise<{ readonly value: T; readonly afterMs: number }> {
  const startedAt = performance.now()
  for (;;) {
    const value = await options.read()
    const afterMs = performance.now() - startedAt
    if (options.until(value)) return { value, afterMs }
    if (afterMs > options.withinMs)
      throw new Error(
        `${options.what}: not within ${options.withinMs} ms, last seen ${JSON.stringify(value)}`,
      )
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
}
