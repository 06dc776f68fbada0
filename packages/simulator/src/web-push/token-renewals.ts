/**
 * How often a sender signs a new JWT for Apple, which asks for no more than one an hour. Nothing is refused for it: it
 * is told, so that a test or a rehearsal can look.
 *
 * Source: Apple, "Sending web push notifications in web apps and browsers".
 */
const HOUR_MS = 3_600_000

/** A token that came within an hour of the one before it, by the same key. */
export interface EarlyRenewal {
  /** The VAPID public key, base64url. */
  readonly publicKey: string
  readonly atMs: number
  readonly afterMs: number
}

interface Seen {
  readonly jwts: Set<string>
  renewedAtMs: number
}

export class TokenRenewals {
  readonly #clock: () => number
  readonly #keys = new Map<string, Seen>()
  readonly #early: EarlyRenewal[] = []

  constructor(clock: () => number) {
    this.#clock = clock
  }

  see(publicKey: string, jwt: string): void {
    const atMs = this.#clock()
    const seen = this.#keys.get(publicKey)
    if (seen === undefined) {
      this.#keys.set(publicKey, { jwts: new Set([jwt]), renewedAtMs: atMs })
    } else if (!seen.jwts.has(jwt)) {
      const afterMs = atMs - seen.renewedAtMs
      if (afterMs < HOUR_MS) this.#early.push({ publicKey, atMs, afterMs })
      seen.jwts.add(jwt)
      seen.renewedAtMs = atMs
    }
  }

  /** Oldest first. */
  early(): readonly EarlyRenewal[] {
    return [...this.#early]
  }
}
