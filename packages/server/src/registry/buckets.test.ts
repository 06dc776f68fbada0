/** The bucket of a device must be the same in every version and in every language that computes it. */
import { expect, test } from 'vitest'
import { addressBucketOf, addressHash, BUCKETS, bucketOf, hash32 } from './buckets.ts'

/** The published vectors of FNV-1a, 32 bits. Source: the authors' test suite, isthe.com/chongo/tech/comp/fnv. */
test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['b', 0xe70c2de5],
  ['foobar', 0xbf9cf968],
  ['chongo was here!\n', 0xd49930d5],
])('hash32 of %j is what its authors publish', (text, expected) => {
  expect(hash32(text)).toBe(expected)
})

/** Computed apart from this code, in another language, and written down: a change here would lose every stored device. */
test.each([
  ['device-1', 785],
  ['A1B2C-D3E4F_0d9b7a44-2f1e-4a06-9a1a-2f6e1d9c8b7a', 894],
  ['+491701234567', 405],
  ['Zoë’s phone 📱', 971],
])('the bucket of %j never changes', (hwid, bucket) => {
  expect(bucketOf(hwid)).toBe(bucket)
})

test('hwids that differ in a digit only are spread evenly over all buckets', () => {
  const perBucket = new Array<number>(BUCKETS).fill(0)
  const devices = 200 * BUCKETS
  for (let i = 0; i < devices; i++) {
    const bucket = bucketOf(`device-${i}`)
    perBucket[bucket] = (perBucket[bucket] ?? 0) + 1
  }
  // Chance alone gives 200 ± 14 in a bucket; six times that is not chance.
  expect(Math.min(...perBucket)).toBeGreaterThan(200 - 84)
  expect(Math.max(...perBucket)).toBeLessThan(200 + 84)
})

const APNS = { provider: 'apns', environment: 'production', kind: 'alert', address: 'ab12' }

test('the identity of an address never changes', () => {
  expect(addressHash(APNS).toString('hex')).toBe('32933bbe173d158df6b591ac0a595081')
  expect(addressBucketOf(addressHash(APNS))).toBe(958)
})

test('R9, R10: each part of an address is a part of its identity, and parts do not run into each other', () => {
  const others = [
    { ...APNS, provider: 'fcm' },
    { ...APNS, environment: 'sandbox' },
    { ...APNS, kind: 'voip' },
    { ...APNS, address: 'ab13' },
    { ...APNS, kind: 'alertab', address: '12' },
    { ...APNS, environment: '', kind: 'productionalert' },
  ]
  const hashes = [APNS, ...others].map(it => addressHash(it).toString('hex'))
  expect(new Set(hashes).size).toBe(hashes.length)
})
