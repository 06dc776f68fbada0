/**
 * Web Push: one encrypted message to the service that a browser (or a UnifiedPush app) chose.
 *
 * The transport should resolve names through `createGuardedLookup`, because endpoints come from clients, and speak
 * HTTP/1.1 where a service has nothing newer: `createWebTransport` makes one.
 * Source: RFC 8030, RFC 8291, RFC 8292.
 */
import type { Clock } from '../clock.ts'
import { mustParse } from '../credentials.ts'
import { FixedHeadersCache } from '../fixed-headers.ts'
import type { Attempt, GatewayClient, Notification } from '../notification.ts'
import type { AttemptOutcome } from '../outcome.ts'
import { withReceiptKey } from '../receipt-key.ts'
import type { Transport, TransportResult, Wish } from '../transport.ts'
import { withUserId } from '../user-id.ts'
import { type Encryptors, encryptHere } from './encryptors.ts'
import { checkEndpointUrl, type Endpoint, NOT_PUBLIC } from './endpoint.ts'
import { readResponse } from './outcome.ts'
import { buildHeaders, buildPlaintext, CONSTANT_HEADERS, findHeaderFault } from './payload.ts'
import { DEFAULT_DEADLINE_MS, MAX_PLAINTEXT_BYTES } from './settings.ts'
import { type DecodedSubscription, decodeSubscription, type WebPushAddress } from './subscription.ts'
import { createVapidTokens, parseVapidKeys, type VapidCredential, type VapidTokens } from './vapid.ts'

export interface WebPushClientOptions {
  readonly credential: VapidCredential
  /** Stays the caller's: closing the client leaves it open. */
  readonly transport: Transport
  readonly clock: Clock
  /** Threads to encrypt on, for all clients of a process; the caller's to close. Absent: on the calling thread. */
  readonly encryptors?: Encryptors | undefined
  /** Endpoints on private addresses and other ports; still https. Default false. */
  readonly allowPrivate?: boolean
  /** For each attempt, over connecting and answering. Default 30 000. */
  readonly deadlineMs?: number
}

/** Throws a TypeError when the credential is none; `parseVapidKeys` tells beforehand. */
export function createWebPushClient(options: WebPushClientOptions): GatewayClient<WebPushAddress> {
  return new WebPushClient(options)
}

class WebPushClient implements GatewayClient<WebPushAddress> {
  readonly #options: WebPushClientOptions
  readonly #tokens: VapidTokens
  readonly #fixed = new FixedHeadersCache()

  constructor(options: WebPushClientOptions) {
    this.#options = options
    this.#tokens = createVapidTokens(mustParse(parseVapidKeys(options.credential)), options.clock)
  }

  async send(attempt: Attempt<WebPushAddress>): Promise<AttemptOutcome> {
    const { address, notification, receiptKey, userId, wish } = attempt
    const subscription = decodeSubscription(address)
    if (!subscription.ok) return { kind: 'address_mismatch', reason: subscription.problem.code }
    const endpoint = checkEndpointUrl(address.endpoint, { allowPrivate: this.#options.allowPrivate ?? false })
    if (!endpoint.ok) return refusedEndpoint(endpoint.reason)
    const fault = findHeaderFault(notification)
    if (fault !== undefined) return { kind: 'message_fault', reason: fault }
    const payload = buildPlaintext(notification)
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    const named = withUserId(payload.plaintext, userId, MAX_PLAINTEXT_BYTES)
    const plaintext = withReceiptKey(named, receiptKey, MAX_PLAINTEXT_BYTES)
    const body = await this.#encrypt(subscription.value, plaintext)
    if (!Buffer.isBuffer(body)) return body
    return this.#read(endpoint, await this.#post(endpoint, notification, { body, wish }))
  }

  async close(): Promise<void> {}

  async #encrypt(
    { receiverKey, authSecret }: DecodedSubscription,
    plaintext: Buffer,
  ): Promise<Buffer | AttemptOutcome> {
    const { encryptors } = this.#options
    const message = { plaintext, receiverKey, authSecret }
    try {
      const body = encryptors === undefined ? encryptHere(message) : await encryptors.encrypt(message)
      return body ?? { kind: 'address_mismatch', reason: 'subscription_p256dh' }
    } catch (error) {
      return { kind: 'not_sent', reason: error instanceof Error ? error.message : String(error) }
    }
  }

  async #post(
    endpoint: Endpoint,
    notification: Notification,
    { body, wish }: { readonly body: Buffer; readonly wish: Wish | undefined },
  ): Promise<TransportResult> {
    const { transport, deadlineMs = DEFAULT_DEADLINE_MS } = this.#options
    const { origin, path } = endpoint
    const authorization = await this.#tokens.authorization(origin)
    const fixed = this.#fixed.get(origin, authorization, () => CONSTANT_HEADERS)
    const headers = { ...buildHeaders(notification, endpoint), 'content-length': String(body.length) }
    return transport.request({ origin, method: 'POST', path, fixed, headers, body, deadlineMs, wish })
  }

  #read(endpoint: Endpoint, result: TransportResult): AttemptOutcome {
    if (result.kind === 'response') {
      const outcome = readResponse(result, {
        endpoint,
        clock: this.#options.clock,
        isKeyProven: this.#tokens.isProven(endpoint.origin),
        areStrangersBelieved: this.#options.allowPrivate ?? false,
      })
      if (outcome.kind === 'accepted') this.#tokens.markProven(endpoint.origin)
      return outcome
    }
    if (result.reason.includes(NOT_PUBLIC)) return refusedEndpoint('not a public address')
    return { kind: result.kind, reason: result.reason }
  }
}

/** Ours to refuse, and no repeat changes it; the subscription may still be right elsewhere. */
function refusedEndpoint(reason: string): AttemptOutcome {
  return { kind: 'address_mismatch', reason: `endpoint_refused: ${reason}` }
}
