/**
 * Firebase Cloud Messaging, HTTP v1: one message a request, so speed is streams. The front end takes 100 on a
 * connection and ends one that has more; give it a transport that assumes no more than that.
 * Source: Firebase, "Send messages with the HTTP v1 API".
 */
import type { Clock } from '../clock.ts'
import { mustParse, parseServiceAccount, type ServiceAccount } from '../credentials.ts'
import { FixedHeadersCache } from '../fixed-headers.ts'
import type { Attempt, GatewayClient } from '../notification.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Transport, TransportResult } from '../transport.ts'
import { type AccessTokens, createAccessTokens } from './auth.ts'
import { isAccessTokenRefused, readResponse } from './outcome.ts'
import { buildPayload } from './payload.ts'
import { DEFAULT_DEADLINE_MS, FCM_ORIGIN, GOOGLE_TOKEN_URL } from './settings.ts'

export interface FcmAddress {
  /** The registration token. */
  readonly token: string
}

export interface FcmClientOptions {
  /** The service account's key file: its JSON text, or that parsed. */
  readonly credential: string | object
  /** Origin instead of Google's own. */
  readonly baseUrl?: string
  /**
   * Where access tokens are fetched instead of at Google. The key file's `token_uri` is only the assertion's
   * audience: an uploaded file must not choose where this server connects to.
   */
  readonly tokenUrl?: string
  /** Stays the caller's: closing the client leaves it open. */
  readonly transport: Transport
  readonly clock: Clock
  /** For each request, over connecting and answering. Default 30 000. */
  readonly deadlineMs?: number
}

/** Throws a TypeError when the key file is none; `parseServiceAccount` tells beforehand. */
export function createFcmClient(options: FcmClientOptions): GatewayClient<FcmAddress> {
  return new FcmClient(options)
}

class FcmClient implements GatewayClient<FcmAddress> {
  readonly #options: FcmClientOptions
  readonly #account: ServiceAccount
  readonly #origin: string
  readonly #tokens: AccessTokens
  readonly #deadlineMs: number
  readonly #fixed = new FixedHeadersCache()

  constructor(options: FcmClientOptions) {
    this.#options = options
    this.#account = mustParse(parseServiceAccount(options.credential))
    this.#origin = new URL(options.baseUrl ?? FCM_ORIGIN).origin
    this.#deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS
    this.#tokens = createAccessTokens({
      account: this.#account,
      tokenUrl: options.tokenUrl ?? GOOGLE_TOKEN_URL,
      transport: options.transport,
      clock: options.clock,
      deadlineMs: this.#deadlineMs,
    })
  }

  async send({ address, notification }: Attempt<FcmAddress>): Promise<AttemptOutcome> {
    const payload = buildPayload(address.token, notification)
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    const first = await this.#tokens.current()
    if (!first.ok) return first.outcome
    const result = await this.#request(first.token, payload.body)
    if (result.kind !== 'response' || !isAccessTokenRefused(result)) return this.#read(result)
    this.#tokens.drop(first.token)
    const second = await this.#tokens.current()
    return second.ok ? this.#read(await this.#request(second.token, payload.body)) : second.outcome
  }

  async close(): Promise<void> {}

  #read(result: TransportResult): AttemptOutcome {
    if (result.kind === 'response') return readResponse(result, this.#options.clock)
    return { kind: result.kind, reason: result.reason }
  }

  #request(token: string, body: Uint8Array): Promise<TransportResult> {
    return this.#options.transport.request({
      origin: this.#origin,
      method: 'POST',
      path: `/v1/projects/${encodeURIComponent(this.#account.projectId)}/messages:send`,
      fixed: this.#fixed.get('', `Bearer ${token}`, () => ({ 'content-type': 'application/json' })),
      headers: {},
      body,
      deadlineMs: this.#deadlineMs,
    })
  }
}
