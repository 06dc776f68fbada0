/**
 * A browser with a web client of the JSON 1.3 protocol, as such clients were recorded: what they call in which order, which
 * failed call ends what, and what they must find in an answer. It knows nothing of the server but its URL.
 */
import { createECDH, randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Access } from './bare.ts'
import type { CompatBody } from './roost.ts'

export const ORIGIN = 'https://shop.example.com'

export interface Subscription {
  readonly push_token: string
  readonly public_key: string
  readonly auth_token: string
}

export function subscribe(): Subscription {
  return {
    push_token: `https://push.example.com/wpush/v2/${randomUUID()}`,
    public_key: createECDH('prime256v1').generateKeys().toString('base64'),
    auth_token: randomBytes(16).toString('base64'),
  }
}

/** What came of loading the page. */
export interface Visit {
  /** In their order. */
  readonly calls: readonly string[]
  /** The page was told that the client works. */
  readonly isReady: boolean
  /** The client believes that its token is registered. */
  readonly hasToken: boolean
}

/** HTTP 200 and `status_code` 200 are success, anything else is not. */
export type Answer = { readonly isDone: true; readonly response: unknown } | { readonly isDone: false }

export class WebVisitor {
  readonly #access: Access
  readonly hwid: string
  userId: string
  subscription = subscribe()
  #calls: string[] = []

  constructor(access: Access) {
    this.#access = access
    this.hwid = `${access.app}_${randomUUID()}`
    this.userId = `user-${randomUUID()}`
  }

  /** As a browser sends it: text/plain, from its site's origin. */
  async call(url: string, method: string, fields: Record<string, unknown> = {}): Promise<Answer> {
    this.#calls.push(method)
    const response = await fetch(`${url}/json/1.3/${method}`, {
      method: 'POST',
      headers: {
        origin: ORIGIN,
        'content-type': 'text/plain;charset=UTF-8',
        authorization: `Token ${this.#access.deviceToken}`,
      },
      body: JSON.stringify({ request: { ...this.#base(), ...fields } }),
    })
    if (response.headers.get('access-control-allow-origin') !== ORIGIN) return { isDone: false }
    const body = (await response.json()) as CompatBody
    const isDone = response.status === 200 && body.status_code === 200
    return isDone ? { isDone, response: body.response } : { isDone }
  }

  #base(): Record<string, unknown> {
    return {
      application: this.#access.app,
      hwid: this.hwid,
      userId: this.hwid,
      device_type: 11,
      v: '3.2.1',
      device_model: 'Chrome 130',
      timezone: 3600,
      language: 'de',
    }
  }

  /** The page was never opened in this browser, or its token is lost; permission is granted. */
  async firstVisit(url: string): Promise<Visit> {
    this.#calls = []
    const config = await this.call(url, 'getConfig', { features: ['page_visit', 'vapid_key', 'events'] })
    if (!config.isDone) return this.#visit({ isReady: false, hasToken: false })
    const posted = { event: 'PW_SiteOpened', attributes: { url: ORIGIN }, timestampUTC: 1_790_000_000 }
    await this.call(url, 'postEvent', posted)
    const opened = await this.call(url, 'applicationOpen')
    if (!opened.isDone) return this.#visit({ isReady: false, hasToken: false })
    const named = await this.call(url, 'registerUser', { userId: this.userId, ts_offset: 3600 })
    if (!named.isDone) return this.#visit({ isReady: false, hasToken: false })
    const hasToken = keyIn(config) !== undefined && (await this.register(url))
    await this.call(url, 'getInboxMessages', { count: 0, last_code: '', last_request_time: 0 })
    return this.#visit({ isReady: true, hasToken })
  }

  /** The tail of a first visit, and what is done again when the token was lost. */
  async register(url: string): Promise<boolean> {
    if (!(await this.call(url, 'unregisterDevice')).isDone) return false
    for (let i = 0; i < 2; i++) {
      const check = await this.call(url, 'checkDevice')
      if (!check.isDone || check.response === null) return false
    }
    return (await this.call(url, 'registerDevice', { ...this.subscription })).isDone
  }

  /** Within the hour, with the token that is stored in the browser. */
  async returnVisit(url: string): Promise<Visit> {
    this.#calls = []
    const config = await this.call(url, 'getConfig', { features: ['vapid_key'] })
    if (!config.isDone) return this.#visit({ isReady: false, hasToken: false })
    await this.call(url, 'postEvent', { event: 'PW_SiteOpened', attributes: { url: ORIGIN } })
    const check = await this.call(url, 'checkDevice')
    await this.call(url, 'getInboxMessages', { count: 0, last_code: '', last_request_time: 0 })
    const found = check.isDone ? (check.response as { push_token_exist?: boolean } | null) : null
    return this.#visit({ isReady: true, hasToken: found?.push_token_exist === true })
  }

  #visit(ended: Omit<Visit, 'calls'>): Visit {
    return { calls: this.#calls, ...ended }
  }
}

/** The key to subscribe with; without it no push is set up. */
export function keyIn(config: Answer): string | undefined {
  if (!config.isDone) return undefined
  return (config.response as { features?: { vapid_key?: string } } | null)?.features?.vapid_key
}

export interface Fault {
  readonly method: string
  /** What the client gets in place of the server's answer. */
  readonly answer: '210' | 'response null'
  /** Whether the call reached the server all the same. */
  readonly isHandled: boolean
}

export interface FaultyRoad {
  readonly url: string
  close(): Promise<void>
}

/** A real server between client and server that passes everything on, but answers one method in the server's place. */
export async function startFaultyRoad(target: string, fault: Fault): Promise<FaultyRoad> {
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const isFaulty = request.url?.endsWith(`/${fault.method}`) === true
    const passed =
      isFaulty && !fault.isHandled
        ? null
        : await fetch(`${target}${request.url}`, {
            method: 'POST',
            headers: {
              origin: ORIGIN,
              'content-type': request.headers['content-type'] ?? '',
              authorization: request.headers.authorization ?? '',
            },
            body: Buffer.concat(chunks),
          })
    const text = (await passed?.text()) ?? ''
    response.writeHead(isFaulty ? 200 : (passed?.status ?? 502), {
      'access-control-allow-origin': passed?.headers.get('access-control-allow-origin') ?? ORIGIN,
    })
    response.end(isFaulty ? JSON.stringify(FAULTY[fault.answer]) : text)
  }
  const road = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>(resolve => road.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(road.address() as AddressInfo).port}`,
    close: () =>
      new Promise(resolve => {
        road.closeAllConnections()
        road.close(() => resolve())
      }),
  }
}

const FAULTY = {
  '210': { status_code: 210, status_message: 'Device not found', response: null },
  'response null': { status_code: 200, status_message: 'OK', response: null },
} as const
