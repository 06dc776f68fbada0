/**
 * What the stand-ins counted themselves: the independent side of every "how many were accepted" question.
 *
 * A message is known by its hash, the field `p` that clients of the device protocol report back. Tokens become numbers
 * at first sight, and what is counted for a message lies in pages by these numbers: half a million tokens cost 4 MB a
 * message, where a map and a set of them would cost fifty.
 */

export type GatewayName = 'apns' | 'fcm' | 'webPush' | 'hms'

export interface GatewayCounts {
  /** Connections that carried at least one request. */
  readonly connections: number
  readonly requests: number
  readonly accepted: number
  /** By the gateway's own reason. Requests that got no answer at all are in `requests` only. */
  readonly refused: Readonly<Record<string, number>>
}

export interface HashCounts {
  /** Acceptances, repeats included: more than `tokens.size` means that somebody was sent it twice. */
  readonly acceptances: number
  readonly tokens: ReadonlySet<string>
}

/** What a gateway said of a token that is gone. */
export interface ToldEnd {
  readonly gateway: GatewayName
  /** When it first said so. */
  readonly atMs: number
  /** Since when, by its own word; only Apple says. */
  readonly sinceMs: number | undefined
}

interface MutableCounts {
  connections: number
  requests: number
  accepted: number
  refused: Record<string, number>
}

export class Tally {
  readonly #gateways: Record<GatewayName, MutableCounts> = {
    apns: zero(),
    fcm: zero(),
    webPush: zero(),
    hms: zero(),
  }
  readonly #numbers = new Map<string, number>()
  readonly #tokens: string[] = []
  readonly #byHash = new Map<string, HashTally>()
  readonly #ends = new Map<string, ToldEnd>()

  connected(gateway: GatewayName): void {
    this.#gateways[gateway].connections++
  }

  requested(gateway: GatewayName): void {
    this.#gateways[gateway].requests++
  }

  attempted(token: string, hash: string | undefined): void {
    if (hash !== undefined) this.#hash(hash).attempted(this.#number(token))
  }

  accepted(gateway: GatewayName, token: string, hash: string | undefined): void {
    this.#gateways[gateway].accepted++
    if (hash !== undefined) this.#hash(hash).accepted(this.#number(token))
  }

  refused(gateway: GatewayName, reason: string): void {
    const { refused } = this.#gateways[gateway]
    refused[reason] = (refused[reason] ?? 0) + 1
  }

  /** It was said that this token is gone: from now on whoever asked can know. What was said first stays. */
  endTold(token: string, end: ToldEnd): void {
    if (!this.#ends.has(token)) this.#ends.set(token, end)
  }

  toldEnd(token: string): ToldEnd | undefined {
    return this.#ends.get(token)
  }

  counts(): Readonly<Record<GatewayName, GatewayCounts>> {
    return structuredClone(this.#gateways)
  }

  acceptedFor(hash: string): HashCounts {
    const tokens = new Set<string>()
    let acceptances = 0
    this.#byHash.get(hash)?.forEach((number, _attempts, accepted) => {
      acceptances += accepted
      if (accepted > 0) tokens.add(this.#tokens[number] as string)
    })
    return { acceptances, tokens }
  }

  /** Requests per token, refused ones included. */
  attemptsFor(hash: string): ReadonlyMap<string, number> {
    const attemptsByToken = new Map<string, number>()
    this.#byHash.get(hash)?.forEach((number, attempts) => {
      if (attempts > 0) attemptsByToken.set(this.#tokens[number] as string, attempts)
    })
    return attemptsByToken
  }

  #number(token: string): number {
    const known = this.#numbers.get(token)
    if (known !== undefined) return known
    const number = this.#tokens.push(token) - 1
    this.#numbers.set(token, number)
    return number
  }

  #hash(hash: string): HashTally {
    const known = this.#byHash.get(hash)
    if (known !== undefined) return known
    const created = new HashTally()
    this.#byHash.set(hash, created)
    return created
  }
}

/** Tokens in a page: small enough for the many messages that go to one device. */
const PAGE_TOKENS = 256

/** Two counts a token, side by side: attempts and acceptances. */
class HashTally {
  readonly #pages = new Map<number, Uint32Array>()

  attempted(number: number): void {
    const page = this.#page(number)
    const at = 2 * (number % PAGE_TOKENS)
    page[at] = (page[at] as number) + 1
  }

  accepted(number: number): void {
    const page = this.#page(number)
    const at = 2 * (number % PAGE_TOKENS) + 1
    page[at] = (page[at] as number) + 1
  }

  forEach(visit: (number: number, attempts: number, accepted: number) => void): void {
    for (const [index, page] of this.#pages)
      for (let i = 0; i < PAGE_TOKENS; i++)
        visit(index * PAGE_TOKENS + i, page[2 * i] as number, page[2 * i + 1] as number)
  }

  #page(number: number): Uint32Array {
    const index = Math.floor(number / PAGE_TOKENS)
    const known = this.#pages.get(index)
    if (known !== undefined) return known
    const created = new Uint32Array(2 * PAGE_TOKENS)
    this.#pages.set(index, created)
    return created
  }
}

function zero(): MutableCounts {
  return { connections: 0, requests: 0, accepted: 0, refused: {} }
}
