/** docs/token-life.md is held to the tests: each rule and each race has one that is named after it, where the page says. */
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const PACKAGES = new URL('../../../', import.meta.url)
const RULES = 32
const RACES = 'ABCDEFGHIJKLMNOP'
const NOT_APPLICABLE = ['R22']

interface Row {
  readonly number: string
  readonly files: readonly string[]
}

/** `R4` or `race A2`, and the test files of its last column. */
async function readRows(): Promise<Row[]> {
  const page = await readFile(new URL('../docs/token-life.md', PACKAGES), 'utf8')
  return [...page.matchAll(/^\| (R\d+[a-d]?|[A-P]\d?) \| .* \| ([^|]*) \|$/gm)].map(
    ([, number = '', files = '']) => ({
      number: number.startsWith('R') ? number : `race ${number}`,
      files: [...files.matchAll(/`([^`]+)`/g)].map(it => it[1] as string),
    }),
  )
}

/** By the name of the file, without `.test.ts`: the numbers with which names of its tests begin, as in "R4, race C: …". */
async function readNumbers(): Promise<Map<string, Set<string>>> {
  const numbers = new Map<string, Set<string>>()
  for (const entry of await readdir(PACKAGES, { recursive: true })) {
    if (!entry.endsWith('.test.ts') || entry.includes('node_modules') || entry.includes('dist')) continue
    const source = await readFile(fileURLToPath(new URL(entry, PACKAGES)), 'utf8')
    const names = source.matchAll(
      /(?:test|describe)\(\s*['"`]((?:R\d+[a-d]?|race [A-P]\d?)(?:, (?:R\d+[a-d]?|race [A-P]\d?))*):/g,
    )
    const name = basename(entry, '.test.ts')
    const known = numbers.get(name) ?? new Set()
    for (const [, list = ''] of names) for (const number of list.split(', ')) known.add(number)
    numbers.set(name, known)
  }
  return numbers
}

test('the page has every rule and every race of the law', async () => {
  const numbers = (await readRows()).map(it => it.number)
  expect(new Set(numbers).size).toBe(numbers.length)
  for (let rule = 0; rule <= RULES; rule++) expect(numbers).toContain(`R${rule}`)
  for (const race of RACES) expect(numbers).toContain(`race ${race}`)
})

test('each rule and race has a test that is named after it, in each file that the page names', async () => {
  const numbers = await readNumbers()
  const missing = (await readRows()).flatMap(({ number, files }) => {
    if (NOT_APPLICABLE.includes(number)) return []
    const lacking = files.filter(file => numbers.get(file)?.has(number) !== true)
    return files.length === 0 ? [`${number}: no file`] : lacking.map(file => `${number}: ${file}`)
  })
  expect(missing).toEqual([])
})
