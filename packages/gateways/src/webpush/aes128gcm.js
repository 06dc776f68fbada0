/**
 * Message encryption for Web Push, one message at a time or a batch: `aes128gcm` in a single record.
 *
 * JavaScript, typed by its comments: worker threads load it as it is, from the sources as from the built tree, and the
 * calling thread runs the same code. (Node 20 runs no TypeScript in a worker.)
 *
 * One ECDH object serves all messages, because making one costs as much as making a key pair; the pair itself is new
 * for each message, and so is the salt.
 * Source: RFC 8291 (key agreement), RFC 8188 (content coding).
 */
import { createCipheriv, createECDH, createHmac, randomFillSync } from 'node:crypto'

/**
 * @typedef {object} EncryptionInput
 * @property {Uint8Array} plaintext at most 65,535 bytes; a push service takes 3993
 * @property {Uint8Array} receiverKey `p256dh`: the browser's public key, 65 bytes
 * @property {Uint8Array} authSecret `auth`: 16 bytes
 * @property {{ readonly salt: Uint8Array, readonly privateKey: Uint8Array }} [fixed] 16 and 32 bytes instead of
 *   random ones, to hold this code to the RFC's own example; never for a message
 */

const SALT_BYTES = 16
const KEY_BYTES = 65
const SECRET_BYTES = 16
const PRIVATE_BYTES = 32
const TAG_BYTES = 16
/** Of every record, whatever its length: it must be more than any plaintext, its delimiter and tag. */
const RECORD_BYTES = 4096
/** Salt, record size, length of the key id, and the key. */
const HEADER_BYTES = SALT_BYTES + 4 + 1 + KEY_BYTES
/** What encryption adds to a plaintext: the header, the delimiter of the last record, the tag. */
const OVERHEAD_BYTES = HEADER_BYTES + 1 + TAG_BYTES

/** The delimiter of the last record; no padding follows it. */
const LAST_RECORD = 2
const KEY_INFO = Buffer.from('WebPush: info\0')
const CONTENT_KEY_INFO = Buffer.from('Content-Encoding: aes128gcm\0\x01')
const NONCE_INFO = Buffer.from('Content-Encoding: nonce\0\x01')

const senders = createECDH('prime256v1')
/** "WebPush: info", both public keys and the counter of HKDF's only block: filled anew by each message. */
const keyInfo = Buffer.concat([KEY_INFO, Buffer.alloc(2 * KEY_BYTES), Buffer.from([1])])

/**
 * Throws when `receiverKey` is no point of P-256.
 * @param {EncryptionInput} input
 * @returns {Buffer}
 */
export function encrypt(input) {
  const body = Buffer.allocUnsafeSlow(input.plaintext.length + OVERHEAD_BYTES)
  encryptInto(body, input)
  return body
}

/** @param {Buffer} body exactly as long as it becomes @param {EncryptionInput} input */
function encryptInto(body, { plaintext, receiverKey, authSecret, fixed }) {
  const salt = body.subarray(0, SALT_BYTES)
  if (fixed === undefined) randomFillSync(salt)
  else salt.set(fixed.salt)
  const pair = fixed === undefined ? senders : createECDH('prime256v1')
  const senderKey = fixed === undefined ? pair.generateKeys() : publicKeyOf(pair, fixed.privateKey)
  body.writeUInt32BE(RECORD_BYTES, SALT_BYTES)
  body[SALT_BYTES + 4] = KEY_BYTES
  body.set(senderKey, SALT_BYTES + 5)
  const prk = deriveKey(pair.computeSecret(receiverKey), { receiverKey, senderKey, authSecret, salt })
  const key = hmac(prk, CONTENT_KEY_INFO).subarray(0, 16)
  const cipher = createCipheriv('aes-128-gcm', key, hmac(prk, NONCE_INFO).subarray(0, 12))
  const record = body.subarray(HEADER_BYTES, HEADER_BYTES + plaintext.length + 1)
  record.set(plaintext)
  record[plaintext.length] = LAST_RECORD
  record.set(cipher.update(record))
  cipher.final() // GCM has nothing left to write
  body.set(cipher.getAuthTag(), HEADER_BYTES + record.length)
}

/** @param {import('node:crypto').ECDH} pair @param {Uint8Array} privateKey */
function publicKeyOf(pair, privateKey) {
  pair.setPrivateKey(privateKey)
  return pair.getPublicKey()
}

/**
 * RFC 8291 §3.4, each HKDF step being a single HMAC block.
 * @param {Buffer} shared
 * @param {Record<'receiverKey' | 'senderKey' | 'authSecret' | 'salt', Uint8Array>} of
 */
function deriveKey(shared, { receiverKey, senderKey, authSecret, salt }) {
  keyInfo.set(receiverKey, KEY_INFO.length)
  keyInfo.set(senderKey, KEY_INFO.length + KEY_BYTES)
  return hmac(salt, hmac(hmac(authSecret, shared), keyInfo))
}

/** @param {Uint8Array} key @param {Uint8Array} data */
function hmac(key, data) {
  return createHmac('sha256', key).update(data).digest()
}

// ── batches: what crosses between threads is one buffer each way ───────────────────────────────────────────────────────
// A message: u16 length of the plaintext, u8 1 when salt and private key follow, [salt, private key,] receiver's key,
// secret, plaintext. An answer: u8 1 when encryption succeeded, and the body, or as many bytes without meaning.

/** @param {readonly EncryptionInput[]} inputs @returns {Uint8Array<ArrayBuffer>} */
export function packMessages(inputs) {
  let size = 0
  for (const { plaintext, fixed } of inputs) size += messageBytes(plaintext.length, fixed !== undefined)
  const batch = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const { plaintext, receiverKey, authSecret, fixed } of inputs) {
    at = batch.writeUInt16BE(plaintext.length, at)
    at = batch.writeUInt8(fixed === undefined ? 0 : 1, at)
    const parts = fixed === undefined ? [] : [fixed.salt, fixed.privateKey]
    for (const part of [...parts, receiverKey, authSecret, plaintext]) {
      batch.set(part, at)
      at += part.length
    }
  }
  return batch
}

/** @param {number} plaintextBytes @param {boolean} isFixed */
function messageBytes(plaintextBytes, isFixed) {
  return 3 + (isFixed ? SALT_BYTES + PRIVATE_BYTES : 0) + KEY_BYTES + SECRET_BYTES + plaintextBytes
}

/** What a worker does with a batch. @param {Uint8Array} messages @returns {Uint8Array<ArrayBuffer>} */
export function encryptBatch(messages) {
  const inputs = unpackMessages(messages)
  let size = 0
  for (const { plaintext } of inputs) size += 1 + plaintext.length + OVERHEAD_BYTES
  const answers = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const input of inputs) {
    const end = at + 1 + input.plaintext.length + OVERHEAD_BYTES
    answers[at] = tryEncryptInto(answers.subarray(at + 1, end), input) ? 1 : 0
    at = end
  }
  return answers
}

/** @param {Uint8Array} messages @returns {EncryptionInput[]} */
function unpackMessages(messages) {
  const batch = Buffer.from(messages.buffer, messages.byteOffset, messages.byteLength)
  /** @type {EncryptionInput[]} */
  const inputs = []
  let at = 0
  const take = (/** @type {number} */ count) => {
    at += count
    return batch.subarray(at - count, at)
  }
  while (at < batch.length) {
    const plaintextBytes = batch.readUInt16BE(at)
    const isFixed = batch[at + 2] === 1
    at += 3
    const fixed = isFixed ? { fixed: { salt: take(SALT_BYTES), privateKey: take(PRIVATE_BYTES) } } : {}
    inputs.push({
      ...fixed,
      receiverKey: take(KEY_BYTES),
      authSecret: take(SECRET_BYTES),
      plaintext: take(plaintextBytes),
    })
  }
  return inputs
}

/** @param {Buffer} body @param {EncryptionInput} input */
function tryEncryptInto(body, input) {
  try {
    encryptInto(body, input)
    return true
  } catch {
    return false // no point of P-256
  }
}

/**
 * The bodies of a batch, in order; `undefined` where a receiver's key is no point of P-256.
 * @param {Uint8Array} answers @param {readonly EncryptionInput[]} inputs those of the batch
 * @returns {(Buffer | undefined)[]}
 */
export function unpackBodies(answers, inputs) {
  const all = Buffer.from(answers.buffer, answers.byteOffset, answers.byteLength)
  let at = 0
  return inputs.map(({ plaintext }) => {
    const start = at
    at += 1 + plaintext.length + OVERHEAD_BYTES
    return all[start] === 1 ? all.subarray(start + 1, at) : undefined
  })
}
