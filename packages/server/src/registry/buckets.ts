/**
 * The bucket: hash32(hwid) mod 1024, stored on every per-device row. Shard key, unit of dispatch and sampling
 * unit at once; it must never change for a given hwid, in any version.
 */
import { hash } from 'node:crypto'

export const BUCKETS = 1024

/** FNV-1a, 32 bits, over the UTF-8 bytes: tiny, well spread, and easy to repeat in any language. */
export function hash32(text: string): number {
  let hashed = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return hashBytes(Buffer.from(text, 'utf8'))
    hashed = Math.imul(hashed ^ unit, 0x01000193)
  }
  return hashed >>> 0
}

function hashBytes(bytes: Buffer): number {
  let hashed = 0x811c9dc5
  for (const byte of bytes) hashed = Math.imul(hashed ^ byte, 0x01000193)
  return hashed >>> 0
}

export function bucketOf(hwid: string): number {
  return hash32(hwid) % BUCKETS
}

/** The identity of an address in 16 bytes: first half of SHA-256 over its parts. */
export function addressHash(parts: {
  readonly provider: string
  readonly environment: string
  readonly kind: string
  readonly address: string
}): Buffer {
  const { provider, environment, kind, address } = parts
  return hash('sha256', `${provider}\0${environment}\0${kind}\0${address}`, 'buffer').subarray(0, 16)
}

export function addressBucketOf(addressHash: Buffer): number {
  return addressHash.readUInt32BE(0) % BUCKETS
}
