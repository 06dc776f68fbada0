/** The examples of RFC 7541 Appendix C.2–C.6, each with the table that it leaves. C.1: `integer.test.ts`. */
import { describe, expect, test } from 'vitest'
import { decodeAll, type Field, hex, tableOf, writeBlock, writeIndexedBlock } from '../../test/hpack.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'

interface Step {
  readonly plain: string
  readonly huffman: string
  readonly fields: readonly Field[]
  readonly table: readonly Field[]
}

const DATE_21 = 'Mon, 21 Oct 2013 20:13:21 GMT'
const DATE_22 = 'Mon, 21 Oct 2013 20:13:22 GMT'
const LOCATION = 'https://www.example.com'
const COOKIE = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'

const REQUESTS: readonly Step[] = [
  {
    plain: '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    huffman: '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    fields: [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ],
    table: [[':authority', 'www.example.com']],
  },
  {
    plain: '8286 84be 5808 6e6f 2d63 6163 6865',
    huffman: '8286 84be 5886 a8eb 1064 9cbf',
    fields: [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
      ['cache-control', 'no-cache'],
    ],
    table: [
      ['cache-control', 'no-cache'],
      [':authority', 'www.example.com'],
    ],
  },
  {
    plain: '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    huffman: '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    fields: [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ],
    table: [
      ['custom-key', 'custom-value'],
      ['cache-control', 'no-cache'],
      [':authority', 'www.example.com'],
    ],
  },
]

const RESPONSES: readonly Step[] = [
  {
    plain: `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
      3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    huffman: `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
      1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    fields: [
      [':status', '302'],
      ['cache-control', 'private'],
      ['date', DATE_21],
      ['location', LOCATION],
    ],
    table: [
      ['location', LOCATION],
      ['date', DATE_21],
      ['cache-control', 'private'],
      [':status', '302'],
    ],
  },
  {
    plain: '4803 3330 37c1 c0bf',
    huffman: '4883 640e ffc1 c0bf',
    fields: [
      [':status', '307'],
      ['cache-control', 'private'],
      ['date', DATE_21],
      ['location', LOCATION],
    ],
    table: [
      [':status', '307'],
      ['location', LOCATION],
      ['date', DATE_21],
      ['cache-control', 'private'],
    ],
  },
  {
    plain: `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970
      7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765
      3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
    huffman: `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2
      e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    fields: [
      [':status', '200'],
      ['cache-control', 'private'],
      ['date', DATE_22],
      ['location', LOCATION],
      ['content-encoding', 'gzip'],
      ['set-cookie', COOKIE],
    ],
    table: [
      ['set-cookie', COOKIE],
      ['content-encoding', 'gzip'],
      ['date', DATE_22],
    ],
  },
]

function expectTable(decoder: HpackDecoder, table: readonly Field[]): void {
  expect(tableOf(decoder, table.length)).toEqual(table)
}

/** Last, as it ends the decoder: the table has no entry more. */
function expectNoMore(decoder: HpackDecoder, count: number): void {
  expect(() => tableOf(decoder, count + 1)).toThrow(/beyond the tables/)
}

describe.each([
  ['C.3 requests', REQUESTS, 'plain', 4096],
  ['C.4 requests in Huffman code', REQUESTS, 'huffman', 4096],
  ['C.5 responses in a table of 256 bytes', RESPONSES, 'plain', 256],
  ['C.6 responses in Huffman code', RESPONSES, 'huffman', 256],
] as const)('%s', (_, steps, coding, maxTableBytes) => {
  test('are decoded, with the tables that the RFC shows after each block', () => {
    const decoder = new HpackDecoder({ maxTableBytes })
    for (const step of steps) {
      expect(decodeAll(decoder, hex(step[coding]))).toEqual(step.fields)
      expectTable(decoder, step.table)
    }
    expectNoMore(decoder, steps.at(-1)?.table.length ?? 0)
  })
})

test.each([
  ['C.3', REQUESTS, 4096],
  ['C.5', RESPONSES, 256],
] as const)('%s is encoded to the octets that the RFC shows', (_, steps, tableBytes) => {
  const encoder = new HpackEncoder({ tableBytes })
  encoder.writePendingUpdate(Buffer.alloc(8), 0)
  for (const step of steps) {
    expect(writeIndexedBlock(encoder, step.fields)).toEqual(hex(step.plain))
    for (const [name, value] of step.table) expect(encoder.isIndexed(name, value)).toBe(true)
  }
})

describe('C.2 single fields', () => {
  const INCREMENTAL = '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572'
  const LITERAL = '040c 2f73 616d 706c 652f 7061 7468'
  const NEVER_INDEXED = '1008 7061 7373 776f 7264 0673 6563 7265 74'

  test.each([
    ['C.2.1: a literal with indexing', INCREMENTAL, ['custom-key', 'custom-header'], false, 1],
    ['C.2.2: a literal without indexing', LITERAL, [':path', '/sample/path'], false, 0],
    ['C.2.3: a literal never indexed', NEVER_INDEXED, ['password', 'secret'], true, 0],
    ['C.2.4: an index', '82', [':method', 'GET'], false, 0],
  ] as const)('%s is decoded', (_, block, field, isNever, entries) => {
    const decoder = new HpackDecoder()
    const seen: unknown[] = []
    decoder.decode(hex(block), 0, hex(block).length, (...header) => seen.push(header))
    expect(seen).toEqual([[...field, isNever]])
    expectTable(decoder, entries === 1 ? [field] : [])
    expectNoMore(decoder, entries)
  })

  test('are encoded to the octets that the RFC shows', () => {
    const encoder = new HpackEncoder()
    const one = (write: (out: Buffer, at: number) => number): Buffer => writeBlock(encoder, write)
    expect(one((out, at) => encoder.writeLiteral(':path', '/sample/path', out, at))).toEqual(hex(LITERAL))
    expect(one((out, at) => encoder.writeNeverIndexed('password', 'secret', out, at))).toEqual(
      hex(NEVER_INDEXED),
    )
    expect(writeIndexedBlock(encoder, [[':method', 'GET']])).toEqual(hex('82'))
    expect(writeIndexedBlock(encoder, [['custom-key', 'custom-header']])).toEqual(hex(INCREMENTAL))
  })
})
