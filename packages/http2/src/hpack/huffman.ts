/**
 * The Huffman code of header strings, read by a state machine that takes four bits a step.
 *
 * The code is canonical: within a length the codes count up in the order of the symbols, and each length goes on where
 * the one before ended. So the table is the symbols by length, and a test holds the codes to those that the RFC prints.
 * A state is an inner node of the tree; no code is shorter than five bits, so four bits end at most one symbol.
 * Source: RFC 7541 §5.2, Appendix B.
 */
import { malformed } from './integer.ts'

/** The end of the string; a block must never hold it (§5.2). */
export const EOS = 256

const SYMBOLS_BY_BITS: readonly (readonly [bits: number, symbols: readonly number[]])[] = [
  [5, octets('012aceiost')],
  [6, octets(' %-./3456789=A_bdfghlmnpru')],
  [7, octets(':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz')],
  [8, octets('&*,;XZ')],
  [10, octets('!"()?')],
  [11, octets("'+|")],
  [12, octets('#>')],
  [13, [0, ...octets('$@[]~')]],
  [14, octets('^}')],
  [15, octets('<`{')],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [
    22,
    [
      129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
      196, 198, 228, 232, 233,
    ],
  ],
  [
    23,
    [
      1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175,
      180, 182, 183, 188, 191, 197, 231, 239,
    ],
  ],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254]],
  [
    28,
    [
      2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127,
      220, 249,
    ],
  ],
  [30, [10, 13, 22, EOS]],
]

export interface HuffmanCode {
  readonly symbol: number
  readonly code: number
  readonly bits: number
}

/** All 257 codes, from the shortest to EOS. */
export const HUFFMAN_CODES: readonly HuffmanCode[] = canonicalCodes()

const STATES = 256
const MIN_BITS = 5
/** An entry: the next state in the low octet, these flags, and the symbol from bit 16 on. */
const ENDS_SYMBOL = 0x100
const IS_EOS = 0x200
const SYMBOL_SHIFT = 16
/** Padding is the beginning of EOS, so of ones, and shorter than an octet (§5.2). */
const MAX_PADDING_BITS = 7

/** By state and four bits; the root is state 0. 16 KiB, which stay in the first cache. */
const STEPS = new Uint32Array(STATES * 16)
/** 1 where a string may end: nothing but padding has been read since the last symbol. */
const MAY_END = new Uint8Array(STATES)
buildMachine()

/** What strings are decoded into, one for all decoders: each decodes a string at a time, and copies it out. */
let text: Buffer = Buffer.allocUnsafeSlow(1024)

/**
 * The string coded in `block[start, end)`, one character for each octet. Throws ConnectionError where EOS is coded or
 * the padding is wrong.
 */
export function decodeHuffman(block: Buffer, start: number, end: number): string {
  const room = Math.ceil(((end - start) * 8) / MIN_BITS)
  if (text.length < room) text = Buffer.allocUnsafeSlow(room)
  return text.toString('latin1', 0, decodeInto(text, block, start, end))
}

function decodeInto(out: Buffer, block: Buffer, start: number, end: number): number {
  let state = 0
  let length = 0
  for (let at = start; at < end; at++) {
    const octet = block[at] as number
    const high = STEPS[(state << 4) | (octet >>> 4)] as number
    if ((high & ENDS_SYMBOL) !== 0) out[length++] = high >>> SYMBOL_SHIFT
    const low = STEPS[((high & 0xff) << 4) | (octet & 0xf)] as number
    if ((low & ENDS_SYMBOL) !== 0) out[length++] = low >>> SYMBOL_SHIFT
    if (((high | low) & IS_EOS) !== 0) throw malformed('a Huffman string holds the end-of-string symbol')
    state = low & 0xff
  }
  if (MAY_END[state] !== 1) throw malformed('a Huffman string ends with wrong padding')
  return length
}

function octets(characters: string): number[] {
  return [...Buffer.from(characters, 'latin1')]
}

function canonicalCodes(): HuffmanCode[] {
  const codes: HuffmanCode[] = []
  let code = 0
  let lastBits = 0
  for (const [bits, symbols] of SYMBOLS_BY_BITS) {
    code <<= bits - lastBits
    lastBits = bits
    for (const symbol of symbols) codes.push({ symbol, code: code++, bits })
  }
  return codes
}

/** Two children a node; a symbol is told from a node by its sign. */
function buildTree(): Int16Array {
  const children = new Int16Array(2 * STATES)
  let nodes = 1
  for (const { symbol, code, bits } of HUFFMAN_CODES) {
    let node = 0
    for (let left = bits - 1; left > 0; left--) {
      const branch = 2 * node + ((code >>> left) & 1)
      if (children[branch] === 0) children[branch] = nodes++
      node = children[branch] as number
    }
    children[2 * node + (code & 1)] = ~symbol
  }
  return children
}

function buildMachine(): void {
  const children = buildTree()
  for (let state = 0; state < STATES; state++)
    for (let bits = 0; bits < 16; bits++) STEPS[(state << 4) | bits] = step(children, state, bits)
  let state = 0
  for (let ones = 0; ones <= MAX_PADDING_BITS; ones++) {
    MAY_END[state] = 1
    state = children[2 * state + 1] as number
  }
}

function step(children: Int16Array, state: number, bits: number): number {
  let node = state
  let ended = 0
  for (let left = 3; left >= 0; left--) {
    const child = children[2 * node + ((bits >>> left) & 1)] as number
    if (child === ~EOS) return IS_EOS
    if (child < 0) ended = ENDS_SYMBOL | (~child << SYMBOL_SHIFT)
    node = child < 0 ? 0 : child
  }
  return ended | node
}
