/**
 * Huawei Push Kit, v1: up to 1000 tokens of one message go in a request, and each has an outcome of its own.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message".
 */
import { ageOf, type Clock } from '../clock.ts'
import { mustParse } from '../credentials.ts'
import { FixedHeadersCache } from '../fixed-headers.ts'
import type { Attempt, GatewayClient } from '../notification.ts'
import { type AccessTokens, createAccessTokens } from '../oauth.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Transport, TransportResult, Wish } from '../transport.ts'
import { type HmsCredential, parseHmsCredential } from './credential.ts'
import { Gathering } from './gathering.ts'
import {
  type HmsResponse,
  type HmsVerdict,
  isAccessTokenEnded,
  isAccessTokenRefused,
  readResponse,
} from './outcome.ts'
import { bodyFor, buildPayload } from './payload.ts'
import { DEFAULT_DEADLINE_MS, HMS_ORIGIN, HMS_TOKEN_URL } from './settings.ts'

export interface HmsAddress {
  readonly token: string
}

export interface HmsClientOptions {
  readonly credential: HmsCredential
  /** Origin instead of Huawei's own. */
  readonly baseUrl?: string
  /** Where access tokens are fetched instead of at Huawei. */
  readonly tokenUrl?: string
  /** Stays the caller's: closing the client leaves it open. */
  readonly transport: Transport
  readonly clock: Clock
  /** For each request, over connecting and answering. Default 30 000. */
  readonly deadlineMs?: number
}

/** Throws a TypeError when the credential is none; `parseHmsCredential` tells beforehand. */
export function createHmsClient(options: HmsClientOptions): GatewayClient<HmsAddress> {
  return new HmsClient(options)
}

/** How long a request that was taken proves that the app is the right one. */
const LATELY_MS = 10 * 60_000

/** An attempt ends without an answer of Huawei's: no access token. */
interface Ended {
  readonly kind: 'ended'
  readonly outcome: AttemptOutcome
}

class HmsClient implements GatewayClient<HmsAddress> {
  readonly #options: HmsClientOptions
  readonly #path: string
  readonly #origin: string
  readonly #deadlineMs: number
  readonly #tokens: AccessTokens
  readonly #gathering: Gathering
  readonly #fixed = new FixedHeadersCache()
  #acceptedAt = Number.NEGATIVE_INFINITY

  constructor(options: HmsClientOptions) {
    const { clientId, clientSecret } = mustParse(parseHmsCredential(options.credential))
    this.#options = options
    this.#origin = new URL(options.baseUrl ?? HMS_ORIGIN).origin
    this.#path = `/v1/${encodeURIComponent(clientId)}/messages:send`
    this.#deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS
    this.#tokens = createAccessTokens({
      tokenUrl: options.tokenUrl ?? HMS_TOKEN_URL,
      form: () =>
        new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: clientSecret,
        }),
      transport: options.transport,
      clock: options.clock,
      deadlineMs: this.#deadlineMs,
    })
    this.#gathering = new Gathering((head, tokens, wish) => this.#sendAll(head, tokens, wish))
  }

  async send({
    address,
    notification,
    validateOnly = false,
    wish,
  }: Attempt<HmsAddress>): Promise<AttemptOutcome> {
    // Huawei would refuse the whole request for it.
    if (address.token === '') return { kind: 'address_mismatch', reason: 'the token is empty' }
    const payload = buildPayload(notification, validateOnly)
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    const outcome = await this.#gathering.add(payload.head, address.token, wish)
    return outcome.kind === 'uncertain' && payload.isShownBySystem
      ? { ...outcome, showsTwice: true }
      : outcome
  }

  async close(): Promise<void> {}

  async #sendAll(head: string, tokens: readonly string[], wish: Wish): Promise<HmsVerdict> {
    const result = await this.#post(bodyFor(head, tokens), wish)
    if (result.kind === 'ended') return () => result.outcome
    if (result.kind !== 'response') return () => ({ kind: result.kind, reason: result.reason })
    return this.#read(result, head, tokens)
  }

  /** Sends; an access token that has ended is replaced once, and the request sent again: it reached nobody. */
  async #post(body: Uint8Array, wish: Wish): Promise<TransportResult | Ended> {
    const first = await this.#tokens.current()
    if (!first.ok) return { kind: 'ended', outcome: first.outcome }
    const result = await this.#request(first.token, body, wish)
    if (result.kind !== 'response' || !isAccessTokenEnded(result)) return result
    const second = await this.#tokens.current()
    return second.ok ? this.#request(second.token, body, wish) : { kind: 'ended', outcome: second.outcome }
  }

  #read(response: HmsResponse, head: string, tokens: readonly string[]): HmsVerdict {
    const { clock } = this.#options
    const tookOthers = ageOf(this.#acceptedAt, clock.now()) <= LATELY_MS
    // Within `data` the quotes are escaped, so this is a field of the message.
    const hasReceiptId = head.includes('"receipt_id":')
    const verdict = readResponse(response, { tokens, tookOthers, hasReceiptId }, clock)
    if (tokens.some(token => verdict(token).kind === 'accepted')) this.#acceptedAt = clock.now()
    return verdict
  }

  /** An access token that was refused, for whatever reason, is never used again: once all is mended a new one serves. */
  async #request(token: string, body: Uint8Array, wish: Wish): Promise<TransportResult> {
    const result = await this.#options.transport.request({
      origin: this.#origin,
      method: 'POST',
      path: this.#path,
      fixed: this.#fixed.get('', `Bearer ${token}`, () => ({ 'content-type': 'application/json' })),
      headers: {},
      body,
      deadlineMs: this.#deadlineMs,
      wish,
    })
    if (result.kind === 'response' && isAccessTokenRefused(result)) this.#tokens.drop(token)
    return result
  }
}
