/**
 * A stand-in for the browsers' push services, with the words of Mozilla, Google, Microsoft or Apple by endpoint.
 *
 * Subscriptions are of two kinds: simulated ones, whose private key is here, so that every body is decrypted as the
 * browser would; and those of a real Firefox, whose bodies are passed on to it unread.
 * Source: RFC 8030 (protocol), RFC 8291 (encryption), RFC 8292 (VAPID).
 */
import type { ServerIdentity } from '../authority.ts'
import { ChromeService } from '../chrome/service.ts'
import { type Air, hashOf, parseObject } from '../gateway/air.ts'
import { type Delayed, Faults } from '../gateway/faults.ts'
import { type GatewayListener, type GatewayReply, type GatewayRequest, listen } from '../gateway/listener.ts'
import type { Tally } from '../gateway/tally.ts'
import { type Random, randomUuid } from '../randomness.ts'
import { type BrowserAck, BrowserService, type BrowserSubscription, messageVersion } from './browsers.ts'
import { decryptBody } from './decrypt.ts'
import { Http1Listener } from './http1-listener.ts'
import { headerOf, type Judgement, judge } from './judge.ts'
import { refusalAnswer, type WebPushFault, wnsHeaders } from './refusals.ts'
import { type PushService, serviceOf } from './services.ts'
import { MAX_TTL_SECONDS, WEB_PUSH_STORAGE } from './storage.ts'
import {
  type CreateSubscriptionOptions,
  SimulatedSubscriptions,
  type Subscription,
  type WebPushSubscription,
} from './subscriptions.ts'
import { type EarlyRenewal, TokenRenewals } from './token-renewals.ts'
import { parseAuthorization, VapidCheck } from './vapid.ts'

export type { CreateSubscriptionOptions, WebPushSubscription } from './subscriptions.ts'

/** An answer on demand, in the words of the endpoint's service; a plain status; or no answer at all. */
export type WebPushAnswer =
  | (Delayed & { readonly fault: WebPushFault; readonly retryAfter?: string })
  | (Delayed & {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

interface Push {
  /** Of the listener that the request came to. */
  readonly origin: string
  readonly endpoint: string
  readonly subscription: Subscription | undefined
  readonly plaintext: Buffer | undefined
  readonly payload: Readonly<Record<string, unknown>> | undefined
}

export interface WebPushGatewayOptions {
  readonly host: string
  readonly ports: {
    readonly webPush: number
    readonly windowsPush: number
    readonly browserPush: number
    readonly chromeRegistration: number
    readonly chromeStream: number
  }
  /** Hosts of endpoints that senders were told to find here. */
  readonly names: readonly string[]
  readonly identity: ServerIdentity
  readonly tally: Tally
  readonly air: Air
  readonly clock: () => number
  readonly random: Random
}

export class WebPushGateway {
  readonly faults: Faults<WebPushAnswer>
  /** For Chromes, as `browserUrl` is for a Firefox. */
  readonly chrome: ChromeService
  readonly #options: WebPushGatewayOptions
  readonly #vapid: VapidCheck
  readonly #browsers: BrowserService
  readonly #subscriptions: SimulatedSubscriptions
  readonly #renewals: TokenRenewals
  readonly #windows: Http1Listener
  #listener: GatewayListener | undefined

  constructor(options: WebPushGatewayOptions) {
    const { host, ports, identity, tally, air, clock, random } = options
    this.#options = options
    air.storeBy('webPush', WEB_PUSH_STORAGE)
    this.faults = new Faults(random)
    this.#vapid = new VapidCheck(clock)
    this.#subscriptions = new SimulatedSubscriptions(random)
    this.#renewals = new TokenRenewals(clock)
    this.#windows = new Http1Listener({
      host,
      port: ports.windowsPush,
      identity,
      answer: request => this.#answer(request, this.windowsUrl),
      onConnection: () => tally.connected('webPush'),
    })
    this.#browsers = new BrowserService({
      host,
      port: ports.browserPush,
      clock,
      random,
      endpointOrigin: () => this.url,
    })
    this.chrome = new ChromeService({
      host,
      ports: { registration: ports.chromeRegistration, stream: ports.chromeStream },
      identity,
      clock,
      random,
    })
  }

  async start(): Promise<void> {
    const { host, ports, identity, tally } = this.#options
    this.#listener = await listen({
      host,
      port: ports.webPush,
      identity,
      settings: { maxConcurrentStreams: 100, initialWindowSize: 1_048_576 },
      allowHttp1: true,
      faults: this.faults,
      answer: request => this.#answer(request, this.url),
      onConnection: () => tally.connected('webPush'),
    })
    await this.#windows.start()
    await this.#browsers.start()
    await this.chrome.start()
  }

  get url(): string {
    if (this.#listener === undefined) throw new Error('the Web Push stand-in is not started')
    return this.#listener.origin
  }

  /** Origin of the endpoints of Microsoft's service, which speaks HTTP/1.1 alone. */
  get windowsUrl(): string {
    return this.#windows.origin
  }

  /** For Firefox's preference `dom.push.serverURL`. */
  get browserUrl(): string {
    return this.#browsers.url
  }

  createSubscription(options: CreateSubscriptionOptions): WebPushSubscription {
    return this.#subscriptions.create(options, options.service === 'windows' ? this.windowsUrl : this.url)
  }

  /** The next push to this endpoint is answered with 410. */
  dropSubscription(endpoint: string): void {
    if (this.#subscriptions.drop(endpoint) || this.#browsers.dropSubscription(endpoint)) return
    throw new Error('this subscription was not made here')
  }

  /** JWTs that Apple's stand-in saw less than an hour after the one before, oldest first. They are not refused. */
  earlyRenewals(): readonly EarlyRenewal[] {
    return this.#renewals.early()
  }

  /**
   * Loses a real browser, all of them without a uaid: its endpoints answer 410, and when it connects again it
   * is given a new uaid and forgets its subscriptions.
   */
  dropBrowser(uaid?: string): void {
    this.#browsers.drop(uaid)
  }

  /** Closes the browsers' connections; they come back to what they had. */
  disconnectBrowsers(): void {
    this.#browsers.disconnect()
  }

  /** What real browsers acknowledged, oldest first. */
  browserAcks(): BrowserAck[] {
    return this.#browsers.acks.entries()
  }

  /** The first acknowledgement, past or next, for this endpoint or any. */
  nextDelivery(options: { readonly endpoint?: string } = {}): Promise<BrowserAck> {
    const { endpoint } = options
    return this.#browsers.acks.waitFor(ack => endpoint === undefined || ack.endpoint === endpoint)
  }

  /** The subscriptions that real browsers asked for, oldest first, dropped ones included. */
  browserSubscriptions(): BrowserSubscription[] {
    return this.#browsers.subscriptions.entries()
  }

  /** The first subscription of a real browser, past or next, that is none of `except`. */
  nextSubscription(options: { readonly except?: readonly string[] } = {}): Promise<BrowserSubscription> {
    const { except = [] } = options
    return this.#browsers.subscriptions.waitFor(({ endpoint }) => !except.includes(endpoint))
  }

  /** Settles when a real browser has said hello under a uaid other than `except`. */
  nextBrowser(options: { readonly except?: string } = {}): Promise<{ readonly uaid: string }> {
    return this.#browsers.hellos.waitFor(({ uaid }) => uaid !== options.except)
  }

  async close(): Promise<void> {
    this.faults.releaseAnswers()
    await Promise.all([
      this.#listener?.close(),
      this.#windows.close(),
      this.#browsers.close(),
      this.chrome.close(),
    ])
  }

  async #answer(request: GatewayRequest, origin: string): Promise<GatewayReply> {
    const { tally } = this.#options
    const push = this.#read(request, origin)
    tally.requested('webPush')
    tally.attempted(push.endpoint, hashOf(push.payload))
    const unauthorized = await this.#authorize(request, push)
    const planned = unauthorized === undefined ? this.faults.take(push.endpoint) : undefined
    const reply = this.#decide(request, push, unauthorized, planned)
    await this.faults.pace(push.endpoint, planned)
    return reply
  }

  #read(request: GatewayRequest, origin: string): Push {
    const endpoint = origin + request.path
    const subscription = this.#find(endpoint)
    const keys = subscription?.keys
    const plaintext = keys === undefined ? undefined : decryptBody(request.body, keys)
    const payload = plaintext === undefined ? undefined : parseObject(plaintext)
    return { origin, endpoint, subscription, plaintext, payload }
  }

  #find(endpoint: string): Subscription | undefined {
    const simulated = this.#subscriptions.find(endpoint)
    if (simulated !== undefined) return simulated
    const real = { keys: undefined, isBridged: false }
    const chrome = this.chrome.find(endpoint.slice(this.url.length))
    if (chrome !== undefined) return { ...chrome, ...real, service: 'google' }
    const channel = this.#browsers.find(endpoint)
    // One that was there and is no more: every endpoint ever given to a browser is in the journal.
    const known = channel ?? this.#browsers.subscriptions.entries(given => given.endpoint === endpoint)[0]
    if (known === undefined) return undefined
    const { applicationServerKey } = known
    return { ...real, applicationServerKey, service: 'autopush', isGone: channel === undefined }
  }

  async #authorize(request: GatewayRequest, push: Push): Promise<WebPushFault | undefined> {
    const { subscription } = push
    if (subscription === undefined) return 'unknown'
    if (request.method !== 'POST') return 'bad_method'
    const { authorization } = request.headers
    const audience = this.#originAsked(request, push.origin)
    const verdict = await this.#vapid.check(authorization, audience, subscription.applicationServerKey)
    if (verdict !== 'ok') return verdict
    const credentials = parseAuthorization(authorization ?? '')
    if (subscription.service === 'apple' && credentials !== undefined)
      this.#renewals.see(credentials.key, credentials.jwt)
    return undefined
  }

  /** The audience: the name that the sender knows this place by, as the real services do behind theirs. */
  #originAsked({ headers }: GatewayRequest, origin: string): string {
    const asked = headers[':authority'] ?? headers.host
    const name = this.#options.names.find(known => known === asked)
    return name === undefined ? origin : `https://${name}`
  }

  #decide(
    request: GatewayRequest,
    push: Push,
    unauthorized: WebPushFault | undefined,
    planned: WebPushAnswer | undefined,
  ): GatewayReply {
    const service = push.subscription?.service ?? serviceOf(request.path)
    if (planned !== undefined && 'drop' in planned) return planned.drop
    if (planned !== undefined && 'status' in planned) return this.#answerPlain(planned)
    const refused = unauthorized === undefined ? (planned ?? judged(request, push)) : { fault: unauthorized }
    if (refused === undefined) return this.#accept(request, push, service)
    const { tally, clock, random } = this.#options
    tally.refused('webPush', refused.fault)
    if (refused.fault === 'gone')
      tally.endTold(push.endpoint, { gateway: 'webPush', atMs: clock(), sinceMs: undefined })
    return refusalAnswer(service, refused.fault, refused, random)
  }

  #answerPlain(planned: Extract<WebPushAnswer, { status: number }>): GatewayReply {
    this.#options.tally.refused('webPush', String(planned.status))
    return planned
  }

  #accept(request: GatewayRequest, push: Push, service: PushService): GatewayReply {
    const { tally, air, random } = this.#options
    const { endpoint, payload, origin } = push
    const messageId = messageVersion(random)
    const hash = hashOf(payload)
    const collapseKey = headerOf(request, 'topic')
    const ttlSeconds = Math.min(Number(headerOf(request, 'ttl')), MAX_TTL_SECONDS)
    tally.accepted('webPush', endpoint, hash)
    const { body } = request
    this.#browsers.deliver(endpoint, { version: messageId, body, topic: collapseKey, ttlSeconds })
    this.chrome.deliver(request.path, { messageId, body, topic: collapseKey, ttlSeconds })
    const headers = pushHeaders(request)
    const carried = { gateway: 'webPush', token: endpoint, messageId, collapseKey, ttlSeconds } as const
    air.carry({ ...carried, payload, hash, headers })
    const location = `${origin}/m/${messageId}`
    const common = { location, ttl: String(ttlSeconds), 'content-length': '0' }
    return { status: 201, headers: { ...common, ...ownHeaders(service, random) } }
  }
}

function judged(request: GatewayRequest, { subscription, plaintext }: Push): Judgement | undefined {
  if (subscription === undefined) return { fault: 'unknown' }
  return judge(request, subscription, plaintext !== undefined)
}

/** What a service adds to an acceptance. */
function ownHeaders(service: PushService, random: Random): Record<string, string> {
  if (service === 'apple') return { 'apns-id': randomUuid(random).toUpperCase() }
  return service === 'windows' ? wnsHeaders(random, 'received') : {}
}

function pushHeaders(request: GatewayRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of ['ttl', 'urgency', 'topic', 'content-encoding', 'x-wns-cache-policy']) {
    const value = headerOf(request, name)
    if (value !== undefined) headers[name] = value
  }
  return headers
}
