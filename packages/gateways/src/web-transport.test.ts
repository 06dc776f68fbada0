import type { LookupFunction } from 'node:net'
import { expect, test } from 'vitest'
import { clockAt, endAfterTest } from '../test/fixtures.ts'
import {
  type Http1Peer,
  type Http1Request,
  type PeerRequest,
  startHttp1Peer,
  startPeer,
} from '../test/peer.ts'
import type { TransportRequest } from './transport.ts'
import { createWebTransport, type WebTransportOptions } from './web-transport.ts'
import { createGuardedLookup } from './webpush/endpoint.ts'

const HOUR = 3_600_000

function webTransport({ ca }: { readonly ca: string }, options: WebTransportOptions = {}) {
  return endAfterTest(
    createWebTransport({
      extraCa: ca,
      reconnectMs: 10,
      random: () => 0,
      failsWhileBackingOff: true,
      ...options,
    }),
  )
}

function post(origin: string, overrides: Partial<TransportRequest> = {}): TransportRequest {
  const body = Buffer.from('{}')
  return { origin, method: 'POST', path: '/', headers: {}, body, deadlineMs: 60_000, ...overrides }
}

/**
 * Between two questions of an origin hours lie, and here moments: what is asked waits until connecting is allowed again,
 * whose pause goes by the real time.
 */
const WAITS_FOR_THE_PAUSE = { failsWhileBackingOff: false } as const

/** The server goes, and its clients have seen it: a socket closes when both sides have ended it. */
async function retire(peer: Http1Peer): Promise<void> {
  for (const socket of peer.sockets) {
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.end()
    if (!socket.closed) await closed
  }
  await peer.close()
}

const ok = (request: PeerRequest | Http1Request): void => request.answer(201, { location: '/m/1' })

test('an origin with HTTP/2 gets HTTP/2', async () => {
  const peer = endAfterTest(await startPeer(ok))
  const transport = webTransport(peer)
  expect(await transport.request(post(peer.origin))).toMatchObject({ status: 201 })
  expect(await transport.request(post(peer.origin))).toMatchObject({ status: 201 })
  expect(peer.sessions).toHaveLength(1)
})

test.each([
  ['ends the handshake because it has only HTTP/1.1', 'http/1.1'],
  ['agrees on no protocol', 'absent'],
] as const)(
  'a server that %s gets the first request over HTTP/1.1, and the others at once',
  async (_what, alpn) => {
    const peer = endAfterTest(await startHttp1Peer(ok, { alpn }))
    const transport = webTransport(peer)
    for (let i = 0; i < 3; i++) {
      expect(await transport.request(post(peer.origin))).toMatchObject({
        kind: 'response',
        status: 201,
        headers: { location: '/m/1' },
      })
    }
    expect(peer.requests).toHaveLength(3)
    expect(peer.handshakes()).toBe(2) // one to find out, one that is kept
  },
)

test.each([true, false])(
  'a first burst, larger than any queue, goes over HTTP/1.1 without a loss (fails while backing off: %s)',
  async failsWhileBackingOff => {
    const peer = endAfterTest(await startHttp1Peer(ok))
    const transport = webTransport(peer, { failsWhileBackingOff })
    const results = await Promise.all(
      Array.from({ length: 2500 }, () => transport.request(post(peer.origin, { deadlineMs: 30_000 }))),
    )
    expect(results.filter(result => result.kind !== 'response')).toEqual([])
    expect(peer.requests).toHaveLength(2500)
  },
)

test('after some hours an origin is asked for HTTP/2 again', async () => {
  const clock = clockAt('2026-11-02T10:00:00Z')
  const old = endAfterTest(await startHttp1Peer(ok))
  const transport = webTransport(old, { clock, ...WAITS_FOR_THE_PAUSE })
  await transport.request(post(old.origin))
  await retire(old)
  const renewed = endAfterTest(await startPeer(ok, { allowHTTP1: true }, old.port))
  renewed.server.on('request', (request, response) => {
    if (request.httpVersion === '1.1') response.writeHead(299).end()
  })
  clock.move(6 * HOUR - 1)
  expect(await transport.request(post(renewed.origin))).toMatchObject({ status: 299 })
  clock.move(1)
  expect(await transport.request(post(renewed.origin))).toMatchObject({ status: 201 })
  expect(renewed.requests).toHaveLength(1)
})

test('an origin that is asked again and still has no HTTP/2 loses nothing', async () => {
  const clock = clockAt('2026-11-02T10:00:00Z')
  const peer = endAfterTest(await startHttp1Peer(ok))
  const transport = webTransport(peer, { clock, ...WAITS_FOR_THE_PAUSE })
  for (let i = 0; i < 3; i++) {
    expect(await transport.request(post(peer.origin))).toMatchObject({ status: 201 })
    clock.move(6 * HOUR)
  }
  expect(peer.requests).toHaveLength(3)
  expect(peer.handshakes()).toBe(4) // one for each time it is asked, and one that is kept
})

test('an origin that changes to HTTP/2 alone is found out at the request after the one that fails', async () => {
  const old = endAfterTest(await startHttp1Peer(ok))
  const transport = webTransport(old, WAITS_FOR_THE_PAUSE)
  await transport.request(post(old.origin))
  await retire(old)
  const renewed = endAfterTest(await startPeer(ok, {}, old.port))
  expect(await transport.request(post(old.origin))).toMatchObject({ kind: 'not_sent' })
  expect(await transport.request(post(old.origin))).toMatchObject({ status: 201 })
  expect(renewed.requests).toHaveLength(1)
})

test('an origin that is down is not sent', async () => {
  const peer = await startHttp1Peer(ok)
  const transport = webTransport(peer)
  await transport.request(post(peer.origin))
  await retire(peer)
  for (let i = 0; i < 3; i++)
    expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'not_sent' })
})

test('a name that turns private after the check is not connected to, over HTTP/2 and over HTTP/1.1', async () => {
  const peer = endAfterTest(await startHttp1Peer(ok))
  let answers: string[] = []
  const rebinding: LookupFunction = (_host, { all }, callback) => {
    const address = answers.shift() ?? '10.0.0.1'
    if (all) callback(null, [{ address, family: 4 }])
    else callback(null, address, 4)
  }
  const isOurs = (address: string): boolean => address === '127.0.0.1'
  // The guard with one address of loopback let through, as if it were public.
  const guarded: LookupFunction = (host, options, callback) =>
    isOurs(answers[0] ?? '')
      ? rebinding(host, options, callback)
      : createGuardedLookup({ lookup: rebinding })(host, options, callback)
  const transport = webTransport(peer, { lookup: guarded })
  const refused = { kind: 'not_sent', reason: expect.stringContaining('ERR_ENDPOINT_NOT_PUBLIC') }

  answers = ['10.0.0.1']
  expect(await transport.request(post(peer.origin))).toMatchObject(refused)
  answers = ['127.0.0.1', '10.0.0.1'] // HTTP/2 finds out that there is none; then the name points elsewhere
  const other = webTransport(peer, { lookup: guarded })
  expect(await other.request(post(peer.origin))).toMatchObject(refused)
  expect(peer.requests).toHaveLength(0)
})

test('close ends both', async () => {
  let arrive = (): void => {}
  const arrived = new Promise<void>(resolve => {
    arrive = resolve
  })
  const peer = endAfterTest(await startHttp1Peer(() => arrive()))
  const transport = webTransport(peer)
  const onItsWay = transport.request(post(peer.origin))
  await arrived
  await transport.close()
  expect(await onItsWay).toMatchObject({ kind: 'uncertain' })
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'not_sent' })
})
