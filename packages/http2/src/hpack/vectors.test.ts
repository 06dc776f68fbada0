/** What other implementations encoded, story by story: `test/vectors/README.md`. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeAll, type Field, hex, writeIndexedBlock } from '../../test/hpack.ts'
import { HpackDecoder } from './decoder.ts'
import { HpackEncoder } from './encoder.ts'

interface Case {
  readonly wire: string
  readonly headers: readonly Record<string, string>[]
  readonly header_table_size?: number
}

const VECTORS = new URL('../../test/vectors/', import.meta.url)

function readStory(path: string): readonly Case[] {
  return (JSON.parse(readFileSync(new URL(path, VECTORS), 'utf8')) as { cases: Case[] }).cases
}

/** The vectors are UTF-8, the engine's strings octets. */
function fieldsOf({ headers }: Case): Field[] {
  return headers.flatMap(header =>
    Object.entries(header).map(([name, value]): Field => [name, Buffer.from(value).toString('latin1')]),
  )
}

function storiesOf(folder: string): string[] {
  return readdirSync(new URL(`${folder}/`, VECTORS)).map(file => `${folder}/${file}`)
}

describe.each([
  ['nghttp2', 32],
  ['nghttp2-change-table-size', 31],
  ['haskell-http2-linear-huffman', 32],
])('%s', (folder, count) => {
  test('is here with all its stories', () => {
    expect(storiesOf(folder)).toHaveLength(count)
  })

  test.each(storiesOf(folder))('%s is decoded to its header lists', story => {
    const decoder = new HpackDecoder()
    for (const step of readStory(story)) {
      if (step.header_table_size !== undefined) decoder.setMaxTableBytes(step.header_table_size)
      expect(decodeAll(decoder, hex(step.wire))).toEqual(fieldsOf(step))
    }
  })

  test.each(storiesOf(folder))('%s survives our encoder and our decoder', story => {
    const encoder = new HpackEncoder()
    const decoder = new HpackDecoder()
    for (const step of readStory(story)) {
      if (step.header_table_size !== undefined) {
        encoder.setTableBytes(step.header_table_size)
        decoder.setMaxTableBytes(step.header_table_size)
      }
      expect(decodeAll(decoder, writeIndexedBlock(encoder, fieldsOf(step)))).toEqual(fieldsOf(step))
    }
  })
})

test('a story that changes the table size is refused by a decoder that allows less than it sets', () => {
  const changes = storiesOf('nghttp2-change-table-size').flatMap(story =>
    readStory(story).filter(step => step.header_table_size !== undefined),
  )
  expect(changes).toHaveLength(62)
  for (const { wire, header_table_size: bytes = 0 } of changes) {
    const decoder = new HpackDecoder({ maxTableBytes: bytes - 1 })
    expect(() => decodeAll(decoder, hex(wire))).toThrow(`set to ${bytes} bytes; ${bytes - 1} are allowed`)
  }
})
