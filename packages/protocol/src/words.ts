/**
 * What a value must be, in words for people: a schema of zod that is given `wordOf` as its `error` says "it must be a number" where
 * zod's own words are for programmers. A schema's own words go before these.
 */
import { z } from 'zod'

const QUOTED_CHARACTERS = 40

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a UUID',
  url: 'a URL',
  date: 'a day as 2026-01-31',
  datetime: 'a time as 2026-01-31T12:00:00Z',
}

const COUNTED: Readonly<Record<string, string>> = {
  string: 'characters',
  array: 'entries',
  record: 'fields',
}

/** Undefined leaves it to zod. */
export function wordOf(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `it must be ${typeOf(issue.expected)}`
    case 'too_big':
      return `it must ${amount(issue.origin)} ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`
    case 'too_small':
      if (issue.minimum === 1 && issue.origin in COUNTED) return 'it must not be empty'
      return `it must ${amount(issue.origin)} ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`
    case 'invalid_format':
      return issue.format in FORMATS ? `it must be ${FORMATS[issue.format]}` : undefined
    case 'invalid_value':
      return `it must be ${choice(issue.values.map(it => JSON.stringify(it)))}`
    case 'unrecognized_keys':
      return strangersOf(issue)
    case 'invalid_union':
      return wordOfUnion(issue)
    case 'invalid_key':
      return issue.issues[0]?.message
    case 'not_multiple_of':
    case 'invalid_element':
    case 'custom':
      return undefined
  }
}

function typeOf(expected: string): string {
  return TYPES[expected] ?? expected
}

function amount(origin: string): string {
  return origin in COUNTED ? 'have' : 'be'
}

function unitOf(origin: string): string {
  return origin in COUNTED ? ` ${COUNTED[origin]}` : ''
}

/** `a, b or c` */
export function choice(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

const KEYS_TOLD = 5
const FIELDS_TOLD = 30

function strangersOf(issue: z.core.$ZodRawIssue<z.core.$ZodIssueUnrecognizedKeys>): string {
  const keys = issue.keys.slice(0, KEYS_TOLD).map(it => `"${it.slice(0, QUOTED_CHARACTERS)}"`)
  const more = issue.keys.length > KEYS_TOLD ? ` and ${issue.keys.length - KEYS_TOLD} more` : ''
  const strangers = `unknown field${issue.keys.length > 1 ? 's' : ''} ${keys.join(', ')}${more}`
  const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : []
  if (known.length === 0) return strangers
  return `${strangers}; known ${known.length > 1 ? 'are' : 'is'} ${known.slice(0, FIELDS_TOLD).join(', ')}`
}

function wordOfUnion(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string | undefined {
  if ('options' in issue && Array.isArray(issue.options))
    return `it must be ${choice(issue.options.map(it => JSON.stringify(it)))}`
  const words = issue.errors.flatMap(branch => branch.flatMap(wordsOfBranch))
  if (words.length === 0 || words.includes(undefined)) return undefined
  return `it must be ${choice([...new Set(words)] as string[])}`
}

/** What a branch takes; undefined for a fault inside it. */
function wordsOfBranch(issue: z.core.$ZodIssue): readonly (string | undefined)[] {
  if (issue.path.length > 0) return [undefined]
  if (issue.code === 'invalid_type') return [typeOf(issue.expected)]
  return issue.code === 'invalid_value' ? issue.values.map(it => JSON.stringify(it)) : [undefined]
}
