/**
 * Checks of the provider token: the JWT itself, and what one connection allows.
 *
 * ES256 only; `kid` and `iss` of ten characters; `iat` within one hour; on one connection one team, one key, and at
 * most one change of token in 20 minutes.
 * Source: Apple, "Establishing a token-based connection to APNs". Apple does not say which reason a second team on a
 * connection gets; `Forbidden` is what its table calls an action that is not allowed.
 */
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import type { GatewayConnection } from '../gateway/listener.ts'
import type { ApnsReason } from './refusals.ts'
import type { ApnsEnvironment, RegisteredKey, TeamKeys } from './team-keys.ts'

const MAX_AGE_SECONDS = 3600
const MIN_SECONDS_BETWEEN_CHANGES = 1200
/** Senders share one token for most of an hour, so few are alive at any time. */
const REMEMBERED_TOKENS = 1000

interface VerifiedToken {
  readonly key: RegisteredKey
  readonly issuedAtSeconds: number
}

interface Binding {
  readonly teamId: string
  readonly keyId: string
  /** Tokens already taken on this connection: going on with one of them is not a change. */
  readonly tokens: Set<string>
  changedAtSeconds: number | undefined
}

export type ProviderTokenVerdict =
  | { readonly key: RegisteredKey; readonly reason?: undefined }
  | { readonly key?: undefined; readonly reason: ApnsReason }

export class ProviderTokenCheck {
  readonly #keys: TeamKeys
  readonly #clock: () => number
  readonly #verified = new Map<string, VerifiedToken | undefined>()
  readonly #bindings = new WeakMap<GatewayConnection, Binding>()

  constructor(keys: TeamKeys, clock: () => number) {
    this.#keys = keys
    this.#clock = clock
  }

  /** Whether the request may push, and with which key. */
  async check(
    authorization: string | undefined,
    environment: ApnsEnvironment,
    connection: GatewayConnection,
  ): Promise<ProviderTokenVerdict> {
    const jwt = /^bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    if (jwt === undefined) return { reason: 'MissingProviderToken' }
    const token = this.#verified.has(jwt) ? this.#verified.get(jwt) : await this.#verify(jwt)
    if (token === undefined || token.key.isRevoked) return { reason: 'InvalidProviderToken' }
    const reason =
      this.#checkAge(token) ??
      checkEnvironment(token.key, environment) ??
      this.#checkBinding(jwt, token, connection)
    return reason === undefined ? { key: token.key } : { reason }
  }

  #checkAge(token: VerifiedToken): ApnsReason | undefined {
    const ageSeconds = this.#clock() / 1000 - token.issuedAtSeconds
    if (ageSeconds > MAX_AGE_SECONDS) return 'ExpiredProviderToken'
    return ageSeconds < -MAX_AGE_SECONDS ? 'InvalidProviderToken' : undefined
  }

  #checkBinding(jwt: string, token: VerifiedToken, connection: GatewayConnection): ApnsReason | undefined {
    const { keyId, teamId } = token.key
    const binding = this.#bindings.get(connection)
    if (binding === undefined) {
      this.#bindings.set(connection, { teamId, keyId, tokens: new Set([jwt]), changedAtSeconds: undefined })
      return undefined
    }
    if (binding.teamId !== teamId) return 'Forbidden'
    if (binding.keyId !== keyId) return 'UnrelatedKeyIdInToken'
    if (binding.tokens.has(jwt)) return undefined
    const nowSeconds = this.#clock() / 1000
    const changedAt = binding.changedAtSeconds ?? Number.NEGATIVE_INFINITY
    if (nowSeconds - changedAt < MIN_SECONDS_BETWEEN_CHANGES) return 'TooManyProviderTokenUpdates'
    binding.changedAtSeconds = nowSeconds
    binding.tokens.add(jwt)
    return undefined
  }

  async #verify(jwt: string): Promise<VerifiedToken | undefined> {
    const token = await this.#verifySignature(jwt)
    if (this.#verified.size >= REMEMBERED_TOKENS) this.#verified.clear()
    this.#verified.set(jwt, token)
    return token
  }

  async #verifySignature(jwt: string): Promise<VerifiedToken | undefined> {
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
