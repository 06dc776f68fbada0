import { type AddressInfo, createServer, type LookupFunction, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { endAfterTest } from '../test/fixtures.ts'
import { type Http1Peer, type Http1Request, makeCertificate, startHttp1Peer } from '../test/peer.ts'
import { createHttp1Transport, type Http1TransportOptions } from './http1-transport.ts'
import type { Transport, TransportRequest } from './transport.ts'
import { createGuardedLookup } from './webpush/endpoint.ts'

async function peerAndTransport(
  handle: (request: Http1Request) => void,
  options: Http1TransportOptions = {},
): Promise<{ peer: Http1Peer; transport: Transport }> {
  const peer = endAfterTest(await startHttp1Peer(handle))
  const transport = endAfterTest(createHttp1Transport({ extraCa: peer.ca, ...options }))
  return { peer, transport }
}

function post(origin: string, overrides: Partial<TransportRequest> = {}): TransportRequest {
  const body = Buffer.from('{}')
  return { origin, method: 'POST', path: '/', headers: {}, body, deadlineMs: 60_000, ...overrides }
}

/** A promise and the way to resolve it. */
function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => {}
  const given = new Promise<void>(resolve => {
    give = resolve
  })
  return { given, give: () => give() }
}

const ok = (request: Http1Request): void => request.answer(200)

test('a request comes back with status, the headers that are kept, and body', async () => {
  const { peer, transport } = await peerAndTransport(request =>
    request.answer(
      201,
      { location: '/m/1', 'x-wns-status': 'received', 'x-other': 'no' },
      String(request.body),
    ),
  )
  const result = await transport.request(
    post(peer.origin, {
      path: '/w/?token=a%2fb%3D',
      fixed: { constant: { 'content-encoding': 'aes128gcm' }, secret: { authorization: 'vapid t=1' } },
      headers: { ttl: '60', 'content-length': '5' },
      body: Buffer.from('hello'),
    }),
  )
  expect(result).toEqual({
    kind: 'response',
    status: 201,
    headers: { location: '/m/1', 'x-wns-status': 'received' },
    body: Buffer.from('hello'),
  })
  const request = peer.requests[0] as Http1Request
  expect(request.path).toBe('/w/?token=a%2fb%3D')
  expect(request.headers).toEqual({
    host: `localhost:${peer.port}`,
    connection: 'keep-alive',
    'content-length': '5',
    'content-encoding': 'aes128gcm',
    authorization: 'vapid t=1',
    ttl: '60',
  })
})

test('a body that is empty has a length, too', async () => {
  const { peer, transport } = await peerAndTransport(ok)
  await transport.request(post(peer.origin, { body: Buffer.alloc(0) }))
  expect(peer.requests[0]?.headers).toMatchObject({ 'content-length': '0' })
  expect(peer.requests[0]?.headers).not.toHaveProperty('transfer-encoding')
})

test('a socket is kept for the next request', async () => {
  const { peer, transport } = await peerAndTransport(ok)
  for (let i = 0; i < 5; i++) await transport.request(post(peer.origin))
  expect(peer.requests).toHaveLength(5)
  expect(peer.sockets).toHaveLength(1)
})

test('a burst opens as many sockets as allowed, each with one request at a time, and all of it is answered', async () => {
  const busy = new Map<Socket, number>()
  let mostOnOne = 0
  const { peer, transport } = await peerAndTransport(
    request => {
      busy.set(request.socket, (busy.get(request.socket) ?? 0) + 1)
      mostOnOne = Math.max(mostOnOne, ...busy.values())
      setImmediate(() => {
        busy.set(request.socket, (busy.get(request.socket) ?? 0) - 1)
        request.answer(200)
      })
    },
    { maxSocketsPerOrigin: 3 },
  )
  const results = await Promise.all(Array.from({ length: 100 }, () => transport.request(post(peer.origin))))
  expect(results.every(result => result.kind === 'response')).toBe(true)
  expect(peer.sockets).toHaveLength(3)
  expect(mostOnOne).toBe(1)
})

test('a socket that nobody uses is closed', async () => {
  const { peer, transport } = await peerAndTransport(ok, { idleMs: 30 })
  await transport.request(post(peer.origin))
  const [socket] = peer.sockets
  await new Promise(resolve => (socket?.closed ? resolve(undefined) : socket?.once('close', resolve)))
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'response' })
  expect(peer.sockets).toHaveLength(2)
})

test('a redirect is an answer and is not followed', async () => {
  const { peer, transport } = await peerAndTransport(request =>
    request.answer(308, { location: '/elsewhere' }),
  )
  expect(await transport.request(post(peer.origin))).toMatchObject({ status: 308 })
  expect(peer.requests).toHaveLength(1)
})

test('of an answer without end the beginning is kept, and the socket is given up', async () => {
  const closed = signal()
  const { peer, transport } = await peerAndTransport(({ response, socket }) => {
    socket.once('close', closed.give)
    response.writeHead(500)
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384, 'x')));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  })
  const result = await transport.request(post(peer.origin))
  expect(result).toMatchObject({ kind: 'response', status: 500 })
  expect(result.kind === 'response' && result.body.length).toBe(65_536)
  await closed.given
})

test('headers without end are no answer', async () => {
  const { peer, transport } = await peerAndTransport(({ socket }) =>
    socket.write(`HTTP/1.1 200 OK\r\n${'x-filler: '.padEnd(40_000, 'x')}\r\n`),
  )
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'uncertain' })
})

test('what is no HTTP is no answer', async () => {
  const { peer, transport } = await peerAndTransport(({ socket }) => socket.write('SSH-2.0-hello\r\n\r\n'))
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'uncertain' })
})

test('a refused connection is not sent, and says so', async () => {
  const { peer, transport } = await peerAndTransport(ok)
  await peer.close()
  expect(await transport.request(post(peer.origin))).toEqual({
    kind: 'not_sent',
    reason: expect.stringMatching(/^could not connect: .*ECONNREFUSED/),
  })
})

test('an untrusted certificate is not sent', async () => {
  const other = await makeCertificate()
  const { peer, transport } = await peerAndTransport(ok, { extraCa: other.cert })
  expect(await transport.request(post(peer.origin))).toMatchObject({
    kind: 'not_sent',
    reason: expect.stringContaining('could not connect: '),
  })
  expect(peer.requests).toHaveLength(0)
})

test('the deadline covers a TLS handshake that never ends, and the request is not sent', async () => {
  const sockets: Socket[] = []
  const silent = createServer(socket => sockets.push(socket.on('error', () => {})))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  endAfterTest({
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => silent.close(resolve))
    },
  })
  const transport = endAfterTest(createHttp1Transport())
  const { port } = silent.address() as AddressInfo
  expect(await transport.request(post(`https://localhost:${port}`, { deadlineMs: 100 }))).toEqual({
    kind: 'not_sent',
    reason: 'could not connect: no answer before the deadline',
  })
})

test('no answer before the deadline is uncertain; what still waits for a socket then is not sent', async () => {
  const { peer, transport } = await peerAndTransport(() => {}, { maxSocketsPerOrigin: 1 })
  const results = await Promise.all([
    transport.request(post(peer.origin, { deadlineMs: 5000 })),
    transport.request(post(peer.origin, { deadlineMs: 300 })),
  ])
  expect(results).toEqual([
    { kind: 'uncertain', reason: 'no answer before the deadline' },
    { kind: 'not_sent', reason: 'waiting for a socket: no answer before the deadline' },
  ])
  expect(peer.requests).toHaveLength(1)
})

test('a request that gave up in the queue leaves the socket to the next one', async () => {
  const arrived = signal()
  const { peer, transport } = await peerAndTransport(
    request => {
      if (request.index > 0) ok(request)
      else arrived.give()
    },
    { maxSocketsPerOrigin: 1 },
  )
  const [first, second, third] = [60_000, 50, 60_000].map(deadlineMs =>
    transport.request(post(peer.origin, { deadlineMs })),
  )
  expect(await second).toMatchObject({ kind: 'not_sent' })
  await arrived.given
  peer.requests[0]?.answer(200)
  expect(await first).toMatchObject({ kind: 'response' })
  expect(await third).toMatchObject({ kind: 'response' })
  expect(peer.requests).toHaveLength(2)
})

test('a connection cut before the answer makes the request uncertain', async () => {
  const { peer, transport } = await peerAndTransport(({ socket }) => void socket.destroy())
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'uncertain' })
})

test('an answer that is cut is uncertain', async () => {
  const { peer, transport } = await peerAndTransport(({ response, socket }) => {
    response.writeHead(201, { 'content-length': '10' })
    response.write('half', () => socket.destroy())
  })
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'uncertain' })
})

test('an answer whose body stalls is uncertain at its deadline', async () => {
  const { peer, transport } = await peerAndTransport(request =>
    request.index === 0 ? ok(request) : void request.response.writeHead(400).write('{"reas'),
  )
  await transport.request(post(peer.origin)) // a handshake shall not use up the deadline
  expect(await transport.request(post(peer.origin, { deadlineMs: 300 }))).toMatchObject({ kind: 'uncertain' })
})

test('a kept socket that the server cuts before it answers the next request makes it uncertain, and it is not repeated', async () => {
  const { peer, transport } = await peerAndTransport(request =>
    request.index === 0 ? ok(request) : void request.socket.destroy(),
  )
  await transport.request(post(peer.origin))
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'uncertain' })
  expect(peer.requests).toHaveLength(2)
  expect(peer.sockets).toHaveLength(1)
})

test('a kept socket that the server has closed is not used again', async () => {
  const { peer, transport } = await peerAndTransport(request => {
    ok(request)
    request.response.once('close', () => request.socket.end())
  })
  for (let i = 0; i < 3; i++) {
    expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'response' })
    await new Promise(resolve =>
      peer.sockets[i]?.closed ? resolve(undefined) : peer.sockets[i]?.once('close', resolve),
    )
  }
  expect(peer.sockets).toHaveLength(3)
})

test('close ends what waits as not sent and what is on its way as uncertain', async () => {
  const arrived = signal()
  const { peer, transport } = await peerAndTransport(() => arrived.give(), { maxSocketsPerOrigin: 1 })
  const onItsWay = transport.request(post(peer.origin))
  const waiting = transport.request(post(peer.origin))
  await arrived.given
  await transport.close()
  expect((await onItsWay).kind).toBe('uncertain')
  expect((await waiting).kind).toBe('not_sent')
  expect(await transport.request(post(peer.origin))).toEqual({
    kind: 'not_sent',
    reason: 'the transport is closed',
  })
})

test('a header that HTTP can’t carry fails its own request only', async () => {
  const { peer, transport } = await peerAndTransport(ok)
  expect(await transport.request(post(peer.origin, { headers: { topic: 'a\r\nb: c' } }))).toMatchObject({
    kind: 'not_sent',
  })
  expect(await transport.request(post(peer.origin))).toMatchObject({ kind: 'response' })
})

test('a name that is no longer public at connect is not connected to', async () => {
  const turned: LookupFunction = (_host, { all }, callback) =>
    all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4)
  const { peer, transport } = await peerAndTransport(ok, { lookup: createGuardedLookup({ lookup: turned }) })
  expect(await transport.request(post(peer.origin))).toEqual({
    kind: 'not_sent',
    reason: expect.stringMatching(/^could not connect: .*ERR_ENDPOINT_NOT_PUBLIC/),
  })
  expect(peer.handshakes()).toBe(0)
})
