/**
 * Apple Push Notification service, provider API, with token or certificate authentication.
 *
 * The transport should assume one stream until SETTINGS arrive: before the first valid token Apple allows no more.
 * Source: Apple, "Sending notification requests to APNs".
 */
import type { Clock } from '../clock.ts'
import { Molds } from '../mold.ts'
import type { Attempt, GatewayClient, Notification } from '../notification.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { Transport, TransportResult, Wish } from '../transport.ts'
import type { ApnsCredential, ProviderTokens } from './auth.ts'
import type { ApnsPushType } from './options.ts'
import { isOfEnvironment, readFailure, readResponse } from './outcome.ts'
import {
  type ApnsBody,
  type ApnsPayload,
  bodyOfMold,
  buildBody,
  buildPayload,
  constantHeaders,
  type MoldedBody,
  moldBody,
} from './payload.ts'
import { PUSH_TYPE_RULES } from './push-types.ts'
import { ApnsSession } from './session.ts'
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

/** Throws a TypeError when key or certificate are none; `parseP8` and `parsePemCertificate` tell beforehand. */
export function createApnsClient(options: ApnsClientOptions): GatewayClient<ApnsAddress> {
  return new ApnsClient(options)
}

class ApnsClient implements GatewayClient<ApnsAddress> {
  readonly #options: ApnsClientOptions
  readonly #origin: string
  readonly #session: ApnsSession
  readonly #molds: Molds<MoldedBody>
  #last: { readonly notification: Notification; readonly body: ApnsBody } | undefined

  constructor(options: ApnsClientOptions) {
    this.#options = options
    this.#origin = new URL(options.baseUrl ?? APNS_ORIGINS[options.environment]).origin
    this.#session = new ApnsSession(options)
    this.#molds = new Molds(marked => moldBody(marked, options.clock))
  }

  async send(attempt: Attempt<ApnsAddress>): Promise<AttemptOutcome> {
    const token = attempt.address.token.toLowerCase()
    // Apple would answer the same, and counts it towards cutting the connection.
    if (!isHexToken(token)) return { kind: 'address_mismatch', reason: 'BadDeviceToken' }
    const payload = buildPayload(attempt, this.#options.clock, this.#bodyFor(attempt.notification))
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    const fault = this.#session.describeFault()
    if (fault !== undefined) return this.#inPart({ kind: 'credential_fault', reason: fault })
    const topic = this.#topicFor(payload.pushType)
    if (!topic.ok) return { kind: 'message_fault', reason: topic.reason }
    return this.#read(
      await this.#post(`/3/device/${token}`, payload, { topic: topic.name, wish: attempt.wish }),
      topic.name,
    )
  }

  async close(): Promise<void> {}

  /** What names no variable comes as one and the same object, thousands of times in a row. */
  #bodyFor(notification: Notification): ApnsBody {
    if (this.#last?.notification === notification) return this.#last.body
    const made = this.#molds.fill(notification)
    const body = (made && bodyOfMold(made)) ?? buildBody(notification, this.#options.clock)
    this.#last = body.isTimeless ? { notification, body } : undefined
    return body
  }

  #post(
    path: string,
    payload: ReadyPayload,
    { topic, wish }: { readonly topic: string; readonly wish: Wish | undefined },
  ): Promise<TransportResult> {
    const { deadlineMs = DEFAULT_DEADLINE_MS } = this.#options
    const { pushType, priority, headers, body } = payload
    return this.#session.request({
      origin: this.#origin,
      method: 'POST',
      path,
      style: `${pushType} ${priority}`,
      constant: () => constantHeaders(pushType, priority, topic),
      headers,
      body,
      deadlineMs,
      wish,
    })
  }

  #read(result: TransportResult, topic: string): AttemptOutcome {
    const { credential, clock } = this.#options
    return this.#inPart(
      result.kind === 'response'
        ? readResponse(result, clock, topic !== credential.bundleId)
        : readFailure(result, this.#session.certificate !== undefined),
    )
  }

  /** A key or certificate that is refused in one environment may well serve the other. */
  #inPart(outcome: AttemptOutcome): AttemptOutcome {
    if (outcome.kind !== 'credential_fault' || !isOfEnvironment(outcome.reason)) return outcome
    return { ...outcome, part: this.#options.environment }
  }

  /** A token serves all topics of its team's apps; a certificate those that Apple wrote into it. */
  #topicFor(pushType: ApnsPushType): Topic {
    const { certificate } = this.#session
    const isMdm = pushType === 'mdm'
    if (certificate === undefined) {
      if (isMdm)
        return refuse('push_type_needs_certificate: mdm goes with the certificate of the MDM server only')
      return { ok: true, name: this.#options.credential.bundleId + PUSH_TYPE_RULES[pushType].suffix }
    }
    if (pushType === 'location') return refuse('push_type_needs_token: location goes with a .p8 key only')
    const name = certificate.bundleId + PUSH_TYPE_RULES[pushType].suffix
    const isServed = certificate.topics.some(it => it.topic === name && (it.kind === 'mdm') === isMdm)
    return isServed ? { ok: true, name } : refuse(`push_type_not_in_certificate: ${pushType}`)
  }
}

type ReadyPayload = Extract<ApnsPayload, { readonly ok: true }>
type Topic = { readonly ok: true; readonly name: string } | { readonly ok: false; readonly reason: string }

function refuse(reason: string): Topic {
  return { ok: false, reason }
}

function isHexToken(token: string): boolean {
  return /^([0-9a-f]{2})+$/.test(token) && token.length <= MAX_TOKEN_BYTES * 2
}
