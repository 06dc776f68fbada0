/** CSV as it is, and for spreadsheets, which must find no formula in strangers' words. */
import { expect, test } from 'vitest'
import { csvLine, FORMS } from './csv.ts'

const { spreadsheet } = FORMS

test('csv says values as they are', () => {
  expect(csvLine(['=1+1', 'a,"b"', null, { a: 1 }, -3600])).toBe('=1+1,"a,""b""",,"{""a"":1}",-3600\n')
})

test.each([
  ['=HYPERLINK("https://evil.example")', `"'=HYPERLINK(""https://evil.example"")"`],
  ['+1', `'+1`],
  ['-Ab12', `'-Ab12`],
  ['@SUM(A1)', `'@SUM(A1)`],
  ['＝1', `'＝1`],
  ['\t=1', `'\t'=1`],
  [' =1', `' =1`],
  ['a;=1', `a;'=1`],
  ['a\n=1', `"a\n'=1"`],
  ['a;"=1', `"a;'""=1"`],
  ['2026-11-22T06:00:00Z', '2026-11-22T06:00:00Z'],
  ['a-b=c', 'a-b=c'],
  [-3600, '-3600'],
  [false, 'false'],
  [null, ''],
])('a spreadsheet finds no formula in %j', (value, cell) => {
  expect(spreadsheet.line?.([value])).toBe(`${cell}\n`)
})
