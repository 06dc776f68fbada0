import { expect, test } from 'vitest'
import { generateVapidKeys, parseVapidKeys } from './vapid.ts'

const subject = 'mailto:push@example.com'

test('generated keys are a pair that is accepted', () => {
  const keys = generateVapidKeys()
  expect(Buffer.from(keys.publicKey, 'base64url')).toHaveLength(65)
  expect(Buffer.from(keys.privateKey, 'base64url')).toHaveLength(32)
  expect(parseVapidKeys({ ...keys, subject })).toMatchObject({
    ok: true,
    value: { publicKey: keys.publicKey },
  })
})

test('keys in standard base64 are accepted and given back in base64url', () => {
  const keys = generateVapidKeys()
  const standard = {
    publicKey: Buffer.from(keys.publicKey, 'base64url').toString('base64'),
    privateKey: Buffer.from(keys.privateKey, 'base64url').toString('base64'),
  }
  expect(parseVapidKeys({ ...standard, subject })).toMatchObject({
    ok: true,
    value: { publicKey: keys.publicKey },
  })
})

test.each([
  ['a short public key', { publicKey: 'BAAA' }, 'vapid_public_key'],
  ['a short private key', { privateKey: 'AAAA' }, 'vapid_private_key'],
  ['a private key of zero', { privateKey: Buffer.alloc(32).toString('base64url') }, 'vapid_private_key'],
  ['the public key of another pair', { publicKey: generateVapidKeys().publicKey }, 'vapid_keys_differ'],
  ['a subject without scheme', { subject: 'push@example.com' }, 'vapid_subject'],
  ['a subject on localhost', { subject: 'https://localhost' }, 'vapid_subject'],
])('%s is refused with a remedy and without the key', (_name, change, code) => {
  const keys = { ...generateVapidKeys(), subject, ...change }
  const parsed = parseVapidKeys(keys)
  expect(parsed).toMatchObject({ ok: false, problem: { code, remedy: expect.stringMatching(/\w/) } })
  expect(JSON.stringify(parsed)).not.toContain(keys.privateKey)
})
