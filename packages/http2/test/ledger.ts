/**
 * The books of a test: what was sent, and what each request came to. A request without a result, or with two, is the
 * worst that the engine could do, so `verify` stands at the end of every test.
 */
import type { ConnectionPool, Wish } from '../src/client/pool.ts'
import type { RequestObserver, RequestResult } from '../src/client/result.ts'
import { HeaderTemplate } from '../src/client/template.ts'

export interface Outcome {
  readonly kind: RequestResult['kind']
  readonly status: number
  /** Of the template's wanted headers. */
  readonly headers: readonly (string | undefined)[]
  readonly body: string
  readonly isBodyTruncated: boolean
  readonly reason: string
  readonly goAway: string | undefined
}

export interface SendOptions {
  readonly wish?: Wish
  readonly template?: HeaderTemplate
  readonly path?: string
  readonly values?: readonly (string | undefined)[]
  readonly body?: Uint8Array
  readonly deadlineMs?: number
}

export const WANTED = ['apns-id', 'retry-after']

export const PUSH: HeaderTemplate = new HeaderTemplate({
  constant: [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':authority', 'push.example'],
    ['apns-topic', 'com.example.app'],
  ],
  secret: [['authorization', 'bearer of.a.token']],
  variable: ['apns-id'],
  wanted: WANTED,
})

/** Long enough that a test which waits for it fails by its own time limit. */
const NO_DEADLINE_MS = 60_000
const BODY = Buffer.from('{"aps":{"alert":"Hello"}}')

export class Ledger implements RequestObserver {
  readonly #outcomes = new Map<number, Outcome[]>()
  #sent = 0
  #settled = 0
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = []
  /** Called after a result is in the books. */
  onOutcome: ((tag: number, outcome: Outcome) => void) | undefined

  get sent(): number {
    return this.#sent
  }

  get settled(): number {
    return this.#settled
  }

  /** Sends one request, which the pool must take, and gives back its tag. */
  send(pool: ConnectionPool, options: SendOptions = {}): number {
    const tag = this.trySend(pool, options)
    if (tag < 0) throw new Error('the pool has no room')
    return tag
  }

  /** -1 when the pool has no room. */
  trySend(pool: ConnectionPool, options: SendOptions = {}): number {
    const tag = this.take()
    const { template = PUSH, values = [], body = BODY, deadlineMs = NO_DEADLINE_MS, wish } = options
    if (pool.send(template, options.path ?? `/3/device/${tag}`, values, body, deadlineMs, this, tag, wish))
      return tag
    this.#outcomes.delete(tag)
    this.#sent--
    return -1
  }

  /** A tag for a request that the test sends itself. */
  take(): number {
    const tag = this.#sent++
    this.#outcomes.set(tag, [])
    return tag
  }

  sendMany(pool: ConnectionPool, count: number, options: SendOptions = {}): number[] {
    return Array.from({ length: count }, () => this.send(pool, options))
  }

  onResult(tag: unknown, result: RequestResult): void {
    const outcome: Outcome = {
      kind: result.kind,
      status: result.status,
      headers: WANTED.map((_, i) => result.header(i)),
      body: result.body.toString(),
      isBodyTruncated: result.isBodyTruncated,
      reason: result.reason,
      goAway: result.goAway,
    }
    const outcomes = this.#outcomes.get(tag as number)
    if (outcomes === undefined) throw new Error(`a result for ${String(tag)}, which was never sent`)
    outcomes.push(outcome)
    this.#settled++
    this.onOutcome?.(tag as number, outcome)
    this.#wake()
  }

  async outcome(tag: number): Promise<Outcome> {
    await this.#until(() => (this.#outcomes.get(tag)?.length ?? 0) > 0)
    return this.#outcomes.get(tag)?.[0] as Outcome
  }

  outcomes(tags: readonly number[]): Promise<Outcome[]> {
    return Promise.all(tags.map(tag => this.outcome(tag)))
  }

  /** Waits until everything that was sent by then has a result. */
  async allSettled(): Promise<void> {
    await this.#until(() => this.#settled >= this.#sent)
  }

  /** Throws unless every request has exactly one result. */
  verify(): void {
    for (const [tag, outcomes] of this.#outcomes)
      if (outcomes.length !== 1)
        throw new Error(
          `request ${tag} has ${outcomes.length} results: ${outcomes.map(it => `${it.kind} (${it.reason})`).join(', ')}`,
        )
  }

  counts(): Record<Outcome['kind'], number> {
    const counts = { answered: 0, not_sent: 0, uncertain: 0 }
    for (const outcomes of this.#outcomes.values()) for (const { kind } of outcomes) counts[kind]++
    return counts
  }

  #until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve()
    return new Promise(resolve => this.#waiting.push({ isMet, resolve }))
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = waiting.filter(it => !it.isMet())
    for (const it of waiting) if (!this.#waiting.includes(it)) it.resolve()
  }
}
