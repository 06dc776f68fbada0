/**
 * Gathers sends of the same message that are asked for in one turn of the event loop into requests of up to 1000
 * tokens. A token is never in one request twice: Huawei would deliver twice.
 */
import type { AttemptOutcome } from '../outcome.ts'
import type { Wish } from '../transport.ts'
import type { HmsVerdict } from './outcome.ts'
import { MAX_TOKENS } from './settings.ts'

/** Sends one request and says what it came to, token by token. */
export type SendRequest = (head: string, tokens: readonly string[], wish: Wish) => Promise<HmsVerdict>

interface Waiting {
  readonly settle: (outcome: AttemptOutcome) => void
  readonly reject: (error: unknown) => void
  readonly wish: Wish | undefined
}

/** By token, in the order in which they came. */
type Gathered = Map<string, Waiting>

export class Gathering {
  readonly #send: SendRequest
  readonly #byHead = new Map<string, Gathered>()
  #isDue = false

  constructor(send: SendRequest) {
    this.#send = send
  }

  add(head: string, token: string, wish?: Wish): Promise<AttemptOutcome> {
    return new Promise((settle, reject) => {
      const gathered = this.#openFor(head, token)
      gathered.set(token, { settle, reject, wish })
      if (gathered.size === MAX_TOKENS) this.#leave(head)
      else this.#leaveSoon()
    })
  }

  /** The request that this token joins: a new one when it is in the present one already. */
  #openFor(head: string, token: string): Gathered {
    if (this.#byHead.get(head)?.has(token)) this.#leave(head)
    let gathered = this.#byHead.get(head)
    if (gathered === undefined) {
      gathered = new Map()
      this.#byHead.set(head, gathered)
    }
    return gathered
  }

  #leaveSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      for (const head of [...this.#byHead.keys()]) this.#leave(head)
    })
  }

  #leave(head: string): void {
    const gathered = this.#byHead.get(head)
    if (gathered === undefined) return
    this.#byHead.delete(head)
    void this.#settle(head, gathered)
  }

  async #settle(head: string, gathered: Gathered): Promise<void> {
    try {
      const verdict = await this.#send(head, [...gathered.keys()], wishOf([...gathered.values()]))
      for (const [token, { settle }] of gathered) settle(verdict(token))
    } catch (error) {
      for (const { reject } of gathered.values()) reject(error)
    }
  }
}

/** A request is wanted as long as one of its tokens is; those that were asked for together are given up together. */
function wishOf(gathered: readonly Waiting[]): Wish {
  return {
    get isWanted() {
      return gathered.some(({ wish }) => wish?.isWanted ?? true)
    },
  }
}
