/**
 * VAPID: the key pair that names this server to a push service, and the JWT signed with it.
 *
 * A subscription is bound to the public key that it was made with; another key means that every browser has to
 * subscribe anew. One JWT serves an origin for hours: Apple objects to one that changes within the hour.
 * Source: RFC 8292.
 */
import { createECDH, createPrivateKey, type ECDH, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { ageOf, type Clock } from '../clock.ts'
import { fault, type Parsed } from '../credentials.ts'
import { KEPT_ORIGINS, MAX_VAPID_ORIGINS, VAPID_LIFE_SECONDS, VAPID_REUSE_MS } from './settings.ts'
import { decodeBase64 } from './subscription.ts'

export interface VapidCredential {
  /** Uncompressed point of P-256, base64url: what browsers get as `applicationServerKey`. */
  readonly publicKey: string
  /** 32 bytes, base64url. */
  readonly privateKey: string
  /** `mailto:…` or `https://…`: how a push service reaches you. */
  readonly subject: string
}

export interface VapidKeys {
  readonly publicKey: string
  readonly signingKey: KeyObject
  readonly subject: string
}

const REMEDY = 'Enter both keys of one pair as they were generated, or let a new pair be made.'

export function generateVapidKeys(): Pick<VapidCredential, 'publicKey' | 'privateKey'> {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return { publicKey: pair.getPublicKey('base64url'), privateKey: privateBytes(pair).toString('base64url') }
}

/** A private number with leading zero bytes comes out shorter than 32. */
function privateBytes(pair: ECDH): Buffer {
  const bytes = pair.getPrivateKey()
  return Buffer.concat([Buffer.alloc(32 - bytes.length), bytes])
}

export function parseVapidKeys({ publicKey, privateKey, subject }: VapidCredential): Parsed<VapidKeys> {
  const publicBytes = decodeBase64(publicKey)
  const secret = decodeBase64(privateKey)
  if (publicBytes?.length !== 65 || publicBytes[0] !== 4) {
    return fault(
      'vapid_public_key',
      'publicKey is no uncompressed P-256 point of 65 bytes in base64url.',
      REMEDY,
    )
  }
  if (secret?.length !== 32)
    return fault('vapid_private_key', 'privateKey is not 32 bytes in base64url.', REMEDY)
  const derived = derivePublic(secret)
  if (!derived) return fault('vapid_private_key', 'privateKey is no private key of P-256.', REMEDY)
  if (!derived.equals(publicBytes)) {
    return fault('vapid_keys_differ', 'publicKey does not belong to privateKey.', REMEDY)
  }
  if (!isSubject(subject)) {
    const remedy = 'Enter mailto:you@your-domain or an https address of yours.'
    return fault('vapid_subject', 'subject is neither a mailto: nor a public https: address.', remedy)
  }
  return {
    ok: true,
    value: {
      publicKey: publicBytes.toString('base64url'),
      signingKey: signingKeyOf(derived, secret),
      subject,
    },
  }
}

function derivePublic(secret: Buffer): Buffer | undefined {
  try {
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(secret)
    return pair.getPublicKey()
  } catch {
    return undefined
  }
}

function signingKeyOf(publicBytes: Buffer, secret: Buffer): KeyObject {
  const x = publicBytes.subarray(1, 33).toString('base64url')
  const y = publicBytes.subarray(33).toString('base64url')
  return createPrivateKey({
    key: { kty: 'EC', crv: 'P-256', x, y, d: secret.toString('base64url') },
    format: 'jwk',
  })
}

/** Apple answers BadJwtToken to `https://localhost`. */
function isSubject(subject: string): boolean {
  if (/^mailto:[^\s@]+@[^\s@]+$/.test(subject)) return true
  if (!URL.canParse(subject)) return false
  const { protocol, hostname } = new URL(subject)
  return protocol === 'https:' && hostname !== 'localhost'
}

export interface VapidTokens {
  /** The value of `Authorization` for a request to this origin: the same one for hours. */
  authorization(origin: string): Promise<string>
  /** The origin has accepted a message. */
  markProven(origin: string): void
  /** Some subscription of this origin was sent to: the key is good there, whatever another one is told. */
  isProven(origin: string): boolean
}

interface Token {
  readonly authorization: Promise<string>
  readonly at: number
  isProven: boolean
}

export function createVapidTokens(keys: VapidKeys, clock: Clock): VapidTokens {
  const tokens = new Map<string, Token>()
  return {
    authorization: origin => {
      let held = tokens.get(origin)
      if (!held || ageOf(held.at, clock.now()) >= VAPID_REUSE_MS) {
        held = {
          authorization: sign(keys, origin, clock),
          at: clock.now(),
          isProven: held?.isProven ?? false,
        }
        tokens.delete(origin)
        tokens.set(origin, held)
        dropOldest(tokens)
      }
      return held.authorization
    },
    markProven: origin => {
      const held = tokens.get(origin)
      if (held) held.isProven = true
    },
    isProven: origin => tokens.get(origin)?.isProven ?? false,
  }
}

function dropOldest(tokens: Map<string, unknown>): void {
  if (tokens.size <= MAX_VAPID_ORIGINS) return
  for (const origin of tokens.keys()) {
    if (KEPT_ORIGINS.has(origin)) continue
    tokens.delete(origin)
    return
  }
}

async function sign(
  { publicKey, signingKey, subject }: VapidKeys,
  origin: string,
  clock: Clock,
): Promise<string> {
  const token = await new SignJWT()
    .setProtectedHeader({ typ: 'JWT', alg: 'ES256' })
    .setAudience(origin)
    .setExpirationTime(Math.floor(clock.now() / 1000) + VAPID_LIFE_SECONDS)
    .setSubject(subject)
    .sign(signingKey)
  return `vapid t=${token}, k=${publicKey}`
}
