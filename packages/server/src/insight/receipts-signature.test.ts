/** Signatures of receipts: what was signed here is known again, and nothing else is. */
import { expect, test } from 'vitest'
import { Seal } from '../credentials/seal.ts'
import { ReceiptSigner } from './receipts-signature.ts'

const SECRET = 'a secret of thirty-two characters and more'
const signer = new ReceiptSigner(new Seal(SECRET))
const signed = { hash: '01a2009f129675e797667c8167240643', hwid: 'device 1' }
const AT = Date.UTC(2026, 10, 22, 12)

test('a signature tells when the push was sent, to the second', () => {
  expect(signer.sentAt(signed, signer.sign(signed, AT + 999))).toBe(AT)
})

test('servers that share a secret know each other’s', () => {
  const other = new ReceiptSigner(new Seal(SECRET))
  expect(other.sentAt(signed, signer.sign(signed, AT))).toBe(AT)
})

test.each([
  ['another device', { ...signed, hwid: 'device 2' }],
  ['another message', { ...signed, hash: signed.hash.replace('0', '1') }],
  ['another variant of the message', { ...signed, hash: signed.hash.replace('75e7', '85e7') }],
])('a signature for %s is none', (_what, other) => {
  expect(signer.sentAt(other, signer.sign(signed, AT))).toBeNull()
})

test('a signature with another time, of another secret, cut or made up is none', () => {
  const signature = signer.sign(signed, AT)
  const [, mac] = signature.split('.')
  const later = Math.floor(AT / 1000 + 1).toString(36)
  const foreign = new ReceiptSigner(new Seal(`${SECRET}!`)).sign(signed, AT)
  for (const wrong of [`${later}.${mac}`, foreign, signature.slice(0, -1), `${signature}A`, '', '.', 'a.b'])
    expect(signer.sentAt(signed, wrong)).toBeNull()
})

test('it takes 29 characters of a payload, none of which has to be escaped', () => {
  expect(signer.sign(signed, AT)).toMatch(/^[0-9a-z]{6}\.[\w-]{22}$/)
})
