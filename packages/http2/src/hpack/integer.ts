/**
 * The integers of HPACK: a prefix of the first octet, and where it does not hold the number, seven bits an octet more.
 *
 * The RFC leaves the largest integer to the implementation; ours is 2³¹ − 1, in at most five octets after the prefix,
 * so that neither a number nor a run of empty octets can be made to grow.
 * Source: RFC 7541 §5.1.
 */
import { ConnectionError, ERROR } from '../protocol.ts'

/** Where a decoder is in a block. One object for the decoder's life, so that reading makes no garbage. */
export interface Cursor {
  block: Buffer
  at: number
  end: number
}

const MAX_INTEGER = 2 ** 31 - 1
const MAX_SHIFT = 28

/** The prefix with all its bits set: `mask` 0x7f for seven bits. Throws ConnectionError. */
export function readInteger(cursor: Cursor, mask: number): number {
  if (cursor.at >= cursor.end) throw malformed('a header block ends where an integer should begin')
  const prefix = (cursor.block[cursor.at++] as number) & mask
  return prefix < mask ? prefix : readLongInteger(cursor, prefix)
}

function readLongInteger(cursor: Cursor, prefix: number): number {
  let value = prefix
  for (let shift = 0; shift <= MAX_SHIFT; shift += 7) {
    if (cursor.at >= cursor.end) throw malformed('a header block ends inside an integer')
    const octet = cursor.block[cursor.at++] as number
    value += (octet & 0x7f) * 2 ** shift
    if (value > MAX_INTEGER) throw malformed(`an integer is larger than ${MAX_INTEGER}`)
    if (octet < 0x80) return value
  }
  throw malformed('an integer has more than five octets after its prefix')
}

/** Writes `value` behind the bits `flags` of the first octet; returns where the next octet goes. At most 6 octets. */
export function writeInteger(out: Buffer, at: number, flags: number, mask: number, value: number): number {
  if (value < mask) {
    out[at] = flags | value
    return at + 1
  }
  out[at] = flags | mask
  let next = at + 1
  let rest = value - mask
  for (; rest >= 0x80; rest >>>= 7) out[next++] = (rest & 0x7f) | 0x80
  out[next] = rest
  return next + 1
}

export function malformed(message: string): ConnectionError {
  return new ConnectionError(ERROR.COMPRESSION_ERROR, `HPACK: ${message}`)
}
