import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ecPem, rsaPem } from '../test/fixtures.ts'
import { makeCertificate } from '../test/peer.ts'
import { mustParse, parseP8, parseServiceAccount } from './credentials.ts'

const p8 = ecPem()
const certificate = await makeCertificate()
const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 'secret',
}) as string

describe('an APNs key file', () => {
  test('is accepted, also with the line ends of another system', () => {
    expect(parseP8(p8)).toMatchObject({ ok: true })
    expect(parseP8(p8.replaceAll('\n', '\r\n'))).toMatchObject({ ok: true })
  })

  test.each([
    ['nothing', '', 'The file is empty.'],
    ['no PEM', 'hello', 'This is not a PEM file'],
    ['a certificate', certificate.cert, 'This is a certificate, not a key.'],
    [
      'a public key',
      createPublicKey(p8).export({ type: 'spki', format: 'pem' }) as string,
      'This is a public key',
    ],
    ['an encrypted key', encrypted, 'This key is encrypted'],
    ['an RSA key', rsaPem(), 'This is a rsa key; APNs wants an EC key on P-256.'],
    ['a P-384 key', ecPem('P-384'), 'This is a P-384 key; APNs wants P-256.'],
    ['a cut key', `${p8.slice(0, 80)}\n-----END PRIVATE KEY-----\n`, 'The private key cannot be read'],
  ])('that is %s is refused with a remedy and without its content', (_name, pem, message) => {
    const parsed = parseP8(pem)
    expect(parsed).toMatchObject({
      ok: false,
      problem: { message: expect.stringContaining(message), remedy: expect.stringContaining('.p8') },
    })
    const line = pem.split('\n')[1]?.slice(0, 20)
    if (line) expect(JSON.stringify(parsed)).not.toContain(line)
  })
})

describe('a service account', () => {
  const file = {
    type: 'service_account',
    project_id: 'demo',
    private_key_id: 'k1',
    private_key: rsaPem(),
    client_email: 'push@demo.iam.gserviceaccount.com',
    token_uri: 'https://oauth2.googleapis.com/token',
  }

  test('is accepted as text and parsed', () => {
    const expected = {
      ok: true,
      value: { projectId: 'demo', clientEmail: file.client_email, privateKeyId: 'k1' },
    }
    expect(parseServiceAccount(JSON.stringify(file))).toMatchObject(expected)
    expect(parseServiceAccount(file)).toMatchObject(expected)
  })

  test.each([
    ['is no JSON', '{', 'This is not a JSON object.'],
    ['is a list', '[]', 'This is not a JSON object.'],
    ['is the app’s configuration', { project_info: {}, client: [] }, 'This is google-services.json'],
    ['is a web app’s configuration', { apiKey: 'x', projectId: 'demo' }, 'This is a web app’s configuration'],
    ['is an OAuth client', { installed: {} }, 'This is an OAuth client'],
    [
      'is of another type',
      { ...file, type: 'authorized_user' },
      'The field "type" is not "service_account".',
    ],
    ['has no key', { ...file, private_key: undefined }, 'private_key missing.'],
    ['has no project', { ...file, project_id: '' }, 'project_id missing.'],
    ['has no account', { ...file, client_email: undefined }, 'client_email missing.'],
    [
      'has a damaged key',
      { ...file, private_key: file.private_key.slice(0, 200) },
      'private_key cannot be read',
    ],
    ['has a key of another kind', { ...file, private_key: p8 }, 'private_key is a ec key'],
  ])('that %s is refused with a remedy and without its key', (_name, json, message) => {
    const parsed = parseServiceAccount(json)
    expect(parsed).toMatchObject({
      ok: false,
      problem: { message: expect.stringContaining(message), remedy: expect.stringContaining('Firebase') },
    })
    expect(JSON.stringify(parsed)).not.toContain('PRIVATE KEY')
  })

  test('that is used all the same throws its message without its key', () => {
    const broken = { ...file, private_key: p8 }
    expect(() => mustParse(parseServiceAccount(broken))).toThrow(/service_account_key_damaged/)
    expect(() => mustParse(parseServiceAccount(broken))).not.toThrow(/PRIVATE KEY/)
  })
})
