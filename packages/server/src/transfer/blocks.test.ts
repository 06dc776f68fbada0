/** What files really look like, cut at every place. */
import { Readable } from 'node:stream'
import type { ImportMapping } from '@roost/protocol'
import { expect, test } from 'vitest'
import { BEGINNING, type Format, type Place, readBlocks } from './blocks.ts'
import { columnsOf } from './mappings/mappings.ts'

interface File {
  readonly format?: Format
  readonly columns?: ImportMapping
  /** Bytes that arrive at once. */
  readonly piece?: number
  readonly from?: Place
  readonly isFinal?: boolean
}

async function read(bytes: Buffer | string, file: File = {}) {
  const { format = 'csv', columns = 'roost', piece = 65_536, from = BEGINNING, isFinal = true } = file
  const all = Buffer.from(bytes as string)
  const pieces = Array.from({ length: Math.ceil(all.length / piece) }, (_, i) =>
    all.subarray(i * piece, (i + 1) * piece),
  )
  const records: Readonly<Record<string, unknown>>[] = []
  const unread: [row: number, line: number, detail: string][] = []
  const places: [row: number, line: number][] = []
  let end: Place = from
  const source = Readable.from(pieces) as AsyncIterable<Buffer>
  for await (const block of readBlocks(source, { format, from, isFinal, columns: columnsOf(columns) })) {
    for (const it of block.records) {
      records.push(it.fields)
      places.push([it.row, it.line])
    }
    for (const it of block.unread) unread.push([it.row, it.line, it.detail])
    end = block.end
  }
  return { records, unread, places, end }
}

const hwids = (records: readonly Readonly<Record<string, unknown>>[]) => records.map(it => it.hwid)

test.each([
  ['a closing quote in the middle of a cell', '"bad"x,ios\n'],
  ['a quote that is never closed', '"bad,ios\n'],
  ['a quoted cell that ends in blanks', '"bad" ,ios\n'],
])('%s costs its own line and none of those behind it', async (_, bad) => {
  const { records, unread } = await read(`hwid,platform\na,ios\n${bad}b,ios\n"c",ios\nd,ios\n`)
  expect(hwids(records)).toEqual(['a', 'b', 'c', 'd'])
  expect(unread.map(([row, line]) => [row, line])).toEqual([[2, 3]])
})

test('a quote within a cell that does not begin with one is a character like others', async () => {
  const { records } = await read('hwid,deviceModel\na,5" screen\nb,"7"" screen"\nc,plain\n')
  expect(records.map(it => it.deviceModel)).toEqual(['5" screen', '7" screen', 'plain'])
})

test('rows and lines are counted by what people see: cells with line breaks, empty lines, Windows line ends', async () => {
  const { places, records, unread } = await read(
    'hwid,platform\r\n\r\n"a\r\nb",ios\r\n\r\n"x"y,ios\r\nc,ios\r\n',
  )
  expect(hwids(records)).toEqual(['a\r\nb', 'c'])
  expect(places).toEqual([
    [1, 3],
    [3, 7],
  ])
  expect(unread.map(([row, line]) => [row, line])).toEqual([[2, 6]])
})

test('a row may lack cells at its end, and may not have more than the header names', async () => {
  const { records, unread } = await read('hwid,platform,userId\na\nb,ios,u,\nc,ios,u,x\nd,ios,u\n')
  expect(hwids(records)).toEqual(['a', 'b', 'd'])
  expect(unread).toEqual([[3, 4, 'the row has 4 cells, the header 3 names']])
})

test.each([
  ['a column that is named twice', 'hwid,platform,hwid\na,ios,b\n', 'column "hwid" twice'],
  ['no column of this form', 'id,identifier\na,b\n', 'names none of the columns'],
  ['UTF-16', Buffer.from('\uFEFFhwid,platform\n', 'utf16le'), 'UTF-16'],
  ['UTF-16 without its mark', Buffer.from('hwid,platform\n', 'utf16le'), 'UTF-16'],
  ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), 'unpack it'],
  ['zip', Buffer.from('PK\u0003\u0004rest'), 'unpack it'],
])('a file is refused as a whole, with the reason: %s', async (_, bytes, reason) => {
  await expect(read(bytes)).rejects.toMatchObject({
    code: 'input_invalid',
    message: expect.stringContaining(reason),
  })
})

test('a line in another encoding is refused alone, and the next ones are read from the right byte on', async () => {
  const bytes = Buffer.concat([
    Buffer.from('hwid,userId\na,ü\nb,'),
    Buffer.from([0xfc, 0xe9]),
    Buffer.from('\nc,ü\nd'),
  ])
  const { records, unread, end } = await read(bytes, { isFinal: false })
  expect(hwids(records)).toEqual(['a', 'c'])
  expect(unread.map(([row, line]) => [row, line])).toEqual([[2, 3]])
  expect(end.offset).toBe(bytes.length - 1)
})

test.each([
  ['a ZIP archive', Buffer.from('PK\u0003\u0004x'), /ZIP archive: unpack it/],
  ['an empty file', '', /is empty/],
  ['a file of empty lines', '\uFEFF\r\n\n', /is empty/],
  ['JSON that is said to be CSV', '{"hwid":"a"}\n', /JSON and not CSV: give its format as ndjson/],
  ['a JSON array that is said to be CSV', '[\n{"hwid":"a"}]\n', /JSON and not CSV/],
  ['the form of another system', 'id,identifier\na,b\n', /those of the form onesignal/],
  ['no form that is known', 'foo,bar\na,b\n', /is it a file of this form, with a header/],
])('%s is refused as a whole, and what it is is said', async (_, bytes, words) => {
  await expect(read(bytes)).rejects.toThrow(words)
})

test('what lies behind the stored part of a file may be nothing', async () => {
  const from = { offset: 20, rows: 1, lines: 2, header: { names: ['hwid'], delimiter: ',' } }
  expect((await read('', { from })).records).toEqual([])
})

test('a column may be spelled as people write it', async () => {
  for (const header of ['Token', 'TOKEN', 'Push Token', 'registration-token']) {
    const { records } = await read(`${header}\nabc\n`, { columns: 'tokens' })
    expect(records.map(it => Object.values(it))).toEqual([['abc']])
  }
  await expect(read('Token,token\na,b\n', { columns: 'tokens' })).rejects.toThrow(/twice/)
})

test('a list of bare tokens may come without a header', async () => {
  expect((await read('aa11\nbb22\n', { columns: 'tokens' })).records).toEqual([
    { token: 'aa11' },
    { token: 'bb22' },
  ])
  expect((await read('token\naa11', { columns: 'tokens' })).records).toEqual([{ token: 'aa11' }])
})

test.each([
  ['a line of commas', ','.repeat(300_000)],
  ['a line of commas with a quote in it', `x"${','.repeat(300_000)}`],
  ['a quoted cell of one line', `"${'x'.repeat(300_000)}",ios`],
  ['a record of many quoted cells', '"x\n",'.repeat(60_000)],
])('%s that is too long is refused, and what is behind it is read', async (_, long) => {
  const { records, unread } = await read(`hwid,platform\na,ios\n${long}\nb,ios\n`)
  expect(hwids(records).filter(hwid => hwid === 'a' || hwid === 'b')).toEqual(['a', 'b'])
  expect(unread[0]).toEqual([
    2,
    3,
    expect.stringMatching(/^not CSV: (the line has \d+ characters|a quote is opened and not closed)/),
  ])
})

test('between two stray quotes that are far from each other no row is lost', async () => {
  const rows = Array.from({ length: 60_000 }, (_, i) => `d${i},ios`)
  const { records, unread } = await read(`hwid,platform\n"x,ios\n${rows.join('\n')}\n",ios\n`)
  expect(records).toHaveLength(rows.length)
  expect(unread).toMatchObject([
    [1, 2, 'not CSV: a quote is opened and not closed'],
    [60_002, 60_003, expect.anything()],
  ])
})

test('a line without an end is refused once, however long it is, and the next one is read', async () => {
  const long = `{"hwid":"${'x'.repeat(3_000_000)}"}`
  for (const piece of [65_536, 5_000_000]) {
    const { records, unread } = await read(`{"hwid":"a"}\n${long}\n{"hwid":"b"}\n`, {
      format: 'ndjson',
      piece,
    })
    expect(hwids(records)).toEqual(['a', 'b'])
    expect(unread.map(([row, line]) => [row, line])).toEqual([[2, 2]])
  }
})

test.each(['csv', 'ndjson'] as const)(
  '%s is read the same wherever it is cut and gone on with',
  async format => {
    const text =
      format === 'csv'
        ? '\uFEFFhwid;userId\r\n"a;1";ü\r\n\r\n"b\r\n2";"say ""hi"""\r\n"x"y;z\r\nc;€\r\nlast;'
        : '\uFEFF{"hwid":"a","userId":"ü"}\r\n\r\nno json\r\n{"hwid":"b"}\r\n{"hwid":"€"}'
    const bytes = Buffer.from(text)
    const whole = await read(bytes, { format })
    expect(whole.records.length + whole.unread.length).toBe(format === 'csv' ? 5 : 4)
    for (let cut = 0; cut <= bytes.length; cut++) {
      const first = await read(bytes.subarray(0, cut), { format, isFinal: false, piece: 7 })
      const second = await read(bytes.subarray(first.end.offset), { format, from: first.end, piece: 11 })
      expect([...first.records, ...second.records]).toEqual(whole.records)
      expect([...first.places, ...second.places]).toEqual(whole.places)
      expect([...first.unread, ...second.unread]).toEqual(whole.unread)
      expect(second.end).toEqual(whole.end)
    }
  },
)
