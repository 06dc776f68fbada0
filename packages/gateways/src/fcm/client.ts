/**
 * Firebase Cloud Messaging, HTTP v1: one message a request, so speed is streams. The front end takes 100 on a
 * connection and ends one that has more; give it a transport that assumes no more than that.
 * Source: Firebase, "Send messages with the HTTP v1 API".
 */
import type { Clock } from '../clock.ts'
import { mustParse, parseServiceAccount, type ServiceAccount } from '../credentials.ts'
import { Molds } from '../mold.ts'
import type { Attempt, GatewayClient, Notification } from '../notification.ts'
import { type AccessTokens, createAccessTokens } from '../oauth.ts'
import type { AttemptOutcome } from '../outcome.ts'
import { createPacer, type Pacer, type Timer } from '../pacing.ts'
import { withReceiptKeyInData } from '../receipt-key.ts'
import type { FixedHeaders, Transport, TransportResult, Wish } from '../transport.ts'
import { withUserIdInData } from '../user-id.ts'
import { NOT_WANTED } from '../wire.ts'
import { assertionForm } from './auth.ts'
import { InvalidArguments } from './invalid-argument.ts'
import { type FcmVerdict, isAccessTokenRefused, readResponse } from './outcome.ts'
import { bodyFor, buildPayload, type FcmPayload, moldPayload, payloadOfMold } from './payload.ts'
import {
  DEFAULT_DEADLINE_MS,
  FCM_ORIGIN,
  GOOGLE_TOKEN_URL,
  MAX_PAYLOAD_BYTES,
  MESSAGES_PER_MINUTE,
  MIN_DEADLINE_MS,
} from './settings.ts'
import { type FcmAddress, type FcmTarget, readTarget } from './target.ts'

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
  /** For waiting on the quota. Default: the system's. */
  readonly timer?: Timer
  /**
   * For each request, over connecting and answering, and before that as long again for the quota. Less than 10 s is
   * taken as that: Google asks for it. Default 30 000.
   */
  readonly deadlineMs?: number
  /** The project's quota, or this process's share of it. At least 10. Default 600 000. */
  readonly messagesPerMinute?: number
}

/** Throws a TypeError when the key file is none; `parseServiceAccount` tells beforehand. */
export function createFcmClient(options: FcmClientOptions): GatewayClient<FcmAddress> {
  return new FcmClient(options)
}

/** As little as a message can be; without `pw_msg` nobody would show it, were it ever delivered. */
const TRIAL_CONTENT = '{"data":{"check":"1"}}'

const NO_HEADERS = {}

/** An attempt ends without an answer of FCM's: no token, no room within the quota. */
interface Ended {
  readonly kind: 'ended'
  readonly outcome: AttemptOutcome
}

class FcmClient implements GatewayClient<FcmAddress> {
  readonly #options: FcmClientOptions
  readonly #account: ServiceAccount
  readonly #origin: string
  readonly #path: string
  readonly #tokens: AccessTokens
  readonly #pacer: Pacer
  readonly #invalidArguments: InvalidArguments
  readonly #deadlineMs: number
  /** Of devices: a group is sent to once. */
  readonly #molds = new Molds(moldPayload)
  #last:
    | { readonly notification: Notification; readonly isDevice: boolean; readonly payload: FcmPayload }
    | undefined
  #fixed: { readonly token: string; readonly headers: FixedHeaders } | undefined

  constructor(options: FcmClientOptions) {
    const { transport, clock, timer, messagesPerMinute = MESSAGES_PER_MINUTE } = options
    this.#options = options
    this.#account = mustParse(parseServiceAccount(options.credential))
    this.#origin = new URL(options.baseUrl ?? FCM_ORIGIN).origin
    this.#path = `/v1/projects/${encodeURIComponent(this.#account.projectId)}/messages:send`
    this.#deadlineMs = Math.max(MIN_DEADLINE_MS, options.deadlineMs ?? DEFAULT_DEADLINE_MS)
    this.#tokens = createAccessTokens({
      tokenUrl: options.tokenUrl ?? GOOGLE_TOKEN_URL,
      form: () => assertionForm(this.#account, clock),
      transport,
      clock,
      deadlineMs: this.#deadlineMs,
    })
    this.#pacer = createPacer({ perMinute: messagesPerMinute, clock, ...(timer && { timer }) })
    this.#invalidArguments = new InvalidArguments({ clock, tryOut: target => this.#tryOut(target) })
  }

  async send({
    address,
    notification,
    validateOnly = false,
    receiptKey,
    userId,
    wish,
  }: Attempt<FcmAddress>): Promise<AttemptOutcome> {
    const read = readTarget(address)
    if (!read.ok) return { kind: 'message_fault', reason: read.reason }
    const { target } = read
    const payload = this.#payloadFor(notification, target.isDevice)
    if (!payload.ok) return { kind: 'message_fault', reason: payload.reason }
    const content = personal(payload.content, target.isDevice ? { receiptKey, userId } : {})
    const result = await this.#post(bodyFor(target, content, validateOnly), wish)
    if (result.kind === 'ended') return result.outcome
    if (result.kind !== 'response') return { kind: result.kind, reason: result.reason }
    return this.#read(result, target, payload)
  }

  /** What names no variable comes as one and the same object, thousands of times in a row. */
  #payloadFor(notification: Notification, isDevice: boolean): FcmPayload {
    const last = this.#last
    if (last?.notification === notification && last.isDevice === isDevice) return last.payload
    const made = isDevice ? this.#molds.fill(notification) : undefined
    const payload = (made && payloadOfMold(made)) ?? buildPayload(notification, isDevice)
    this.#last = { notification, isDevice, payload }
    return payload
  }

  /** Whoever waits for the quota is told to come again. */
  async close(): Promise<void> {
    this.#pacer.close()
  }

  async #read(
    response: Answered,
    target: FcmTarget,
    { content, isPersonal }: ReadyPayload,
  ): Promise<AttemptOutcome> {
    const verdict = readResponse(response, this.#options.clock)
    if (verdict.kind === 'invalid_argument') {
      return this.#invalidArguments.decide(verdict.error, target, content)
    }
    const { outcome } = verdict
    if (outcome.kind === 'accepted')
      this.#invalidArguments.noteAccepted(target, isPersonal ? undefined : content)
    if (response.status === 429) this.#heed(outcome)
    // Nobody's address stands behind a topic.
    const isAboutAddress = outcome.kind === 'address_dead' || outcome.kind === 'address_mismatch'
    return isAboutAddress && !target.isDevice ? { kind: 'message_fault', reason: outcome.reason } : outcome
  }

  /** The project's quota is used up: asking again before its time would only be counted too. */
  #heed(outcome: AttemptOutcome): void {
    if (outcome.kind === 'retry' && outcome.scope === 'credential') this.#pacer.pause(outcome.afterMs ?? 0)
  }

  async #tryOut(target: FcmTarget): Promise<FcmVerdict | undefined> {
    const result = await this.#post(bodyFor(target, TRIAL_CONTENT, true))
    return result.kind === 'response' ? readResponse(result, this.#options.clock) : undefined
  }

  /** Sends; an access token that is refused is replaced once, and the request sent again. */
  async #post(body: Uint8Array, wish?: Wish): Promise<TransportResult | Ended> {
    const first = this.#tokens.ready() ?? (await this.#tokens.current())
    if (!first.ok) return { kind: 'ended', outcome: first.outcome }
    const result = await this.#request(first.token, body, wish)
    if (result.kind !== 'response' || !isAccessTokenRefused(result)) return result
    this.#tokens.drop(first.token)
    const second = await this.#tokens.current()
    if (!second.ok) return { kind: 'ended', outcome: second.outcome }
    const last = await this.#request(second.token, body, wish)
    // Never used again: once all is mended a new one serves.
    if (last.kind === 'response' && isAccessTokenRefused(last)) this.#tokens.drop(second.token)
    return last
  }

  #request(token: string, body: Uint8Array, wish: Wish | undefined): Promise<TransportResult | Ended> {
    return this.#pacer.tryTake()
      ? this.#send(token, body, { waitedMs: 0, wish })
      : this.#requestInTurn(token, body, wish)
  }

  async #requestInTurn(
    token: string,
    body: Uint8Array,
    wish: Wish | undefined,
  ): Promise<TransportResult | Ended> {
    const { clock } = this.#options
    const askedAt = clock.now()
    const passage = await this.#pacer.take(this.#deadlineMs, wish)
    if (!passage.ok) {
      const { afterMs } = passage
      return afterMs === 'unwanted' ? NOT_WANTED : { kind: 'ended', outcome: waitForQuota(afterMs) }
    }
    return this.#send(token, body, { waitedMs: Math.max(0, clock.now() - askedAt), wish })
  }

  #send(
    token: string,
    body: Uint8Array,
    { waitedMs, wish }: { readonly waitedMs: number; readonly wish: Wish | undefined },
  ): Promise<TransportResult> {
    return this.#options.transport.request({
      origin: this.#origin,
      method: 'POST',
      path: this.#path,
      fixed: this.#fixedHeaders(token),
      headers: NO_HEADERS,
      body,
      deadlineMs: Math.max(MIN_DEADLINE_MS, this.#deadlineMs - waitedMs),
      wish,
    })
  }

  /** The same object for as long as the token stays the same: it is encoded once. */
  #fixedHeaders(token: string): FixedHeaders {
    if (this.#fixed?.token !== token) {
      const constant = { 'content-type': 'application/json' }
      this.#fixed = { token, headers: { constant, secret: { authorization: `Bearer ${token}` } } }
    }
    return this.#fixed.headers
  }
}

type Answered = Extract<TransportResult, { readonly kind: 'response' }>
type ReadyPayload = Extract<FcmPayload, { readonly ok: true }>

function personal(
  content: string,
  { receiptKey, userId }: Pick<Attempt<never>, 'receiptKey' | 'userId'>,
): string {
  const named = withUserIdInData(content, userId, MAX_PAYLOAD_BYTES)
  return withReceiptKeyInData(named, receiptKey, MAX_PAYLOAD_BYTES)
}

function waitForQuota(afterMs: number): AttemptOutcome {
  return { kind: 'retry', reason: "the project's quota of messages a minute", scope: 'credential', afterMs }
}
