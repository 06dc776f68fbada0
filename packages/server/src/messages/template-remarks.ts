/**
 * What LiquidJS says of a template that it can't read, by kinds: so that it can be told in any language.
 * Source: LiquidJS 10, the words of its tokenizer and parser, which end with the place; a test holds ours to them.
 */
import type { Remark } from '@roost/protocol'

export type TemplateRemark = Pick<Remark, 'code' | 'values'>

const PLACE = /, line:(\d+), col:(\d+)$/
/** More of what was written helps nobody to find it. */
const WRITTEN_CHARACTERS = 60

type Kind = readonly [words: RegExp, remarkOf: (found: readonly string[]) => TemplateRemark]

const KINDS: readonly Kind[] = [
  [/^raw "(\{%-?\s*(raw).*?%\}).*" not closed$/s, blockOpen],
  [/^tag (\{%-?\s*(\w+).*?%\}).* not closed$/s, blockOpen],
  [
    /^(?:output|tag) "(.*)" not closed$/s,
    ([written = '']) => ({ code: 'template_brackets_open', values: { written: shortened(written) } }),
  ],
  [/^tag "(.*)" not found$/s, ([tag = '']) => ({ code: 'template_tag_unknown', values: { tag } })],
  [/^undefined filter: (.*)$/s, ([filter = '']) => ({ code: 'template_filter_unknown', values: { filter } })],
]

function blockOpen([written = '', tag = '']: readonly string[]): TemplateRemark {
  return { code: 'template_block_open', values: { written: shortened(written), end: `end${tag}` } }
}

/** `limit`: so many characters a template may have. */
export function remarkOfSyntax(words: string, limit: number): TemplateRemark {
  if (words.startsWith('parse length limit exceeded')) return { code: 'template_too_long', values: { limit } }
  const [place, line, column] = PLACE.exec(words) ?? []
  const said = place === undefined ? words : words.slice(0, -place.length)
  for (const [pattern, remarkOf] of KINDS) {
    const found = pattern.exec(said)
    if (found === null) continue
    const { code, values } = remarkOf(found.slice(1))
    return { code, values: { ...values, line: Number(line ?? 1), column: Number(column ?? 1) } }
  }
  return { code: 'template_unreadable', values: { reason: words } }
}

function shortened(written: string): string {
  return written.length <= WRITTEN_CHARACTERS ? written : `${written.slice(0, WRITTEN_CHARACTERS)}…`
}
