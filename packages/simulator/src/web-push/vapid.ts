/**
 * Checks of the sender's identification: scheme, signature, audience, lifetime, contact and the bound key.
 *
 * Source: RFC 8292. The contact is a "should" there; Mozilla and Apple refuse without it, so it is needed here.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { compactVerify, decodeJwt, type JWTPayload } from 'jose'

const MAX_LIFETIME_SECONDS = 24 * 3600
const PUBLIC_KEY_BYTES = 65
const REMEMBERED_TOKENS = 1000

export type VapidVerdict =
  | 'ok'
  | 'authorization_missing'
  | 'bad_authorization'
  | 'bad_key'
  | 'unauthorized'
  | 'key_mismatch'

export class VapidCheck {
  readonly #clock: () => number
  /** The claims of tokens by key and token; undefined is one that the key did not sign. */
  readonly #signed = new Map<string, JWTPayload | undefined>()

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
    const claims = await this.#claimsOf(credentials)
    if (claims === undefined || !this.#areGood(claims, origin)) return 'unauthorized'
    return boundKey === undefined || credentials.key === boundKey ? 'ok' : 'key_mismatch'
  }

  /** A signature stays what it is; what the claims are worth depends on the origin and the hour. */
  async #claimsOf(credentials: Credentials): Promise<JWTPayload | undefined> {
    const name = `${credentials.key} ${credentials.jwt}`
    if (this.#signed.has(name)) return this.#signed.get(name)
    const claims = await verify(credentials)
    if (this.#signed.size >= REMEMBERED_TOKENS) this.#signed.clear()
    this.#signed.set(name, claims)
    return claims
  }

  #areGood({ aud, exp, sub }: JWTPayload, origin: string): boolean {
    if (aud !== origin || typeof exp !== 'number' || typeof sub !== 'string') return false
    const leftSeconds = exp - this.#clock() / 1000
    return leftSeconds > 0 && leftSeconds <= MAX_LIFETIME_SECONDS && isContact(sub)
  }
}

async function verify({ jwt, key }: Credentials): Promise<JWTPayload | undefined> {
  try {
    await compactVerify(jwt, publicKeyOf(key), { algorithms: ['ES256'] })
    return decodeJwt(jwt)
  } catch {
    return undefined
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
