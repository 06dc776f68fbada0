import { expect, test } from 'vitest'
import { NOTIFICATION } from '../test/fixtures.ts'
import { androidDataOf } from './android-data.ts'
import { buildPayload as buildApns } from './apns/payload.ts'
import { buildHeaders, buildPlaintext } from './webpush/payload.ts'

const DELIVERY = '00000000-0000-8000-8000-000000000000'
const ENDPOINT = { origin: 'https://push.example.com', path: '/1' }

/** By what each platform knows that one notification takes the place of another. */
function keysOf(keys: { readonly collapseKey?: string; readonly messageKey?: string }) {
  const notification = { ...NOTIFICATION, collapseKey: undefined, ...keys, hash: 'of-variant-B' }
  const clock = { now: () => 0 }
  const apns = buildApns({ deliveryId: DELIVERY, address: undefined, notification }, clock)
  const web = buildPlaintext(notification)
  return {
    apns: apns.ok && apns.headers['apns-collapse-id'],
    android: androidDataOf(notification).pw_msg_tag,
    topic: buildHeaders(notification, ENDPOINT).topic,
    tag: web.ok && JSON.parse(web.plaintext.toString()).tag,
  }
}

test.each([
  ['the key of the sender', { collapseKey: 'sale', messageKey: 'message' }, 'sale'],
  ['the message, for all its variants', { messageKey: 'message' }, 'message'],
])('what takes the place of a shown notification is known by %s', (_by, keys, key) => {
  expect(keysOf(keys)).toEqual({ apns: key, android: key, topic: key, tag: key })
})

test('without either it is known by the hash, which a browser reads itself', () => {
  const hash = 'of-variant-B'
  expect(keysOf({})).toEqual({ apns: hash, android: hash, topic: hash, tag: undefined })
})
