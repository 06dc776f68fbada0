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

const P256DH_FAULT = 'p256dh is no P-256 point of 65 bytes.'
const REMEDY = 'Send what PushSubscription.toJSON() gives, unchanged.'

/**
 * Takes `{endpoint, p256dh, auth}` or the browser's `{endpoint, keys: {p256dh, auth}}`; gives the endpoint byte
 * for byte and the keys in base64url. Whether the endpoint may be connected to is `checkEndpoint`'s to say.
 */
export function parseSubscription(input: unknown): Parsed<WebPushAddress> {
  const parsed = decodeSubscription(input)
  if (!parsed.ok) return parsed
  const { endpoint, receiverKey, authSecret } = parsed.value
  if (!isOnCurve(receiverKey)) return fault('subscription_p256dh', P256DH_FAULT, REMEDY)
  return {
    ok: true,
    value: {
      endpoint,
      p256dh: receiverKey.toString('base64url'),
      auth: authSecret.toString('base64url'),
    },
  }
}

/** What a message needs of a subscription. */
export interface DecodedSubscription {
  readonly endpoint: string
  readonly receiverKey: Buffer
  readonly authSecret: Buffer
}

/** As `parseSubscription`; that the key is a point of P-256 shows when something is encrypted with it. */
export function decodeSubscription(input: unknown): Parsed<DecodedSubscription> {
  if (!isObject(input)) return fault('subscription_malformed', 'The subscription is not an object.', REMEDY)
  const keys = isObject(input.keys) ? input.keys : input
  const endpoint = input.endpoint
  if (typeof endpoint !== 'string') return fault('subscription_endpoint', 'endpoint missing.', REMEDY)
  const check = checkEndpointUrl(endpoint, { allowPrivate: true })
  if (!check.ok) return fault('subscription_endpoint', `endpoint: ${check.reason}.`, REMEDY)
  const receiverKey = decodeBase64(keys.p256dh)
  if (receiverKey?.length !== 65 || receiverKey[0] !== 4)
    return fault('subscription_p256dh', P256DH_FAULT, REMEDY)
  const authSecret = decodeBase64(keys.auth)
  if (authSecret?.length !== 16) return fault('subscription_auth', 'auth is not 16 bytes.', REMEDY)
  return { ok: true, value: { endpoint, receiverKey, authSecret } }
}

/** base64url or standard base64, with or without padding; `undefined` for anything else. */
export function decodeBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}

/** With a point off the curve there is no key agreement. */
function isOnCurve(bytes: Buffer): boolean {
  try {
    ECDH.convertKey(bytes, 'prime256v1')
    return true
  } catch {
    return false
  }
}
