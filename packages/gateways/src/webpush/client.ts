/**
 * Web Push: one encrypted message to the service that a browser chose.
 *
 * The transport should resolve names through `createGuardedLookup`: endpoints come from clients.
 * Source: RFC 8030, RFC 8291, RFC 8292.
 */
import type { Clock } from '../clock.ts'
import { mustParse } from '../credentials.ts'
import { FixedHeadersCache } from '../fixed-headers.ts'
import type { Attempt, GatewayClient, Notification } from '../notification.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Transport, TransportResult } from '../transport.ts'
import { encrypt } from './encrypt.ts'
import { checkEndpointUrl, NOT_PUBLIC } from './endpoint.ts'
import { readResponse } from './outcome.ts'
import { buildHeaders, buildPlaintext, CONSTANT_HEADERS } from './payload.ts'
import { isBrowserService } from './services.ts'
import { DEFAULT_DEADLINE_MS } from './settings.ts'
import { parseSubscription, type WebPushAddress } from './subscription.ts'
import { createVapidTokens, parseVapidKeys, type VapidCredential, type VapidTokens } from './vapid.ts'

export interface WebPushClientOptions {
  readonly credential: VapidCredential
  /** Stays the caller's: closing the client leaves it open. */
  readonly transport: Transport
  readonly clock: Clock
  /** Endpoints on private addresses and other ports; still https. Default false. */
  readonly allowPrivate?: boolean
  /** For each attempt, over connecting and answering. Default 30 000. */
  readonly deadlineMs?: number
}

/** Throws a TypeError when the credential is none; `parseVapidKeys` tells beforehand. */
export function createWebPushClient(options: WebPushClientOptions): GatewayClient<WebPushAddress> {
  return new WebPushClient(options)
}

interface Endpoint {
  readonly origin: string
  readonly path: string
}

interface Target extends Endpoint {
  readonly address: WebPushAddress
}

class WebPushClient implements GatewayClient<WebPushAddress> {
  readonly #options: WebPushClientOptions
  readonly #tokens: VapidTokens
  readonly #fixed = new FixedHeadersCache()

  constructor(options: WebPushClientOptions) {
    this.#options = options
    this.#tokens = createVapidTokens(mustParse(parseVapidKeys(options.credential)), options.clock)
  }

  async send({ address: given, notification }: Attempt<WebPushAddress>): Promise<AttemptOutcome> {
    const subscription = parseSubscription(given)
    if (!subscription.ok) return { kind: 'address_mismatch', reason: subscription.problem.code }
    const address = subscription.value
    const endpoint = checkEndpointUrl(address.endpoint, { allowPrivate: this.#options.allowPrivate ?? false })
    if (!endpoint.ok) return refusedEndpoint(endpoint.reason)
    const payload = buildPlaintext(notification)
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    return this.#read(endpoint, await this.#post({ ...endpoint, address }, notification, payload.plaintext))
  }

  async close(): Promise<void> {}

  #doubtService(
    endpoint: Endpoint,
    fault: Extract<AttemptOutcome, { kind: 'credential_fault' }>,
  ): AttemptOutcome {
    // `allowPrivate` is for stand-ins, which stand for the real ones.
    const isBelieved = this.#options.allowPrivate || isBrowserService(endpoint)
    return isBelieved
      ? fault
      : { kind: 'message_fault', reason: `refused_by_unknown_service: ${fault.reason}` }
  }

  async #post(
    { origin, path, address }: Target,
    notification: Notification,
    plaintext: Buffer,
  ): Promise<TransportResult> {
    const { transport, deadlineMs = DEFAULT_DEADLINE_MS } = this.#options
    const authorization = await this.#tokens.authorization(origin)
    const body = encrypt({
      plaintext,
      receiverKey: Buffer.from(address.p256dh, 'base64url'),
      authSecret: Buffer.from(address.auth, 'base64url'),
    })
    const fixed = this.#fixed.get(origin, authorization, () => CONSTANT_HEADERS)
    const headers = { ...buildHeaders(notification, origin), 'content-length': String(body.length) }
    return transport.request({ origin, method: 'POST', path, fixed, headers, body, deadlineMs })
  }

  #read(endpoint: Endpoint, result: TransportResult): AttemptOutcome {
    if (result.kind === 'response') {
      const outcome = readResponse(result, this.#options.clock)
      return outcome.kind === 'credential_fault' ? this.#doubtService(endpoint, outcome) : outcome
    }
    if (result.reason.includes(NOT_PUBLIC)) return refusedEndpoint('not a public address')
    return { kind: result.kind, reason: result.reason }
  }
}

/** Ours to refuse, and no repeat changes it; the subscription may still be right elsewhere. */
function refusedEndpoint(reason: string): AttemptOutcome {
  return { kind: 'address_mismatch', reason: `endpoint_refused: ${reason}` }
}
