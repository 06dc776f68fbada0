/**
 * Which payloads FCM took and refused lately, and for whom: a payload that was taken for another token is good, and one
 * that every token was refused with is not.
 *
 * A payload is known by its content without the target. Two maps take turns, a minute each, so that nothing
 * is older than two, no entry needs a timer, and the memory is bounded whatever is sent.
 */
import { hash } from 'node:crypto'
import { ageOf, type Clock } from '../clock.ts'

interface Entry {
  acceptedAt: number
  acceptedBy: string | undefined
  /** Different tokens, as many as decide. */
  refusedBy: Set<string> | undefined
}

const MINUTE_MS = 60_000
const MAX_PAYLOADS = 2000
/** Kept as it is, at most 2 MB of them; a hash for each push costs more than all else that is remembered. */
const SHORT = 512
/** One token or two may themselves be bad; a third is no chance any more. */
const REFUSALS_THAT_DECIDE = 3

export class PayloadMemory {
  readonly #clock: Clock
  #young = new Map<string, Entry>()
  #old = new Map<string, Entry>()
  #turnedAt: number
  #lastContent: string | undefined
  #lastKey = ''

  constructor(clock: Clock) {
    this.#clock = clock
    this.#turnedAt = clock.now()
  }

  noteAccepted(content: string, token: string): void {
    const entry = this.#entryFor(content)
    entry.acceptedAt = this.#clock.now()
    entry.acceptedBy = token
  }

  noteRefused(content: string, token: string): void {
    const entry = this.#entryFor(content)
    entry.refusedBy ??= new Set()
    if (entry.refusedBy.size < REFUSALS_THAT_DECIDE) entry.refusedBy.add(token)
  }

  /** What others' answers say about a refusal of `token`; `undefined` when they say nothing. */
  judge(content: string, token: string): 'token' | 'payload' | undefined {
    const { acceptedAt, acceptedBy, refusedBy } = this.#entryFor(content)
    if (acceptedBy === undefined)
      return refusedBy !== undefined && refusedBy.size >= REFUSALS_THAT_DECIDE ? 'payload' : undefined
    const isRecent = ageOf(acceptedAt, this.#clock.now()) <= MINUTE_MS
    return isRecent && acceptedBy !== token ? 'token' : undefined
  }

  #entryFor(content: string): Entry {
    this.#takeTurns()
    const key = this.#keyOf(content)
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const entry = this.#old.get(key) ?? { acceptedAt: 0, acceptedBy: undefined, refusedBy: undefined }
    this.#young.set(key, entry)
    return entry
  }

  #takeTurns(): void {
    const now = this.#clock.now()
    const ageMs = ageOf(this.#turnedAt, now)
    if (ageMs < MINUTE_MS && this.#young.size < MAX_PAYLOADS) return
    // After a quiet time the younger ones are as old as the older ones would be.
    this.#old = ageMs < 2 * MINUTE_MS ? this.#young : new Map()
    this.#young = new Map()
    this.#turnedAt = now
  }

  /** Of a long one its hash. In a campaign the same content comes thousands of times in a row: comparing is cheaper. */
  #keyOf(content: string): string {
    if (content.length <= SHORT) return content
    if (content !== this.#lastContent) {
      this.#lastKey = hash('sha256', content, 'base64')
      this.#lastContent = content
    }
    return this.#lastKey
  }
}
