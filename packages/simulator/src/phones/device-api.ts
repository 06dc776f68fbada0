/**
 * The device's side of the JSON 1.3 device protocol, over a few connections that are kept open.
 *
 * `POST <base>/json/1.3/<method>` with `{"request": …}`; done is HTTP 200 and `status_code` 200 in the answer.
 * The body goes as text/plain, as browsers send it: a server that insists on application/json would fail here.
 */
import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { isRecord, parseObject } from '../gateway/air.ts'

export interface RoostAccess {
  readonly baseUrl: string
  /** The app's code, `XXXXX-XXXXX`. */
  readonly app: string
  readonly deviceToken: string
  /** Connections kept open at most, default 32; more calls wait for a free one. */
  readonly maxConnections?: number
}

export type Fields = Readonly<Record<string, unknown>>

/** A call that the server refused or did not answer. Holds no token. */
export class DeviceApiError extends Error {
  readonly method: string
  /** 0 when there was no answer. */
  readonly status: number

  constructor(method: string, status: number, message: string, options?: ErrorOptions) {
    super(`${method}: ${message}`, options)
    this.method = method
    this.status = status
  }
}

export class DeviceApi {
  readonly app: string
  readonly #base: URL
  readonly #deviceToken: string
  readonly #agent: PlainAgent
  readonly #send: typeof plainRequest
  #vapidKey: Promise<string> | undefined

  constructor(access: RoostAccess) {
    const options = { keepAlive: true, maxSockets: access.maxConnections ?? 32 }
    this.app = access.app
    this.#base = new URL(`${access.baseUrl.replace(/\/$/, '')}/json/1.3/`)
    this.#deviceToken = access.deviceToken
    const isTls = this.#base.protocol === 'https:'
    this.#agent = isTls ? new TlsAgent(options) : new PlainAgent(options)
    this.#send = isTls ? tlsRequest : plainRequest
  }

  /**
   * The `response` of the answer. Throws DeviceApiError unless the server says that it is done. `retries`: how often
   * this call was tried before.
   */
  async call(method: string, fields: Fields, retries = 0): Promise<Fields> {
    const { status, body } = await this.#post(method, JSON.stringify({ request: fields }), retries)
    const answer = parseObject(body)
    const code = Number(answer?.status_code ?? status)
    if (status !== 200 || code !== 200) {
      throw new DeviceApiError(
        method,
        code,
        `answered ${status}/${code} ${String(answer?.status_message ?? '')}`,
      )
    }
    return isRecord(answer?.response) ? answer.response : {}
  }

  /** The app's VAPID key, asked for once, as a web client learns it from `getConfig`. */
  vapidKey(hwid: string): Promise<string> {
    this.#vapidKey ??= this.#fetchVapidKey(hwid).catch((cause: unknown) => {
      this.#vapidKey = undefined // the next phone asks again
      throw cause
    })
    return this.#vapidKey
  }

  close(): void {
    this.#agent.destroy()
  }

  async #fetchVapidKey(hwid: string): Promise<string> {
    const config = await this.call('getConfig', { application: this.app, hwid, features: ['vapid_key'] })
    const key = isRecord(config.features) ? config.features.vapid_key : undefined
    if (typeof key !== 'string')
      throw new DeviceApiError('getConfig', 200, 'the answer has no features.vapid_key')
    return key
  }

  #post(
    method: string,
    body: string,
    retries: number,
  ): Promise<{ readonly status: number; readonly body: string }> {
    const url = new URL(method, this.#base)
    const headers = {
      authorization: `Token ${this.#deviceToken}`,
      'content-type': 'text/plain;charset=UTF-8',
      'content-length': Buffer.byteLength(body),
      ...(retries > 0 && { 'x-retry-count': retries }),
    }
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) => reject(new DeviceApiError(method, 0, cause.message, { cause }))
      const request = this.#send(url, { method: 'POST', agent: this.#agent, headers }, response => {
        readText(response).then(text => resolve({ status: response.statusCode ?? 0, body: text }), fail)
      })
      request.on('error', fail)
      request.end(body)
    })
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
