import { createECDH, createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { makeSubscriber } from '../../test/subscriber.ts'
import { encrypt } from './encrypt.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')

test('the example of RFC 8291 comes out byte for byte', () => {
  const ephemeral = createECDH('prime256v1')
  ephemeral.setPrivateKey(bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'))
  const body = encrypt({
    plaintext: Buffer.from('When I grow up, I want to be a watermelon'),
    receiverKey: bytes(
      'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    ),
    authSecret: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
    salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
    ephemeral,
  })
  expect(body.toString('base64url')).toBe(
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  )
  expect(createHash('sha256').update(body).digest('hex')).toBe(
    'f976e174457c5111a0b05234e648bc012cb1e2b37949afce4d7b1e84752953c7',
  )
})

test('each message has a salt and a key pair of its own, and the subscriber reads them all', () => {
  const subscriber = makeSubscriber()
  const plaintext = Buffer.from('hello')
  const bodies = [1, 2].map(() =>
    encrypt({ plaintext, receiverKey: subscriber.publicKey, authSecret: subscriber.authSecret }),
  )
  expect(new Set(bodies.map(body => body.subarray(0, 16).toString('hex'))).size).toBe(2)
  expect(new Set(bodies.map(body => body.subarray(21, 86).toString('hex'))).size).toBe(2)
  for (const body of bodies) expect(subscriber.decrypt(body).toString()).toBe('hello')
})

test('the longest plaintext fills a body of 4096 bytes', () => {
  const subscriber = makeSubscriber()
  const plaintext = Buffer.alloc(3993, 'x')
  const body = encrypt({ plaintext, receiverKey: subscriber.publicKey, authSecret: subscriber.authSecret })
  expect(body.length).toBe(4096)
  expect(subscriber.decrypt(body).equals(plaintext)).toBe(true)
})
