/**
 * What a request says, and the rules of its headers and payload.
 *
 * APNs publishes no order of its checks, so nobody may depend on the order here.
 * Source: Apple, "Sending notification requests to APNs".
 */
import type { GatewayRequest } from '../gateway/listener.ts'
import { PUSH_TYPES, type PushType } from './push-types.ts'
import type { ApnsReason } from './refusals.ts'

const DEFAULT_PRIORITY = 10
const COLLAPSE_ID_BYTES = 64
/** Without the header a push passes as an alert: Apple requires it on watchOS only. */
const DEFAULT_TYPE = PUSH_TYPES.alert as PushType

const DEVICE_PATH = '/3/device/'
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const SECONDS = /^\d+$/

/** The headers that count, once each; an empty value is none. */
export interface PushHeaders {
  readonly authorization: string | undefined
  readonly id: string | undefined
  readonly topic: string | undefined
  readonly pushType: string | undefined
  readonly priority: string | undefined
  readonly expiration: string | undefined
  readonly collapseId: string | undefined
  readonly channelId: string | undefined
  readonly requestId: string | undefined
  readonly hasDuplicate: boolean
}

/** One pass over the headers: this runs for every push of a load test. */
export function readHeaders(rawHeaders: readonly string[]): PushHeaders {
  const read = new ReadHeaders()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name === 'authorization') read.addAuthorization(rawHeaders[i + 1] as string)
    else if (name.startsWith('apns-')) read.add(name, rawHeaders[i + 1] as string)
  }
  return read
}

class ReadHeaders implements PushHeaders {
  authorization: string | undefined = undefined
  id: string | undefined = undefined
  topic: string | undefined = undefined
  pushType: string | undefined = undefined
  priority: string | undefined = undefined
  expiration: string | undefined = undefined
  collapseId: string | undefined = undefined
  channelId: string | undefined = undefined
  requestId: string | undefined = undefined
  hasDuplicate = false
  #seen = 0

  addAuthorization(value: string): void {
    if (this.authorization !== undefined) this.hasDuplicate = true
    else if (value !== '') this.authorization = value
  }

  add(name: string, value: string): void {
    const field = FIELDS[name]
    if (field === undefined) return
    const { bit, key } = field
    if ((this.#seen & bit) !== 0) this.hasDuplicate = true
    else if (value !== '') this[key] = value
    this.#seen |= bit
  }
}

type FieldName = Exclude<keyof PushHeaders, 'authorization' | 'hasDuplicate'>

const FIELDS: Readonly<Record<string, { readonly key: FieldName; readonly bit: number }>> = {
  'apns-id': { key: 'id', bit: 1 },
  'apns-topic': { key: 'topic', bit: 2 },
  'apns-push-type': { key: 'pushType', bit: 4 },
  'apns-priority': { key: 'priority', bit: 8 },
  'apns-expiration': { key: 'expiration', bit: 16 },
  'apns-collapse-id': { key: 'collapseId', bit: 32 },
  'apns-channel-id': { key: 'channelId', bit: 64 },
  'apns-request-id': { key: 'requestId', bit: 128 },
}

/** The device token in the path, in lower case; undefined when the path is another one. */
export function tokenInPath(path: string): string | undefined {
  if (!path.startsWith(DEVICE_PATH) || path.includes('/', DEVICE_PATH.length)) return undefined
  return path.slice(DEVICE_PATH.length).toLowerCase()
}

export function isMessageId(value: string | undefined): value is string {
  return value !== undefined && UUID.test(value)
}

/** Undefined for a type that Apple does not know. */
export function pushTypeOf(headers: PushHeaders): PushType | undefined {
  const { pushType } = headers
  if (pushType === undefined) return DEFAULT_TYPE
  return Object.hasOwn(PUSH_TYPES, pushType) ? PUSH_TYPES[pushType] : undefined
}

/** What is wrong with the request, apart from credentials, topic, token and payload. */
export function checkRequest(
  request: GatewayRequest,
  token: string | undefined,
  headers: PushHeaders,
): ApnsReason | undefined {
  if (request.method !== 'POST') return 'MethodNotAllowed'
  if (token === undefined) return 'BadPath'
  if (token === '') return 'MissingDeviceToken'
  return checkHeaders(headers)
}

export function checkHeaders(headers: PushHeaders): ApnsReason | undefined {
  const { id, expiration, collapseId, priority } = headers
  if (headers.hasDuplicate) return 'DuplicateHeaders'
  if (id !== undefined && !UUID.test(id)) return 'BadMessageId'
  if (expiration !== undefined && !SECONDS.test(expiration)) return 'BadExpirationDate'
  if (collapseId !== undefined && Buffer.byteLength(collapseId) > COLLAPSE_ID_BYTES) return 'BadCollapseId'
  const type = pushTypeOf(headers)
  if (type === undefined) return 'InvalidPushType'
  const isAllowed = type.priorities.includes(priority === undefined ? DEFAULT_PRIORITY : Number(priority))
  return isAllowed ? undefined : 'BadPriority'
}

/** `payload` is undefined when the body is no JSON object. */
export function checkPayload(body: Buffer, payload: unknown, maxBytes: number): ApnsReason | undefined {
  if (body.length > maxBytes) return 'PayloadTooLarge'
  // What APNs says to a body that is no JSON object is not published. Taking it would hide a sender's fault.
  return payload === undefined ? 'PayloadEmpty' : undefined
}
