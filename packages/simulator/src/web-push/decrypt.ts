/**
 * Decryption of a Web Push body, as the browser does it: one record of `aes128gcm`.
 *
 * Source: RFC 8291 section 3.4 for the keys, RFC 8188 section 2 for the form.
 */
import { createDecipheriv, createECDH, hkdfSync } from 'node:crypto'

const SALT_BYTES = 16
const TAG_BYTES = 16
const PUBLIC_KEY_BYTES = 65
const HEADER_BYTES = SALT_BYTES + 4 + 1 + PUBLIC_KEY_BYTES
/** Ends the last record; 1 would announce another one, which RFC 8291 forbids. */
const LAST_RECORD = 2

export interface SubscriptionKeys {
  readonly privateKey: Buffer
  readonly publicKey: Buffer
  readonly auth: Buffer
}

/** The plaintext, or undefined when the body is not what a browser would take. */
export function decryptBody(body: Buffer, keys: SubscriptionKeys): Buffer | undefined {
  if (body.length < HEADER_BYTES + TAG_BYTES + 1 || body[SALT_BYTES + 4] !== PUBLIC_KEY_BYTES)
    return undefined
  const ciphertext = body.subarray(HEADER_BYTES)
  const recordBytes = body.readUInt32BE(SALT_BYTES)
  // A single record is shorter than the record size that the header tells (RFC 8291 §4): others would follow.
  if (ciphertext.length >= recordBytes) return undefined
  try {
    return withoutPadding(decryptRecord(body, ciphertext, keys))
  } catch {
    return undefined
  }
}

function decryptRecord(body: Buffer, ciphertext: Buffer, keys: SubscriptionKeys): Buffer {
  const salt = body.subarray(0, SALT_BYTES)
  const senderKey = body.subarray(SALT_BYTES + 5, HEADER_BYTES)
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(keys.privateKey)
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), keys.publicKey, senderKey])
  const inputKey = derive(ecdh.computeSecret(senderKey), keys.auth, keyInfo, 32)
  const contentKey = derive(inputKey, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16)
  const nonce = derive(inputKey, salt, Buffer.from('Content-Encoding: nonce\0'), 12)
  const decipher = createDecipheriv('aes-128-gcm', contentKey, nonce)
  decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()])
}

function derive(key: Buffer, salt: Buffer, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, info, bytes))
}

function withoutPadding(record: Buffer): Buffer | undefined {
  let end = record.length
  while (end > 0 && record[end - 1] === 0) end--
  return end > 0 && record[end - 1] === LAST_RECORD ? record.subarray(0, end - 1) : undefined
}
