/**
 * The side of Mozilla's push service that a Firefox holds open: a WebSocket with sub-protocol `push-notification`.
 *
 *     hello -> register -> (notification -> ack | nack)* -> unregister
 *
 * A browser is known by its `uaid`. When its hello is answered with another one it forgets all its subscriptions.
 * Source: Mozilla, "Push service WebSocket protocol" (autopush), checked with Firefox ESR 153.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { isRecord, parseObject } from '../gateway/air.ts'
import { Journal } from '../journal.ts'
import { type Random, randomBase64url, randomHex, randomUuid } from '../randomness.ts'
import { normalizeKey } from './vapid.ts'

const PROTOCOL = 'push-notification'

/** What a browser said about a message: 100 shown to the worker; 301, 302, 303 the worker failed. */
export interface BrowserAck {
  readonly endpoint: string
  readonly version: string
  readonly isAccepted: boolean
  readonly code: number
}

/** One `pushManager.subscribe()` of a connected browser. */
export interface BrowserSubscription {
  readonly endpoint: string
  readonly uaid: string
  readonly channelId: string
  /** Base64url, as given to `subscribe()`; undefined without a key. */
  readonly applicationServerKey: string | undefined
}

interface Browser {
  readonly uaid: string
  readonly channels: Map<string, Channel>
  socket: WebSocket | undefined
}

interface Channel extends BrowserSubscription {
  /** By version, oldest first: what the browser has not acknowledged is sent again when it comes back. */
  readonly pending: Map<string, Notification>
}

interface Notification {
  readonly body: Buffer
  readonly topic: string | undefined
  readonly expiresAtMs: number
}

export interface BrowserServiceOptions {
  readonly host: string
  readonly port: number
  readonly clock: () => number
  readonly random: Random
  /** Origin of the https server that subscriptions point to. */
  readonly endpointOrigin: () => string
}

export interface BrowserPush {
  readonly version: string
  readonly body: Buffer
  readonly topic: string | undefined
  readonly ttlSeconds: number
}

export class BrowserService {
  readonly acks = new Journal<BrowserAck>()
  readonly subscriptions = new Journal<BrowserSubscription>()
  readonly hellos = new Journal<{ readonly uaid: string; readonly isKnown: boolean }>()
  readonly #options: BrowserServiceOptions
  readonly #http: Server = createServer((_request, response) => response.writeHead(426).end())
  readonly #sockets = new WebSocketServer({
    server: this.#http,
    handleProtocols: offered => (offered.has(PROTOCOL) ? PROTOCOL : false),
  })
  readonly #browsers = new Map<string, Browser>()
  readonly #channels = new Map<string, Channel>()

  constructor(options: BrowserServiceOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    this.#sockets.on('connection', socket => this.#converse(socket))
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      // The WebSocket server takes the errors of the one below it, and throws them when nobody listens.
      this.#sockets.once('error', reject)
      this.#http.listen(port, host, resolve)
    })
  }

  get url(): string {
    const { host } = this.#options
    const { port } = this.#http.address() as AddressInfo
    return `ws://${host.includes(':') ? `[${host}]` : host}:${port}/`
  }

  find(endpoint: string): BrowserSubscription | undefined {
    return this.#channels.get(endpoint)
  }

  /** Hands a message to the browser, or keeps it within its ttl until the browser is back. */
  deliver(endpoint: string, push: BrowserPush): void {
    const channel = this.#channels.get(endpoint)
    if (channel === undefined) return
    const { version, body, topic, ttlSeconds } = push
    for (const [older, waiting] of channel.pending) {
      if (topic !== undefined && waiting.topic === topic) channel.pending.delete(older)
    }
    channel.pending.set(version, { body, topic, expiresAtMs: this.#options.clock() + ttlSeconds * 1000 })
    send(this.#browsers.get(channel.uaid)?.socket, notification(channel.channelId, version, body))
  }

  /**
   * Loses the browser on the service's side, all browsers without a uaid: their subscriptions are gone, and a
   * browser that comes back is given a new uaid.
   */
  drop(uaid?: string): void {
    for (const browser of [...this.#browsers.values()]) {
      if (uaid !== undefined && browser.uaid !== uaid) continue
      this.#browsers.delete(browser.uaid)
      for (const { endpoint } of browser.channels.values()) this.#channels.delete(endpoint)
      disconnect(browser)
    }
  }

  /** Closes the browsers' connections and forgets nothing. */
  disconnect(): void {
    for (const browser of this.#browsers.values()) disconnect(browser)
  }

  dropSubscription(endpoint: string): boolean {
    const channel = this.#channels.get(endpoint)
    if (channel === undefined) return false
    this.#browsers.get(channel.uaid)?.channels.delete(channel.channelId)
    return this.#channels.delete(endpoint)
  }

  async close(): Promise<void> {
    for (const journal of [this.acks, this.subscriptions, this.hellos]) journal.close()
    for (const socket of this.#sockets.clients) socket.terminate()
    await new Promise<void>(resolve => this.#http.close(() => resolve()))
  }

  #converse(socket: WebSocket): void {
    let browser: Browser | undefined
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      if (browser?.socket === socket) browser.socket = undefined
    })
    socket.on('message', data => {
      const message = parseObject(data as Buffer)
      const type = message?.messageType
      if (message === undefined) socket.close(1003)
      else if (type === 'hello') browser = this.#hello(socket, message)
      else if (type === 'ping' || type === undefined) socket.send('{}')
      else if (browser !== undefined) this.#obey(browser, message)
    })
  }

  #hello(socket: WebSocket, message: Message): Browser {
    const known = this.#browsers.get(String(message.uaid))
    const browser: Browser = known ?? {
      uaid: randomHex(this.#options.random, 32),
      channels: new Map(),
      socket,
    }
    if (known?.socket !== undefined && known.socket !== socket) known.socket.terminate()
    browser.socket = socket
    this.#browsers.set(browser.uaid, browser)
    send(socket, { messageType: 'hello', status: 200, uaid: browser.uaid, use_webpush: true, broadcasts: {} })
    this.hellos.record({ uaid: browser.uaid, isKnown: known !== undefined })
    this.#flush(browser)
    return browser
  }

  #obey(browser: Browser, message: Message): void {
    const type = message.messageType
    if (type === 'register') this.#register(browser, message)
    else if (type === 'unregister') this.#unregister(browser, message)
    else if (type === 'ack') this.#acknowledge(browser, message)
    else if (type === 'nack')
      this.#record(browser, String(message.version), Number(message.code ?? 303), false)
    // broadcast_subscribe, and whatever a later browser says, expects no answer.
  }

  #register(browser: Browser, message: Message): void {
    const channelId = String(message.channelID)
    const channel = browser.channels.get(channelId) ?? this.#openChannel(browser, channelId, message.key)
    send(browser.socket, {
      messageType: 'register',
      status: 200,
      channelID: channelId,
      pushEndpoint: channel.endpoint,
    })
    const { endpoint, uaid, applicationServerKey } = channel
    this.subscriptions.record({ endpoint, uaid, channelId, applicationServerKey })
  }

  #openChannel(browser: Browser, channelId: string, key: unknown): Channel {
    const applicationServerKey = typeof key === 'string' ? normalizeKey(key) : undefined
    // Version 2 endpoints are bound to a key, version 1 to none.
    const version = applicationServerKey === undefined ? 'v1' : 'v2'
    const endpoint = `${this.#options.endpointOrigin()}/wpush/${version}/${randomBase64url(this.#options.random, 120)}`
    const channel: Channel = {
      endpoint,
      uaid: browser.uaid,
      channelId,
      applicationServerKey,
      pending: new Map(),
    }
    browser.channels.set(channelId, channel)
    this.#channels.set(endpoint, channel)
    return channel
  }

  #unregister(browser: Browser, message: Message): void {
    const channelId = String(message.channelID)
    const channel = browser.channels.get(channelId)
    if (channel !== undefined) this.dropSubscription(channel.endpoint)
    send(browser.socket, { messageType: 'unregister', status: 200, channelID: channelId })
  }

  #acknowledge(browser: Browser, message: Message): void {
    const updates = message.updates
    for (const update of Array.isArray(updates) ? (updates as unknown[]) : []) {
      if (isRecord(update)) this.#record(browser, String(update.version), Number(update.code ?? 100), true)
    }
  }

  #record(browser: Browser, version: string, code: number, isAccepted: boolean): void {
    for (const channel of browser.channels.values()) {
      if (!channel.pending.delete(version)) continue
      this.acks.record({ endpoint: channel.endpoint, version, isAccepted, code })
    }
  }

  #flush(browser: Browser): void {
    for (const channel of browser.channels.values()) {
      for (const [version, { body, expiresAtMs }] of channel.pending) {
        if (expiresAtMs > this.#options.clock())
          send(browser.socket, notification(channel.channelId, version, body))
        else channel.pending.delete(version)
      }
    }
  }
}

/** The socket is let go at once, so that nothing is handed to one that is closing. */
function disconnect(browser: Browser): void {
  browser.socket?.close(1001)
  browser.socket = undefined
}

type Message = Readonly<Record<string, unknown>>

function notification(channelID: string, version: string, body: Buffer): Message {
  const common = { messageType: 'notification', channelID, version }
  if (body.length === 0) return common
  return { ...common, data: body.toString('base64url'), headers: { encoding: 'aes128gcm' } }
}

function send(socket: WebSocket | undefined, message: Message): void {
  socket?.send(JSON.stringify(message))
}

/** A message id: Mozilla's are opaque, a UUID does. */
export function messageVersion(random: Random): string {
  return randomUuid(random)
}
