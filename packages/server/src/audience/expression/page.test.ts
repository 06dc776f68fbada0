import { readFile } from 'node:fs/promises'
import { type Condition, conditionSchema, DEVICE_FIELDS, PUSH_STATES } from '@roost/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseExpression } from './parse.ts'
import { printExpression } from './print.ts'

const app = 'AAAAA-BBBBB'
let page: string
let examples: { readonly json: Condition; readonly expression: string }[]
beforeAll(async () => {
  page = await readFile(new URL('../../../../../docs/segments.md', import.meta.url), 'utf8')
  examples = page.split('\n').flatMap(line => {
    const codes = [...line.matchAll(/\| `([^`]+)`(?= \|)/g)].map(([, code]) => code as string)
    const json = codes.find(it => it.startsWith('{'))
    const expression = codes.find(it => /^\(?[A-Z]\w*\(/.test(it))
    return json === undefined || expression === undefined ? [] : [{ json: JSON.parse(json), expression }]
  })
})

describe('docs/segments.md', () => {
  test('says each condition in JSON and as an expression that means the same', () => {
    expect(examples.length).toBeGreaterThan(30)
    for (const { json, expression } of examples) {
      expect(conditionSchema.parse(json)).toEqual(json)
      expect({ expression, json: parseExpression(expression, { app }) }).toEqual({ expression, json })
      expect(parseExpression(printExpression(json, { app }), { app })).toEqual(json)
    }
  })

  test('has whole conditions that can be sent', () => {
    const bodies = [...page.matchAll(/-d '(\{\n[^']+)'/g)].map(([, body]) => JSON.parse(body as string))
    expect(bodies).not.toEqual([])
    for (const { to } of bodies) expect(conditionSchema.parse(to.condition)).toEqual(to.condition)
  })

  test('names all fields and states that can be asked for', () => {
    for (const name of [...DEVICE_FIELDS, ...PUSH_STATES]) expect(page).toContain(`\`${name}\``)
  })

  test('shows a refusal as it is written', () => {
    const shown = /^expression, character .*$/m.exec(page)?.[0]
    expect(() => parseExpression('T("a", like, 1)', { app })).toThrow(shown)
  })
})
