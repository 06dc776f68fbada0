import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { makeCertificate, type Peer, type PeerRequest, startPeer, startRelay } from '../test/peer.ts'
import { createHttp2Transport, type Http2TransportOptions } from './http2-transport.ts'
import type { Transport, TransportRequest, TransportResult } from './transport.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function peer(handle: (request: PeerRequest) => void, options = {}): Promise<Peer> {
  const started = await startPeer(handle, options)
  closers.push(() => started.close())
  return started
}

function transportTo({ ca }: { ca: string }, options: Http2TransportOptions = {}): Transport {
  const transport = createHttp2Transport({ extraCa: ca, reconnectMs: 20, random: () => 0, ...options })
  closers.push(() => transport.close())
  return transport
}

function post(origin: string, overrides: Partial<TransportRequest> = {}): TransportRequest {
  return {
    origin,
    method: 'POST',
    path: '/',
    headers: {},
    body: Buffer.from('{}'),
    deadlineMs: 60_000,
    ...overrides,
  }
}

function many(transport: Transport, origin: string, count: number): Promise<TransportResult[]> {
  return Promise.all(Array.from({ length: count }, () => transport.request(post(origin))))
}

const ok = (request: PeerRequest): void => request.answer(200)

/** The first one makes the connection, so that no handshake uses up the deadline of the next. */
function answerOnlyTheFirst(handle: (request: PeerRequest) => void) {
  return (request: PeerRequest): void => (request.index === 0 ? ok(request) : handle(request))
}

test('a request comes back with status, headers and body', async () => {
  const server = await peer(request =>
    request.answer(201, { 'apns-id': request.headers['x-in'] }, request.body.toString()),
  )
  const result = await transportTo(server).request(
    post(server.origin, { headers: { 'x-in': 'yes' }, path: '/a' }),
  )
  expect(result).toMatchObject({ kind: 'response', status: 201, headers: { 'apns-id': 'yes' } })
  expect(result.kind === 'response' && Buffer.from(result.body).toString()).toBe('{}')
  expect(server.requests[0]?.path).toBe('/a')
})

test('requests share one connection while there is room on it', async () => {
  const server = await peer(ok)
  const transport = transportTo(server)
  await many(transport, server.origin, 50)
  await many(transport, server.origin, 50)
  expect(server.sessions).toHaveLength(1)
})

test('pools of one origin never share a connection', async () => {
  const server = await peer(ok)
  const transport = transportTo(server)
  await transport.request(post(server.origin, { pool: 'team-a' }))
  await transport.request(post(server.origin, { pool: 'team-b' }))
  expect(server.sessions).toHaveLength(2)
})

test('what is urgent has a connection of its own while the others are busy, and none while they are not', async () => {
  const { handle, arrived, kept } = keeping()
  const server = await peer(handle, { settings: { maxConcurrentStreams: 200 } })
  const transport = transportTo(server, { assumedStreams: 200 })
  const urgent = () => transport.request(post(server.origin, { wish: { isWanted: true, isUrgent: true } }))
  const first = urgent()
  await arrived(1)
  const crowd = many(transport, server.origin, 150)
  await arrived(151)
  expect(server.sessions).toHaveLength(1)
  const second = urgent()
  await arrived(152)
  expect(server.sessions).toHaveLength(2)
  expect(kept.at(-1)?.session).toBe(server.sessions[1])
  for (const it of kept) it.answer(200)
  for (const it of [await first, await second, ...(await crowd)]) expect(it.kind).toBe('response')
})

test('the connection of what is urgent is there before anything urgent comes, as soon as the others are busy', async () => {
  const { handle, arrived, kept } = keeping()
  const server = await peer(handle, { settings: { maxConcurrentStreams: 200 } })
  const transport = transportTo(server, { assumedStreams: 200, maxConnectionsPerOrigin: 1 })
  const crowd = many(transport, server.origin, 60)
  await arrived(60)
  expect(server.sessions).toHaveLength(1)
  const more = many(transport, server.origin, 90)
  await arrived(150)
  while (server.sessions.length < 2) await new Promise(resolve => setImmediate(resolve))
  const urgent = transport.request(post(server.origin, { wish: { isWanted: true, isUrgent: true } }))
  await arrived(151)
  expect(kept.at(-1)?.session).toBe(server.sessions[1])
  expect(server.sessions).toHaveLength(2)
  for (const it of kept) it.answer(200)
  for (const it of [await urgent, ...(await crowd), ...(await more)]) expect(it.kind).toBe('response')
})

/** Answers nothing by itself; `arrived(n)` resolves at the n-th request. */
function keeping() {
  const kept: PeerRequest[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  return {
    kept,
    handle: (request: PeerRequest) => {
      kept.push(request)
      for (const { count, resolve } of waiting) if (kept.length >= count) resolve()
    },
    arrived: (count: number) => new Promise<void>(resolve => waiting.push({ count, resolve })),
  }
}

test('a burst stays below the stream limit that the peer announces, and all of it succeeds', async () => {
  const server = await peer(request => setImmediate(() => request.answer(200)), {
    settings: { maxConcurrentStreams: 7 },
  })
  const transport = transportTo(server, { assumedStreams: 1, maxConnectionsPerOrigin: 1 })
  const results = await many(transport, server.origin, 300)
  expect(results.every(result => result.kind === 'response')).toBe(true)
  expect(server.busiest()).toBe(7)
})

test('a limit that the peer raises after the first answer is used, as with APNs', async () => {
  const server = await peer(
    request => {
      if (request.index === 0) request.session.settings({ maxConcurrentStreams: 20 })
      setImmediate(() => request.answer(200))
    },
    { settings: { maxConcurrentStreams: 1 } },
  )
  const transport = transportTo(server, { assumedStreams: 1, maxConnectionsPerOrigin: 1 })
  const results = await many(transport, server.origin, 200)
  expect(results.every(result => result.kind === 'response')).toBe(true)
  expect(server.busiest()).toBeGreaterThan(1)
  expect(server.busiest()).toBeLessThanOrEqual(20)
})

test('load opens more connections, and no more than allowed', async () => {
  const held: PeerRequest[] = []
  const answered = new Set<unknown>()
  const server = await peer(
    request => {
      // Each connection answers once and then holds back, so that only further connections can take the load.
      if (answered.has(request.session)) held.push(request)
      else request.answer(200)
      answered.add(request.session)
      if (answered.size === 3) for (const each of held.splice(0)) each.answer(200)
    },
    { settings: { maxConcurrentStreams: 2 } },
  )
  const results = await many(
    transportTo(server, { assumedStreams: 1, maxConnectionsPerOrigin: 3 }),
    server.origin,
    300,
  )
  expect(results.every(result => result.kind === 'response')).toBe(true)
  expect(answered.size).toBe(3)
})

test('a refused stream was not sent', async () => {
  const server = await peer(request => request.stream.close(7))
  const result = await transportTo(server).request(post(server.origin))
  expect(result.kind).toBe('not_sent')
})

test('a stream reset after the request went out is uncertain', async () => {
  const server = await peer(request => request.stream.close(2))
  const result = await transportTo(server).request(post(server.origin))
  expect(result.kind).toBe('uncertain')
})

test('streams above the last id of a GOAWAY were not sent, and those below it complete', async () => {
  const held: PeerRequest[] = []
  const server = await peer(request => {
    held.push(request)
    if (held.length < 5) return
    const last = held[1]?.stream.id as number
    request.session.goaway(0, last, Buffer.from('{"reason":"Shutdown"}'))
    for (const each of held.slice(0, 2)) each.answer(200)
  })
  const results = await many(transportTo(server), server.origin, 5)
  expect(results.map(result => result.kind)).toEqual([
    'response',
    'response',
    'not_sent',
    'not_sent',
    'not_sent',
  ])
  expect(results[4]).toMatchObject({ goaway: '{"reason":"Shutdown"}' })
})

test('a GOAWAY with an error leaves what it covered uncertain and the rest not sent', async () => {
  const held: PeerRequest[] = []
  const server = await peer(request => {
    held.push(request)
    if (held.length === 3)
      request.session.goaway(1, held[0]?.stream.id, Buffer.from('exceeded_max_concurrent_streams'))
  })
  const results = await many(transportTo(server), server.origin, 3)
  expect(results.map(result => result.kind)).toEqual(['uncertain', 'not_sent', 'not_sent'])
  expect(results[0]?.kind === 'uncertain' && results[0].reason).toContain('exceeded_max_concurrent_streams')
})

test('what a peer says in its GOAWAY comes back as one line of printable text', async () => {
  const server = await peer(request => request.session.goaway(1, 0, Buffer.from('a\0b\nc')))
  const result = await transportTo(server).request(post(server.origin))
  expect(result).toMatchObject({ kind: 'uncertain', reason: 'the peer is going away: PROTOCOL_ERROR a b c' })
})

test('after a GOAWAY the next request goes over a new connection', async () => {
  const server = await peer(request => {
    request.answer(200)
    if (request.index === 0) request.session.goaway(0)
  })
  const transport = transportTo(server)
  await transport.request(post(server.origin))
  expect(await transport.request(post(server.origin))).toMatchObject({ kind: 'response' })
})

test('a new connection takes over at once while the old one still has a request to answer', async () => {
  const options = { settings: { maxConcurrentStreams: 1 } }
  const server = await peer(request => {
    if (request.index === 1) request.session.goaway(0)
    else request.answer(200)
    if (request.index === 2) server.requests[1]?.answer(200)
  }, options)
  const transport = transportTo(server, { maxConnectionsPerOrigin: 1 })
  await transport.request(post(server.origin))
  const results = await Promise.all([
    transport.request(post(server.origin)),
    transport.request(post(server.origin)),
  ])
  expect(results.every(result => result.kind === 'response')).toBe(true)
  expect(server.sessions).toHaveLength(2)
})

test('requests that wait when the connection is lost go over its replacement', async () => {
  const server = await peer(
    request => {
      request.answer(200)
      if (request.index === 0) request.stream.once('close', () => request.session.destroy())
    },
    { settings: { maxConcurrentStreams: 1 } },
  )
  const transport = transportTo(server, { assumedStreams: 1, maxConnectionsPerOrigin: 1 })
  const results = await many(transport, server.origin, 10)
  expect(results.filter(result => result.kind === 'response').length).toBeGreaterThanOrEqual(9)
  expect(server.sessions.length).toBeGreaterThanOrEqual(2)
})

test('a connection cut after the request went out makes it uncertain', async () => {
  const server = await peer(() => server.sockets[0]?.destroy())
  const result = await transportTo(server).request(post(server.origin))
  expect(result.kind).toBe('uncertain')
})

test('of more pools than may be kept the one that was used longest ago is closed, and none that is at work', async () => {
  const held: PeerRequest[] = []
  const server = await peer(request => {
    if (request.path === '/slow') held.push(request)
    else request.answer(200)
  })
  const transport = transportTo(server, { maxPools: 3 })
  const sendBy = (pool: string, path = '/') => transport.request(post(server.origin, { pool, path }))
  const slow = sendBy('at work', '/slow')
  for (const pool of ['first', 'second']) await sendBy(pool)
  const closed = new Promise(resolve => server.sessions.at(-2)?.once('close', resolve))
  await sendBy('third')
  await closed // that of 'first', as the peer sees it
  await sendBy('second')
  await sendBy('first')
  expect(server.sessions).toHaveLength(5)
  held[0]?.answer(200)
  expect(await slow).toMatchObject({ kind: 'response' })
})

test('3000 sends that wait for room in a pool all go out in the end', async () => {
  const server = await peer(ok, { settings: { maxConcurrentStreams: 10 } })
  const transport = transportTo(server, { maxConnectionsPerOrigin: 1, assumedStreams: 10 })
  const results = await many(transport, server.origin, 3000)
  expect(results.filter(result => result.kind === 'response')).toHaveLength(3000)
})

test('a refused connection is not sent, and says so', async () => {
  const server = await peer(ok)
  await closers.pop()?.()
  const result = await transportTo(server).request(post(server.origin))
  expect(result).toMatchObject({ kind: 'not_sent', reason: expect.stringContaining('ECONNREFUSED') })
})

test('an untrusted certificate is not sent', async () => {
  const server = await peer(ok)
  const other = await makeCertificate()
  const result = await transportTo({ ca: other.cert }).request(post(server.origin))
  expect(result).toMatchObject({ kind: 'not_sent', reason: expect.stringContaining('could not connect') })
  expect(server.requests).toHaveLength(0)
})

test.each([
  ['speaks only HTTP/1.1', { ALPNProtocols: ['http/1.1'] }],
  ['negotiates no protocol', {}],
])('a request to a peer that %s is not sent', async (_what, options) => {
  const { cert, key } = await makeCertificate()
  const server = createTlsServer({ cert, key, ...options }, socket => socket.on('error', () => {}).resume())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise(resolve => server.close(() => resolve())))
  const { port } = server.address() as AddressInfo
  const result = await transportTo({ ca: cert }).request(post(`https://localhost:${port}`))
  expect(result).toEqual({
    kind: 'not_sent',
    reason: 'could not connect: the server does not speak HTTP/2 (ALPN)',
  })
})

test('the deadline also covers a peer that never finishes the TLS handshake', async () => {
  const sockets: Socket[] = []
  const silent = createServer(socket => sockets.push(socket.on('error', () => {})))
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => silent.close(resolve))
  })
  const { port } = silent.address() as AddressInfo
  const result = await transportTo({ ca: (await makeCertificate()).cert }).request(
    post(`https://localhost:${port}`, { deadlineMs: 100 }),
  )
  expect(result).toEqual({ kind: 'not_sent', reason: expect.stringContaining('deadline') })
})

test('a peer that never answers makes the request uncertain at its deadline', async () => {
  const server = await peer(answerOnlyTheFirst(() => {}))
  const transport = transportTo(server)
  await transport.request(post(server.origin))
  const result = await transport.request(post(server.origin, { deadlineMs: 300 }))
  expect(result).toMatchObject({ kind: 'uncertain', reason: expect.stringContaining('deadline') })
})

test('an answer whose body stalls is uncertain at its deadline', async () => {
  const server = await peer(
    answerOnlyTheFirst(request => {
      request.stream.respond({ ':status': 400 })
      request.stream.write('{"reas')
    }),
  )
  const transport = transportTo(server)
  await transport.request(post(server.origin))
  const result = await transport.request(post(server.origin, { deadlineMs: 300 }))
  expect(result.kind).toBe('uncertain')
})

test('a half-open connection is found by PING and replaced', async () => {
  const server = await peer(request => (request.index === 0 ? relay.freeze() : request.answer(200)))
  const relay = await startRelay(server.port)
  closers.push(() => relay.close())
  const transport = transportTo(server, { pingIntervalMs: 200 })
  const first = await transport.request(post(relay.origin, { deadlineMs: 60_000 }))
  expect(first).toMatchObject({ kind: 'uncertain', reason: expect.stringContaining('PING') })
  expect(await transport.request(post(relay.origin))).toMatchObject({ kind: 'response' })
})

test('after failed connects the next try waits, and a later success ends the waiting', async () => {
  let greetings = 0
  const server = await peer(ok)
  server.server.on('session', session => {
    greetings += 1
    if (greetings <= 2) session.goaway(0, 0, Buffer.from('{"reason":"Shutdown"}'))
  })
  const transport = transportTo(server, { reconnectMs: 40 })
  const startedAt = performance.now()
  let result = await transport.request(post(server.origin))
  while (result.kind !== 'response') result = await transport.request(post(server.origin))
  expect(greetings).toBe(3)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(20)
})

test('close ends queued requests as not sent and those in flight as uncertain', async () => {
  let arrived = (): void => {}
  const isThere = new Promise<void>(resolve => {
    arrived = resolve
  })
  const server = await peer(() => arrived(), { settings: { maxConcurrentStreams: 1 } })
  const transport = transportTo(server, { assumedStreams: 1, maxConnectionsPerOrigin: 1 })
  const inFlight = transport.request(post(server.origin))
  const queued = transport.request(post(server.origin))
  await isThere
  await transport.close()
  expect((await inFlight).kind).toBe('uncertain')
  expect(await queued).toEqual({ kind: 'not_sent', reason: 'the pool was closed' })
  expect(await transport.request(post(server.origin))).toEqual({
    kind: 'not_sent',
    reason: 'the transport is closed',
  })
})

test('a header that HTTP/2 forbids fails its own request only', async () => {
  const server = await peer(ok)
  const transport = transportTo(server)
  await transport.request(post(server.origin))
  const bad = await transport.request(post(server.origin, { headers: { connection: 'close' } }))
  expect(bad.kind).toBe('not_sent')
  expect(await transport.request(post(server.origin))).toMatchObject({ kind: 'response' })
})
