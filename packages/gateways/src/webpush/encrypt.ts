/**
 * Message encryption for Web Push: `aes128gcm` in a single record.
 *
 * Source: RFC 8291 (key agreement), RFC 8188 (content coding). The ephemeral key pair and the salt are new for
 * each message; they may be given only to hold this code to the RFC's own example.
 */
import { createCipheriv, createECDH, createHmac, type ECDH, randomBytes } from 'node:crypto'
import { RECORD_BYTES } from './settings.ts'

export interface EncryptionInput {
  readonly plaintext: Uint8Array
  /** `p256dh`: the browser's public key, 65 bytes. */
  readonly receiverKey: Uint8Array
  /** `auth`: 16 bytes. */
  readonly authSecret: Uint8Array
  readonly salt?: Uint8Array
  readonly ephemeral?: ECDH
}

/** Throws when `receiverKey` is no point of P-256; `parseSubscription` tells beforehand. */
export function encrypt(input: EncryptionInput): Buffer {
  const ephemeral = input.ephemeral ?? newKeyPair()
  const salt = input.salt ?? randomBytes(16)
  const senderKey = ephemeral.getPublicKey()
  const { key, nonce } = deriveKey(input, ephemeral, salt)
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  const lastRecord = Buffer.from([2]) // the delimiter of the last record, without padding
  const sealed = [
    cipher.update(input.plaintext),
    cipher.update(lastRecord),
    cipher.final(),
    cipher.getAuthTag(),
  ]
  return Buffer.concat([salt, recordHead(senderKey), ...sealed])
}

function newKeyPair(): ECDH {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return pair
}

function recordHead(senderKey: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(RECORD_BYTES, 0)
  head[4] = senderKey.length
  return Buffer.concat([head, senderKey])
}

/** RFC 8291 §3.4, each HKDF step being a single HMAC block. */
function deriveKey({ receiverKey, authSecret }: EncryptionInput, ephemeral: ECDH, salt: Uint8Array) {
  const shared = ephemeral.computeSecret(receiverKey)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), receiverKey, ephemeral.getPublicKey()])
  const inputKey = expand(hmac(authSecret, shared), info)
  const prk = hmac(salt, inputKey)
  return {
    key: expand(prk, Buffer.from('Content-Encoding: aes128gcm\0')).subarray(0, 16),
    nonce: expand(prk, Buffer.from('Content-Encoding: nonce\0')).subarray(0, 12),
  }
}

function expand(prk: Uint8Array, info: Uint8Array): Buffer {
  return hmac(prk, Buffer.concat([info, Buffer.from([1])]))
}

function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
