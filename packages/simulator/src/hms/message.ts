/**
 * The rules of a message in Push Kit's v1 API: target, size, and the fields of `android`.
 *
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message, Request Parameters". Which wrong value gets 80100001 and
 * which 80100003 is not told for each field; here a wrong type or place is the structure, a wrong value a parameter.
 */
import { isRecord, parseObject } from '../gateway/air.ts'
import type { HmsCode, HmsResult } from './codes.ts'

const MAX_BODY_BYTES = 4096
const MAX_TOKENS = 1000
const DEFAULT_TTL_SECONDS = 86_400
const MAX_TTL_SECONDS = 1_296_000
const TARGETS = ['token', 'topic', 'condition']
const CLICK_ACTION_TYPES: readonly unknown[] = [1, 2, 3]
/** All are stored. */
const COLLAPSE_NOTHING = -1
const MAX_COLLAPSE_KEY = 100

type Fields = Readonly<Record<string, unknown>>

export interface HmsMessage {
  /** Empty for a topic or a condition. */
  readonly tokens: readonly string[]
  readonly isDryRun: boolean
  readonly isUrgent: boolean
  /** What the app is handed. */
  readonly payload: Fields
  /** 0 keeps the newest only, 1 to 100 name groups; undefined collapses nothing. */
  readonly collapseKey: string | undefined
  readonly ttlSeconds: number
}

/** The message in a request body, or what Huawei says is wrong with it. */
export function readMessage(body: Fields | undefined): HmsMessage | HmsResult {
  const message = body?.message
  if (body === undefined || !isRecord(message)) return refuse('80100003', 'message is required')
  const android = message.android ?? {}
  if (!isRecord(android)) return refuse('80100003', 'android is not an object')
  return (
    checkContent(message, android) ??
    checkTarget(message) ??
    checkSize(body, message) ??
    checkAndroid(android) ??
    messageOf(body, message, android)
  )
}

export function isResult(read: HmsMessage | HmsResult): read is HmsResult {
  return 'code' in read
}

function messageOf(body: Fields, message: Fields, android: Fields): HmsMessage {
  const collapseKey = Number(android.collapse_key ?? COLLAPSE_NOTHING)
  return {
    tokens: (message.token ?? []) as readonly string[],
    isDryRun: body.validate_only === true,
    isUrgent: android.urgency === 'HIGH',
    payload: payloadOf(message, android),
    collapseKey: collapseKey === COLLAPSE_NOTHING ? undefined : String(collapseKey),
    ttlSeconds: ttlSeconds(android.ttl) ?? DEFAULT_TTL_SECONDS,
  }
}

function payloadOf(message: Fields, android: Fields): Fields {
  const data = typeof message.data === 'string' ? message.data : undefined
  const common = isRecord(message.notification) ? message.notification : undefined
  const own = isRecord(android.notification) ? android.notification : undefined
  const hasNotification = common !== undefined || own !== undefined
  return {
    ...(data !== undefined && (parseObject(data) ?? { data })),
    ...(hasNotification && { notification: { ...common, ...own } }),
  }
}

function checkContent(message: Fields, android: Fields): HmsResult | undefined {
  const { data, notification } = message
  if (data === undefined && notification === undefined && android.notification === undefined)
    return refuse('80100003', 'data or notification is required')
  if (data !== undefined && typeof data !== 'string') return refuse('80100003', 'data is not a string')
  if (notification !== undefined && !isRecord(notification))
    return refuse('80100003', 'notification is not an object')
  return undefined
}

function checkTarget(message: Fields): HmsResult | undefined {
  const given = TARGETS.filter(name => message[name] !== undefined)
  if (given.length > 1) return refuse('80100001', 'only one of token, topic and condition is allowed')
  if (given.length === 1 && given[0] !== 'token') return undefined
  const { token } = message
  if (!Array.isArray(token) || token.length === 0 || token.length > MAX_TOKENS) return refuse('80300010')
  return token.every(one => typeof one === 'string') ? undefined : refuse('80100003', 'token is not a string')
}

/** Tokens do not count. */
function checkSize(body: Fields, message: Fields): HmsResult | undefined {
  const counted = JSON.stringify({ ...body, message: { ...message, token: undefined } })
  return Buffer.byteLength(counted) > MAX_BODY_BYTES ? refuse('80300008') : undefined
}

function checkAndroid(android: Fields): HmsResult | undefined {
  const { collapse_key: collapseKey, urgency, ttl, notification } = android
  if (collapseKey !== undefined && !isCollapseKey(collapseKey)) return refuse('80100013')
  if (urgency !== undefined && urgency !== 'HIGH' && urgency !== 'NORMAL')
    return refuse('80100001', 'urgency is HIGH or NORMAL')
  return checkTtl(ttl) ?? checkNotification(notification)
}

function isCollapseKey(key: unknown): boolean {
  return (
    typeof key === 'number' && Number.isInteger(key) && key >= COLLAPSE_NOTHING && key <= MAX_COLLAPSE_KEY
  )
}

function checkTtl(ttl: unknown): HmsResult | undefined {
  if (ttl === undefined) return undefined
  const seconds = ttlSeconds(ttl)
  if (seconds === undefined || seconds > MAX_TTL_SECONDS)
    return refuse('80100001', `ttl is "1s" to "${MAX_TTL_SECONDS}s"`)
  return seconds === 0 ? refuse('80100004') : undefined
}

function checkNotification(notification: unknown): HmsResult | undefined {
  if (notification === undefined) return undefined
  if (!isRecord(notification)) return refuse('80100003', 'android.notification is not an object')
  const action = notification.click_action
  if (isRecord(action) && CLICK_ACTION_TYPES.includes(action.type)) return undefined
  return refuse('80100001', 'android.notification.click_action needs type 1, 2 or 3')
}

function ttlSeconds(ttl: unknown): number | undefined {
  const match = typeof ttl === 'string' ? /^(\d+)(?:\.\d{1,9})?s$/.exec(ttl) : null
  return match === null ? undefined : Number(match[1])
}

function refuse(code: HmsCode, msg?: string): HmsResult {
  return msg === undefined ? { code } : { code, msg }
}
