/**
 * Checks of the provider token: the JWT itself, and what one connection allows.
 *
 * ES256 only; `kid` and `iss` of ten characters; `iat` within one hour; on one connection one team, one key (or the one
 * related to it), and at most one change of token in 20 minutes. A signature is checked once for each token, so that a
 * push costs a comparison.
 * Source: Apple, "Establishing a token-based connection to APNs". Apple does not say which reason a second team on a
 * connection gets; `Forbidden` is what its table calls an action that is not allowed.
 */
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import type { ApnsReason } from './refusals.ts'
import type { ApnsEnvironment, RegisteredKey, TeamKeys } from './team-keys.ts'

const MAX_AGE_SECONDS = 3600
const MIN_SECONDS_BETWEEN_CHANGES = 1200
/** Senders share one token for most of an hour, so few are alive at any time. */
const REMEMBERED_TOKENS = 1000
const BEARER = /^bearer (\S+)$/i

interface VerifiedToken {
  readonly key: RegisteredKey
  readonly issuedAtSeconds: number
}

/** What the first push with a good token fixed for its connection. */
export interface TokenBinding {
  readonly key: RegisteredKey
  /** The team's bundle ids are those of this version of the lists. */
  readonly version: number
  /** Headers already taken on this connection: going on with one of them is not a change. */
  readonly taken: Set<string>
  changedAtSeconds: number | undefined
}

export interface BoundConnection {
  binding: TokenBinding | undefined
}

export class ProviderTokenCheck {
  readonly #keys: TeamKeys
  readonly #clock: () => number
  /** By the whole header, `bearer …`; undefined is a token that will never be good. */
  readonly #verified = new Map<string, VerifiedToken | undefined>()

  constructor(keys: TeamKeys, clock: () => number) {
    this.#keys = keys
    this.#clock = clock
  }

  /** Whether `check` can decide at once; if not, `learn` comes first. */
  knows(authorization: string | undefined): boolean {
    return authorization === undefined || this.#verified.has(authorization) || !BEARER.test(authorization)
  }

  /** Checks the signature and remembers what came of it. */
  async learn(authorization: string): Promise<void> {
    const token = await this.#verify(BEARER.exec(authorization)?.[1] ?? '')
    if (this.#verified.size >= REMEMBERED_TOKENS) this.#verified.clear()
    this.#verified.set(authorization, token)
  }

  /** The key that the push may go by, or why it may not. */
  check(
    authorization: string | undefined,
    environment: ApnsEnvironment,
    connection: BoundConnection,
  ): RegisteredKey | ApnsReason {
    if (authorization === undefined || !BEARER.test(authorization)) return 'MissingProviderToken'
    const token = this.#verified.get(authorization)
    if (token === undefined || token.key.isRevoked) return 'InvalidProviderToken'
    return (
      this.#checkAge(token) ??
      checkEnvironment(token.key, environment) ??
      this.#checkBinding(authorization, token.key, connection) ??
      token.key
    )
  }

  #checkAge(token: VerifiedToken): ApnsReason | undefined {
    const ageSeconds = this.#clock() / 1000 - token.issuedAtSeconds
    if (ageSeconds > MAX_AGE_SECONDS) return 'ExpiredProviderToken'
    return ageSeconds < -MAX_AGE_SECONDS ? 'InvalidProviderToken' : undefined
  }

  #checkBinding(
    authorization: string,
    key: RegisteredKey,
    connection: BoundConnection,
  ): ApnsReason | undefined {
    const { binding } = connection
    if (binding === undefined) {
      const { version } = this.#keys
      connection.binding = { key, version, taken: new Set([authorization]), changedAtSeconds: undefined }
      return undefined
    }
    if (binding.taken.has(authorization)) return undefined
    if (binding.key.teamId !== key.teamId) return 'Forbidden'
    if (binding.key !== key && binding.key.relatedKeyId !== key.keyId) return 'UnrelatedKeyIdInToken'
    const nowSeconds = this.#clock() / 1000
    const changedAt = binding.changedAtSeconds ?? Number.NEGATIVE_INFINITY
    if (nowSeconds - changedAt < MIN_SECONDS_BETWEEN_CHANGES) return 'TooManyProviderTokenUpdates'
    binding.changedAtSeconds = nowSeconds
    binding.taken.add(authorization)
    return undefined
  }

  async #verify(jwt: string): Promise<VerifiedToken | undefined> {
    try {
      const { kid } = decodeProtectedHeader(jwt)
      const { iss, iat } = decodeJwt(jwt)
      const key = this.#keys.find(kid ?? '')
      if (key === undefined || iss !== key.teamId || typeof iat !== 'number') return undefined
      await compactVerify(jwt, key.publicKey, { algorithms: ['ES256'] })
      return { key, issuedAtSeconds: iat }
    } catch {
      // Whatever is wrong with the token, APNs has one word for it.
      return undefined
    }
  }
}

function checkEnvironment(key: RegisteredKey, environment: ApnsEnvironment): ApnsReason | undefined {
  return key.environments.includes(environment) ? undefined : 'BadEnvironmentKeyInToken'
}
