/**
 * The rules of one push request: headers, topic and payload.
 *
 * APNs publishes no order of its checks, so nobody may depend on the order here.
 * Source: Apple, "Sending notification requests to APNs".
 */
import { parseObject } from '../gateway/air.ts'
import type { GatewayRequest } from '../gateway/listener.ts'
import type { ApnsReason } from './refusals.ts'
import type { RegisteredKey, TeamKeys } from './team-keys.ts'

interface PushType {
  /** What follows the bundle id in the topic. */
  readonly suffix: string
  readonly priorities: readonly number[]
  readonly payloadBytes: number
}

const DEFAULT_PRIORITY = 10
const COLLAPSE_ID_BYTES = 64
const ANY_PRIORITY = [10, 5, 1]

export const PUSH_TYPES: Readonly<Record<string, PushType>> = {
  alert: { suffix: '', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  background: { suffix: '', priorities: [5], payloadBytes: 4096 },
  voip: { suffix: '.voip', priorities: ANY_PRIORITY, payloadBytes: 5120 },
  complication: { suffix: '.complication', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  fileprovider: { suffix: '.pushkit.fileprovider', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  location: { suffix: '.location-query', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  liveactivity: { suffix: '.push-type.liveactivity', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  pushtotalk: { suffix: '.voip-ptt', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  widgets: { suffix: '.push-type.widgets', priorities: ANY_PRIORITY, payloadBytes: 4096 },
  controls: { suffix: '.push-type.controls', priorities: ANY_PRIORITY, payloadBytes: 4096 },
}

const PATH = /^\/3\/device\/(?<token>[^/]*)$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const BUNDLE_ID = /^[A-Za-z0-9.-]+$/

/** The device token in the path, in lower case; undefined when the path is another one. */
export function tokenInPath(path: string): string | undefined {
  return PATH.exec(path)?.groups?.token?.toLowerCase()
}

export function isMessageId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/** What is wrong with the request, apart from credentials, topic and token. */
export function checkRequest(request: GatewayRequest): ApnsReason | undefined {
  const { method, path, rawHeaders, body } = request
  const token = tokenInPath(path)
  if (method !== 'POST') return 'MethodNotAllowed'
  if (token === undefined) return 'BadPath'
  if (token === '') return 'MissingDeviceToken'
  if (hasDuplicates(rawHeaders)) return 'DuplicateHeaders'
  return checkHeaders(request) ?? checkPayload(body, pushTypeOf(request).payloadBytes)
}

/** Whether the key may push to the topic, and the topic fits the push type. */
export function checkTopic(
  request: GatewayRequest,
  key: RegisteredKey,
  keys: TeamKeys,
): ApnsReason | undefined {
  const topic = header(request, 'apns-topic')
  if (topic === undefined) return 'MissingTopic'
  const bundleId = bundleIdOf(request)
  if (bundleId === undefined || !BUNDLE_ID.test(topic)) return 'BadTopic'
  if (!keys.owns(key.teamId, bundleId)) return 'InvalidProviderToken'
  return key.bundleIds?.includes(bundleId) === false ? 'TopicDisallowed' : undefined
}

/** The topic without the suffix of its push type. */
export function bundleIdOf(request: GatewayRequest): string | undefined {
  const topic = header(request, 'apns-topic')
  const { suffix } = pushTypeOf(request)
  return topic?.endsWith(suffix) ? topic.slice(0, topic.length - suffix.length) : undefined
}

export function header(request: GatewayRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function checkHeaders(request: GatewayRequest): ApnsReason | undefined {
  const id = header(request, 'apns-id')
  if (id !== undefined && !isMessageId(id)) return 'BadMessageId'
  if (!/^\d+$/.test(header(request, 'apns-expiration') ?? '0')) return 'BadExpirationDate'
  if (Buffer.byteLength(header(request, 'apns-collapse-id') ?? '') > COLLAPSE_ID_BYTES) return 'BadCollapseId'
  if (PUSH_TYPES[header(request, 'apns-push-type') ?? 'alert'] === undefined) return 'InvalidPushType'
  const priority = Number(header(request, 'apns-priority') ?? DEFAULT_PRIORITY)
  return pushTypeOf(request).priorities.includes(priority) ? undefined : 'BadPriority'
}

function checkPayload(body: Buffer, maxBytes: number): ApnsReason | undefined {
  if (body.length > maxBytes) return 'PayloadTooLarge'
  // What APNs says to a body that is no JSON object is not published. Taking it would hide a sender's fault.
  return parseObject(body) === undefined ? 'PayloadEmpty' : undefined
}

function pushTypeOf(request: GatewayRequest): PushType {
  // Without the header a push passes as an alert: Apple requires it on watchOS only.
  const { [header(request, 'apns-push-type') ?? 'alert']: known } = PUSH_TYPES
  return known ?? { suffix: '', priorities: ANY_PRIORITY, payloadBytes: 4096 }
}

function hasDuplicates(rawHeaders: readonly string[]): boolean {
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.startsWith('apns-') && seen.has(name)) return true
    seen.add(name)
  }
  return false
}
