import { describe, expect, test } from 'vitest'
import { decodeAll, type Field, hex, writeBlock, writeIndexedBlock } from '../../test/hpack.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder, maxFieldBytes } from './encoder.ts'

const TOPIC: Field = ['apns-topic', 'com.example.app']

test('a constant costs a literal once and an index from then on', () => {
  const encoder = new HpackEncoder()
  expect(encoder.isIndexed(...TOPIC)).toBe(false)
  expect(writeIndexedBlock(encoder, [TOPIC])).toHaveLength(1 + 1 + 10 + 1 + 15)
  expect(encoder.isIndexed(...TOPIC)).toBe(true)
  expect(writeIndexedBlock(encoder, [TOPIC])).toEqual(hex('be'))
})

test('the version goes up with every change of the table, and only then', () => {
  const encoder = new HpackEncoder()
  const versions: number[] = []
  const note = (): number => versions.push(encoder.version)
  note()
  writeIndexedBlock(encoder, [[':method', 'POST']])
  writeBlock(encoder, (out, at) => encoder.writeLiteral('apns-id', 'x', out, at))
  writeBlock(encoder, (out, at) => encoder.writeNeverIndexed('authorization', 'bearer x', out, at))
  note()
  writeIndexedBlock(encoder, [TOPIC])
  note()
  writeIndexedBlock(encoder, [TOPIC])
  note()
  encoder.setTableBytes(2048)
  note()
  encoder.setTableBytes(0)
  note()
  expect(versions).toEqual([0, 0, 1, 1, 1, 2])
})

test('values of a request leave the table alone and take their name from it', () => {
  const encoder = new HpackEncoder()
  writeIndexedBlock(encoder, [TOPIC])
  expect(writeBlock(encoder, (out, at) => encoder.writeLiteral('apns-topic', 'other', out, at))).toEqual(
    Buffer.concat([hex('0f 2f 05'), Buffer.from('other')]),
  )
  expect(encoder.isIndexed('apns-topic', 'other')).toBe(false)
})

test('a secret is marked as never indexed, whether its name is known or not', () => {
  const encoder = new HpackEncoder()
  const block = writeBlock(encoder, (out, start) => {
    const at = encoder.writeNeverIndexed('authorization', 'bearer x', out, start)
    return encoder.writeNeverIndexed('x-secret', 'y', out, at)
  })
  const seen: unknown[] = []
  new HpackDecoder().decode(block, 0, block.length, (...header) => seen.push(header))
  expect(seen).toEqual([
    ['authorization', 'bearer x', true],
    ['x-secret', 'y', true],
  ])
})

test('a constant that the table cannot hold is written as a literal and drives nothing out', () => {
  const encoder = new HpackEncoder()
  writeIndexedBlock(encoder, [TOPIC])
  const { version } = encoder
  const large: Field = ['x-large', 'x'.repeat(4096)]
  const block = writeIndexedBlock(encoder, [large])
  expect((block[0] as number) & 0xf0).toBe(0)
  expect(encoder.version).toBe(version)
  expect(encoder.isIndexed(...TOPIC)).toBe(true)
})

test('what the table pushed out is a literal again', () => {
  const encoder = new HpackEncoder({ tableBytes: 128 })
  const decoder = new HpackDecoder()
  const fields: Field[] = [
    ['a', '1'],
    ['a', '2'],
    ['b', '1'],
    ['b', '2'],
    ['a', '1'],
  ]
  expect(decodeAll(decoder, writeIndexedBlock(encoder, fields))).toEqual(fields)
  expect(fields.slice(1).map(field => encoder.isIndexed(...field))).toEqual([false, true, true, true])
})

describe('the peer’s table size', () => {
  test('an encoder made for the default has nothing to tell', () => {
    expect(new HpackEncoder().hasPendingUpdate).toBe(false)
    expect(new HpackEncoder({ tableBytes: 4096 }).hasPendingUpdate).toBe(false)
  })

  test('a lower size empties what no longer fits at once and is told once', () => {
    const encoder = new HpackEncoder()
    writeIndexedBlock(encoder, [TOPIC])
    encoder.setTableBytes(0)
    expect(encoder.isIndexed(...TOPIC)).toBe(false)
    expect(encoder.hasPendingUpdate).toBe(true)
    expect(writeIndexedBlock(encoder, [[':method', 'GET']])).toEqual(hex('20 82'))
    expect(encoder.hasPendingUpdate).toBe(false)
    expect(writeIndexedBlock(encoder, [[':method', 'GET']])).toEqual(hex('82'))
  })

  test('of several changes between two blocks the smallest and the last are told', () => {
    const encoder = new HpackEncoder()
    for (const bytes of [2000, 100, 3000, 1000]) encoder.setTableBytes(bytes)
    expect(writeIndexedBlock(encoder, [[':method', 'GET']])).toEqual(hex('3f 45 3f c9 07 82'))
  })

  test('more than 4096 bytes are not used, so they need not be told', () => {
    const encoder = new HpackEncoder()
    encoder.setTableBytes(65_536)
    expect(encoder.hasPendingUpdate).toBe(false)
    encoder.setTableBytes(100)
    writeIndexedBlock(encoder, [])
    encoder.setTableBytes(65_536)
    expect(writeIndexedBlock(encoder, [])).toEqual(hex('3f e1 1f'))
  })
})

test.each([
  ['a short value', 'x-key', 'aĊb'],
  ['a long value', 'x-key', `${'a'.repeat(100)}Ċ`],
  ['a name', 'x-kĊy', 'a'],
])('%s with a character above U+00FF is refused and not remembered', (_, name, value) => {
  const encoder = new HpackEncoder()
  for (const write of [encoder.writeIndexed, encoder.writeLiteral, encoder.writeNeverIndexed])
    expect(() => write.call(encoder, name, value, Buffer.alloc(1000), 0)).toThrow(/character above U\+00FF/)
  expect(encoder.isIndexed(name, value)).toBe(false)
  expect(encoder.version).toBe(0)
})

test('a refusal tells the name of the header and not its value', () => {
  const write = (): number =>
    new HpackEncoder().writeNeverIndexed('authorization', 'bearer sesamĊ', Buffer.alloc(100), 0)
  expect(write).toThrow(/"authorization"/)
  expect(write).not.toThrow(/sesam/)
})

test.each([0, 1, 24, 25, 126, 127, 128, 16_510, 100_000])(
  'no writer needs more than maxFieldBytes with names and values of %i octets',
  length => {
    const name = 'n'.repeat(length)
    const value = 'v'.repeat(length)
    const encoder = new HpackEncoder()
    for (const write of [encoder.writeIndexed, encoder.writeLiteral, encoder.writeNeverIndexed]) {
      const out = Buffer.alloc(maxFieldBytes(name, value))
      const end = write.call(encoder, name, value, out, 0)
      expect(end).toBeLessThanOrEqual(out.length)
      expect(end).toBeGreaterThan(0)
    }
  },
)
