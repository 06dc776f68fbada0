/**
 * The bucket: hash32(hwid) mod 1024, stored on every per-device row. Shard key, unit of dispatch and sampling
 * unit at once; it must never change for a given hwid, in any version.
 */
import { createHash } from 'node:crypto'

export const BUCKETS = 1024

/** FNV-1a, 32 bits, over the UTF-8 bytes: tiny, well spread, and easy to repeat in any language. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  return hash >>> 0
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
  return createHash('sha256')
    .update([parts.provider, parts.environment, parts.kind, parts.address].join('\0'))
    .digest()
    .subarray(0, 16)
}

export function addressBucketOf(hash: Buffer): number {
  return hash.readUInt32BE(0) % BUCKETS
}
