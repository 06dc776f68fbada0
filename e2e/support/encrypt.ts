/**
 * Encrypts a push message for a browser, written from the RFC and apart from the product's own encryption.
 * Source: RFC 8291 §3.4, RFC 8188 §2.
 */
import { createCipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'

const RECORD_SIZE = 4096

/** The keys as a device registers them: standard base64. */
export function encryptPush(text: string, publicKey: string, authToken: string): Buffer {
  const theirs = Buffer.from(publicKey, 'base64')
  const sender = createECDH('prime256v1')
  const ours = sender.generateKeys()
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), theirs, ours])
  const shared = derive(sender.computeSecret(theirs), Buffer.from(authToken, 'base64'), info, 32)
  const salt = randomBytes(16)
  const key = derive(shared, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
  const nonce = derive(shared, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  const sealed = [cipher.update(`${text}\x02`), cipher.final(), cipher.getAuthTag()] // 0x02: last record
  const header = Buffer.alloc(5)
  header.writeUInt32BE(RECORD_SIZE, 0)
  header.writeUInt8(ours.length, 4)
  return Buffer.concat([salt, header, ours, ...sealed])
}

function derive(secret: Buffer, salt: Buffer, info: Buffer, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, length))
}
