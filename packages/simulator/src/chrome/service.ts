/**
 * The side of Google's push service that a Chrome talks to: check-in, registration, and the stream of messages.
 *
 * A Chrome is pointed here by its switches `--gcm-checkin-url`, `--gcm-registration-url` and `--gcm-mcs-endpoint`. The
 * endpoints that it makes of our tokens are on a host of Google's that is written into it, so a sender must be told
 * that this name is the Web Push stand-in; the path is `/fcm/send/<token>`.
 * Source: Chromium, google_apis/gcm/protocol/checkin.proto and google_apis/gcm/engine; checked with Chromium 156.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { ServerIdentity } from '../authority.ts'
import { Journal } from '../journal.ts'
import type { Random } from '../randomness.ts'
import { ProtoFields, ProtoWriter } from './protobuf.ts'
import { type Chrome, isWebPush, type Registration, Registrations } from './registrations.ts'
import { ChromeStreams } from './streams.ts'

const CHECK_IN_PATH = '/checkin'
const REGISTRATION_PATH = '/c2dm/register3'
const PUSH_PATH = '/fcm/send/'
/** A check-in of Chrome has some hundred bytes. */
const MAX_BODY_BYTES = 65_536

/** One `pushManager.subscribe()` of a connected Chrome. */
export interface ChromeSubscription {
  /** Last part of the endpoint. */
  readonly token: string
  /** Base64url, as given to `subscribe()`. */
  readonly applicationServerKey: string
}

/** A Chrome has the message. What its page made of it, Google never learns. */
export interface ChromeReceipt {
  readonly token: string
  readonly messageId: string
}

export interface ChromePush {
  readonly messageId: string
  readonly body: Buffer
  readonly topic: string | undefined
  readonly ttlSeconds: number
}

export interface ChromeUrls {
  /** For the switch `--gcm-checkin-url`. */
  readonly checkIn: string
  /** For `--gcm-registration-url`. */
  readonly registration: string
  /** For `--gcm-mcs-endpoint`. */
  readonly stream: string
}

export interface ChromeServiceOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly ports: { readonly registration: number; readonly stream: number }
  readonly identity: ServerIdentity
  readonly clock: () => number
  readonly random: Random
}

export class ChromeService {
  readonly #options: ChromeServiceOptions
  readonly #registrations: Registrations
  readonly #streams: ChromeStreams
  readonly #http: Server
  readonly #subscriptions = new Journal<ChromeSubscription>()
  readonly #unsubscriptions = new Journal<ChromeSubscription>()
  readonly #receipts = new Journal<ChromeReceipt>()
  readonly #logins = new Journal<Chrome>()

  constructor(options: ChromeServiceOptions) {
    const { host, ports, identity, clock, random } = options
    this.#options = options
    this.#registrations = new Registrations(random)
    this.#streams = new ChromeStreams({
      host,
      port: ports.stream,
      identity,
      clock,
      registrations: this.#registrations,
      onLogin: chrome => this.#logins.record(chrome),
      onAcknowledged: (registration, messageId) => this.#acknowledge(registration, messageId),
    })
    this.#http = createServer({ cert: identity.certPem, key: identity.keyPem }, (request, response) => {
      void this.#receive(request, response)
    })
  }

  async start(): Promise<void> {
    const { host, ports } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#http.once('error', reject)
      this.#http.listen(ports.registration, host, resolve)
    })
    await this.#streams.start()
  }

  get urls(): ChromeUrls {
    const host = this.#options.host.includes(':') ? `[${this.#options.host}]` : this.#options.host
    const registration = `https://${host}:${(this.#http.address() as AddressInfo).port}`
    return {
      checkIn: registration + CHECK_IN_PATH,
      registration: registration + REGISTRATION_PATH,
      stream: `https://${host}:${this.#streams.port}`,
    }
  }

  /** The subscription behind the path of an endpoint; `isGone` when it was one. */
  find(path: string): (ChromeSubscription & { readonly isGone: boolean }) | undefined {
    const token = tokenIn(path)
    const registration = token === undefined ? undefined : this.#registrations.ofToken(token)
    if (registration !== undefined) return { ...subscriptionOf(registration), isGone: false }
    const [ended] = this.#subscriptions.entries(given => given.token === token)
    return ended === undefined ? undefined : { ...ended, isGone: true }
  }

  /** Hands a message to the browser, or keeps it within its ttl until the browser is back. */
  deliver(path: string, push: ChromePush): void {
    const registration = this.#registrations.ofToken(tokenIn(path) ?? '')
    if (registration === undefined) return
    const { messageId, body, topic, ttlSeconds } = push
    for (const [older, waiting] of registration.pending) {
      if (topic !== undefined && waiting.topic === topic) registration.pending.delete(older)
    }
    const pending = { body, topic, ttlSeconds, expiresAtMs: this.#options.clock() + ttlSeconds * 1000 }
    registration.pending.set(messageId, pending)
    this.#streams.send(registration, messageId, pending)
  }

  /** The next push to this token is answered with 410; the browser is not told. False when there is none. */
  dropSubscription(token: string): boolean {
    return this.#registrations.end(token)
  }

  /** Closes the browsers' streams; they come back to what they had. */
  disconnect(): void {
    this.#streams.disconnect()
  }

  /** The first subscription, past or next, that is none of `except`. */
  nextSubscription(options: { readonly except?: readonly string[] } = {}): Promise<ChromeSubscription> {
    const { except = [] } = options
    return this.#subscriptions.waitFor(({ token }) => !except.includes(token))
  }

  /** Settles when a browser has ended this subscription, past or next: a moment after `unsubscribe()` of its page. */
  nextUnsubscription(options: { readonly token: string }): Promise<ChromeSubscription> {
    return this.#unsubscriptions.waitFor(({ token }) => token === options.token)
  }

  /** The first receipt, past or next, for this token or any. */
  nextReceipt(options: { readonly token?: string } = {}): Promise<ChromeReceipt> {
    return this.#receipts.waitFor(({ token }) => options.token === undefined || token === options.token)
  }

  receipts(): ChromeReceipt[] {
    return this.#receipts.entries()
  }

  /** How often a Chrome has opened its stream. */
  logins(): number {
    return this.#logins.entries().length
  }

  async close(): Promise<void> {
    for (const journal of [this.#subscriptions, this.#unsubscriptions, this.#receipts, this.#logins])
      journal.close()
    await this.#streams.close()
    if (!this.#http.listening) return
    this.#http.closeAllConnections()
    await new Promise<void>(resolve => this.#http.close(() => resolve()))
  }

  #acknowledge(registration: Registration, messageId: string): void {
    if (registration.pending.delete(messageId))
      this.#receipts.record({ token: registration.token, messageId })
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await readBody(request)
      if (request.method !== 'POST') response.writeHead(405).end()
      else if (request.url === CHECK_IN_PATH) this.#checkIn(body, response)
      else if (request.url === REGISTRATION_PATH) this.#register(request, body, response)
      else response.writeHead(404).end()
    } catch {
      // Not a check-in, or cut off.
      if (!response.headersSent) response.writeHead(400).end()
    }
  }

  /** Numbers of the fields are those of AndroidCheckinRequest and AndroidCheckinResponse. */
  #checkIn(body: Buffer, response: ServerResponse): void {
    const request = new ProtoFields(body)
    const { androidId, securityToken } = this.#registrations.checkIn(request.bigint(2), request.bigint(13))
    const answer = new ProtoWriter().varint(1, 1).varint(3, this.#options.clock())
    answer.fixed64(7, androidId).fixed64(8, securityToken)
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(answer.finish())
  }

  /** Google answers 200 to refusals as well, and says in the body which one it is. */
  #register(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const form = new URLSearchParams(body.toString())
    const chrome = this.#authenticate(request.headers.authorization)
    response.writeHead(200, { 'content-type': 'text/plain; charset=UTF-8' })
    if (chrome === undefined) response.end('Error=AUTHENTICATION_FAILED')
    else response.end(this.#answerForm(chrome, form))
  }

  #answerForm(chrome: Chrome, form: URLSearchParams): string {
    const category = form.get('app') ?? ''
    const key = { category, subtype: form.get('X-subtype') ?? category, sender: form.get('sender') ?? '' }
    if (category === '' || key.sender === '') return 'Error=INVALID_PARAMETERS'
    if (form.get('delete') === 'true') {
      for (const ended of this.#registrations.unregister(chrome, key))
        if (isWebPush(ended)) this.#unsubscriptions.record(subscriptionOf(ended))
      return `token=${key.subtype}`
    }
    const registration = this.#registrations.register(chrome, key)
    if (isWebPush(registration)) this.#subscriptions.record(subscriptionOf(registration))
    return `token=${registration.token}`
  }

  /** `AidLogin <android id>:<security token>`. */
  #authenticate(authorization: string | undefined): Chrome | undefined {
    const [, androidId, securityToken] = /^AidLogin (\d+):(\d+)$/.exec(authorization ?? '') ?? []
    if (androidId === undefined || securityToken === undefined) return undefined
    return this.#registrations.find(BigInt(androidId), BigInt(securityToken))
  }
}

function subscriptionOf({ token, sender }: Registration): ChromeSubscription {
  return { token, applicationServerKey: sender }
}

function tokenIn(path: string): string | undefined {
  return path.startsWith(PUSH_PATH) ? path.slice(PUSH_PATH.length) : undefined
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error('the body is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
