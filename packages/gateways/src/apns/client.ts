/**
 * Apple Push Notification service, provider API with token authentication.
 *
 * A connection is bound to the team and key of its first push, so both name the connection pool. The transport
 * should assume one stream until SETTINGS arrive: before the first valid token Apple allows no more.
 * Source: Apple, "Sending notification requests to APNs".
 */
import type { Clock } from '../clock.ts'
import { mustParse, parseP8 } from '../credentials.ts'
import { FixedHeadersCache } from '../fixed-headers.ts'
import type { Attempt, GatewayClient } from '../notification.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Transport, TransportResult } from '../transport.ts'
import { type ApnsCredential, createProviderTokens, type ProviderTokens } from './auth.ts'
import { readFailure, readResponse, reasonOf } from './outcome.ts'
import { type ApnsPayload, buildPayload, constantHeaders } from './payload.ts'
import { APNS_ORIGINS, type ApnsEnvironment, DEFAULT_DEADLINE_MS, MAX_TOKEN_BYTES } from './settings.ts'

export interface ApnsAddress {
  /** The device token in hex. */
  readonly token: string
}

export interface ApnsClientOptions {
  readonly credential: ApnsCredential
  readonly environment: ApnsEnvironment
  /** Origin instead of Apple's own for the environment. */
  readonly baseUrl?: string
  /** Stays the caller's: closing the client leaves it open. */
  readonly transport: Transport
  readonly clock: Clock
  /** One for the process; without it this client mints for itself, which only suits a single client. */
  readonly tokens?: ProviderTokens
  /** For each attempt, over connecting and answering. Default 30 000. */
  readonly deadlineMs?: number
}

/** Throws a TypeError when the key is none; `parseP8` tells beforehand. */
export function createApnsClient(options: ApnsClientOptions): GatewayClient<ApnsAddress> {
  return new ApnsClient(options)
}

class ApnsClient implements GatewayClient<ApnsAddress> {
  readonly #options: ApnsClientOptions
  readonly #origin: string
  readonly #tokens: ProviderTokens
  readonly #fixed = new FixedHeadersCache()

  constructor(options: ApnsClientOptions) {
    mustParse(parseP8(options.credential.p8))
    this.#options = options
    this.#origin = new URL(options.baseUrl ?? APNS_ORIGINS[options.environment]).origin
    this.#tokens = options.tokens ?? createProviderTokens({ clock: options.clock })
  }

  async send(attempt: Attempt<ApnsAddress>): Promise<AttemptOutcome> {
    const { clock } = this.#options
    const token = attempt.address.token.toLowerCase()
    // Apple would answer the same, and counts it towards cutting the connection.
    if (!isHexToken(token)) return { kind: 'address_mismatch', reason: 'BadDeviceToken' }
    const payload = buildPayload(attempt, clock)
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    const result = await this.#post(`/3/device/${token}`, payload)
    return result.kind === 'response' ? readResponse(result, clock) : readFailure(result)
  }

  async close(): Promise<void> {}

  /** Sends; a token that Apple calls expired is replaced and the request sent once more. */
  async #post(path: string, payload: ReadyPayload): Promise<TransportResult> {
    const { credential } = this.#options
    const jwt = await this.#tokens.current(credential)
    const first = await this.#request(path, payload, jwt)
    if (first.kind !== 'response' || reasonOf(first) !== 'ExpiredProviderToken') return first
    const renewed = await this.#tokens.replace(credential, jwt)
    return renewed === undefined ? first : this.#request(path, payload, renewed)
  }

  #request(path: string, payload: ReadyPayload, jwt: string): Promise<TransportResult> {
    const { credential, transport, deadlineMs = DEFAULT_DEADLINE_MS } = this.#options
    return transport.request({
      origin: this.#origin,
      pool: `${credential.teamId}/${credential.keyId}`,
      method: 'POST',
      path,
      fixed: this.#fixed.get(payload.style, `bearer ${jwt}`, () =>
        constantHeaders(payload.style, credential.bundleId),
      ),
      headers: payload.headers,
      body: payload.body,
      deadlineMs,
    })
  }
}

type ReadyPayload = Extract<ApnsPayload, { readonly ok: true }>

function isHexToken(token: string): boolean {
  return /^([0-9a-f]{2})+$/.test(token) && token.length <= MAX_TOKEN_BYTES * 2
}
