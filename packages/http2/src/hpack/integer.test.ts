import { expect, test } from 'vitest'
import { hex } from '../../test/hpack.ts'
import { readInteger, writeInteger } from './integer.ts'

function read(octets: string, mask: number): { value: number; at: number } {
  const block = hex(octets)
  const cursor = { block, at: 0, end: block.length }
  return { value: readInteger(cursor, mask), at: cursor.at }
}

function written(value: number, mask: number): string {
  const out = Buffer.alloc(8)
  return out.toString('hex', 0, writeInteger(out, 0, 0, mask, value))
}

test.each([
  ['C.1.1: 10 in a prefix of five bits', 10, 0x1f, '0a'],
  ['C.1.2: 1337 in a prefix of five bits', 1337, 0x1f, '1f9a0a'],
  ['C.1.3: 42 from the first bit of an octet', 42, 0xff, '2a'],
  ['the largest number that its prefix holds', 126, 0x7f, '7e'],
  ['the first number that it does not hold', 127, 0x7f, '7f00'],
  ['the largest number that is accepted', 2 ** 31 - 1, 0x0f, '0ff0ffffff07'],
])('%s is read and written', (_, value, mask, octets) => {
  expect(written(value, mask)).toBe(octets)
  expect(read(octets, mask)).toEqual({ value, at: octets.length / 2 })
})

test('the bits before the prefix are kept when writing and ignored when reading', () => {
  const out = Buffer.alloc(1)
  writeInteger(out, 0, 0xe0, 0x1f, 10)
  expect(out.toString('hex')).toBe('ea')
  expect(read('ea', 0x1f).value).toBe(10)
})

test.each([
  ['one more than the largest', '1fe1ffffff07', /larger than 2147483647/],
  ['beyond 32 bits', '1fffffffff7f', /larger than/],
  ['in six octets, though they add nothing', '1f808080808000', /more than five octets/],
  ['cut before its first octet', '', /ends where an integer should begin/],
  ['cut inside', '1f9a', /ends inside an integer/],
])('an integer %s is refused', (_, octets, message) => {
  expect(() => read(octets, 0x1f)).toThrow(message)
})
