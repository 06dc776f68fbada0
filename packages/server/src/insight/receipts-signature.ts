/**
 * Signatures of receipts. A push carries one of message, device and moment (`rk`), and the device sends it back: whoever does
 * so has got that push, on that device, and the time says how long it took. The device token is public, so without one a
 * receipt is what somebody says.
 *
 * Form: seconds since 1970 in base 36, a dot, and 16 bytes of HMAC-SHA256 in base64url: 29 characters of a payload that may
 * have 4096 bytes. RFC 2104, section 5, on cutting a MAC to half its length.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Seal } from '../credentials/seal.ts'

const MAC_BYTES = 16
const PURPOSE = 'signatures of receipts'

export interface Signed {
  /** As the push carries it: of the message, and of its variant. */
  readonly hash: string
  readonly hwid: string
}

export class ReceiptSigner {
  readonly #key: Buffer

  constructor(seal: Seal) {
    this.#key = seal.keyFor(PURPOSE)
  }

  sign(signed: Signed, at: number): string {
    const second = Math.floor(at / 1000).toString(36)
    return `${second}.${this.#macOf(signed, second).toString('base64url')}`
  }

  /** When the push was sent, ms; null for what was not signed here, or for another message or device. */
  sentAt(signed: Signed, signature: string): number | null {
    const [, second, mac] = /^([0-9a-z]{1,8})\.([\w-]{22})$/.exec(signature) ?? []
    if (second === undefined || mac === undefined) return null
    const given = Buffer.from(mac, 'base64url')
    if (!timingSafeEqual(given, this.#macOf(signed, second))) return null
    return Number.parseInt(second, 36) * 1000
  }

  #macOf({ hash, hwid }: Signed, second: string): Buffer {
    const mac = createHmac('sha256', this.#key).update(`${hash} ${second} ${hwid}`)
    return mac.digest().subarray(0, MAC_BYTES)
  }
}
