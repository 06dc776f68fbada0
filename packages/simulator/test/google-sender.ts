/**
 * A sender as Google's documentation describes it: an assertion signed with jose, a token bought over HTTP/1.1,
 * requests over node:http2.
 */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request as httpsRequest } from 'node:https'
import type { ServiceAccount, Simulator } from '@roost/simulator'
import { type JWTPayload, SignJWT } from 'jose'

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging'

/** One for a whole file of tests: making it is what takes longest. */
export function createAccountKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  /** Empty when the answer is not JSON. */
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

export interface Ask {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export class GoogleSender {
  readonly session: ClientHttp2Session
  readonly #simulator: Simulator
  readonly #account: ServiceAccount
  readonly #clock: () => number

  constructor(simulator: Simulator, account: ServiceAccount, clock: () => number) {
    this.#simulator = simulator
    this.#account = account
    this.#clock = clock
    this.session = connect(simulator.urls.fcm, { ca: simulator.caPem })
    this.session.on('error', () => {})
  }

  assertion(claims: JWTPayload = {}, pem = this.#account.private_key): Promise<string> {
    const { client_email: iss, token_uri: aud, private_key_id: kid } = this.#account
    const iat = Math.floor(this.#clock() / 1000)
    return new SignJWT({ iss, scope: SCOPE, aud, iat, exp: iat + 3600, ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
      .sign(createPrivateKey(pem))
  }

  async requestToken(jwt?: string): Promise<Answer> {
    const assertion = jwt ?? (await this.assertion())
    const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
    return postForm(this.#account.token_uri, this.#simulator.caPem, form)
  }

  async accessToken(): Promise<string> {
    return String((await this.requestToken()).body.access_token)
  }

  ask({ method = 'POST', path, body, headers = {} }: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = this.session.request({ ':method': method, ':path': path, ...headers })
      let received: Record<string, unknown> = {}
      let text = ''
      stream.on('response', response => {
        received = response
      })
      stream.on('data', chunk => {
        text += chunk
      })
      stream.on('error', reject)
      stream.on('end', () => {
        const parsed = text.startsWith('{') ? JSON.parse(text) : {}
        resolve({ status: Number(received[':status']), headers: received, body: parsed, text })
      })
      stream.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }

  send(
    token: string,
    body: unknown,
    path = `/v1/projects/${this.#account.project_id}/messages:send`,
  ): Promise<Answer> {
    return this.ask({ path, body, headers: { authorization: `Bearer ${token}` } })
  }
}

/** The first of an error's details whose type ends so. */
export function detail(answer: Answer, type: string): Readonly<Record<string, unknown>> | undefined {
  const { details = [] } = answer.body.error as { details?: Record<string, unknown>[] }
  return details.find(one => String(one['@type']).endsWith(type))
}

function postForm(url: string, ca: string, form: Readonly<Record<string, string>>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { method: 'POST', ca }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => {
        const { statusCode = 0, headers } = response
        resolve({ status: statusCode, headers, body: JSON.parse(text), text })
      })
    })
    request.on('error', reject)
    request.end(new URLSearchParams(form).toString())
  })
}
