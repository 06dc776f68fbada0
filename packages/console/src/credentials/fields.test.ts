import { describe, expect, test } from 'vitest'
import { isComplete, KINDS, type Kind, keyIdIn, kindFor, readFileFor, uploadOf } from './fields.ts'

const kind = (id: string): Kind => KINDS.find(it => it.id === id) as Kind
const field = (id: string, name: string) => {
  const found = kind(id).fields.find(it => it.name === name)
  if (!found) throw new Error(name)
  return found
}

describe('an upload', () => {
  test('of a .p8 is what POST …/credentials takes', () => {
    const values = { p8: 'PEM', keyId: 'ABCDE12345', teamId: 'TEAM123456', bundleId: 'com.example.app' }
    expect(isComplete(kind('p8'), values)).toBe(true)
    expect(isComplete(kind('p8'), { ...values, teamId: '' })).toBe(false)
    expect(uploadOf(kind('p8'), values)).toEqual({ gateway: 'apns', kind: 'p8', ...values })
  })

  test('leaves out what is empty, and what belongs to another kind', () => {
    const values = { subject: '', publicKey: '', keyId: 'of the kind that was chosen before' }
    expect(uploadOf(kind('vapid'), values)).toEqual({ gateway: 'webpush', kind: 'vapid' })
    expect(isComplete(kind('vapid'), values)).toBe(true)
  })

  test('a replacement begins with the kind that is there', () => {
    expect(kindFor({ gateway: 'apns', kind: 'p8' }).id).toBe('p8')
    expect(kindFor({ gateway: 'apns', kind: 'pem' }).id).toBe('p12')
    expect(kindFor({ gateway: 'hms', kind: 'client' }).id).toBe('hms')
  })
})

test('of a VAPID slot the contact alone is replaced: its key pair is for life', () => {
  const settings = { subject: 'mailto:a@example.com', publicKey: 'BOdv' }
  expect(uploadOf(kindFor({ gateway: 'webpush', kind: 'vapid' }), settings)).toEqual({
    gateway: 'webpush',
    kind: 'vapid',
    subject: 'mailto:a@example.com',
  })
})

describe('a file', () => {
  test('with bytes is carried as base64, byte for byte', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    expect(await readFileFor(field('p12', 'p12'), new Blob([bytes]))).toBe(
      Buffer.from(bytes).toString('base64'),
    )
  })

  test('with JSON is read, and refused in words when it is none', async () => {
    const json = field('service-account', 'serviceAccount')
    expect(await readFileFor(json, new Blob(['{"type":"service_account"}']))).toEqual({
      type: 'service_account',
    })
    await expect(readFileFor(json, new Blob(['garbage']))).rejects.toThrow('JSON file: this is no JSON')
  })

  test.each([
    ['AuthKey_ABCDE12345.p8', 'ABCDE12345'],
    ['AuthKey_ABCDE1234.p8', undefined],
    ['key.p8', undefined],
  ])('named %s tells the key id %s', (name, keyId) => {
    expect(keyIdIn(name)).toBe(keyId)
  })
})
