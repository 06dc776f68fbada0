/**
 * Whether the server answers. Each call tells; when one got no answer, `/healthz` is asked until there is one again.
 */

const PROBE_EVERY_MS = 2_000
const PROBE_TIMEOUT_MS = 5_000

export interface ReachabilityOptions {
  readonly baseUrl: string
  /** How long to wait between two questions; 2 seconds unless given. */
  readonly probeEveryMs?: number
  /** The server is back: what is shown should be asked for anew. */
  readonly onBack: () => void
}

/** Made for React's `useSyncExternalStore`. */
export class Reachability {
  readonly #options: ReachabilityOptions
  readonly #listeners = new Set<() => void>()
  #isLost = false

  constructor(options: ReachabilityOptions) {
    this.#options = options
  }

  readonly isLost = (): boolean => this.#isLost

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A call got an answer, whatever it was, or none. */
  readonly report = (isAnswered: boolean): void => {
    if (this.#isLost === !isAnswered) return
    this.#isLost = !isAnswered
    for (const listener of this.#listeners) listener()
    if (this.#isLost) void this.#probeUntilBack()
    else this.#options.onBack()
  }

  async #probeUntilBack(): Promise<void> {
    while (this.#isLost) {
      await new Promise(resolve => setTimeout(resolve, this.#options.probeEveryMs ?? PROBE_EVERY_MS))
      if (this.#isLost && (await this.#answers())) this.report(true)
    }
  }

  async #answers(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
      const { ok } = await fetch(new URL('healthz', this.#options.baseUrl), { cache: 'no-store', signal })
      return ok
    } catch {
      return false
    }
  }
}
