/**
 * The rules of a push request itself: method, headers, size and encryption.
 *
 * Sources: RFC 8030 §5; RFC 8291 §4; Microsoft, WNS (no chunked bodies; `TTL: 0` wants `X-WNS-Cache-Policy: no-cache`).
 */
import type { GatewayRequest } from '../gateway/listener.ts'
import type { WebPushFault } from './refusals.ts'
import { maxBytes } from './services.ts'
import type { Subscription } from './subscriptions.ts'

const TOPIC = /^[A-Za-z0-9_-]{1,32}$/
const URGENCIES = ['very-low', 'low', 'normal', 'high']

export interface Judgement {
  readonly fault: WebPushFault
  /** In place of the service's usual words. */
  readonly message?: string
}

/** What is wrong with a request that has shown good credentials. `isReadable`: its body could be decrypted. */
export function judge(
  request: GatewayRequest,
  subscription: Subscription,
  isReadable: boolean,
): Judgement | undefined {
  if (subscription.isGone) return { fault: 'gone' }
  const fault =
    judgeHeaders(request) ?? (subscription.service === 'windows' ? judgeForWindows(request) : undefined)
  if (fault !== undefined) return { fault }
  return judgeSize(request, subscription) ?? judgeEncryption(request, subscription, isReadable)
}

export function headerOf(request: GatewayRequest, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

function judgeHeaders(request: GatewayRequest): WebPushFault | undefined {
  const ttl = headerOf(request, 'ttl')
  if (ttl === undefined || !/^-?\d+$/.test(ttl)) return 'ttl_missing'
  if (Number(ttl) < 0) return 'ttl_negative'
  if (!TOPIC.test(headerOf(request, 'topic') ?? 'none')) return 'bad_topic'
  return URGENCIES.includes(headerOf(request, 'urgency') ?? 'normal') ? undefined : 'bad_urgency'
}

function judgeForWindows(request: GatewayRequest): WebPushFault | undefined {
  if (headerOf(request, 'transfer-encoding') !== undefined) return 'chunked'
  const policy = headerOf(request, 'x-wns-cache-policy')
  const isKept = Number(headerOf(request, 'ttl')) > 0
  const conflicts = isKept ? policy === 'no-cache' : policy !== 'no-cache'
  return conflicts ? 'ttl_conflict' : undefined
}

function judgeSize({ body }: GatewayRequest, { service, isBridged }: Subscription): Judgement | undefined {
  const excess = body.length - maxBytes(service, isBridged)
  if (excess <= 0) return undefined
  if (!isBridged) return { fault: 'too_big' }
  return {
    fault: 'too_big',
    message: `This message is intended for a constrained device: too long by ${excess} bytes`,
  }
}

function judgeEncryption(
  request: GatewayRequest,
  subscription: Subscription,
  isReadable: boolean,
): Judgement | undefined {
  // A push without data is allowed and needs no encryption.
  if (request.body.length === 0) return undefined
  if (headerOf(request, 'content-encoding') !== 'aes128gcm' || hasOldKeys(request))
    return { fault: 'bad_encoding' }
  // A real service cannot read the body: it would accept, and the browser would throw it away unseen. Refusing
  // makes the sender's fault visible.
  return subscription.keys === undefined || isReadable ? undefined : { fault: 'undecryptable' }
}

/** Keys and salts of the aesgcm draft: with aes128gcm they are in the body. */
function hasOldKeys(request: GatewayRequest): boolean {
  return (
    /\bsalt=/.test(headerOf(request, 'encryption') ?? '') ||
    /\bdh=/.test(headerOf(request, 'crypto-key') ?? '')
  )
}
