/**
 * Signatures of webhooks, after the Standard Webhooks convention: HMAC-SHA-256 over `id.timestamp.body`, in the header
 * `webhook-signature: v1,<base64>`. The timestamp is signed too, so that an old request can't be sent again later.
 * Source: standardwebhooks.com, "Signature scheme".
 */
import { createHmac, randomBytes } from 'node:crypto'

const SECRET_PREFIX = 'whsec_'
/** The convention asks for 24 to 64. */
const SECRET_BYTES = 32

export function newWebhookSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`
}

export interface Signed {
  readonly eventId: string
  /** ms. */
  readonly at: number
  readonly body: string
}

/** One signature for each secret: while a secret is changed both sign, and a receiver takes either. */
export function signatureHeaders(
  secrets: readonly string[],
  { eventId, at, body }: Signed,
): Record<string, string> {
  const timestamp = Math.floor(at / 1000)
  const signatures = secrets.map(secret => {
    const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${eventId}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': eventId,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}
