import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { SecureServerOptions } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TLSSocket } from 'node:tls'
import { decodeJwt } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import {
  type ApnsFixture,
  accept,
  apns,
  bySession,
  credential,
  DEVICE_TOKEN,
  jwtOf,
  MINUTE,
  refuse,
} from '../../test/apns.ts'
import {
  AppleAuthority,
  type Made,
  PRODUCTION,
  SANDBOX,
  topicsExtension,
} from '../../test/apple-certificates.ts'
import { attemptTo, clockAt, endAfterTest } from '../../test/fixtures.ts'
import { makeCertificate, type PeerRequest } from '../../test/peer.ts'
import { createHttp2Transport, type Http2TransportOptions } from '../http2-transport.ts'
import type { GatewayClient } from '../notification.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { ApnsCredential } from './auth.ts'
import { type ApnsAddress, createApnsClient } from './client.ts'
import type { ApnsOptions } from './options.ts'

const attempt = (apnsOptions?: ApnsOptions) => attemptTo({ token: DEVICE_TOKEN }, { apns: apnsOptions })

/** Each session is answered by its own handler; the last one stands for all that follow. */
async function bySessions(
  handlers: readonly ((request: PeerRequest) => void)[],
  options: Http2TransportOptions = {},
): Promise<ApnsFixture> {
  const fixture: ApnsFixture = await apns(
    bySession(() => fixture.peer, ...handlers),
    { maxConnectionsPerOrigin: 1, ...options },
  )
  return fixture
}

/** Answers when `count` requests are there, all of them at once. */
function together(count: number, handle: (request: PeerRequest) => void): (request: PeerRequest) => void {
  const waiting: PeerRequest[] = []
  return request => {
    waiting.push(request)
    if (waiting.length === count) for (const each of waiting) handle(each)
  }
}

function sendMany(client: ApnsFixture['client'], count: number): Promise<AttemptOutcome[]> {
  return Promise.all(Array.from({ length: count }, () => client.send(attempt())))
}

describe('a connection with a token', () => {
  test('takes one request until Apple has accepted it and allows more', async () => {
    let seenBeforeAnswer = 0
    const { client, peer } = await apns(
      request => {
        if (request.index > 0) return accept(request)
        // The answer to a PING stands behind all that was sent before it.
        request.session.ping(() => {
          seenBeforeAnswer = peer.requests.length
          request.session.settings({ maxConcurrentStreams: 1000 })
          accept(request)
        })
      },
      { maxConnectionsPerOrigin: 1 },
      { settings: { maxConcurrentStreams: 1 } },
    )
    const outcomes = await sendMany(client, 50)
    expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true)
    expect(seenBeforeAnswer).toBe(1)
    expect(peer.busiest()).toBeGreaterThan(1)
  })

  test('is not shared by two apps of one team: the bundle ids are bound at the first push', async () => {
    const { client, common, peer } = await apns(accept)
    const other = createApnsClient({ ...common, credential: { ...credential, bundleId: 'com.example.two' } })
    await client.send(attempt())
    await other.send(attempt())
    await client.send(attempt())
    const [one, two, three] = peer.requests.map(({ session }) => session)
    expect(two).not.toBe(one)
    expect(three).toBe(one)
  })

  test('that calls the token invalid is left, and the message goes out once more over a new one', async () => {
    const { client, peer } = await bySessions([refuse(403, 'InvalidProviderToken'), accept])
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(2)
    expect(peer.requests).toHaveLength(3)
    // Under 20 minutes old: another token would be refused with 429.
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(1)
  })

  test('that calls a token of 20 minutes invalid costs a new token as well', async () => {
    const { client, peer, clock } = await bySessions([
      request => (request.index === 0 ? accept(request) : refuse(403, 'InvalidProviderToken')(request)),
      accept,
    ])
    await client.send(attempt())
    clock.move(20 * MINUTE)
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    const [first, refused, last] = peer.requests.map(jwtOf)
    expect(refused).toBe(first)
    expect(last).not.toBe(first)
  })

  test('whose token is of a time to come has a new one as soon as the clock is set back', async () => {
    const { client, peer, clock } = await apns(request =>
      decodeJwt(jwtOf(request)).iat === clock.now() / 1000
        ? accept(request)
        : refuse(403, 'InvalidProviderToken')(request),
    )
    clock.move(480 * MINUTE)
    await client.send(attempt())
    clock.move(-480 * MINUTE)
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(2)
  })

  test('whose token is refused after the clock was set back meanwhile goes on with a new one', async () => {
    const { client, peer, clock } = await apns(request => {
      if (request.index > 0) return accept(request)
      clock.move(-480 * MINUTE)
      refuse(403, 'ExpiredProviderToken')(request)
    })
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(2)
  })

  test('that is refused is left for a new one also after the clock was set back', async () => {
    const { client, peer, clock } = await bySessions([
      refuse(403, 'InvalidProviderToken'),
      request => (request.index === 1 ? accept(request) : refuse(403, 'InvalidProviderToken')(request)),
      accept,
    ])
    await client.send(attempt())
    clock.move(-480 * MINUTE)
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(3)
  })

  test('that refuses many at once is replaced once, and all of them follow', async () => {
    const { client, peer } = await bySessions([together(30, refuse(403, 'InvalidProviderToken')), accept])
    const outcomes = await sendMany(client, 30)
    expect(outcomes.every(({ kind }) => kind === 'accepted')).toBe(true)
    expect(peer.sessions).toHaveLength(2)
    expect(peer.requests).toHaveLength(60)
  })

  test('with a key that Apple does not know costs one more request, however many are under way', async () => {
    const { client, peer } = await bySessions([
      together(30, refuse(403, 'InvalidProviderToken')),
      refuse(403, 'InvalidProviderToken'),
    ])
    const outcomes = await sendMany(client, 30)
    expect(outcomes).toEqual(Array(30).fill({ kind: 'credential_fault', reason: 'InvalidProviderToken' }))
    expect(peer.requests).toHaveLength(31)
  })

  test('of another key is left, and the message goes out once more', async () => {
    const { client, peer } = await bySessions([refuse(403, 'UnrelatedKeyIdInToken'), accept])
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(2)
  })

  test.each([
    ['Forbidden', 403],
    ['TopicDisallowed', 400],
    ['BadEnvironmentKeyInToken', 403],
  ])('that says %s is left, and nothing goes out twice', async (reason, status) => {
    const { client, peer } = await bySessions([refuse(status, reason), accept])
    expect(await client.send(attempt())).toMatchObject({ kind: 'credential_fault', reason })
    expect(peer.requests).toHaveLength(1)
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(2)
  })

  test.each([
    ['Shutdown', 503],
    ['IdleTimeout', 400],
  ])('that says %s is left', async (reason, status) => {
    const { client, peer } = await bySessions([refuse(status, reason), accept])
    expect(await client.send(attempt())).toMatchObject({ kind: 'retry', reason, afterMs: undefined })
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(2)
  })

  test('is kept when only the address or the message is refused', async () => {
    const answers = [
      refuse(410, 'Unregistered'),
      refuse(400, 'BadDeviceToken'),
      refuse(413, 'PayloadTooLarge'),
    ]
    const { client, peer } = await bySessions([request => (answers[request.index] ?? accept)(request)])
    for (let i = 0; i < 4; i++) await client.send(attempt())
    expect(peer.sessions).toHaveLength(1)
  })

  test('is replaced at most every ten seconds', async () => {
    const { client, peer, clock } = await bySessions([refuse(403, 'Forbidden')])
    for (let i = 0; i < 5; i++) await client.send(attempt())
    expect(peer.sessions).toHaveLength(2)
    clock.move(10_000)
    await client.send(attempt())
    expect(peer.sessions).toHaveLength(3)
  })

  test('that has seen too many token updates is left after three such answers, with the same token', async () => {
    const { client, peer } = await bySessions([refuse(429, 'TooManyProviderTokenUpdates'), accept])
    const expected = { kind: 'retry', reason: 'TooManyProviderTokenUpdates', scope: 'credential' }
    for (let i = 0; i < 3; i++) expect(await client.send(attempt())).toMatchObject(expected)
    expect(peer.sessions).toHaveLength(1)
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(2)
    expect(new Set(peer.requests.map(jwtOf)).size).toBe(1)
  })

  test('that was refused is not taken up again by a new client with the same key', async () => {
    const { client, common, peer } = await bySessions([refuse(403, 'Forbidden'), accept])
    await client.send(attempt())
    expect(await createApnsClient(common).send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(peer.sessions).toHaveLength(2)
  })
})

test('BadTopic is our configuration for the bare bundle id, and the message for a topic with a suffix', async () => {
  const { client } = await apns(refuse(400, 'BadTopic'))
  expect(await client.send(attempt())).toMatchObject({ kind: 'credential_fault' })
  expect(await client.send(attempt({ pushType: 'voip' }))).toMatchObject({ kind: 'message_fault' })
})

// ── certificates ─────────────────────────────────────────────────────────────────────────────────────────────────────

const apple = new AppleAuthority()
afterAll(() => apple.close())
const universal = apple.issue({
  extensions: [
    SANDBOX,
    PRODUCTION,
    topicsExtension([
      ['com.example.app', 'app'],
      ['com.example.app.voip', 'voip'],
    ]),
  ],
})

function certificateOf(made: Made, bundleId = 'com.example.app'): ApnsCredential {
  return { kind: 'p12', bundleId, certificate: made }
}

const ASKS: SecureServerOptions = { requestCert: true, ca: apple.ca.cert }

async function apnsWithCertificate(made: Made, handle = accept, bundleId?: string) {
  const fixture = await apns(handle, { maxConnectionsPerOrigin: 1 }, ASKS)
  const common = { ...fixture.common, credential: certificateOf(made, bundleId) }
  return { ...fixture, common, client: createApnsClient(common) }
}

const subjectOf = (request: PeerRequest | undefined): unknown => {
  const socket = request?.stream.session?.socket as TLSSocket | undefined
  return socket?.getPeerCertificate().subject?.CN
}

describe('a client with a certificate', () => {
  test('shows it in the handshake, names its topic, and sends no token', async () => {
    let subject: unknown
    const { client, peer } = await apnsWithCertificate(universal, request => {
      subject = subjectOf(request)
      accept(request)
    })
    expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
    expect(subject).toBe('Apple Push Services: com.example.app')
    expect(peer.requests[0]?.headers).toMatchObject({
      'apns-topic': 'com.example.app',
      'apns-push-type': 'alert',
    })
    expect(peer.requests[0]?.headers).not.toHaveProperty('authorization')
  })

  test('shares no connection with one of another certificate', async () => {
    const subjects: unknown[] = []
    const { client, common } = await apnsWithCertificate(universal, request => {
      subjects.push(subjectOf(request))
      accept(request)
    })
    const second = apple.issue({ uid: 'com.example.two' })
    const other = createApnsClient({ ...common, credential: certificateOf(second, 'com.example.two') })
    await client.send(attempt())
    await other.send(attempt())
    expect(subjects).toEqual(['Apple Push Services: com.example.app', 'Apple Push Services: com.example.two'])
  })

  test('sends the push types that the certificate names, and no others', async () => {
    const { client, peer } = await apnsWithCertificate(universal)
    expect(await client.send(attempt({ pushType: 'voip' }))).toMatchObject({ kind: 'accepted' })
    expect(peer.requests[0]?.headers['apns-topic']).toBe('com.example.app.voip')
    expect(await client.send(attempt({ pushType: 'complication' }))).toEqual({
      kind: 'message_fault',
      reason: 'push_type_not_in_certificate: complication',
    })
    expect(await client.send(attempt({ pushType: 'location' }))).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringContaining('push_type_needs_token'),
    })
    expect(await client.send(attempt({ pushType: 'mdm', payload: { mdm: 'magic' } }))).toMatchObject({
      reason: 'push_type_not_in_certificate: mdm',
    })
    expect(peer.requests).toHaveLength(1)
  })

  test('of a device management server wakes devices with its own topic, and shows nothing', async () => {
    const uid = 'com.apple.mgmt.External.1234'
    const made = apple.issue({ uid, extensions: [PRODUCTION] })
    const { client, peer } = await apnsWithCertificate(made, accept, uid)
    expect(await client.send(attempt({ pushType: 'mdm', payload: { mdm: 'magic' } }))).toMatchObject({
      kind: 'accepted',
    })
    expect(peer.requests[0]?.headers).toMatchObject({ 'apns-topic': uid, 'apns-priority': '10' })
    expect(String(peer.requests[0]?.body)).toBe('{"mdm":"magic"}')
    expect(await client.send(attempt())).toMatchObject({ reason: 'push_type_not_in_certificate: alert' })
  })

  test('does not connect with one that has expired, is for the other environment, or for another app', async () => {
    const expired = await apnsWithCertificate(apple.issue({ notAfter: '20261102100000Z' }))
    const sandbox = await apnsWithCertificate(apple.issue({ extensions: [SANDBOX] }))
    const other = await apnsWithCertificate(apple.issue({ uid: 'com.example.two' }))
    const outcomes = await Promise.all([expired, sandbox, other].map(({ client }) => client.send(attempt())))
    expect(outcomes).toEqual([
      { kind: 'credential_fault', reason: 'certificate_expired' },
      { kind: 'credential_fault', reason: 'certificate_not_for_production', part: 'production' },
      { kind: 'credential_fault', reason: 'certificate_of_other_app: com.example.two' },
    ])
    expect([expired, sandbox, other].map(({ peer }) => peer.sockets.length)).toEqual([0, 0, 0])
  })

  test.each(['BadCertificate', 'BadCertificateEnvironment'])(
    'that is refused with %s leaves the connection',
    async reason => {
      const { client, peer } = await apnsWithCertificate(universal, request =>
        request.index === 0 ? refuse(403, reason)(request) : accept(request),
      )
      expect(await client.send(attempt())).toMatchObject({ kind: 'credential_fault', reason })
      expect(await client.send(attempt())).toMatchObject({ kind: 'accepted' })
      expect(peer.sessions).toHaveLength(2)
    },
  )

  test('that is none throws before anything is sent', async () => {
    const { common } = await apns(accept)
    const broken = certificateOf({ cert: universal.cert, key: apple.issue().key })
    expect(() => createApnsClient({ ...common, credential: broken })).toThrow(/certificate_key_mismatch/)
  })
})

interface TlsServer {
  readonly origin: string
  readonly ca: string
  close(): Promise<void>
}

/** OpenSSL's own server: unlike Node's it says in an alert why it refuses a certificate. */
async function startTlsServer(clientCa: string, version: string): Promise<TlsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tls-server-'))
  const own = await makeCertificate()
  writeFileSync(join(folder, 'cert.pem'), own.cert)
  writeFileSync(join(folder, 'key.pem'), own.key)
  writeFileSync(join(folder, 'ca.pem'), clientCa)
  const options = `s_server -accept 127.0.0.1:0 -alpn h2 ${version} -cert cert.pem -key key.pem -CAfile ca.pem -Verify 2 -verify_return_error`
  const server = spawn('openssl', options.split(' '), { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] })
  return {
    origin: `https://localhost:${await portOf(server)}`,
    ca: own.cert,
    close: async () => {
      const ended = once(server, 'exit')
      server.kill()
      await ended
      rmSync(folder, { recursive: true })
    },
  }
}

async function portOf(server: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: server.stdout as NodeJS.ReadableStream })) {
    const port = /^ACCEPT .*:(\d+)$/.exec(line)?.[1]
    if (port !== undefined) return port
  }
  throw new Error('the TLS server did not start')
}

describe.each(['-tls1_2', '-tls1_3'])('a certificate that the handshake refuses (%s)', version => {
  const long = apple.issue({ notBefore: '20200101000000Z', notAfter: '20210101000000Z' })

  async function clientOf(clientCa: string, made: Made | undefined): Promise<GatewayClient<ApnsAddress>> {
    const server = endAfterTest(await startTlsServer(clientCa, version))
    const transport = endAfterTest(createHttp2Transport({ extraCa: server.ca, assumedStreams: 1 }))
    return createApnsClient({
      credential: made === undefined ? credential : certificateOf(made),
      environment: 'production',
      baseUrl: server.origin,
      transport,
      // Ours says that it is good still.
      clock: clockAt('2020-06-01T00:00:00Z'),
    })
  }

  async function send(clientCa: string, made: Made | undefined): Promise<AttemptOutcome> {
    const client = await clientOf(clientCa, made)
    return client.send(attempt())
  }

  test('as expired is a credential fault and no lost connection', async () => {
    expect(await send(apple.ca.cert, long)).toEqual({
      kind: 'credential_fault',
      reason: 'tls_certificate_refused: certificate expired',
    })
  })

  test('is one for all that wait behind it as well, within the first connection', async () => {
    const client = await clientOf(apple.ca.cert, long)
    const outcomes = await Promise.all(Array.from({ length: 300 }, () => client.send(attempt())))
    expect(new Set(outcomes.map(it => ('reason' in it ? it.reason : it.kind)))).toEqual(
      new Set(['tls_certificate_refused: certificate expired']),
    )
  })

  test('as of an unknown authority is one, too', async () => {
    const stranger = new AppleAuthority()
    expect(await send(stranger.ca.cert, long)).toEqual({
      kind: 'credential_fault',
      reason: 'tls_certificate_refused: unknown certificate authority',
    })
    stranger.close()
  })

  test('is none of ours when we showed none', async () => {
    const outcome = await send(apple.ca.cert, undefined)
    expect(['not_sent', 'uncertain']).toContain(outcome.kind)
  })
})
