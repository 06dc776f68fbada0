import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import {
  constants,
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createTestCertificate } from '../../../../http2/test/certificate.ts'
import { silentScreen } from '../demo/screen.ts'
import { benchGateway, type GatewayBenchOptions, gatewayBenchCommand } from './gateway.ts'

interface Seen {
  readonly headers: IncomingHttpHeaders
  readonly bodyBytes: number
}

interface Gateway {
  readonly url: string
  readonly seen: Seen[]
  /** The most requests that were open at once on one connection. */
  busiest: number
  connections: number
}

const { key, cert } = createTestCertificate()
let folder: string
let ca: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-bench-test-'))
  ca = join(folder, 'ca.pem')
  await writeFile(ca, cert)
})

afterAll(() => rm(folder, { recursive: true }))

/** A real HTTP/2 server; `answer` is asked when a request is complete. */
async function startGateway(
  answer: (stream: ServerHttp2Stream, seen: Seen, index: number) => void,
): Promise<Gateway> {
  const server = createSecureServer({ key, cert })
  const sessions = new Map<ServerHttp2Session, number>()
  const gateway: Gateway = { url: '', seen: [], busiest: 0, connections: 0 }
  server.on('session', session => {
    gateway.connections++
    sessions.set(session, 0)
  })
  server.on('stream', (stream, headers) => {
    const session = stream.session as ServerHttp2Session
    const count = (change: number) => sessions.set(session, (sessions.get(session) ?? 0) + change)
    count(1)
    gateway.busiest = Math.max(gateway.busiest, sessions.get(session) ?? 0)
    let bodyBytes = 0
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length
    })
    stream.on('close', () => count(-1))
    stream.on('end', () => {
      const seen = { headers, bodyBytes }
      answer(stream, seen, gateway.seen.push(seen) - 1)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const session of sessions.keys()) session.destroy()
    await new Promise(resolve => server.close(resolve))
  })
  return Object.assign(gateway, { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

function accept(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200 }, { endStream: true })
}

function bench(url: string, options: Partial<GatewayBenchOptions> = {}, extraCa?: string) {
  const usual = { url, ca, count: 100, connections: 2, bodyBytes: 200, streams: 50, warmUp: 0 }
  return benchGateway({ ...usual, ...options }, extraCa, silentScreen)
}

test('each request is one that APNs would take: its path, headers and body', async () => {
  const gateway = await startGateway(accept)
  await bench(gateway.url, { count: 50, bodyBytes: 321 })
  expect(gateway.seen).toHaveLength(50)
  for (const { headers, bodyBytes } of gateway.seen) {
    expect(headers).toMatchObject({
      ':method': 'POST',
      ':path': expect.stringMatching(/^\/3\/device\/[0-9a-f]{64}$/),
      'apns-topic': 'com.example.app',
      'apns-push-type': 'alert',
      'apns-priority': '10',
      'apns-id': expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      authorization: expect.stringMatching(/^bearer [\w-]+\.[\w-]+\.[\w-]{86}$/),
    })
    expect(bodyBytes).toBe(321)
  }
  expect(new Set(gateway.seen.map(it => it.headers['apns-id'])).size).toBe(50)
  expect(new Set(gateway.seen.map(it => it.headers[':path'])).size).toBe(50)
})

test('the report counts what the server counted', async () => {
  const gateway = await startGateway((stream, _, index) =>
    stream.respond({ ':status': index % 4 === 0 ? 400 : 200 }, { endStream: true }),
  )
  const report = await bench(gateway.url)
  expect(report).toMatchObject({ sent: 100, accepted: 75, failed: 25, notSent: 0, uncertain: 0 })
  expect(report.reasons).toEqual({ 'answered 400': 25 })
  expect(report.perSecond).toBeGreaterThan(0)
  expect(report.cpuMicrosPerMessage).toBeGreaterThan(0)
  expect(report.rssMbAtQuarters).toHaveLength(4)
})

test('a warm-up reaches the server and stays out of every figure', async () => {
  const gateway = await startGateway(accept)
  const report = await bench(gateway.url, { count: 30, warmUp: 12 })
  expect(gateway.seen).toHaveLength(42)
  expect(new Set(gateway.seen.map(it => it.headers['apns-id'])).size).toBe(42)
  expect(report).toMatchObject({ sent: 30, accepted: 30 })
})

test('a request that the server hands back is repeated under its id, and counts once', async () => {
  const refused = new Set<string>()
  const gateway = await startGateway((stream, { headers }, index) => {
    const id = String(headers['apns-id'])
    if (index % 5 !== 0 || refused.has(id)) return accept(stream)
    refused.add(id)
    stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
  const report = await bench(gateway.url)
  expect(refused.size).toBeGreaterThan(10)
  expect(report).toMatchObject({ sent: 100, accepted: 100, failed: 0, repeated: refused.size })
  expect(gateway.seen).toHaveLength(100 + refused.size)
  for (const id of refused) expect(gateway.seen.filter(it => it.headers['apns-id'] === id)).toHaveLength(2)
})

test('a request that is always handed back ends as not sent, after six tries', async () => {
  const gateway = await startGateway(stream => stream.close(constants.NGHTTP2_REFUSED_STREAM))
  const report = await bench(gateway.url, { count: 3 })
  expect(report).toMatchObject({ sent: 3, accepted: 0, failed: 3, notSent: 3, repeated: 15 })
  expect(gateway.seen).toHaveLength(18)
})

test('a request that may have arrived is uncertain and is not repeated', async () => {
  const gateway = await startGateway((stream, _, index) =>
    index === 7 ? stream.close(constants.NGHTTP2_INTERNAL_ERROR) : accept(stream),
  )
  expect(await bench(gateway.url)).toMatchObject({
    sent: 100,
    accepted: 99,
    failed: 1,
    uncertain: 1,
    repeated: 0,
  })
  expect(gateway.seen).toHaveLength(100)
})

test('no more connections and streams are open than were asked for', async () => {
  const held: ServerHttp2Stream[] = []
  const gateway = await startGateway((stream, _, index) => {
    held.push(stream)
    // Answers wait until both connections are full, so that one stream too many would show.
    if (held.length === 6 || index === 59) for (const it of held.splice(0)) accept(it)
  })
  await bench(gateway.url, { count: 60, connections: 2, streams: 3 })
  expect(gateway).toMatchObject({ busiest: 3, connections: 2 })
})

test('one device token can be given for all requests', async () => {
  const gateway = await startGateway(accept)
  await bench(gateway.url, { count: 5, token: 'ab'.repeat(32) })
  expect(gateway.seen.map(it => it.headers[':path'])).toEqual(Array(5).fill(`/3/device/${'ab'.repeat(32)}`))
})

describe('a server that it can not trust or reach', () => {
  test('is refused when nothing vouches for its certificate, with what to do', async () => {
    const gateway = await startGateway(accept)
    const run = bench(gateway.url, { ca: undefined })
    await expect(run).rejects.toMatchObject({
      message: expect.stringContaining('self-signed'),
      remedy: expect.stringContaining('--ca'),
    })
    expect(gateway.seen).toEqual([])
  })

  test('is trusted when the extra CA vouches for it', async () => {
    const gateway = await startGateway(accept)
    expect(await bench(gateway.url, { ca: undefined }, ca)).toMatchObject({ accepted: 100 })
  })

  test('ends the run at once when nothing listens there', async () => {
    const unused = createServer()
    await new Promise<void>(resolve => unused.listen(0, '127.0.0.1', resolve))
    const { port } = unused.address() as AddressInfo
    await new Promise(resolve => unused.close(resolve))
    await expect(bench(`https://127.0.0.1:${port}`)).rejects.toMatchObject({
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test('is told apart from a CA file that can not be read', async () => {
    await expect(bench('https://127.0.0.1:1', { ca: join(folder, 'missing.pem') })).rejects.toMatchObject({
      message: expect.stringContaining('missing.pem'),
    })
  })
})

test.each([
  ['--url', 'http://127.0.0.1:1', 'https://HOST:PORT'],
  ['--count', '0', '1 or more'],
  ['--count', '1e6', 'whole number'],
  ['--connections', '-1', 'whole number'],
])('%s %s is refused, saying what it must be', async (option, value, what) => {
  let told = ''
  const command = gatewayBenchCommand()
    .exitOverride()
    .configureOutput({ writeErr: text => (told += text) })
  await expect(command.parseAsync(['node', 'gateway', option, value])).rejects.toThrow(what)
  expect(told).toContain(option)
})
