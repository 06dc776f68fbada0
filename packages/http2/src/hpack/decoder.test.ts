import { describe, expect, test } from 'vitest'
import { decodeAll, decodeOnce, hex, huffman, tableOf } from '../../test/hpack.ts'
import { ConnectionError, ERROR } from '../protocol.ts'
import { HpackDecoder } from './decoder.ts'

function text(octets: string): string {
  return Buffer.from(octets, 'latin1').toString('hex')
}

function failureOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('a malformed block is a COMPRESSION_ERROR', () => {
  test.each([
    ['index 0', '80', /index 0/],
    ['an index beyond the static table while the dynamic one is empty', 'be', /index 62 is beyond .* 61/],
    ['a name index beyond the tables', '7e 01 61', /index 62 is beyond/],
    ['a name index beyond the tables, without indexing', '0f 2f 01 61', /index 62 is beyond/],
    ['an index that overflows', 'ff ffffffff7f', /larger than/],
    ['an index that is cut', 'ff', /ends inside an integer/],
    ['a literal without its name', '40', /ends where an integer/],
    ['a literal without its value', '40 01 61', /ends where an integer/],
    ['a name longer than the block', '40 05 61 62', /a string of 5 bytes has 2 left/],
    ['a value longer than the block', '00 01 61 03 62', /a string of 3 bytes has 1 left/],
    ['a string length that overflows', '00 7f ffffffff7f', /larger than/],
    ['a Huffman string longer than the block', '00 85 1f', /a string of 5 bytes has 1 left/],
    ['a Huffman string with wrong padding', '00 01 61 81 00', /wrong padding/],
    ['a Huffman string with EOS', '00 01 61 84 ffffffff', /end-of-string symbol/],
    ['a size update after a field', '82 20', /updated inside a block/],
    ['a size update over the limit', '3f e2 1f', /set to 4097 bytes; 4096 are allowed/],
    ['a size update that is cut', '3f e2', /ends inside an integer/],
  ])('%s', (_, block, message) => {
    const error = failureOf(() => decodeOnce(block))
    expect(error).toBeInstanceOf(ConnectionError)
    expect(error).toMatchObject({ code: ERROR.COMPRESSION_ERROR, message: expect.stringMatching(message) })
  })

  test('and so is every beginning of a good block that ends inside a field', () => {
    const block = hex(`82 40 05 ${text('x-key')} 03 ${text('abc')}`)
    for (let end = 2; end < block.length; end++)
      expect(() => decodeAll(new HpackDecoder(), block.subarray(0, end))).toThrow(ConnectionError)
  })
})

test('an empty block is an empty list', () => {
  expect(decodeOnce('')).toEqual([])
})

test('only the part of the buffer between start and end is read', () => {
  const seen: string[] = []
  new HpackDecoder().decode(hex('ff 82 87 ff'), 1, 3, (name, value) => seen.push(`${name} ${value}`))
  expect(seen).toEqual([':method GET', ':scheme https'])
})

test('octets of a value become one character each, as they are and in Huffman code', () => {
  const value = '\x00\x7f\x80é\xff'
  expect(decodeOnce(`00 01 61 05 ${text(value)}`)).toEqual([['a', value]])
  const coded = huffman(value)
  expect(decodeOnce(`00 01 61 ${(0x80 | coded.length).toString(16)} ${coded.toString('hex')}`)).toEqual([
    ['a', value],
  ])
})

test('a value stays what it was when the buffer of its block is written over', () => {
  const decoder = new HpackDecoder()
  const block = hex(`40 01 61 03 ${text('abc')}`)
  decodeAll(decoder, block)
  block.fill(0x7a)
  expect(tableOf(decoder, 1)).toEqual([['a', 'abc']])
})

describe('the size of the table', () => {
  const ADD = hex(`40 01 61 01 ${text('b')}`)

  test('an entry larger than the table empties it and is handed on all the same', () => {
    const decoder = new HpackDecoder({ maxTableBytes: 70 })
    decodeAll(decoder, ADD)
    expect(tableOf(decoder, 1)).toEqual([['a', 'b']])
    const large = hex(`40 01 61 28 ${text('c'.repeat(40))}`)
    expect(decodeAll(decoder, large)).toEqual([['a', 'c'.repeat(40)]])
    expect(() => tableOf(decoder, 1)).toThrow(/index 62 is beyond/)
  })

  test('as many entries as fit are kept, and the oldest leave, many times round', () => {
    const decoder = new HpackDecoder()
    const fits = Math.floor(4096 / 38)
    for (let i = 1000; i < 2000; i++) decodeAll(decoder, hex(`40 02 ${text('ab')} 04 ${text(String(i))}`))
    const newestFirst = Array.from({ length: fits }, (_, age) => ['ab', String(1999 - age)])
    const indexes = Array.from({ length: fits }, (_, age) => 62 + age)
    const block = indexes.flatMap(index => (index < 127 ? [0x80 | index] : [0xff, index - 127]))
    expect(decodeAll(decoder, Buffer.from(block))).toEqual(newestFirst)
    expect(() => decodeAll(decoder, Buffer.from([0xff, 62 + fits - 127]))).toThrow(/beyond the tables/)
  })

  test('an update to 0 empties the table, and one back to 4096 lets it fill again', () => {
    const decoder = new HpackDecoder()
    decodeAll(decoder, ADD)
    decodeAll(decoder, hex('20 3f e1 1f'))
    expect(() => tableOf(decoder, 1)).toThrow(/index 62 is beyond/)
    const again = new HpackDecoder()
    decodeAll(again, hex('20 3f e1 1f'))
    decodeAll(again, ADD)
    expect(tableOf(again, 1)).toEqual([['a', 'b']])
  })

  test('once a lower setting is acknowledged, a block that does not obey it first is refused', () => {
    const lowered = (block: string): unknown => {
      const decoder = new HpackDecoder()
      decoder.setMaxTableBytes(100)
      return decodeAll(decoder, hex(block))
    }
    expect(() => lowered('82')).toThrow(/does not begin by setting the table to 100 bytes/)
    expect(() => lowered('3f 46 82')).toThrow(/set to 101 bytes; 100 are allowed/)
    expect(lowered('3f 45 82')).toEqual([[':method', 'GET']])
    expect(lowered('20 82')).toEqual([[':method', 'GET']])
  })

  test('a setting lowered and raised again between two blocks still has to be obeyed at its lowest', () => {
    const between = (block: string): unknown => {
      const decoder = new HpackDecoder()
      decoder.setMaxTableBytes(0)
      decoder.setMaxTableBytes(100)
      decoder.setMaxTableBytes(4096)
      return decodeAll(decoder, hex(block))
    }
    expect(() => between('82')).toThrow(/does not begin by setting the table to 0 bytes/)
    expect(() => between('3f e1 1f 82')).toThrow(/does not begin by setting the table to 0 bytes/)
    expect(() => between('3f 45 82')).toThrow(/does not begin by setting the table to 0 bytes/)
    expect(between('20 3f e1 1f 82')).toEqual([[':method', 'GET']])
  })

  test('a raised setting changes nothing until the peer uses it', () => {
    const decoder = new HpackDecoder()
    decoder.setMaxTableBytes(8192)
    expect(decodeAll(decoder, hex('82'))).toEqual([[':method', 'GET']])
    expect(decodeAll(decoder, hex('3f e1 3f 82'))).toEqual([[':method', 'GET']])
    expect(() => decodeAll(decoder, hex('3f e2 3f 82'))).toThrow(/set to 8193 bytes; 8192 are allowed/)
  })
})

describe('limits', () => {
  test('a list of exactly the limit is handed on, one of a byte more is too large', () => {
    const block = hex(`82 00 01 61 03 ${text('abc')}`)
    const bytes = ':method'.length + 'GET'.length + 32 + 1 + 3 + 32
    for (const [maxListBytes, expected] of [
      [bytes, { isTooLarge: false, count: 2 }],
      [bytes - 1, { isTooLarge: true, count: 1 }],
    ] as const) {
      let count = 0
      const isTooLarge = new HpackDecoder({ maxListBytes }).decode(block, 0, block.length, () => count++)
      expect({ isTooLarge, count }).toEqual(expected)
    }
  })

  test('a list that is too large still fills the table, and the next one is judged for itself', () => {
    const decoder = new HpackDecoder({ maxListBytes: 60 })
    const block = hex(`40 01 61 1e ${text('x'.repeat(30))} 40 01 62 01 ${text('y')}`)
    const seen: string[] = []
    expect(decoder.decode(block, 0, block.length, name => seen.push(name))).toBe(true)
    expect(seen).toEqual([])
    expect(tableOf(decoder, 1)).toEqual([['b', 'y']])
  })

  test('a list that is too large is malformed where another one would be', () => {
    expect(() => decodeOnce('82 82 82 80', { maxListBytes: 50 })).toThrow(/index 0/)
  })

  test.each([
    ['name', `00 05 ${text('x-key')} 01 61`],
    ['value', `00 01 61 05 ${text('abcde')}`],
    ['value in Huffman code', `00 01 61 84 ${huffman('aeiou').toString('hex')}`],
  ])('a %s of more than maxStringBytes makes the list too large', (_, hexBlock) => {
    const block = hex(hexBlock)
    const decode = (maxStringBytes: number): boolean =>
      new HpackDecoder({ maxStringBytes }).decode(block, 0, block.length, () => undefined)
    expect(decode(5)).toBe(false)
    expect(decode(4)).toBe(true)
  })

  test('a bomb of indexes to one large entry hands on no more than the limit allows', () => {
    const value = 'x'.repeat(4000)
    const decoder = new HpackDecoder()
    decodeAll(decoder, hex(`40 01 61 7f a11e ${text(value)}`))
    const bomb = Buffer.alloc(60_000, 0xbe)
    let handedOn = 0
    expect(decoder.decode(bomb, 0, bomb.length, () => handedOn++)).toBe(true)
    expect(handedOn).toBe(Math.floor(65_536 / (1 + 4000 + 32)))
  })
})
