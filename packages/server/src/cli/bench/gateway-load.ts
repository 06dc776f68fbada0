/**
 * The load of `roost bench gateway`: requests as an APNs provider sends them, through the same pool that the gateways
 * use, and no faster than the pool takes them (`ready()`), so that memory does not grow with their number.
 *
 * What the peer hands back as not sent is repeated with its `apns-id`, as the dispatcher does it. Request n is told by
 * its number alone: its device token and its id follow from it, so no request costs an object beyond its header values.
 * Source of the request's shape: Apple, "Sending notification requests to APNs".
 */
import type { ConnectionPool, HeaderTemplate, RequestObserver, RequestResult } from '@roost/http2'

export interface LoadOptions {
  readonly pool: ConnectionPool
  readonly template: HeaderTemplate
  readonly body: Uint8Array
  readonly count: number
  readonly deadlineMs: number
  /** All requests go to this device token; without it each has one of its own. */
  readonly token?: string | undefined
  /** Number of the first request; another run against the same server takes other ids. Default 0. */
  readonly first?: number
}

/** Requests of one process: their numbers make eight hex digits. */
export const MAX_REQUESTS = 1_000_000_000
const MAX_REPEATS = 5
/** Reasons are told apart up to this many: a hostile peer may make up any number of them. */
const MAX_REASONS = 20
const TOKEN_BEGIN = 'c'.repeat(56)
const APNS_ID_BEGIN = '00000000-0000-4000-8000-0000'

/** One run: `run()` once, then read the counts. */
export class GatewayLoad implements RequestObserver {
  readonly #options: LoadOptions
  readonly #first: number
  readonly #path: string | undefined
  /** How often a request was handed back, for the few that were. */
  readonly #repeats = new Map<number, number>()
  #again: number[] = []
  #next = 0
  #onChange: () => void = () => undefined
  #unreachable: string | undefined
  /** Requests that have their final result. */
  done = 0
  accepted = 0
  /** Ended as not sent, after all repeats. */
  notSent = 0
  uncertain = 0
  repeated = 0
  /** Why requests were not accepted, and how many. */
  readonly reasons = new Map<string, number>()
  /** Resident memory when 25, 50, 75 and 100 % were done. */
  readonly rssBytesAtQuarters: number[] = []

  constructor(options: LoadOptions) {
    this.#options = options
    this.#first = options.first ?? 0
    this.#path = options.token === undefined ? undefined : pathOf(options.token)
  }

  /** Why there was no connection and never had been one; undefined after a run that reached the server. */
  get unreachable(): string | undefined {
    return this.#unreachable
  }

  /** Resolves when every request has its result, or when the server can't be reached at all. */
  async run(): Promise<void> {
    const { count, pool } = this.#options
    while (this.done < count && this.#unreachable === undefined) {
      const n = this.#again.pop() ?? (this.#next < count ? this.#next++ : undefined)
      if (n === undefined) await this.#changed()
      else if (!this.#send(n)) {
        this.#again.push(n)
        await pool.ready()
      }
    }
  }

  onResult(tag: unknown, result: RequestResult): void {
    if (result.kind === 'answered' && result.status === 200) {
      this.accepted++
      this.#finish()
    } else this.#onFailure(tag as number, result)
  }

  #send(n: number): boolean {
    const { pool, template, body, deadlineMs } = this.#options
    const id = this.#first + n
    const path = this.#path ?? pathOf(tokenOf(id))
    return pool.send(template, path, [apnsIdOf(id)], body, deadlineMs, this, n)
  }

  #onFailure(n: number, result: RequestResult): void {
    this.#note(result.kind === 'answered' ? `answered ${result.status}` : `${result.kind}: ${result.reason}`)
    if (result.kind === 'not_sent') {
      if (this.done === 0 && result.reason.startsWith('could not connect')) this.#unreachable = result.reason
      else if (this.#repeat(n)) return
      this.notSent++
    } else if (result.kind === 'uncertain') this.uncertain++
    this.#finish()
  }

  /** False when it was repeated often enough. */
  #repeat(n: number): boolean {
    const repeats = this.#repeats.get(n) ?? 0
    if (repeats === MAX_REPEATS) return false
    this.#repeats.set(n, repeats + 1)
    this.repeated++
    this.#again.push(n)
    this.#onChange()
    return true
  }

  #note(reason: string): void {
    const known = this.reasons.has(reason) || this.reasons.size < MAX_REASONS
    const key = known ? reason : 'other reasons'
    this.reasons.set(key, (this.reasons.get(key) ?? 0) + 1)
  }

  #finish(): void {
    const { count } = this.#options
    this.done++
    const quarters = this.rssBytesAtQuarters.length + 1
    if (this.done * 4 >= count * quarters) this.rssBytesAtQuarters.push(process.memoryUsage.rss())
    if (this.done === count || this.#unreachable !== undefined) this.#onChange()
  }

  #changed(): Promise<void> {
    return new Promise(resolve => {
      this.#onChange = resolve
    })
  }
}

function pathOf(token: string): string {
  return `/3/device/${token}`
}

/** 64 hex digits, as long as APNs tokens are today. */
function tokenOf(n: number): string {
  return TOKEN_BEGIN + hex8(n)
}

/** The canonical form of a UUID, 8-4-4-4-12 digits; a fresh random one would cost as much as the request. */
function apnsIdOf(n: number): string {
  return APNS_ID_BEGIN + hex8(n)
}

/** Eight digits without `padStart`, whose strings were half of the garbage of a run. `n` is below MAX_REQUESTS. */
function hex8(n: number): string {
  return (0x1000_0000 + n).toString(16)
}
