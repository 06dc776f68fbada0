/** What is shown of the wire, and what never is. */
import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { accept, apns, DEVICE_TOKEN, jwtOf, refuse } from '../test/apns.ts'
import { credential as account, fcm } from '../test/fcm.ts'
import { attemptTo, clockAt, endAfterTest, peerAndTransport } from '../test/fixtures.ts'
import { startPeer } from '../test/peer.ts'
import { makeSubscriber } from '../test/subscriber.ts'
import { createApnsClient } from './apns/client.ts'
import { createFcmClient } from './fcm/client.ts'
import { createHttp2Transport } from './http2-transport.ts'
import { createTracingTransport, type Exchange, hideAddress, SIGN_IN_HIDDEN } from './tracing-transport.ts'
import type { Transport } from './transport.ts'
import { createWebPushClient } from './webpush/client.ts'
import { generateVapidKeys } from './webpush/vapid.ts'

function traced(transport: Transport): { readonly exchanges: Exchange[]; readonly transport: Transport } {
  const exchanges: Exchange[] = []
  return { exchanges, transport: createTracingTransport(transport, it => exchanges.push(it)) }
}

test('a push to APNs is shown as it went, and of the token that names us the scheme and four characters', async () => {
  const { peer, common } = await apns(refuse(400, 'BadDeviceToken'))
  const { exchanges, transport } = traced(common.transport)
  await createApnsClient({ ...common, transport }).send(attemptTo({ token: DEVICE_TOKEN }))
  const [exchange] = exchanges
  const sent = peer.requests[0]
  const jwt = jwtOf(sent)
  expect(exchanges).toHaveLength(1)
  expect(exchange?.request).toEqual({
    method: 'POST',
    url: `${peer.origin}/3/device/${DEVICE_TOKEN}`,
    headers: expect.objectContaining({
      authorization: `bearer …${jwt.slice(-4)}`,
      'apns-topic': 'com.example.app',
      'apns-push-type': 'alert',
      'apns-id': sent?.headers['apns-id'],
      'apns-expiration': sent?.headers['apns-expiration'],
    }),
    body: String(sent?.body),
    hasClientCertificate: false,
  })
  expect(exchange?.response).toMatchObject({ status: 400, body: '{"reason":"BadDeviceToken"}' })
  expect(exchange?.failure).toBeNull()
  expect(exchange?.latencyMs).toBeGreaterThan(0)
  expect(JSON.stringify(exchanges)).not.toContain(jwt.slice(0, 30))
  const names = Object.keys(sent?.headers ?? {}).filter(it => !it.startsWith(':'))
  expect(Object.keys(exchange?.request.headers ?? {}).sort()).toEqual(names.sort())
})

test('the first of two requests that a refused key costs is shown as well', async () => {
  const { common } = await apns(refuse(403, 'InvalidProviderToken'))
  const { exchanges, transport } = traced(common.transport)
  await createApnsClient({ ...common, transport }).send(attemptTo({ token: DEVICE_TOKEN }))
  expect(exchanges.map(it => it.response?.status)).toEqual([403, 403])
})

test('of signing in at Google neither the form nor the answer is shown', async () => {
  const { options } = await fcm(request => request.answer(200, {}, { name: 'projects/p/messages/1' }))
  const { exchanges, transport } = traced(options.transport)
  await createFcmClient({ ...options, transport }).send(attemptTo({ token: 'registration-token' }))
  const [signIn, send] = exchanges
  expect(signIn?.request.body).toBe(SIGN_IN_HIDDEN)
  expect(signIn?.response).toMatchObject({ status: 200, body: SIGN_IN_HIDDEN })
  expect(send?.request.body).toContain('registration-token')
  const shown = JSON.stringify(exchanges)
  for (const secret of ['token-1', 'assertion', 'eyJ', account.private_key.split('\n')[1] ?? ''])
    expect(shown, secret).not.toContain(secret)
})

test('an encrypted message is told by its length, and the VAPID header by its end', async () => {
  const { peer, transport: wire } = await peerAndTransport(request => request.answer(201))
  const { exchanges, transport } = traced(wire)
  const clock = clockAt('2026-11-02T10:00:00Z')
  const credential = { ...generateVapidKeys(), subject: 'mailto:push@example.com' }
  const client = createWebPushClient({ credential, transport, clock, allowPrivate: true })
  await client.send(attemptTo(makeSubscriber().address(`${peer.origin}/subscription`)))
  expect(exchanges[0]?.request).toMatchObject({
    url: `${peer.origin}/subscription`,
    body: `(${peer.requests[0]?.body.length} bytes that are no text)`,
    headers: { 'content-encoding': 'aes128gcm', authorization: `vapid …${credential.publicKey.slice(-4)}` },
  })
})

test('a gateway that can’t be reached is a failure with its reason, and no response', async () => {
  const peer = await startPeer(accept)
  await peer.close()
  const { common } = await apns(accept)
  const { exchanges, transport } = traced(
    endAfterTest(createHttp2Transport({ failsWhileBackingOff: true, reconnectMs: 10 })),
  )
  const client = createApnsClient({ ...common, baseUrl: peer.origin, transport })
  await client.send(attemptTo({ token: DEVICE_TOKEN }))
  expect(exchanges[0]).toMatchObject({ response: null, failure: { kind: 'not_sent' } })
})

test('the text of the GOAWAY that ended a connection is shown', async () => {
  const { common } = await apns(request =>
    request.session.goaway(1, 0, Buffer.from('{"reason":"BadCertificate"}')),
  )
  const { exchanges, transport } = traced(common.transport)
  await createApnsClient({ ...common, transport }).send(attemptTo({ token: DEVICE_TOKEN }))
  expect(exchanges[0]?.failure?.goaway).toBe('{"reason":"BadCertificate"}')
})

test('an authorization of a few characters is not shown at all', async () => {
  const { peer, transport: wire } = await peerAndTransport(request => request.answer(200))
  const { exchanges, transport } = traced(wire)
  const headers = { authorization: 'Key short', 'x-other': 'kept' }
  const body = new Uint8Array()
  await transport.request({
    origin: peer.origin,
    method: 'GET',
    path: '/',
    headers,
    body,
    deadlineMs: 60_000,
  })
  expect(exchanges[0]?.request.headers).toEqual({ authorization: 'Key …', 'x-other': 'kept' })
})

test('closing it closes the wire', async () => {
  const { peer, transport: wire } = await peerAndTransport(request => request.answer(200))
  const { exchanges, transport } = traced(wire)
  await transport.close()
  const request = { origin: peer.origin, method: 'GET', path: '/', headers: {}, deadlineMs: 60_000 } as const
  await transport.request({ ...request, body: new Uint8Array() })
  expect(exchanges[0]?.failure).toEqual({ kind: 'not_sent', reason: 'the transport is closed' })
})

test('an address is shortened wherever it stands: in a path, in JSON, and in JSON within JSON', () => {
  const token = `a"b\\${generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`
  const shown = hideAddress(
    {
      url: `/3/device/${encodeURIComponent(token)}`,
      body: JSON.stringify({ token, data: JSON.stringify({ token }) }),
      list: [token],
      latencyMs: 3,
    },
    token,
  )
  const end = token.slice(-4)
  expect(shown).toEqual({
    url: `/3/device/…${end}`,
    body: JSON.stringify({ token: `…${end}`, data: JSON.stringify({ token: `…${end}` }) }),
    list: [`…${end}`],
    latencyMs: 3,
  })
})

test('a shortened endpoint keeps the host of its push service', () => {
  const endpoint = 'https://updates.push.services.mozilla.com/wpush/v2/gAAAAABsecret1234'
  expect(hideAddress({ url: endpoint }, endpoint).url).toBe('https://updates.push.services.mozilla.com/…1234')
})
