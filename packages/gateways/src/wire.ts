/**
 * What the transports have in common: whom they trust, and what they keep of an answer.
 */
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import type { ClientCertificate, TransportFailure } from './transport.ts'

/** Whoever waited for it waits no more; the engine says it in the same words. */
export const NOT_WANTED: TransportFailure = { kind: 'not_sent', reason: 'it was not wanted any more' }

/** All that any gateway says in headers; what is not listed is not kept. */
export const WANTED_HEADERS = [
  'apns-channel-id',
  'apns-id',
  'apns-request-id',
  'apns-unique-id',
  'content-type',
  'location',
  'retry-after',
  'ttl',
  'x-wns-error-description',
  'x-wns-msg-id',
  'x-wns-notificationstatus',
  'x-wns-status',
] as const

/** `extraCa`: PEM certificates trusted in addition to the default roots. */
export function secureContextOf(
  extraCa: string | undefined,
  clientCertificate?: ClientCertificate,
): SecureContext {
  if (extraCa === undefined || clientCertificate !== undefined) return readContext(extraCa, clientCertificate)
  if (lastTrusting?.extraCa !== extraCa) lastTrusting = { extraCa, context: readContext(extraCa) }
  return lastTrusting.context
}

/**
 * Reading the default roots, some 150 certificates, takes about 50 ms in which nothing else goes on, and each check of a credential
 * opens a transport. A process trusts one set, so the last is enough.
 */
let lastTrusting: { readonly extraCa: string; readonly context: SecureContext } | undefined

function readContext(extraCa: string | undefined, clientCertificate?: ClientCertificate): SecureContext {
  return createSecureContext({
    ...(extraCa === undefined ? {} : { ca: [...rootCertificates, extraCa] }),
    ...clientCertificate,
  })
}
