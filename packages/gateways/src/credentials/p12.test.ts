import { createPrivateKey, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import { afterAll, describe, expect, test } from 'vitest'
import {
  AppleAuthority,
  PRODUCTION,
  SANDBOX,
  topicsExtension,
  voipExtension,
} from '../../test/apple-certificates.ts'
import { clockAt, ecPem } from '../../test/fixtures.ts'
import { parsePemCertificate } from './certificate.ts'
import { parseP12 } from './p12.ts'
import { type CredentialProblem, mustParse, type Parsed } from './problem.ts'

const clock = clockAt('2026-11-02T10:00:00Z')
const apple = new AppleAuthority()
afterAll(() => apple.close())

const universal = apple.issue({
  extensions: [
    SANDBOX,
    PRODUCTION,
    topicsExtension([
      ['com.example.app', 'app'],
      ['com.example.app.voip', 'voip'],
      ['com.example.app.complication', 'complication'],
    ]),
  ],
})
const other = apple.issue({ uid: 'com.example.other' })
const chain = apple.ca.cert

function problemOf(parsed: Parsed<unknown>): CredentialProblem {
  if (parsed.ok) throw new Error('it was accepted')
  return parsed.problem
}

/** `openssl` can't be told to write this form: its MAC is made with no bytes, not even those that end a string. */
function withoutPassword({ cert, key }: { cert: string; key: string }): Buffer {
  const p12 = forge.pkcs12.toPkcs12Asn1(
    forge.pki.privateKeyFromPem(key),
    forge.pki.certificateFromPem(cert),
    null,
  )
  return Buffer.from(forge.asn1.toDer(p12).getBytes(), 'binary')
}

describe('a p12 file', () => {
  test.each([
    ['RC2 and 3DES, as Keychain Access exports it', '-legacy'],
    ['AES, as OpenSSL 3 makes it', ''],
    ['AES-128 and a SHA-1 MAC', '-certpbe AES-128-CBC -keypbe AES-128-CBC -macalg sha1'],
    ['3DES for all', '-certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES'],
    ['no encryption and a MAC only', '-certpbe NONE -keypbe NONE'],
  ])('with %s is read', (_what, options) => {
    const value = mustParse(parseP12(apple.p12({ ...universal, chain }, 'wörd-1', options), 'wörd-1', clock))
    const certificate = new X509Certificate(universal.cert)
    expect(value).toMatchObject({
      uid: 'com.example.app',
      bundleId: 'com.example.app',
      commonName: 'Apple Push Services: com.example.app',
      environments: ['production', 'sandbox'],
      notBefore: new Date('2026-01-01T00:00:00Z'),
      expiresAt: new Date('2027-01-31T00:00:00Z'),
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      problems: [],
    })
    expect(value.topics).toEqual([
      { topic: 'com.example.app', kind: 'app' },
      { topic: 'com.example.app.voip', kind: 'voip' },
      { topic: 'com.example.app.complication', kind: 'complication' },
    ])
    expect(value.cert).toBe(certificate.toString() + new X509Certificate(chain).toString())
    expect(value.key).toBe(universal.key)
  })

  test.each(['-legacy', '', '-nomac -certpbe NONE -keypbe NONE'])(
    'with an empty password is read (%s)',
    options => {
      expect(parseP12(apple.p12(universal, '', options), '', clock)).toMatchObject({ ok: true })
    },
  )

  test('made without any password, which is not the empty one, is read', () => {
    const file = withoutPassword(universal)
    expect(parseP12(file, '', clock)).toMatchObject({ ok: true })
    expect(parseP12(file, 'x', clock)).toMatchObject({ ok: false, problem: { code: 'p12_wrong_password' } })
  })

  test('with an EC key is read', () => {
    const made = apple.issue({ keyType: 'ec' })
    const value = mustParse(parseP12(apple.p12({ ...made, chain }, 'x', '-legacy'), 'x', clock))
    expect(new X509Certificate(value.cert).checkPrivateKey(createPrivateKey(value.key))).toBe(true)
    expect(value.key).toBe(made.key)
  })

  test('that holds several certificates is read as the one that fits its key, with its issuers behind it', () => {
    const file = apple.p12({ ...universal, chain: other.cert + chain }, 'x')
    const value = mustParse(parseP12(file, 'x', clock))
    expect(value.uid).toBe('com.example.app')
    expect(value.cert.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
    expect(value.cert).toContain(new X509Certificate(chain).toString())
  })

  test('of one topic serves its UID', () => {
    const single = apple.issue({ extensions: [PRODUCTION] })
    expect(mustParse(parseP12(apple.p12(single, 'x'), 'x', clock))).toMatchObject({
      environments: ['production'],
      topics: [{ topic: 'com.example.app', kind: 'app' }],
    })
  })

  test('for VoIP only belongs to the app without the suffix', () => {
    const voip = apple.issue({
      uid: 'com.example.app.voip',
      extensions: [SANDBOX, voipExtension('com.example.app.voip')],
    })
    expect(mustParse(parseP12(apple.p12(voip, 'x'), 'x', clock))).toMatchObject({
      uid: 'com.example.app.voip',
      bundleId: 'com.example.app',
      environments: ['sandbox'],
      topics: [{ topic: 'com.example.app.voip', kind: 'voip' }],
    })
  })

  test('with a list of topics and the mark for VoIP names each topic once, by its kind', () => {
    const topics = topicsExtension([
      ['com.example.app', 'app'],
      ['com.example.app.voip', 'voip'],
    ])
    const made = apple.issue({ extensions: [PRODUCTION, topics, voipExtension('com.example.app.voip')] })
    expect(mustParse(parseP12(apple.p12(made, 'x'), 'x', clock)).topics).toEqual([
      { topic: 'com.example.app', kind: 'app' },
      { topic: 'com.example.app.voip', kind: 'voip' },
    ])
  })

  test('for device management serves its own topic', () => {
    const mdm = apple.issue({ uid: 'com.apple.mgmt.External.1234', extensions: [PRODUCTION] })
    expect(mustParse(parseP12(apple.p12(mdm, 'x'), 'x', clock)).topics).toEqual([
      { topic: 'com.apple.mgmt.External.1234', kind: 'mdm' },
    ])
  })

  test('that has expired is read, and says so', () => {
    const made = apple.issue({ notAfter: '20261102095959Z' })
    expect(mustParse(parseP12(apple.p12(made, 'x'), 'x', clock))).toMatchObject({
      expiresAt: new Date('2026-11-02T09:59:59Z'),
      problems: [{ code: 'certificate_expired', message: 'The certificate expired on 2026-11-02.' }],
    })
  })

  test('that is not valid yet is read, and says so', () => {
    const made = apple.issue({ notBefore: '20261102100001Z' })
    expect(mustParse(parseP12(apple.p12(made, 'x'), 'x', clock)).problems).toMatchObject([
      { code: 'certificate_not_yet_valid', remedy: expect.stringContaining('clock') },
    ])
  })
})

describe('a p12 file is refused with a remedy', () => {
  test.each([
    ['with the wrong password', 'certificate of -legacy', '-legacy'],
    ['with the wrong password', 'certificate with AES', ''],
  ])('%s (%s)', (_name, _what, options) => {
    const file = apple.p12(universal, 'right', options)
    expect(problemOf(parseP12(file, 'wrong', clock))).toMatchObject({
      code: 'p12_wrong_password',
      message: 'The password does not open this file.',
    })
    expect(problemOf(parseP12(file, '', clock)).message).toBe('This file has a password, and none was given.')
  })

  test('when it was exported without its private key', () => {
    const problem = problemOf(parseP12(apple.p12({ cert: universal.cert }, 'x', '-legacy'), 'x', clock))
    expect(problem).toMatchObject({
      code: 'certificate_key_missing',
      remedy: expect.stringContaining('Keychain'),
    })
    expect(problem.message).toContain('"Apple Push Services: com.example.app" without its private key')
  })

  test('when it holds a key alone', () => {
    const problem = problemOf(parseP12(apple.p12({ key: universal.key }, 'x'), 'x', clock))
    expect(problem.code).toBe('certificate_missing')
  })

  test('when its certificate is for something else than push', () => {
    const made = apple.issue({
      commonName: 'Apple Distribution: Example',
      extensions: ['1.2.840.113635.100.6.1.4 = DER:0500'],
    })
    const problem = problemOf(parseP12(apple.p12(made, 'x'), 'x', clock))
    expect(problem.code).toBe('certificate_not_for_apns')
    expect(problem.message).toContain('"Apple Distribution: Example"')
  })

  test('when TLS would refuse to show it', () => {
    const made = apple.issue({ digest: 'md5' })
    expect(problemOf(parseP12(apple.p12(made, 'x'), 'x', clock))).toMatchObject({
      code: 'certificate_unusable',
      message: expect.stringContaining('too weak'),
    })
  })

  test('when its certificate names no app', () => {
    const made = apple.issue({ uid: undefined, commonName: 'Nobody' })
    expect(problemOf(parseP12(apple.p12(made, 'x'), 'x', clock)).code).toBe('certificate_not_for_apns')
  })

  test.each([
    ['is empty', Buffer.alloc(0), 'p12_not_p12', 'The file is empty.'],
    [
      'is a certificate alone',
      new X509Certificate(universal.cert).raw,
      'p12_not_p12',
      'a certificate alone (.cer)',
    ],
    ['is a PEM certificate', Buffer.from(universal.cert), 'p12_not_p12', 'without its private key'],
    ['is a p8 key', Buffer.from(ecPem()), 'p12_not_p12', 'perhaps a .p8 file'],
    ['is PEM with both', Buffer.from(universal.cert + universal.key), 'p12_not_p12', 'uploaded as PEM'],
    ['is JSON', Buffer.from('{"type":"service_account"}'), 'p12_not_p12', 'This is a JSON file.'],
    ['is still Base64', Buffer.from(apple.p12(universal, 'x').toString('base64')), 'p12_not_p12', 'Base64'],
    ['is anything else', Buffer.from('hello'), 'p12_not_p12', 'This is not a PKCS#12 file.'],
    ['is far too big', Buffer.alloc(300_000, 0x30), 'p12_not_p12', '300000 bytes'],
    ['is cut', apple.p12(universal, 'x').subarray(0, 1500), 'p12_damaged', 'cut or altered'],
    ['is DER of another kind', Buffer.from('3003020103', 'hex'), 'p12_damaged', 'not a PKCS#12 file'],
  ])('when it %s', (_name, file, code, message) => {
    expect(problemOf(parseP12(file, 'x', clock))).toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  test.each([
    ['once', '-iter 400000 -nomac'],
    ['by its keys and its seal together', '-iter 120000'],
  ])('when it asks for so much work that it would stop the server: %s', (_how, options) => {
    expect(problemOf(parseP12(apple.p12(universal, 'x', options), 'x', clock))).toMatchObject({
      code: 'p12_unsupported',
      message: 'The file would take too long to decrypt.',
    })
  })

  test('without showing its key or its password', () => {
    const made = apple.issue({ extensions: ['subjectKeyIdentifier = hash'] })
    const said = JSON.stringify(parseP12(apple.p12(made, 'pass-word-1'), 'pass-word-1', clock))
    expect(said).not.toContain('PRIVATE KEY')
    expect(said).not.toContain('pass-word-1')
  })
})

describe('a PEM text', () => {
  test('as "openssl pkcs12 -nodes" prints it is read like the p12', () => {
    const file = apple.p12({ ...universal, chain }, 'x')
    const printed = apple.run('pkcs12 -in out.p12 -nodes -passin pass:x')
    expect(printed).toContain('Bag Attributes')
    expect(parsePemCertificate(printed, undefined, clock)).toEqual(parseP12(file, 'x', clock))
    expect(parsePemCertificate(printed.replaceAll('\n', '\r\n'), 'not needed', clock)).toMatchObject({
      ok: true,
    })
  })

  test.each(['', '-traditional'])('whose key is encrypted opens with its password only (%s)', form => {
    apple.p12(universal, 'x')
    apple.run('pkcs12 -in out.p12 -nodes -nocerts -passin pass:x -out plain.key')
    const key = apple.run(`pkey -in plain.key -aes128 -passout pass:secret ${form}`)
    const pem = universal.cert + key
    expect(parsePemCertificate(pem, 'secret', clock)).toMatchObject({ ok: true })
    expect(problemOf(parsePemCertificate(pem, 'wrong', clock)).message).toContain('does not open')
    expect(problemOf(parsePemCertificate(pem, undefined, clock))).toMatchObject({
      code: 'pem_wrong_password',
    })
  })

  test('whose key belongs to another certificate is refused', () => {
    expect(problemOf(parsePemCertificate(other.cert + universal.key, undefined, clock))).toMatchObject({
      code: 'certificate_key_mismatch',
      message: expect.stringContaining('com.example.other'),
    })
  })

  test.each([
    ['is no PEM', 'hello', 'pem_not_pem'],
    ['was cut', universal.cert.slice(0, 200), 'pem_not_pem'],
    [
      'has a damaged certificate',
      universal.cert.replace(/MII..../, 'AAAAAAAA') + universal.key,
      'pem_damaged',
    ],
    ['has a damaged key', universal.cert + universal.key.replace(/MII..../, 'AAAAAAAA'), 'pem_damaged'],
    ['has no key', universal.cert, 'certificate_key_missing'],
    ['has no certificate', universal.key, 'certificate_missing'],
  ])('that %s is refused', (_name, pem, code) => {
    expect(problemOf(parsePemCertificate(pem, undefined, clock)).code).toBe(code)
  })
})
