/**
 * What the stand-ins counted themselves: the independent side of every "how many were accepted" question.
 *
 * A message is known by its hash, the field `p` that clients of the device protocol report back.
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

interface HashTally {
  acceptances: number
  readonly accepted: Set<string>
  readonly attempts: Map<string, number>
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
  readonly #byHash = new Map<string, HashTally>()

  connected(gateway: GatewayName): void {
    this.#gateways[gateway].connections++
  }

  requested(gateway: GatewayName): void {
    this.#gateways[gateway].requests++
  }

  attempted(token: string, hash: string | undefined): void {
    if (hash === undefined) return
    const { attempts } = this.#hash(hash)
    attempts.set(token, (attempts.get(token) ?? 0) + 1)
  }

  accepted(gateway: GatewayName, token: string, hash: string | undefined): void {
    this.#gateways[gateway].accepted++
    if (hash === undefined) return
    const tally = this.#hash(hash)
    tally.acceptances++
    tally.accepted.add(token)
  }

  refused(gateway: GatewayName, reason: string): void {
    const { refused } = this.#gateways[gateway]
    refused[reason] = (refused[reason] ?? 0) + 1
  }

  counts(): Readonly<Record<GatewayName, GatewayCounts>> {
    return structuredClone(this.#gateways)
  }

  acceptedFor(hash: string): HashCounts {
    const tally = this.#byHash.get(hash)
    return { acceptances: tally?.acceptances ?? 0, tokens: new Set(tally?.accepted) }
  }

  /** Requests per token, refused ones included. */
  attemptsFor(hash: string): ReadonlyMap<string, number> {
    return new Map(this.#byHash.get(hash)?.attempts)
  }

  #hash(hash: string): HashTally {
    const known = this.#byHash.get(hash)
    if (known !== undefined) return known
    const created: HashTally = { acceptances: 0, accepted: new Set(), attempts: new Map() }
    this.#byHash.set(hash, created)
    return created
  }
}

function zero(): MutableCounts {
  return { connections: 0, requests: 0, accepted: 0, refused: {} }
}
