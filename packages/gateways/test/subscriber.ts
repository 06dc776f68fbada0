/** A browser's side of Web Push: a subscription's keys, and decryption with Node's own HKDF (RFC 8291 §3.4). */
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import type { WebPushAddress } from '../src/webpush/subscription.ts'

export interface Subscriber {
  readonly publicKey: Buffer
  readonly authSecret: Buffer
  address(endpoint: string): WebPushAddress
  decrypt(body: Buffer): Buffer
}

export function makeSubscriber(): Subscriber {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys()
  const authSecret = randomBytes(16)
  return {
    publicKey,
    authSecret,
    address: endpoint => ({
      endpoint,
      p256dh: publicKey.toString('base64url'),
      auth: authSecret.toString('base64url'),
    }),
    decrypt: body => {
      const salt = body.subarray(0, 16)
      const idLength = body[20] as number
      const senderKey = body.subarray(21, 21 + idLength)
      const sealed = body.subarray(21 + idLength)
      if (sealed.length > body.readUInt32BE(16)) throw new Error('more than one record')
      const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, senderKey])
      const inputKey = Buffer.from(hkdfSync('sha256', pair.computeSecret(senderKey), authSecret, info, 32))
      const key = Buffer.from(hkdfSync('sha256', inputKey, salt, 'Content-Encoding: aes128gcm\0', 16))
      const nonce = Buffer.from(hkdfSync('sha256', inputKey, salt, 'Content-Encoding: nonce\0', 12))
      const decipher = createDecipheriv('aes-128-gcm', key, nonce)
      decipher.setAuthTag(sealed.subarray(-16))
      const record = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
      const end = record.lastIndexOf(2)
      if (record.subarray(end + 1).some(byte => byte !== 0)) throw new Error('no delimiter of a last record')
      return record.subarray(0, end)
    },
  }
}
