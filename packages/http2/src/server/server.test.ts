import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { createTestCertificate } from '../../test/certificate.ts'
import { frame, literals, setting, uint32 } from '../../test/raw-client.ts'
import {
  answerOf,
  ask,
  certificate,
  collect,
  data,
  get,
  nodeClient,
  post,
  rawClient,
  resetOf,
  start,
} from '../../test/server-fixture.ts'
import { ERROR, FLAG, FRAME, SETTING } from '../protocol.ts'
import type { ServerConnection } from './connection.ts'
import type { HeaderList, ServerRequest } from './request.ts'

const ACK = FLAG.ACK
const { END_STREAM, END_HEADERS } = FLAG

describe('requests and answers, with the client of Node', () => {
  test('a request comes with its headers and body, and its answer goes back, over TLS', async () => {
    let headers: HeaderList = []
    const server = await start({
      tls: certificate,
      onRequest: request => {
        headers = request.headers
        request.respond(
          410,
          [['content-type', 'application/json']],
          `${request.header(':path')} ${request.body}`,
        )
      },
    })
    const session = nodeClient(server)
    const answer = await ask(session, { ':path': '/3/device/00', 'apns-topic': 'app' }, 'hello')
    expect(session.alpnProtocol).toBe('h2')
    expect(answer).toMatchObject({ status: 410, headers: { 'content-type': 'application/json' } })
    expect(answer.body.toString()).toBe('/3/device/00 hello')
    expect(Object.fromEntries(headers)).toEqual({
      ':method': 'POST',
      ':path': '/3/device/00',
      ':scheme': 'https',
      ':authority': `127.0.0.1:${server.port}`,
      'apns-topic': 'app',
    })
  })

  test('bodies of 60 KiB come and go whole', async () => {
    const server = await start({ onRequest: request => request.respond(200, [], request.body) })
    const body = numbered(60 * 1024)
    const session = nodeClient(server)
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(session, {}, body)))
    for (const answer of answers) expect(answer.body.equals(body)).toBe(true)
  })

  test('a client whose window is one byte gets its answer byte by byte', async () => {
    const body = numbered(700)
    const server = await start({ onRequest: request => request.respond(200, [], body) })
    const session = nodeClient(server, { settings: { initialWindowSize: 1 } })
    expect((await ask(session)).body.equals(body)).toBe(true)
  })

  test('a server whose window is one byte gets the body byte by byte', async () => {
    const server = await start({
      settings: { initialWindowBytes: 1 },
      onRequest: request => request.respond(200, [], request.body),
    })
    const session = nodeClient(server)
    await once(session, 'remoteSettings')
    const body = numbered(300)
    expect((await ask(session, {}, body)).body.equals(body)).toBe(true)
  })

  test('trailers are read over', async () => {
    const server = await start({
      onRequest: request => request.respond(200, [], `${request.headers.length}`),
    })
    const session = nodeClient(server)
    const fields = { ':method': 'POST', ':path': '/' }
    const stream = session.request(fields, { endStream: false, waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': '1' }))
    stream.end('body')
    const answer = await answerOf(stream)
    expect(answer.body.toString()).toBe('4')
    // The HPACK table is still the client's.
    expect((await ask(session, { 'x-checksum': '1' })).body.toString()).toBe('5')
  })

  test('three thousand requests at once are answered, each with its own', async () => {
    const server = await start({
      tls: certificate,
      onRequest: request =>
        request.respond(200, [['x-path', request.header(':path') as string]], request.body),
    })
    const session = nodeClient(server)
    await once(session, 'remoteSettings')
    const paths = Array.from({ length: 3000 }, (_, i) => `/${i}`)
    const answers = await Promise.all(paths.map(path => ask(session, { ':path': path }, path)))
    expect(answers.map(answer => answer.headers['x-path'])).toEqual(paths)
    expect(answers.map(answer => answer.body.toString())).toEqual(paths)
  })

  test('an answer may come in a later turn, and in another order', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    const answers = [ask(session, { ':path': '/1' }), ask(session, { ':path': '/2' })]
    await told(2)
    for (const request of requests.reverse()) request.respond(200, [], request.header(':path') as string)
    expect((await Promise.all(answers)).map(answer => answer.body.toString())).toEqual(['/1', '/2'])
  })

  test.each([0, 50, 4096, 65_536])(
    'answers are right with an HPACK table of %i bytes',
    async headerTableSize => {
      const server = await start({
        onRequest: request =>
          request.respond(403, [
            ['x-a', 'constant'],
            ['apns-id', request.header(':path') as string],
          ]),
      })
      const session = nodeClient(server, { settings: { headerTableSize } })
      for (const path of ['/1', '/2', '/3']) {
        const answer = await ask(session, { ':path': path })
        expect(answer).toMatchObject({ status: 403, headers: { 'x-a': 'constant', 'apns-id': path } })
      }
    },
  )

  test('a status of the table is right after every change of the table', async () => {
    let headers: HeaderList = []
    const session = nodeClient(await start({ onRequest: request => request.respond(410, headers) }))
    const statuses = async () =>
      [await ask(session), await ask(session), await ask(session)].map(each => each.status)
    expect(await statuses()).toEqual([410, 410, 410])
    headers = [['x-new', 'moves the others']]
    await ask(session)
    headers = []
    expect(await statuses()).toEqual([410, 410, 410])
    for (const headerTableSize of [0, 4096]) {
      session.settings({ headerTableSize })
      expect(await statuses()).toEqual([410, 410, 410])
    }
  })

  test('answers are right when the client changes its HPACK table in mid-flight', async () => {
    const server = await start({
      onRequest: request =>
        request.respond(429, [
          ['x-a', 'constant'],
          ['x-b', 'also constant'],
        ]),
    })
    const session = nodeClient(server)
    for (const headerTableSize of [4096, 0, 4096, 60, 100]) {
      session.settings({ headerTableSize })
      const answers = await Promise.all([ask(session), ask(session)])
      for (const answer of answers)
        expect(answer).toMatchObject({ status: 429, headers: { 'x-a': 'constant', 'x-b': 'also constant' } })
    }
  })

  test.each([0, 100, 16_384])(
    'requests are right with our HPACK table of %i bytes',
    async headerTableBytes => {
      const server = await start({
        settings: { headerTableBytes },
        onRequest: request => request.respond(200, [], request.header('x-a')),
      })
      const session = nodeClient(server)
      await once(session, 'remoteSettings')
      for (const value of ['one', 'one', 'two', 'one'])
        expect((await ask(session, { 'x-a': value })).body.toString()).toBe(value)
    },
  )

  test('a header list over the limit is answered with 431, and the connection lives on', async () => {
    const server = await start({ settings: { maxHeaderListBytes: 500 } })
    const session = nodeClient(server)
    expect((await ask(session, { 'x-long': 'x'.repeat(500) })).status).toBe(431)
    expect((await ask(session, { 'x-long': 'x'.repeat(100) })).status).toBe(200)
  })

  test('headers that need CONTINUATION come whole', async () => {
    const server = await start({
      settings: { maxHeaderListBytes: 40_000 },
      onRequest: request => request.respond(200, [], `${request.header('x-long')?.length}`),
    })
    const answer = await ask(nodeClient(server), { 'x-long': '~'.repeat(30_000) })
    expect(answer.body.toString()).toBe('30000')
  })

  test('our own frame limit is told, and holds', async () => {
    const server = await start({
      settings: { maxFrameBytes: 100_000 },
      onRequest: request => request.respond(200, [], request.body),
    })
    const client = rawClient(server)
    // Read in this order: the acknowledgement comes before the large frame.
    client.send(frame(FRAME.SETTINGS, ACK, 0), post(1), data(1, numbered(60_000), END_STREAM))
    await client.find(each => each.streamId === 1 && each.type === FRAME.DATA && each.flags === END_STREAM)
    expect(client.data(1).equals(numbered(60_000))).toBe(true)
  })

  test('a body over the limit is told once with its beginning, and may be answered with 413', async () => {
    const told: { length: number; isTooLarge: boolean }[] = []
    const server = await start({
      maxBodyBytes: 1000,
      onRequest: request => {
        told.push({ length: request.body.length, isTooLarge: request.isTooLarge })
        request.respond(request.isTooLarge ? 413 : 200)
      },
    })
    const session = nodeClient(server)
    expect((await ask(session, {}, numbered(1000))).status).toBe(200)
    expect((await ask(session, {}, numbered(1001))).status).toBe(413)
    expect((await ask(session, {}, numbered(40_000))).status).toBe(413)
    expect((await ask(session)).status).toBe(200)
    expect(told).toEqual([
      { length: 1000, isTooLarge: false },
      { length: 1000, isTooLarge: true },
      { length: 1000, isTooLarge: true },
      { length: 0, isTooLarge: false },
    ])
  })

  test('a reset reaches the client with its code', async () => {
    const server = await start({ onRequest: request => request.reset(ERROR.REFUSED_STREAM) })
    const stream = nodeClient(server).request({ ':path': '/' })
    const [error] = (await once(stream, 'error')) as [Error]
    expect(error.message).toContain('NGHTTP2_REFUSED_STREAM')
    expect(stream.rstCode).toBe(ERROR.REFUSED_STREAM)
  })

  test('a request that the client gave up is not open, and answering it does nothing', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    const stream = session.request({ ':path': '/1' })
    await told(1)
    stream.close(ERROR.CANCEL)
    const other = ask(session, { ':path': '/2' })
    await told(2)
    const [gone, open] = requests as [ServerRequest, ServerRequest]
    expect([gone.isOpen, open.isOpen]).toEqual([false, true])
    expect(gone.connection.openStreams).toBe(1)
    gone.respond(200)
    open.respond(204)
    expect((await other).status).toBe(204)
  })

  test('a second answer, an answer that is none, and headers larger than a frame are faults of the caller', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    const answer = ask(session)
    await told(1)
    const [request] = requests as [ServerRequest]
    expect(() => request.respond(100)).toThrow('the status 100 is no final one')
    expect(() => request.respond(200, [['x-a', 'x'.repeat(20_000)]])).toThrow('one frame takes 16384')
    request.respond(201)
    expect(() => request.respond(200)).toThrow('stream 1 has been answered before')
    expect((await answer).status).toBe(201)
  })

  test('a body is gone after the call, a copy is not', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    void ask(session, {}, 'body').catch(() => {})
    await told(1)
    expect(requests[0]?.body).toHaveLength(0)
  })
})

describe('what gateways let pass', () => {
  test('a scheme of "https:" and a host in place of :authority', async () => {
    const server = await start({ onRequest: request => request.respond(200, [], request.header('host')) })
    const client = rawClient(server)
    const block = literals(
      [':method', 'POST'],
      [':scheme', 'https:'],
      [':path', '/'],
      ['host', 'fcm.example'],
    )
    client.send(frame(FRAME.HEADERS, END_HEADERS | END_STREAM, 1, block))
    expect((await client.frame(FRAME.DATA, 1)).payload.toString()).toBe('fcm.example')
  })
})

describe('limits and windows', () => {
  test('one stream more than allowed is refused, and its body is read over', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ settings: { maxConcurrentStreams: 2 }, onRequest }))
    client.send(get(1), post(3), post(5), data(5, 'late'), data(5, '', END_STREAM), data(3, 'x', END_STREAM))
    expect(await resetOf(client, 5)).toBe('REFUSED_STREAM')
    await told(2)
    expect(requests.map(request => request.streamId)).toEqual([1, 3])
    requests[0]?.respond(200)
    client.send(get(7))
    await told(3)
    expect(requests[2]?.streamId).toBe(7)
  })

  test('a raised limit holds at once, a lowered one from the acknowledgement on', async () => {
    let connection: ServerConnection | undefined
    const { onRequest, told } = collect()
    const client = rawClient(
      await start({
        settings: { maxConcurrentStreams: 1 },
        onRequest,
        onConnection: made => {
          connection = made
        },
      }),
    )
    client.send(frame(FRAME.SETTINGS, ACK, 0), get(1))
    await told(1)
    connection?.setMaxConcurrentStreams(3)
    client.send(get(3))
    await told(2)
    connection?.setMaxConcurrentStreams(1)
    client.send(get(5))
    await told(3)
    client.send(frame(FRAME.SETTINGS, ACK, 0), frame(FRAME.SETTINGS, ACK, 0), get(7))
    expect(await resetOf(client, 7)).toBe('REFUSED_STREAM')
  })

  test('a smaller HPACK table is told once, also where an answer needs no table', async () => {
    const client = rawClient(await start())
    client.send(
      get(1),
      get(3),
      frame(FRAME.SETTINGS, 0, 0, setting(SETTING.HEADER_TABLE_SIZE, 0)),
      get(5),
      get(7),
    )
    await client.roundTrip()
    const blocks = client.frames
      .filter(each => each.type === FRAME.HEADERS)
      .map(each => each.payload.toString('hex'))
    expect(blocks).toEqual(['88', '88', '2088', '88'])
  })

  test('SETTINGS move the windows of open streams, also below zero', async () => {
    const body = numbered(100)
    const server = await start({ onRequest: request => request.respond(200, [], body) })
    const client = rawClient(server, setting(SETTING.INITIAL_WINDOW_SIZE, 10))
    client.send(get(1))
    await client.roundTrip()
    expect(client.data(1)).toHaveLength(10)
    client.send(frame(FRAME.SETTINGS, 0, 0, setting(SETTING.INITIAL_WINDOW_SIZE, 4)), windowUpdate(1, 6))
    await client.roundTrip()
    expect(client.data(1)).toHaveLength(10)
    client.send(windowUpdate(1, 3))
    await client.roundTrip()
    expect(client.data(1)).toHaveLength(13)
    client.send(frame(FRAME.SETTINGS, 0, 0, setting(SETTING.INITIAL_WINDOW_SIZE, 1000)))
    await client.roundTrip()
    expect(client.data(1).equals(body)).toBe(true)
  })

  test('an answer waits for the window of the connection, too, and is cut into frames that every peer takes', async () => {
    const body = numbered(100_000)
    const server = await start({ onRequest: request => request.respond(200, [], body) })
    const client = rawClient(server, setting(SETTING.INITIAL_WINDOW_SIZE, 1_000_000))
    client.send(get(1), get(3))
    await client.roundTrip()
    expect(client.data(1)).toHaveLength(65_535)
    expect(client.data(3)).toHaveLength(0)
    client.send(windowUpdate(0, 200_000))
    await client.roundTrip()
    expect(client.data(1).equals(body)).toBe(true)
    expect(client.data(3).equals(body)).toBe(true)
    for (const each of client.frames) expect(each.payload.length).toBeLessThanOrEqual(16_384)
  })

  test('the caller may use its buffer again while an answer waits for a window', async () => {
    const body = numbered(100)
    const server = await start({
      onRequest: request => {
        const own = Buffer.from(body)
        request.respond(200, [], own)
        own.fill(0)
      },
    })
    const client = rawClient(server, setting(SETTING.INITIAL_WINDOW_SIZE, 10))
    client.send(get(1), windowUpdate(1, 1000))
    await client.roundTrip()
    expect(client.data(1).equals(body)).toBe(true)
  })

  test('a reset in the middle of an answer drops its rest', async () => {
    const server = await start({ onRequest: request => request.respond(200, [], numbered(100)) })
    const client = rawClient(server, setting(SETTING.INITIAL_WINDOW_SIZE, 10))
    client.send(get(1))
    await client.roundTrip()
    client.send(frame(FRAME.RST_STREAM, 0, 1, uint32(8)), windowUpdate(1, 1000))
    await client.roundTrip()
    expect(client.data(1)).toHaveLength(10)
  })

  test('an answer before the end of the request asks for no more of it', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ maxBodyBytes: 10, onRequest }))
    client.send(post(1), data(1, numbered(11)))
    await told(1)
    requests[0]?.respond(413)
    expect(await resetOf(client, 1)).toBe('NO_ERROR')
    client.send(data(1, numbered(100)), data(1, '', END_STREAM), get(3))
    await told(2)
  })

  test('a client that does not read its answers is read no further until it does', async () => {
    let connection: ServerConnection | undefined
    const body = numbered(64 * 1024)
    const server = await start({
      settings: { maxConcurrentStreams: 1000 },
      onRequest: request => request.respond(200, [], body),
      onConnection: made => {
        connection = made
      },
    })
    const client = rawClient(server, setting(SETTING.INITIAL_WINDOW_SIZE, 2 ** 31 - 1))
    client.send(windowUpdate(0, 2 ** 30))
    await client.roundTrip()
    client.socket.pause()
    const ids = Array.from({ length: 1000 }, (_, i) => 2 * i + 1)
    // In small pieces, for what lies in one chunk is handled as one.
    for (const id of ids) {
      client.send(get(id))
      await nextTurn()
    }
    while (!connection?.socket.isPaused()) await nextTurn()
    expect(connection.requests).toBeLessThan(1000)
    client.socket.resume()
    await client.find(each => each.streamId === 1999 && each.type === FRAME.DATA && each.flags === END_STREAM)
    expect(client.data(1999)).toHaveLength(body.length)
  })
})

describe('what a test can do to a client', () => {
  test('GOAWAY reaches the client, what is open is still answered, and then the connection closes', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    const goodbye = once(session, 'goaway')
    const closed = once(session, 'close')
    const answer = ask(session)
    await told(1)
    requests[0]?.connection.goAway({ code: ERROR.NO_ERROR, debug: '{"reason":"Shutdown"}' })
    const [code, lastStreamId, debug] = (await goodbye) as [number, number, Buffer]
    expect({ code, lastStreamId, debug: debug.toString() }).toEqual({
      code: 0,
      lastStreamId: 1,
      debug: '{"reason":"Shutdown"}',
    })
    requests[0]?.respond(200)
    expect((await answer).status).toBe(200)
    await closed
  })

  test('GOAWAY twice with a lower id: what is above the second is forgotten, what is below is answered', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(get(1), get(3), get(5))
    await told(3)
    const [first, , third] = requests as [ServerRequest, ServerRequest, ServerRequest]
    first.connection.goAway({ lastStreamId: 2 ** 31 - 1 })
    first.connection.goAway({ lastStreamId: 3 })
    client.send(get(7))
    await client.roundTrip()
    expect(first.connection.openStreams).toBe(2)
    for (const request of requests) request.respond(200)
    await client.closed
    expect(third.isOpen).toBe(false)
    const answered = client.frames.filter(each => each.type === FRAME.HEADERS).map(each => each.streamId)
    expect(answered).toEqual([1, 3])
    const goodbyes = client.frames.filter(each => each.type === FRAME.GOAWAY)
    expect(goodbyes.map(each => each.payload.readUInt32BE(0))).toEqual([2 ** 31 - 1, 3])
  })

  test('a GOAWAY of the client is kept, and the connection closes with its last stream', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(get(1))
    client.send(frame(FRAME.GOAWAY, 0, 0, Buffer.concat([uint32(0), uint32(0), Buffer.from('bye')])))
    await told(1)
    await client.roundTrip()
    expect(requests[0]?.connection.peerGoAway).toEqual({ lastStreamId: 0, code: 0, debug: 'bye' })
    requests[0]?.respond(200)
    await client.closed
    expect(client.frames.some(each => each.type === FRAME.HEADERS && each.streamId === 1)).toBe(true)
  })

  test('pings are answered in both directions', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    await once(session, 'connect')
    const payload = Buffer.from('8 bytes.')
    const echoed = await new Promise<Buffer>((resolve, reject) => {
      session.ping(payload, (error, _duration, echo) => (error ? reject(error) : resolve(echo)))
    })
    expect(echoed.equals(payload)).toBe(true)
    session.request({ ':path': '/' }).on('error', () => {})
    await told(1)
    await new Promise<void>(resolve => requests[0]?.connection.ping(resolve))
  })

  test.each(['TLS', 'TCP'])('destroy resets the connection below %s and closes what was open', async kind => {
    const { requests, onRequest, told } = collect()
    const server = await start({ onRequest, ...(kind === 'TLS' ? { tls: certificate } : {}) })
    const session = nodeClient(server)
    const failed = once(session, 'error')
    void ask(session).catch(() => {})
    await told(1)
    const [request] = requests as [ServerRequest]
    let faults: unknown[] = []
    request.connection.onClose = fault => {
      faults = [...faults, fault]
    }
    request.connection.destroy()
    const [error] = (await failed) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    expect(request.isOpen).toBe(false)
    expect(faults).toEqual([undefined])
    while (server.connections.size > 0) await nextTurn()
  })

  test.each(['TLS', 'TCP'])('end writes what is ready and then closes, over %s', async kind => {
    const server = await start({
      ...(kind === 'TLS' ? { tls: certificate } : {}),
      onRequest: request => {
        request.respond(200, [], 'last words')
        request.connection.end()
      },
    })
    const session = nodeClient(server)
    const closed = once(session, 'close')
    expect((await ask(session)).body.toString()).toBe('last words')
    await closed
  })

  test('a stalled connection reads nothing until it is resumed', async () => {
    const { requests, onRequest, told } = collect()
    const server = await start({ onRequest })
    const client = rawClient(server)
    client.send(get(1))
    await told(1)
    const [request] = requests as [ServerRequest]
    request.connection.stall()
    client.send(get(3))
    // A later request on another connection is answered: the bytes of the first lie in the kernel by then.
    const other = rawClient(server)
    other.send(get(1))
    await told(2)
    await other.roundTrip()
    expect(requests.map(each => each.connection === request.connection)).toEqual([true, false])
    request.connection.resume()
    await told(3)
    expect(requests[2]?.streamId).toBe(3)
  })

  test('a stalled connection that ends reads again, so that its last words are not lost to a reset', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(get(1))
    await told(1)
    const { connection } = requests[0] as ServerRequest
    connection.stall()
    client.send(post(3), data(3, numbered(16_000)))
    connection.goAway({ debug: 'last words' })
    connection.end()
    expect(connection.socket.isPaused()).toBe(false)
    expect((await client.frame(FRAME.GOAWAY)).payload.toString('utf8', 8)).toBe('last words')
    await client.closed
  })

  test('raw bytes go out in their place among the frames', async () => {
    const { requests, onRequest, told } = collect()
    const client = rawClient(await start({ onRequest }))
    client.send(get(1), get(3))
    await told(2)
    const [first, second] = requests as [ServerRequest, ServerRequest]
    first.respond(200)
    first.connection.write(frame(0x42, 0, 0, Buffer.from('what?')))
    second.respond(200)
    await client.frame(FRAME.HEADERS, 3)
    const order = client.frames.map(each => each.type)
    expect(order.slice(-3)).toEqual([FRAME.HEADERS, 0x42, FRAME.HEADERS])
  })

  test('settings reach the client in mid-flight', async () => {
    const { requests, onRequest, told } = collect()
    const session = nodeClient(await start({ onRequest }))
    await once(session, 'remoteSettings')
    session.request({ ':path': '/' }).on('error', () => {})
    await told(1)
    requests[0]?.connection.sendSettings([
      [SETTING.INITIAL_WINDOW_SIZE, 77],
      [SETTING.MAX_CONCURRENT_STREAMS, 5],
    ])
    await once(session, 'remoteSettings')
    expect(session.remoteSettings).toMatchObject({ initialWindowSize: 77, maxConcurrentStreams: 5 })
  })
})

describe('TLS', () => {
  test('a client certificate that was asked for can be looked at, and none is no hindrance', async () => {
    const own = createTestCertificate('com.example.app')
    const server = await start({
      tls: { ...certificate, requestCert: true, ca: own.cert },
      onRequest: request => {
        const socket = request.connection.socket as TLSSocket
        const name = socket.getPeerCertificate().subject?.CN ?? 'nobody'
        request.respond(200, [], `${name} ${socket.authorized}`)
      },
    })
    expect((await ask(nodeClient(server, { ...own }))).body.toString()).toBe('com.example.app true')
    expect((await ask(nodeClient(server))).body.toString()).toBe('nobody false')
  })

  test('a client that does not offer h2 is turned away', async () => {
    const server = await start({ tls: certificate })
    const none = connectTls({ port: server.port, host: '127.0.0.1', ca: certificate.cert })
    await once(none, 'close')
    const other = connectTls({
      port: server.port,
      host: '127.0.0.1',
      ca: certificate.cert,
      ALPNProtocols: ['http/1.1'],
    })
    const [error] = (await once(other, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL')
    expect(server.connections.size).toBe(0)
  })

  test.each([[['http/1.1']], [undefined]])(
    'a client that offers %j is handed over to who speaks HTTP/1.1',
    async offered => {
      const server = await start({ tls: certificate, onHttp1: socket => socket.end('HTTP/1.1 200 OK') })
      const client = connectTls({
        port: server.port,
        host: '127.0.0.1',
        ca: certificate.cert,
        ...(offered !== undefined && { ALPNProtocols: offered }),
      })
      const [answer] = (await once(client, 'data')) as [Buffer]
      expect(answer.toString()).toBe('HTTP/1.1 200 OK')
      client.end()
      expect((await ask(nodeClient(server))).status).toBe(200)
      expect(server.connections.size).toBe(1)
    },
  )
})

describe('the server', () => {
  test('closes what is open, also a peer that never said a word', async () => {
    const { requests, onRequest, told } = collect()
    const server = await start({ tls: certificate, onRequest })
    const session = nodeClient(server)
    const closed = once(session, 'close')
    void ask(session).catch(() => {})
    await told(1)
    await server.close()
    expect(requests[0]?.isOpen).toBe(false)
    await closed
    expect(server.connections.size).toBe(0)
  })

  test('rejects with the reason when its port is taken', async () => {
    const server = await start()
    await expect(start({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FRAME.WINDOW_UPDATE, 0, streamId, uint32(increment))
}

/** Bytes that show where they belong. */
function numbered(bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 31 + (i >> 8)) & 0xff))
}
