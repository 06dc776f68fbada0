/** docs/diagnosis.md is held to the rules, both ways. */
import { readFile } from 'node:fs/promises'
import { RULE_IDS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { RULES } from './rules.ts'

async function rulesBelow(heading: string): Promise<string[]> {
  const page = await readFile(new URL('../../../../../docs/diagnosis.md', import.meta.url), 'utf8')
  const [, section = ''] = page.split(`${heading}\n`)
  return [...section.matchAll(/^\| (DX-\d\d)(?: to DX-\d\d)? \|/gm)].map(it => it[1] ?? '')
}

test('docs/diagnosis.md lists every rule in the order in which they are asked, and then those that are not', async () => {
  const asked = RULES.map(it => it.id)
  const others = ['DX-58', 'DX-60', 'DX-65', 'DX-68', 'DX-90']
  expect(await rulesBelow('## What each rule goes by')).toEqual([...asked, ...others])
})

test('what the API can name is on the page', async () => {
  expect(await rulesBelow('## What each rule goes by')).toEqual(expect.arrayContaining([...RULE_IDS]))
})
