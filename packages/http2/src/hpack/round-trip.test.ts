/** Whatever our encoder writes, our decoder reads: random connections, with the table's size changing under way. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder, maxFieldBytes } from './encoder.ts'

type Writer = 'writeIndexed' | 'writeLiteral' | 'writeNeverIndexed'

interface Header {
  readonly name: string
  readonly value: string
  readonly writer: Writer
}

interface Block {
  readonly sizes: readonly number[]
  readonly headers: readonly Header[]
}

const octet = fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code))
const octets = fc.string({ unit: octet, maxLength: 300 })
/** Few of them, so that fields come again and indexes are used. */
const known = fc.constantFrom(
  '',
  ':status',
  ':path',
  '/',
  '200',
  'POST',
  'apns-id',
  'apns-topic',
  'com.example',
)

const header: fc.Arbitrary<Header> = fc.record({
  name: fc.oneof({ weight: 4, arbitrary: known }, octets),
  value: fc.oneof({ weight: 4, arbitrary: known }, octets),
  writer: fc.constantFrom('writeIndexed', 'writeLiteral', 'writeNeverIndexed'),
})
const size = fc.oneof(fc.constantFrom(0, 32, 4096), fc.integer({ min: 0, max: 10_000 }))
const block: fc.Arbitrary<Block> = fc.record({
  sizes: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(size, { maxLength: 4 })),
  headers: fc.array(header, { maxLength: 30 }),
})

function encode(encoder: HpackEncoder, headers: readonly Header[]): Buffer {
  const room = headers.reduce(
    (sum, { name, value }) => sum + maxFieldBytes(name, value),
    maxFieldBytes('', ''),
  )
  const out = Buffer.alloc(room)
  let at = encoder.writePendingUpdate(out, 0)
  for (const { name, value, writer } of headers) at = encoder[writer](name, value, out, at)
  return out.subarray(0, at)
}

test('a connection’s blocks come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(block, { maxLength: 20 }), blocks => {
      const encoder = new HpackEncoder()
      const decoder = new HpackDecoder({ maxListBytes: 2 ** 20 })
      for (const { sizes, headers } of blocks) {
        for (const bytes of sizes) {
          encoder.setTableBytes(bytes)
          decoder.setMaxTableBytes(bytes)
        }
        const wire = encode(encoder, headers)
        const seen: unknown[] = []
        decoder.decode(wire, 0, wire.length, (...field) => seen.push(field))
        expect(seen).toEqual(
          headers.map(({ name, value, writer }) => [name, value, writer === 'writeNeverIndexed']),
        )
      }
    }),
    { numRuns: 300 },
  )
})

test('a block of the same version can be sent again as it is, and says the same', () => {
  // All of these fields together fit into the table, so none that is known leaves it.
  const constant = fc.record({ name: known, value: known, writer: fc.constant<Writer>('writeIndexed') })
  fc.assert(
    fc.property(fc.array(constant, { maxLength: 60 }), headers => {
      const encoder = new HpackEncoder()
      const decoder = new HpackDecoder()
      const read = (wire: Buffer): string[] => {
        const seen: string[] = []
        decoder.decode(wire, 0, wire.length, (name, value) => seen.push(`${name}=${value}`))
        return seen
      }
      const first = read(encode(encoder, headers))
      const { version } = encoder
      const wire = encode(encoder, headers)
      expect(encoder.version).toBe(version)
      expect(read(wire)).toEqual(first)
      expect(read(wire)).toEqual(first)
    }),
  )
})

test('no sequence of octets makes the decoder do anything but decode or refuse', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), blocks => {
      const decoder = new HpackDecoder()
      try {
        for (const wire of blocks)
          decoder.decode(Buffer.from(wire), 0, wire.length, (name, value) => {
            expect(typeof name).toBe('string')
            expect(typeof value).toBe('string')
          })
      } catch (error) {
        expect(error).toMatchObject({ name: 'ConnectionError', message: expect.stringMatching(/^HPACK: /) })
      }
    }),
    { numRuns: 2000 },
  )
})
