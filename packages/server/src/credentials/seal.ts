/**
 * Secrets at rest: AES-256-GCM under a key derived from ROOST_SECRET. The credential's id is authenticated
 * with it, so a sealed value copied to another row does not open.
 * Form: version (1) ‖ iv (12) ‖ tag (16) ‖ ciphertext.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

const VERSION = 1
const IV_BYTES = 12
const TAG_BYTES = 16

export class Seal {
  readonly #key: Buffer

  /** `secret`: 32 or more characters. */
  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, 'roost', 'credentials at rest', 32))
  }

  /** A key of 32 bytes for something else, always the same for a purpose. */
  keyFor(purpose: string): Buffer {
    return createHmac('sha256', this.#key).update(purpose).digest()
  }

  close(id: string, plaintext: string): Buffer {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(id))
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), ciphertext])
  }

  /** Throws when the secret is another one than the value was sealed with. */
  open(id: string, sealed: Buffer): string {
    if (sealed[0] !== VERSION)
      throw new Error(`sealed value has form ${sealed[0]}; this version reads ${VERSION}`)
    const iv = sealed.subarray(1, 1 + IV_BYTES)
    const tag = sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(id)).setAuthTag(tag)
    const ciphertext = sealed.subarray(1 + IV_BYTES + TAG_BYTES)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8')
  }
}
