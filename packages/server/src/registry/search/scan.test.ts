import { expect, test } from 'vitest'
import { BUCKETS } from '../buckets.ts'
import { type BucketRange, scanBuckets } from './scan.ts'

const each = async ({ from, to }: BucketRange) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const ALL = Array.from({ length: BUCKETS }, (_, i) => i)

test('a base that is read quickly is read whole, in few ranges', async () => {
  const ranges: BucketRange[] = []
  const read = (range: BucketRange) => {
    ranges.push(range)
    return each(range)
  }
  expect(await scanBuckets(read, { after: '' })).toEqual({ found: ALL, next: null, searched: 1 })
  expect(ranges.length).toBeLessThan(10)
})

test('a page whose time is over says how far it came, and the pages together look at each bucket once', async () => {
  const found: number[] = []
  let after = ''
  for (;;) {
    const page = await scanBuckets(each, { after, pageMs: 0 })
    found.push(...page.found)
    expect(page.searched).toBe(found.length / BUCKETS)
    if (page.next === null) break
    after = page.next
  }
  expect(found).toEqual(ALL)
})

test('a page ends when enough was found', async () => {
  const page = await scanBuckets(each, { after: '64', isEnough: found => found.length > 0 })
  expect(page).toMatchObject({ next: '80', searched: 80 / BUCKETS })
})

test.each(['0', '1024', '-1', '1.5', 'x', '016', '10240'])('a place like %j was never given', async after => {
  await expect(scanBuckets(each, { after })).rejects.toMatchObject({ code: 'input_invalid' })
})
