/**
 * Checks of the sender's identification: scheme, signature, audience, lifetime, contact and the bound key.
 *
 * Source: RFC 8292. The contact is a "should" there; Mozilla and Apple refuse without it, so it is needed here.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { jwtVerify } from 'jose'

const MAX_LIFETIME_SECONDS = 24 * 3600
const PUBLIC_KEY_BYTES = 65
const REMEMBERED_TOKENS = 1000

interface VerifiedToken {
  readonly key: string
  readonly expiresAtSeconds: number
}

export type VapidVerdict =
  | 'ok'
  | 'authorization_missing'
  | 'bad_authorization'
  | 'bad_key'
  | 'unauthorized'
  | 'key_mismatch'

export class VapidCheck {
  readonly #clock: () => number
  readonly #verified = new Map<string, VerifiedToken | undefined>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** `boundKey` is the base64url application server key of the subscription; undefined when it has none. */
  async check(
    authorization: string | undefined,
    origin: string,
    boundKey: string | undefined,
  ): Promise<VapidVerdict> {
    if (authorization === undefined) return boundKey === undefined ? 'ok' : 'authorization_missing'
    const credentials = parseAuthorization(authorization)
    if (credentials === undefined) return 'bad_authorization'
    if (!isPoint(credentials.key)) return 'bad_key'
    const known = `${credentials.key} ${credentials.jwt}`
    const token = this.#verified.has(known)
      ? this.#verified.get(known)
      : await this.#verify(known, credentials, origin)
    if (token === undefined || token.expiresAtSeconds <= this.#clock() / 1000) return 'unauthorized'
    return boundKey === undefined || token.key === boundKey ? 'ok' : 'key_mismatch'
  }

  async #verify(known: string, credentials: Credentials, origin: string): Promise<VerifiedToken | undefined> {
    const token = await this.#verifyToken(credentials, origin)
    if (this.#verified.size >= REMEMBERED_TOKENS) this.#verified.clear()
    this.#verified.set(known, token)
    return token
  }

  async #verifyToken({ jwt, key }: Credentials, origin: string): Promise<VerifiedToken | undefined> {
    try {
      const { payload } = await jwtVerify(jwt, publicKeyOf(key), {
        algorithms: ['ES256'],
        audience: origin,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(this.#clock()),
      })
      const { exp = 0, sub = '' } = payload
      if (exp > this.#clock() / 1000 + MAX_LIFETIME_SECONDS || !isContact(sub)) return undefined
      return { key, expiresAtSeconds: exp }
    } catch {
      return undefined
    }
  }
}

export interface Credentials {
  readonly jwt: string
  /** Base64url without padding, whatever form it came in. */
  readonly key: string
}

/** `vapid t=<JWT>, k=<key>`, the parameters in either order. */
export function parseAuthorization(authorization: string): Credentials | undefined {
  const parameters = /^vapid\s+(.+)$/i.exec(authorization)?.[1]
  if (parameters === undefined) return undefined
  const values = new Map<string, string>()
  for (const part of parameters.split(',')) {
    const [, name, value] = /^\s*([tk])="?([^"\s]+)"?\s*$/.exec(part) ?? []
    if (name !== undefined && value !== undefined) values.set(name, value)
  }
  const jwt = values.get('t')
  const key = values.get('k')
  return jwt === undefined || key === undefined ? undefined : { jwt, key: normalizeKey(key) }
}

/** The same key in one spelling: base64url without padding. */
export function normalizeKey(key: string): string {
  return Buffer.from(key, 'base64url').toString('base64url')
}

/** An uncompressed point by its form; whether it is on the curve shows when the signature is checked. */
function isPoint(key: string): boolean {
  const point = Buffer.from(key, 'base64url')
  return point.length === PUBLIC_KEY_BYTES && point[0] === 4
}

function publicKeyOf(key: string): KeyObject {
  const point = Buffer.from(key, 'base64url')
  const x = point.subarray(1, 33).toString('base64url')
  const y = point.subarray(33).toString('base64url')
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
}

/** A machine's own name says nothing of whom to ask; Apple refuses it. */
function isContact(sub: string): boolean {
  return /^mailto:[^@\s]+@[^@\s]+$/.test(sub) || /^https:\/\/(?!localhost\b)\S+$/.test(sub)
}
