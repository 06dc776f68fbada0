import { expect, test } from 'vitest'
import { hex, huffman, huffmanBits, packBits } from '../../test/hpack.ts'
import { decodeHuffman, EOS, HUFFMAN_CODES } from './huffman.ts'

function decode(coded: Buffer): string {
  return decodeHuffman(coded, 0, coded.length)
}

test('the code has each of the 257 symbols once and leaves no bit string without a meaning', () => {
  expect(new Set(HUFFMAN_CODES.map(({ symbol }) => symbol)).size).toBe(257)
  expect(HUFFMAN_CODES.reduce((sum, { bits }) => sum + 2 ** -bits, 0)).toBe(1)
})

test('within a length the codes count up with the symbols, as in the RFC', () => {
  const byCode = HUFFMAN_CODES.toSorted((a, b) => a.bits - b.bits || a.code - b.code)
  const bySymbol = HUFFMAN_CODES.toSorted((a, b) => a.bits - b.bits || a.symbol - b.symbol)
  expect(byCode).toEqual(bySymbol)
})

/** The first and the last of each length as Appendix B prints them: the rest count up between them. */
test.each([
  [48, 0x0, 5],
  [116, 0x9, 5],
  [32, 0x14, 6],
  [117, 0x2d, 6],
  [58, 0x5c, 7],
  [122, 0x7b, 7],
  [38, 0xf8, 8],
  [90, 0xfd, 8],
  [33, 0x3f8, 10],
  [63, 0x3fc, 10],
  [39, 0x7fa, 11],
  [124, 0x7fc, 11],
  [35, 0xffa, 12],
  [62, 0xffb, 12],
  [0, 0x1ff8, 13],
  [126, 0x1ffd, 13],
  [94, 0x3ffc, 14],
  [125, 0x3ffd, 14],
  [60, 0x7ffc, 15],
  [123, 0x7ffe, 15],
  [92, 0x7fff0, 19],
  [208, 0x7fff2, 19],
  [128, 0xfffe6, 20],
  [226, 0xfffed, 20],
  [153, 0x1fffdc, 21],
  [230, 0x1fffe8, 21],
  [129, 0x3fffd2, 22],
  [233, 0x3fffeb, 22],
  [1, 0x7fffd8, 23],
  [239, 0x7ffff4, 23],
  [9, 0xffffea, 24],
  [237, 0xfffff5, 24],
  [199, 0x1ffffec, 25],
  [235, 0x1ffffef, 25],
  [192, 0x3ffffe0, 26],
  [255, 0x3ffffee, 26],
  [203, 0x7ffffde, 27],
  [254, 0x7fffff0, 27],
  [2, 0xfffffe2, 28],
  [249, 0xffffffe, 28],
  [10, 0x3ffffffc, 30],
  [EOS, 0x3fffffff, 30],
])('symbol %i has the code that the RFC prints', (symbol, code, bits) => {
  expect(HUFFMAN_CODES.find(found => found.symbol === symbol)).toEqual({ symbol, code, bits })
})

test('every octet is decoded, alone and between others', () => {
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet)
    expect(decode(huffman(character))).toBe(character)
    expect(decode(huffman(`a${character}Z${character}`))).toBe(`a${character}Z${character}`)
  }
})

test('a string that expands as far as the code allows is decoded whole', () => {
  expect(decode(huffman('0'.repeat(100_000)))).toBe('0'.repeat(100_000))
})

test('padding of one to seven ones is accepted', () => {
  for (let zeros = 1; zeros <= 8; zeros++) {
    const text = '0'.repeat(zeros)
    expect(decode(huffman(text))).toBe(text)
  }
  expect(decode(hex(''))).toBe('')
})

test.each([
  ['holds a zero', packBits(`${huffmanBits(48)}110`)],
  ['is a whole octet of ones', Buffer.concat([huffman('00000000'), hex('ff')])],
  ['is nothing but an octet of ones', hex('ff')],
  ['is the beginning of another symbol', packBits(`${huffmanBits(48)}000`)],
])('padding that %s is refused', (_, coded) => {
  expect(() => decode(coded)).toThrow(/wrong padding/)
})

test.each([
  ['alone', packBits(huffmanBits(EOS))],
  ['after a symbol', packBits(huffmanBits(48) + huffmanBits(EOS))],
  ['before a symbol', packBits(huffmanBits(EOS) + huffmanBits(48))],
])('the end-of-string symbol %s is refused', (_, coded) => {
  expect(() => decode(coded)).toThrow(/end-of-string symbol/)
})
