/**
 * A sender of web pushes made from the RFCs: bodies encrypted step by step, identifications signed with jose, requests
 * over HTTP/1.1.
 */
import {
  createCipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import type { Simulator, WebPushSubscription } from '@roost/simulator'
import { type JWTPayload, SignJWT } from 'jose'

export interface VapidKey {
  readonly publicKey: string
  readonly privatePem: string
}

export function createVapidKey(): VapidKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  return {
    publicKey: point.toString('base64url'),
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

export interface SealOptions {
  /** Ends the record, default 2: the last one. */
  readonly delimiter?: number
  /** After the delimiter, default seven zeros. */
  readonly padding?: Buffer
  /** `rs` of the header, default 4096. */
  readonly recordBytes?: number
}

/** RFC 8291 section 3.4, step by step. */
export function seal(
  plaintext: Buffer,
  subscription: WebPushSubscription,
  options: SealOptions = {},
): Buffer {
  const { delimiter = 2, padding = Buffer.alloc(7), recordBytes = 4096 } = options
  const receiverKey = Buffer.from(subscription.p256dh, 'base64')
  const sender = createECDH('prime256v1')
  const senderKey = sender.generateKeys()
  const salt = randomBytes(16)
  const one = Buffer.of(1)
  const keyed = hmac(Buffer.from(subscription.auth, 'base64'), sender.computeSecret(receiverKey))
  const inputKey = hmac(keyed, Buffer.from('WebPush: info\0'), receiverKey, senderKey, one)
  const root = hmac(salt, inputKey)
  const contentKey = hmac(root, Buffer.from('Content-Encoding: aes128gcm\0'), one).subarray(0, 16)
  const nonce = hmac(root, Buffer.from('Content-Encoding: nonce\0'), one).subarray(0, 12)
  const cipher = createCipheriv('aes-128-gcm', contentKey, nonce)
  const record = Buffer.concat([plaintext, Buffer.of(delimiter), padding])
  const sealed = Buffer.concat([cipher.update(record), cipher.final(), cipher.getAuthTag()])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(recordBytes)
  return Buffer.concat([salt, size, Buffer.of(65), senderKey, sealed])
}

function hmac(key: Buffer, ...data: Buffer[]): Buffer {
  const mac = createHmac('sha256', key)
  for (const part of data) mac.update(part)
  return mac.digest()
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

/** A header that is undefined is left out. */
export type Headers = Readonly<Record<string, string | undefined>>

export class PushSender {
  readonly vapid: VapidKey
  readonly #simulator: Simulator
  readonly #clock: () => number

  constructor(simulator: Simulator, vapid: VapidKey, clock: () => number) {
    this.vapid = vapid
    this.#simulator = simulator
    this.#clock = clock
  }

  /** For the endpoint's origin. `shown` is the key in the header, when it is not the one that signs. */
  async authorization(
    endpoint: string,
    claims: JWTPayload = {},
    key: VapidKey = this.vapid,
    shown = key,
  ): Promise<string> {
    const exp = Math.floor(this.#clock() / 1000) + 12 * 3600
    const aud = new URL(endpoint).origin
    const jwt = await new SignJWT({ aud, exp, sub: 'mailto:ops@example.com', ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
      .sign(createPrivateKey(key.privatePem))
    return `vapid t=${jwt}, k=${shown.publicKey}`
  }

  /** With good headers and a body of its own, as far as none are given. */
  async push(subscription: WebPushSubscription, headers: Headers = {}, body?: Buffer): Promise<Answer> {
    const { endpoint } = subscription
    const plaintext = Buffer.from('{"header":"Hello","body":"World","p":"hash-1"}')
    const authorization = 'authorization' in headers ? undefined : await this.authorization(endpoint)
    const common = { ttl: '60', 'content-encoding': 'aes128gcm', authorization }
    return this.post(endpoint, { ...common, ...headers }, body ?? seal(plaintext, subscription))
  }

  post(url: string, headers: Headers, body: Buffer = Buffer.alloc(0), method = 'POST'): Promise<Answer> {
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    const options = { method, ca: this.#simulator.caPem, headers: given as Record<string, string> }
    return new Promise((resolve, reject) => {
      const request = httpsRequest(url, options, response => {
        let text = ''
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        )
      })
      request.on('error', reject)
      request.end(body)
    })
  }
}
