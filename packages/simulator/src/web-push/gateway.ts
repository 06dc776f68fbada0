/**
 * A stand-in for the browsers' push services, with the words of Mozilla, Google, Microsoft or Apple by endpoint.
 *
 * Subscriptions are of two kinds: simulated ones, whose private key is here, so that every body is decrypted as the
 * browser would; and those of a real Firefox, whose bodies are passed on to it unread.
 * Source: RFC 8030 (protocol), RFC 8291 (encryption), RFC 8292 (VAPID).
 */
import { createECDH, randomBytes } from 'node:crypto'
import type { ServerIdentity } from '../authority.ts'
import { ChromeService } from '../chrome/service.ts'
import { type Air, hashOf, parseObject } from '../gateway/air.ts'
import { type Delayed, Faults } from '../gateway/faults.ts'
import { type GatewayListener, type GatewayReply, type GatewayRequest, listen } from '../gateway/listener.ts'
import type { Tally } from '../gateway/tally.ts'
import { type Random, randomBase64url } from '../randomness.ts'
import { type BrowserAck, BrowserService, type BrowserSubscription, messageVersion } from './browsers.ts'
import { decryptBody, type SubscriptionKeys } from './decrypt.ts'
import { type PushService, refusalAnswer, type WebPushFault } from './refusals.ts'
import { normalizeKey, VapidCheck } from './vapid.ts'

const MAX_TTL_SECONDS = 2_592_000
const TOPIC = /^[A-Za-z0-9_-]{1,32}$/
const URGENCIES = ['very-low', 'low', 'normal', 'high']
const BODY_BYTES: Readonly<Record<PushService, number>> = {
  autopush: 5630,
  google: 4096,
  windows: 5000,
  apple: 4096,
}
const PATHS: Readonly<Record<PushService, (id: string) => string>> = {
  autopush: id => `/wpush/v2/${id}`,
  google: id => `/fcm/send/${id}`,
  windows: id => `/w/?token=${encodeURIComponent(id)}`,
  apple: id => `/apple/${id}`,
}

/** An answer on demand, in the words of the endpoint's service; a plain status; or no answer at all. */
export type WebPushAnswer =
  | (Delayed & { readonly fault: WebPushFault; readonly retryAfter?: string })
  | (Delayed & {
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    })
  | (Delayed & { readonly drop: Extract<GatewayReply, string> })

export interface CreateSubscriptionOptions {
  /** The VAPID public key, base64 or base64url of 65 bytes. */
  readonly applicationServerKey: string
  /** Whose manners the endpoint has; default autopush. */
  readonly service?: PushService
}

/** Keys in padded standard base64, as clients of the device protocol send them. */
export interface WebPushSubscription {
  readonly endpoint: string
  readonly p256dh: string
  readonly auth: string
}

interface Subscription {
  readonly applicationServerKey: string | undefined
  readonly service: PushService
  /** Undefined for a real browser, which keeps its private key. */
  readonly keys: SubscriptionKeys | undefined
  readonly isGone: boolean
}

interface Push {
  readonly endpoint: string
  readonly subscription: Subscription | undefined
  readonly plaintext: Buffer | undefined
  readonly payload: Readonly<Record<string, unknown>> | undefined
}

export interface WebPushGatewayOptions {
  readonly host: string
  readonly ports: {
    readonly webPush: number
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
  readonly #subscriptions = new Map<string, Subscription>()
  #listener: GatewayListener | undefined

  constructor(options: WebPushGatewayOptions) {
    const { host, ports, identity, clock, random } = options
    this.#options = options
    this.faults = new Faults(random)
    this.#vapid = new VapidCheck(clock)
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
      answer: request => this.#answer(request),
      onConnection: () => tally.connected('webPush'),
    })
    await this.#browsers.start()
    await this.chrome.start()
  }

  get url(): string {
    if (this.#listener === undefined) throw new Error('the Web Push stand-in is not started')
    return this.#listener.origin
  }

  /** For Firefox's preference `dom.push.serverURL`. */
  get browserUrl(): string {
    return this.#browsers.url
  }

  createSubscription(options: CreateSubscriptionOptions): WebPushSubscription {
    const { applicationServerKey, service = 'autopush' } = options
    const ecdh = createECDH('prime256v1')
    const publicKey = ecdh.generateKeys()
    const keys = { privateKey: ecdh.getPrivateKey(), publicKey, auth: randomBytes(16) }
    const endpoint = this.url + PATHS[service](randomBase64url(this.#options.random, 120))
    this.#subscriptions.set(endpoint, {
      applicationServerKey: normalizeKey(applicationServerKey),
      service,
      keys,
      isGone: false,
    })
    return { endpoint, p256dh: publicKey.toString('base64'), auth: keys.auth.toString('base64') }
  }

  /** The next push to this endpoint is answered with 410. */
  dropSubscription(endpoint: string): void {
    const simulated = this.#subscriptions.get(endpoint)
    if (simulated !== undefined) {
      this.#subscriptions.set(endpoint, { ...simulated, isGone: true })
      return
    }
    if (!this.#browsers.dropSubscription(endpoint)) throw new Error('this subscription was not made here')
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
    await Promise.all([this.#listener?.close(), this.#browsers.close(), this.chrome.close()])
  }

  async #answer(request: GatewayRequest): Promise<GatewayReply> {
    const { tally } = this.#options
    const push = this.#read(request)
    tally.requested('webPush')
    tally.attempted(push.endpoint, hashOf(push.payload))
    const unauthorized = await this.#authorize(request, push)
    const planned = unauthorized === undefined ? this.faults.take(push.endpoint) : undefined
    const reply = this.#decide(request, push, unauthorized, planned)
    await this.faults.pace(push.endpoint, planned)
    return reply
  }

  #read(request: GatewayRequest): Push {
    const endpoint = this.url + request.path
    const subscription = this.#find(endpoint)
    const keys = subscription?.keys
    const plaintext = keys === undefined ? undefined : decryptBody(request.body, keys)
    return {
      endpoint,
      subscription,
      plaintext,
      payload: plaintext === undefined ? undefined : parseObject(plaintext),
    }
  }

  #find(endpoint: string): Subscription | undefined {
    const simulated = this.#subscriptions.get(endpoint)
    if (simulated !== undefined) return simulated
    const chrome = this.chrome.find(endpoint.slice(this.url.length))
    if (chrome !== undefined) return { ...chrome, service: 'google', keys: undefined }
    const channel = this.#browsers.find(endpoint)
    // One that was there and is no more: every endpoint ever given to a browser is in the journal.
    const known = channel ?? this.#browsers.subscriptions.entries(given => given.endpoint === endpoint)[0]
    if (known === undefined) return undefined
    const { applicationServerKey } = known
    return { applicationServerKey, service: 'autopush', keys: undefined, isGone: channel === undefined }
  }

  async #authorize(request: GatewayRequest, push: Push): Promise<WebPushFault | undefined> {
    const { subscription } = push
    if (subscription === undefined) return 'unknown'
    const { authorization } = request.headers
    const verdict = await this.#vapid.check(
      authorization,
      this.#originAsked(request),
      subscription.applicationServerKey,
    )
    return verdict === 'ok' ? undefined : verdict
  }

  /** The audience: the name that the sender knows this place by, as the real services do behind theirs. */
  #originAsked({ headers }: GatewayRequest): string {
    const asked = headers[':authority'] ?? headers.host
    const name = this.#options.names.find(known => known === asked)
    return name === undefined ? this.url : `https://${name}`
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
    const fault = unauthorized ?? planned?.fault ?? judge(request, push, service)
    if (fault === undefined) return this.#accept(request, push)
    this.#options.tally.refused('webPush', fault)
    return refusalAnswer(service, fault, planned?.retryAfter)
  }

  #answerPlain(planned: Extract<WebPushAnswer, { status: number }>): GatewayReply {
    this.#options.tally.refused('webPush', String(planned.status))
    return planned
  }

  #accept(request: GatewayRequest, push: Push): GatewayReply {
    const { tally, air, random } = this.#options
    const { endpoint, payload } = push
    const messageId = messageVersion(random)
    const hash = hashOf(payload)
    const collapseKey = headerOf(request, 'topic')
    const ttlSeconds = Math.min(Number(headerOf(request, 'ttl')), MAX_TTL_SECONDS)
    tally.accepted('webPush', endpoint, hash)
    this.#browsers.deliver(endpoint, {
      version: messageId,
      body: request.body,
      topic: collapseKey,
      ttlSeconds,
    })
    this.chrome.deliver(request.path, { messageId, body: request.body, topic: collapseKey, ttlSeconds })
    const headers = pushHeaders(request)
    air.carry({
      gateway: 'webPush',
      token: endpoint,
      payload,
      hash,
      messageId,
      collapseKey,
      ttlSeconds,
      headers,
    })
    return {
      status: 201,
      headers: { location: `${this.url}/m/${messageId}`, ttl: String(ttlSeconds), 'content-length': '0' },
    }
  }
}

/** The rules of the request itself, RFC 8030 section 5. */
function judge(request: GatewayRequest, push: Push, service: PushService): WebPushFault | undefined {
  if (push.subscription?.isGone === true) return 'gone'
  return judgeHeaders(request) ?? judgeBody(request, push, service)
}

function judgeHeaders(request: GatewayRequest): WebPushFault | undefined {
  const ttl = headerOf(request, 'ttl')
  if (ttl === undefined || !/^-?\d+$/.test(ttl)) return 'ttl_missing'
  if (Number(ttl) < 0) return 'ttl_negative'
  if (!TOPIC.test(headerOf(request, 'topic') ?? 'none')) return 'bad_topic'
  return URGENCIES.includes(headerOf(request, 'urgency') ?? 'normal') ? undefined : 'bad_urgency'
}

function judgeBody(request: GatewayRequest, push: Push, service: PushService): WebPushFault | undefined {
  const { body, headers } = request
  if (body.length > BODY_BYTES[service]) return 'too_big'
  // A push without data is allowed and needs no encryption.
  if (body.length === 0) return undefined
  const hasOldHeaders = headers.encryption !== undefined || headers['crypto-key'] !== undefined
  if (headers['content-encoding'] !== 'aes128gcm' || hasOldHeaders) return 'bad_encoding'
  // A real service cannot read the body: it would accept, and the browser would throw it away unseen. Refusing
  // makes the sender's fault visible.
  if (push.subscription?.keys !== undefined && push.plaintext === undefined) return 'undecryptable'
  return undefined
}

function headerOf(request: GatewayRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function pushHeaders(request: GatewayRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of ['ttl', 'urgency', 'topic', 'content-encoding', 'x-wns-cache-policy']) {
    const value = headerOf(request, name)
    if (value !== undefined) headers[name] = value
  }
  return headers
}

function serviceOf(path: string): PushService {
  if (path.startsWith('/fcm/')) return 'google'
  if (path.startsWith('/w/')) return 'windows'
  return path.startsWith('/apple/') ? 'apple' : 'autopush'
}
