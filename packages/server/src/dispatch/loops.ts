/**
 * Loops: each does one piece of work after the other, and when there is none it rests until the next look. Who has made work for
 * others wakes those whose work it is; to wake all of them would be a dozen looks into the database for each message.
 */
export interface LoopsOptions {
  /** How long one rests that nobody wakes, ms. */
  readonly pollMs: number
  /** Of what a loop's work threw; it goes on after a rest. */
  readonly onError: (error: unknown) => void
}

interface Loop {
  readonly name: string
  wakes: number
  /** Ends its rest; undefined while it works. */
  wake: (() => void) | undefined
}

export class Loops<Name extends string> {
  readonly #options: LoopsOptions
  readonly #loops: Loop[] = []
  readonly #running: Promise<void>[] = []
  #isStopped = false

  constructor(options: LoopsOptions) {
    this.#options = options
  }

  /** `once` says whether there was anything to do. Any number may have one name. */
  start(name: Name, once: () => Promise<boolean>): void {
    const loop: Loop = { name, wakes: 0, wake: undefined }
    this.#loops.push(loop)
    this.#running.push(this.#run(loop, once))
  }

  /** Look now. Without names: all of them. */
  wake(...names: readonly Name[]): void {
    for (const loop of this.#loops) {
      if (names.length > 0 && !names.includes(loop.name as Name)) continue
      loop.wakes++
      loop.wake?.()
    }
  }

  /** Resolves when each has finished what it has in hand. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.wake()
    await Promise.all(this.#running)
  }

  async #run(loop: Loop, once: () => Promise<boolean>): Promise<void> {
    while (!this.#isStopped) {
      const wakesBefore = loop.wakes
      const didWork = await once().catch((error: unknown) => {
        this.#options.onError(error)
        return false
      })
      // Who was woken while it looked may not have seen what it was woken for.
      if (!didWork && wakesBefore === loop.wakes) await this.#rest(loop)
    }
  }

  #rest(loop: Loop): Promise<void> {
    if (this.#isStopped) return Promise.resolve()
    return new Promise(resolve => {
      loop.wake = () => {
        clearTimeout(timer)
        loop.wake = undefined
        resolve()
      }
      const timer = setTimeout(loop.wake, this.#options.pollMs)
    })
  }
}
