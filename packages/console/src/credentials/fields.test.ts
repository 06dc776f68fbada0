import { describe, expect, test } from 'vitest'
import {
  isComplete,
  isServiceAccount,
  KINDS,
  type Kind,
  keyIdIn,
  kindFor,
  kindOfFile,
  kindsFor,
  readFileFor,
  uploadOf,
} from './fields.ts'

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

  test('with JSON is read, and refused when it is none', async () => {
    const json = field('service-account', 'serviceAccount')
    expect(await readFileFor(json, new Blob(['{"type":"service_account"}']))).toEqual({
      type: 'service_account',
    })
    await expect(readFileFor(json, new Blob(['garbage']))).rejects.toThrow(SyntaxError)
  })

  test.each([
    ['AuthKey_ABCDE12345.p8', 'ABCDE12345'],
    ['AuthKey_ABCDE1234.p8', undefined],
    ['key.p8', undefined],
  ])('named %s tells the key id %s', (name, keyId) => {
    expect(keyIdIn(name)).toBe(keyId)
  })
})

describe('a file that is dropped', () => {
  test.each([
    ['AuthKey_ABCDE12345.p8', 'p8'],
    ['Push.P12', 'p12'],
    ['push.pfx', 'p12'],
    ['shop-firebase-adminsdk.json', 'service-account'],
    ['notes.txt', undefined],
    ['noending', undefined],
  ])('%s is of the kind %s', (name, kind) => {
    expect(kindOfFile(name, KINDS)?.id).toBe(kind)
  })

  test('is only taken by what the slot can be replaced with', () => {
    expect(kindOfFile('account.json', kindsFor('apns'))).toBeUndefined()
    expect(kindOfFile('push.p12', kindsFor('apns'))?.id).toBe('p12')
  })

  test('of an app’s build is told from a service account', () => {
    expect(isServiceAccount({ type: 'service_account', project_id: 'shop' })).toBe(true)
    expect(isServiceAccount({ project_info: { project_id: 'shop' } })).toBe(false)
    expect(isServiceAccount('service_account')).toBe(false)
  })
})
