/**
 * Certificates at the stand-in for Apple: what they are good for, and how those that are not are turned away.
 */
// The certificate library refuses to load before this polyfill.
import 'reflect-metadata'
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { X509Certificate as ParsedCertificate } from '@peculiar/x509'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  ApnsSender,
  BUNDLE_ID,
  goAwayOf,
  NGHTTP2_NO_ERROR,
  reasonOf,
  streamsAllowed,
} from '../../test/apns-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'

let now = 0
let simulator: Simulator
let sender: ApnsSender

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
  sender = new ApnsSender(simulator, () => now)
})

afterEach(async () => {
  sender.close()
  await simulator.close()
})

function textOf(certPem: string, oid: string): string | undefined {
  const value = new ParsedCertificate(certPem).getExtension(oid)?.value
  return value === undefined ? undefined : Buffer.from(value).toString('hex')
}

describe('what a certificate says', () => {
  test('the subject names the app, and the dates are by the clock of the stand-in', async () => {
    const { certPem, expiresAt } = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const certificate = new X509Certificate(certPem)
    expect(certificate.subject).toContain(`UID=${BUNDLE_ID}`)
    expect(certificate.subject).toContain(`CN=Apple Push Services: ${BUNDLE_ID}`)
    expect(Date.parse(certificate.validTo)).toBe(expiresAt.getTime())
    expect(certificate.verify(new X509Certificate(simulator.caPem).publicKey)).toBe(true)
  })

  test('its extensions name the environments, and a universal one lists its topics with their kinds', async () => {
    const plain = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
    expect(textOf(plain.certPem, '1.2.840.113635.100.6.3.1')).toBe('0500')
    expect(textOf(plain.certPem, '1.2.840.113635.100.6.3.2')).toBeUndefined()
    expect(textOf(plain.certPem, '1.2.840.113635.100.6.3.6')).toBeUndefined()
    const universal = await simulator.apns.createCertificate({ bundleId: 'a.b', voip: true })
    expect(textOf(universal.certPem, '1.2.840.113635.100.6.3.2')).toBe('0500')
    // SEQUENCE { "a.b", SEQUENCE { "app" }, "a.b.voip", SEQUENCE { "voip" } }
    const text = (value: string) => `0c0${value.length}${Buffer.from(value).toString('hex')}`
    const kind = (value: string) => `300${value.length + 2}${text(value)}`
    const content = text('a.b') + kind('app') + text('a.b.voip') + kind('voip')
    expect(textOf(universal.certPem, '1.2.840.113635.100.6.3.6')).toBe(
      `30${(content.length / 2).toString(16)}${content}`,
    )
    expect(textOf(universal.certPem, '1.2.840.113635.100.6.3.4')).toBe(text('a.b.voip'))
  })

  test('a list of topics of more than 255 bytes has its length in two bytes', async () => {
    const topics = [1, 2, 3, 4, 5].map(n => `com.example.${String(n).repeat(60)}`)
    const { certPem } = await simulator.apns.createCertificate({ bundleId: topics[0] as string, topics })
    // Five names of 72 bytes with their kinds are 5 * (2 + 72 + 2 + 2 + 3) bytes.
    expect(textOf(certPem, '1.2.840.113635.100.6.3.6')?.slice(0, 8)).toBe('30820195')
  })
})

describe('a p12 file', () => {
  /** What OpenSSL finds in the file: PEM of the certificate and the key. */
  function open(p12: string | undefined, password: string): string {
    const options = ['pkcs12', '-legacy', '-nodes', '-passin', `pass:${password}`]
    return execFileSync('openssl', options, {
      input: Buffer.from(p12 ?? '', 'base64'),
      stdio: 'pipe',
    }).toString()
  }

  test('holds the certificate byte for byte, and its key', async () => {
    const made = await simulator.apns.createCertificate({
      bundleId: BUNDLE_ID,
      voip: true,
      p12Password: 'wörd-1',
    })
    const pem = open(made.p12, 'wörd-1')
    const certificate = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')))
    expect(certificate.fingerprint256).toBe(made.fingerprint)
    expect(certificate.checkPrivateKey(createPrivateKey(pem))).toBe(true)
  })

  test('opens with no other password', async () => {
    const { p12 } = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID, p12Password: 'right' })
    expect(() => open(p12, 'wrong')).toThrow(/invalid password/)
  })

  test('is made only for who gives a password for it', async () => {
    expect(await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })).not.toHaveProperty('p12')
  })
})

describe('a good certificate', () => {
  test('pushes without a token, without a topic, and with many streams from the start', async () => {
    const certificate = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = sender.open({ certificate })
    await streamsAllowed(session, 1000)
    const answer = await sender.push(session, { token, headers: { 'apns-topic': undefined } })
    expect(answer.status).toBe(200)
    expect(simulator.pushes({ token })).toHaveLength(1)
  })

  test('makes the provider token of a request meaningless', async () => {
    const certificate = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const headers = { authorization: 'bearer nonsense' }
    expect((await sender.push(sender.open({ certificate }), { token, headers })).status).toBe(200)
  })

  test('that lists its topics needs one in each request', async () => {
    const certificate = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID, voip: true })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const calls = simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
    const session = sender.open({ certificate })
    const voip = { 'apns-push-type': 'voip', 'apns-topic': `${BUNDLE_ID}.voip` }
    const answers = [
      await sender.push(session, { token, headers: { 'apns-topic': undefined } }),
      await sender.push(session, { token }),
      await sender.push(session, { token: calls, headers: voip }),
      await sender.push(session, { token, headers: { 'apns-topic': `${BUNDLE_ID}.voip` } }),
    ]
    expect(answers.map(reasonOf)).toEqual(['MissingTopic', '', '', 'BadTopic'])
  })

  test('pushes to no other app, to no type that it does not list, and never for locations', async () => {
    const certificate = await simulator.apns.createCertificate({
      bundleId: BUNDLE_ID,
      topics: [BUNDLE_ID, `${BUNDLE_ID}.location-query`],
    })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = sender.open({ certificate })
    const asked = [
      { 'apns-topic': 'com.example.other' },
      { 'apns-topic': `${BUNDLE_ID}.voip`, 'apns-push-type': 'voip' },
      { 'apns-topic': `${BUNDLE_ID}.location-query`, 'apns-push-type': 'location' },
    ]
    for (const headers of asked)
      expect(reasonOf(await sender.push(session, { token, headers }))).toBe('TopicDisallowed')
  })

  test('of device management pushes to its own topic', async () => {
    const bundleId = 'com.apple.mgmt.External.1234'
    const certificate = await simulator.apns.createCertificate({ bundleId })
    const token = simulator.apns.issueToken({ bundleId, kind: 'mdm' })
    const headers = { 'apns-topic': bundleId, 'apns-push-type': 'mdm' }
    const answer = await sender.push(sender.open({ certificate }), {
      token,
      headers,
      body: '{"mdm":"magic"}',
    })
    expect(answer.status).toBe(200)
  })
})

describe('a certificate that is no good here', () => {
  test('of the other environment, expired or revoked is told to go away, and no stream was processed', async () => {
    const sandbox = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID, environments: ['sandbox'] })
    const expired = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID, expiresAt: new Date(now) })
    const revoked = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    simulator.apns.revokeCertificate(revoked)
    const expected = [
      [sandbox, 'BadCertificateEnvironment'],
      [expired, 'BadCertificate'],
      [revoked, 'BadCertificate'],
    ] as const
    for (const [certificate, reason] of expected) {
      const debug = JSON.stringify({ reason })
      expect(await goAwayOf(sender.open({ certificate }))).toEqual({
        code: NGHTTP2_NO_ERROR,
        lastStreamId: 0,
        debug,
      })
    }
    expect(simulator.counts().apns.requests).toBe(0)
  })

  test("of another authority is a stranger's", async () => {
    const elsewhere = await startSimulator()
    const certificate = await elsewhere.apns.createCertificate({ bundleId: BUNDLE_ID })
    await elsewhere.close()
    expect((await goAwayOf(sender.open({ certificate }))).debug).toBe('{"reason":"BadCertificate"}')
  })

  test('can be answered with 403 instead, or lose its connection before it can ask', async () => {
    const certificate = await simulator.apns.createCertificate({
      bundleId: BUNDLE_ID,
      environments: ['sandbox'],
    })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    simulator.apns.configure({ refusesCertificates: 'answer' })
    const answer = await sender.push(sender.open({ certificate }), { token })
    expect([answer.status, reasonOf(answer)]).toEqual([403, 'BadCertificateEnvironment'])
    simulator.apns.configure({ refusesCertificates: 'reset' })
    await expect(sender.push(sender.open({ certificate }), { token })).rejects.toThrow()
    expect(simulator.counts().apns.requests).toBe(1)
  })

  test('is refused on a connection that was open when it was revoked', async () => {
    const certificate = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const session = sender.open({ certificate })
    expect((await sender.push(session, { token })).status).toBe(200)
    simulator.apns.revokeCertificate(certificate)
    expect(reasonOf(await sender.push(session, { token }))).toBe('BadCertificate')
  })

  test('expires when the clock of the stand-in says so, also through an offset', async () => {
    const expiresAt = new Date(now + 60_000)
    const certificate = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID, expiresAt })
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    expect((await sender.push(sender.open({ certificate }), { token })).status).toBe(200)
    simulator.setClockOffset(60_000)
    expect((await goAwayOf(sender.open({ certificate }))).debug).toBe('{"reason":"BadCertificate"}')
  })
})
