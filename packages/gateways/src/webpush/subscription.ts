/**
 * What a browser hands out when it subscribes: an endpoint (a capability: who has it can send, so only its host
 * may be logged) and two keys. Some clients send the keys in standard base64.
 * Source: W3C Push API, `PushSubscription`.
 */
import { ECDH } from 'node:crypto'
import { isObject } from '../answer.ts'
import { fault, type Parsed } from '../credentials.ts'
import { checkEndpointUrl } from './endpoint.ts'

export interface WebPushAddress {
  readonly endpoint: string
  /** 65 bytes: an uncompressed point of P-256. */
  readonly p256dh: string
  /** 16 bytes. */
  readonly auth: string
}

const REMEDY = 'Send what PushSubscription.toJSON() gives, unchanged.'

/**
 * Takes `{endpoint, p256dh, auth}` or the browser's `{endpoint, keys: {p256dh, auth}}`; gives the endpoint byte
 * for byte and the keys in base64url. Whether the endpoint may be connected to is `checkEndpoint`'s to say.
 */
export function parseSubscription(input: unknown): Parsed<WebPushAddress> {
  if (!isObject(input)) return fault('subscription_malformed', 'The subscription is not an object.', REMEDY)
  const keys = isObject(input.keys) ? input.keys : input
  const endpoint = input.endpoint
  if (typeof endpoint !== 'string') return fault('subscription_endpoint', 'endpoint missing.', REMEDY)
  const check = checkEndpointUrl(endpoint, { allowPrivate: true })
  if (!check.ok) return fault('subscription_endpoint', `endpoint: ${check.reason}.`, REMEDY)
  const p256dh = decodeBase64(keys.p256dh)
  if (!isPoint(p256dh)) return fault('subscription_p256dh', 'p256dh is no P-256 point of 65 bytes.', REMEDY)
  const auth = decodeBase64(keys.auth)
  if (auth?.length !== 16) return fault('subscription_auth', 'auth is not 16 bytes.', REMEDY)
  return {
    ok: true,
    value: { endpoint, p256dh: p256dh.toString('base64url'), auth: auth.toString('base64url') },
  }
}

/** base64url or standard base64, with or without padding; `undefined` for anything else. */
export function decodeBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}

/** On the curve, too: a point off it makes the key agreement throw. */
function isPoint(bytes: Buffer | undefined): bytes is Buffer {
  if (bytes?.length !== 65 || bytes[0] !== 4) return false
  try {
    ECDH.convertKey(bytes, 'prime256v1')
    return true
  } catch {
    return false
  }
}
