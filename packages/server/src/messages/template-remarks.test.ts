import { expect, test } from 'vitest'
import { compileText, SyntaxFault } from './template.ts'

function remarkOf(text: string): unknown {
  try {
    compileText(text)
  } catch (error) {
    if (error instanceof SyntaxFault) return error.remark
    throw error
  }
  return undefined
}

test.each([
  ['Hi {{ tags.Name', 'template_brackets_open', { written: '{{ tags.Name', line: 1, column: 4 }],
  ['Hi {{ tags.Name }', 'template_brackets_open', { written: '{{ tags.Name }', line: 1, column: 4 }],
  ['one\n{% if tags.Name', 'template_brackets_open', { written: '{% if tags.Name', line: 2, column: 1 }],
  [
    '{% if tags.a %}x',
    'template_block_open',
    { written: '{% if tags.a %}', end: 'endif', line: 1, column: 1 },
  ],
  [
    '{% for i in tags.l %}{{ i }}',
    'template_block_open',
    { written: '{% for i in tags.l %}', end: 'endfor', line: 1, column: 1 },
  ],
  ['{% raw %}x', 'template_block_open', { written: '{% raw %}', end: 'endraw', line: 1, column: 10 }],
  ['{% foo %}', 'template_tag_unknown', { tag: 'foo', line: 1, column: 1 }],
  ['a{% endif %}', 'template_tag_unknown', { tag: 'endif', line: 1, column: 2 }],
  ['{{ tags.a | upcas }}', 'template_filter_unknown', { filter: 'upcas', line: 1, column: 1 }],
  ['{{ }}', 'template_unreadable', { reason: 'invalid value expression: "", line:1, col:4' }],
])('what is wrong with %j is told by its kind and place', (text, code, values) => {
  expect(remarkOf(text)).toEqual({ code, values })
})

test('a template that can be read has none', () => {
  expect(remarkOf('Hi {{ tags.Name | upcase }}{% if tags.Vip %}*{% endif %}')).toBeUndefined()
})

test('one that is too long is told with how long it may be', () => {
  expect(remarkOf(`${'x'.repeat(9000)}{{ tags.a }}`)).toEqual({
    code: 'template_too_long',
    values: { limit: 8192 },
  })
})

test('of what was written so much is told as people need to find it', () => {
  expect(remarkOf(`{% if tags.${'x'.repeat(500)} %}`)).toMatchObject({
    code: 'template_block_open',
    values: { written: `{% if tags.${'x'.repeat(49)}…` },
  })
})
