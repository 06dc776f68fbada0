/** What the HPACK tests share: blocks written in hex, lists read back, and a Huffman encoder as plain as can be. */
import { HpackDecoder, type HpackDecoderOptions } from '../src/hpack/decoder.ts'
import type { HpackEncoder } from '../src/hpack/encoder.ts'
import { HUFFMAN_CODES } from '../src/hpack/huffman.ts'

export type Field = readonly [name: string, value: string]

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s/g, ''), 'hex')
}

export function decodeAll(decoder: HpackDecoder, block: Buffer): Field[] {
  const fields: Field[] = []
  decoder.decode(block, 0, block.length, (name, value) => fields.push([name, value]))
  return fields
}

/** A decoder of its own reads this one block. */
export function decodeOnce(block: string, options?: HpackDecoderOptions): Field[] {
  return decodeAll(new HpackDecoder(options), hex(block))
}

/** The dynamic table, newest first, as a block that refers to each entry sees it; one index more must fail. */
export function tableOf(decoder: HpackDecoder, count: number): Field[] {
  return decodeAll(decoder, Buffer.from(Array.from({ length: count }, (_, entry) => 0x80 | (62 + entry))))
}

export function writeBlock(encoder: HpackEncoder, write: (out: Buffer, at: number) => number): Buffer {
  const out = Buffer.alloc(256 * 1024)
  return Buffer.from(out.subarray(0, write(out, encoder.writePendingUpdate(out, 0))))
}

export function writeIndexedBlock(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  return writeBlock(encoder, (out, start) =>
    fields.reduce((at, [name, value]) => encoder.writeIndexed(name, value, out, at), start),
  )
}

/** Bits as text, packed into octets, the last one filled up with ones. */
export function packBits(bits: string): Buffer {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1')
  return Buffer.from((padded.match(/.{8}/g) ?? []).map(octet => Number.parseInt(octet, 2)))
}

export function huffmanBits(symbol: number): string {
  const found = HUFFMAN_CODES.find(code => code.symbol === symbol)
  if (found === undefined) throw new Error(`no symbol ${symbol}`)
  return found.code.toString(2).padStart(found.bits, '0')
}

export function huffman(text: string): Buffer {
  return packBits([...Buffer.from(text, 'latin1')].map(huffmanBits).join(''))
}
