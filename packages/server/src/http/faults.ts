/**
 * What is wrong with a request, for people: field, what is allowed, and what was given. Of what may be a token, a key or
 * a secret only the length is told. Both APIs word it here.
 */
import { PushError } from '@roost/protocol'
import type { FastifySchemaCompiler } from 'fastify'
import { z } from 'zod'
import { notJson } from './json.ts'

const FAULTS_TOLD = 10
const QUOTED_CHARACTERS = 40
const SECRET_NAME = /token|key|auth|secret|passw|passphrase|p8|p12|pem|account|endpoint|url/i

export interface Checked<T> {
  /** What callers call it: the first part of each place. */
  readonly name?: string
  readonly value: T
  /** Between the parts of a place. */
  readonly separator: '.' | '/'
}

/** The value in its checked shape; throws `input_invalid` naming the fields. */
export function check<Schema extends z.core.$ZodType>(
  schema: Schema,
  checked: Checked<unknown>,
): z.output<Schema> {
  const parsed = z.safeParse(schema, checked.value, WORDED)
  if (parsed.success) return parsed.data
  throw new PushError('input_invalid', describeFaults(parsed.error.issues, checked))
}

/** For Fastify: the parts of a REST call. */
export const validatorCompiler: FastifySchemaCompiler<z.core.$ZodType> =
  ({ schema, httpPart = 'input' }) =>
  value => {
    // Where parts of files are taken, other bodies come through as bytes.
    if (Buffer.isBuffer(value)) return { error: notJson() }
    try {
      return { value: check(schema, { name: httpPart, value, separator: '/' }) }
    } catch (error) {
      return { error: error as Error }
    }
  }

function describeFaults(issues: readonly z.core.$ZodIssue[], checked: Checked<unknown>): string {
  return issues
    .flatMap(issue => faultsOf(issue, []))
    .slice(0, FAULTS_TOLD)
    .map(fault => describeFault(fault, checked))
    .join('; ')
}

function describeFault({ code, path, message }: Fault, { name, value, separator }: Checked<unknown>): string {
  const place = [...(name === undefined ? [] : [name]), ...path].join(separator).slice(0, 200)
  const start = `${place === '' ? 'body' : place}: `
  if (code === 'unrecognized_keys') return `${start}${message}`
  const given = valueAt(value, path)
  if (given === undefined && message === MISSING) return `${start}${MISSING}`
  if (given === undefined) return `${start}${MISSING}; ${message}`
  const isSecret = path.some(part => SECRET_NAME.test(part))
  return `${start}${message}; ${describe(given, isSecret)}`
}

const MISSING = 'it is missing'

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, part)
        ? (at as Record<string, unknown>)[part]
        : undefined,
    value,
  )
}

function describe(value: unknown, isSecret: boolean): string {
  if (Array.isArray(value)) return `it is a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'it is an object'
  if (typeof value !== 'string') return `it is ${value}`
  if (isSecret) return `it has ${value.length} characters`
  return value.length <= QUOTED_CHARACTERS
    ? `it is "${value}"`
    : `it is "${value.slice(0, QUOTED_CHARACTERS)}…" with ${value.length} characters`
}

interface Fault {
  readonly code: string
  readonly path: readonly string[]
  readonly message: string
}

/** "Invalid input" says nothing of a union; the faults of the shape that was meant do. */
function faultsOf(issue: z.core.$ZodIssue, outer: readonly string[]): readonly Fault[] {
  const path = [...outer, ...issue.path.map(String)]
  const fault = { code: issue.code, path, message: issue.message }
  const branches = issue.code === 'invalid_union' ? issue.errors : []
  const shapes = branches.map(branch => branch.flatMap(inner => faultsOf(inner, path)))
  const isOfType = (it: Fault) => it.code === 'invalid_type' && it.path.length === path.length
  if (shapes.length === 0 || shapes.every(faults => faults.every(isOfType))) return [fault]
  return shapes.reduce((best, faults) => (distanceOf(faults) < distanceOf(best) ? faults : best))
}

/** The shape that was meant knows all the keys, and is read furthest before something is wrong. */
function distanceOf(faults: readonly Fault[]): number {
  const strangers = faults.filter(it => it.code === 'unrecognized_keys').length
  return strangers * 1000 - Math.max(...faults.map(it => it.path.length))
}

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

const WORDED = { error: wordOf }

/** What is allowed, in words; undefined leaves it to zod. A schema's own words go before these. */
function wordOf(issue: z.core.$ZodRawIssue): string | undefined {
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
    case 'not_multiple_of':
    case 'invalid_key':
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

function choice(words: readonly string[]): string {
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
  const types = issue.errors.flatMap(branch =>
    branch.map(it => (it.code === 'invalid_type' && it.path.length === 0 ? typeOf(it.expected) : undefined)),
  )
  if (types.length === 0 || types.includes(undefined)) return undefined
  return `it must be ${choice([...new Set(types)] as string[])}`
}
