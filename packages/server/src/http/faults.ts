/**
 * What is wrong with a request, for people: field, what is allowed, and what was given. Of what may be a token, a key or
 * a secret only the length is told. Both APIs word it here.
 */
import { codeOfIssue, type FieldFault, PushError, wordOf } from '@roost/protocol'
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
  const faults = fieldFaultsOf(parsed.error.issues, checked)
  throw new PushError('input_invalid', sentenceOf(faults), { faults })
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

/** Of a schema that was asked with `wordOf`. */
export function describeFaults(issues: readonly z.core.$ZodIssue[], checked: Checked<unknown>): string {
  return sentenceOf(fieldFaultsOf(issues, checked))
}

function sentenceOf(faults: readonly FieldFault[]): string {
  return faults.map(({ place, text }) => `${place}: ${text}`).join('; ')
}

function fieldFaultsOf(issues: readonly z.core.$ZodIssue[], checked: Checked<unknown>): FieldFault[] {
  return issues
    .flatMap(issue => faultsOf(issue, []))
    .slice(0, FAULTS_TOLD)
    .map(fault => fieldFaultOf(fault, checked))
}

function fieldFaultOf({ issue, path }: Fault, { name, value, separator }: Checked<unknown>): FieldFault {
  const { message } = issue
  const place = [...(name === undefined ? [] : [name]), ...path].join(separator).slice(0, 200) || 'body'
  if (issue.code === 'unrecognized_keys') return { ...codeOfIssue(issue), place, text: message }
  const given = valueAt(value, path)
  if (given === undefined) {
    const text = message === MISSING ? MISSING : `${MISSING}; ${message}`
    return { code: 'missing', place, values: {}, text }
  }
  const isSecret = path.some(part => SECRET_NAME.test(part))
  const text = saysAll(issue, given) ? message : `${message}; ${describe(given, isSecret)}`
  return { ...codeOfIssue(issue), place, text }
}

/** "It must not be empty" needs no "it is a list of 0", nor what an object lacks that it is one. */
function saysAll({ code }: z.core.$ZodIssue, given: unknown): boolean {
  if (Array.isArray(given)) return code === 'too_small' && given.length === 0
  return code === 'custom' && typeof given === 'object' && given !== null
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
  readonly issue: z.core.$ZodIssue
  /** From the whole value on. */
  readonly path: readonly string[]
  /** So many fields are not known. */
  readonly strangers: number
}

/** "Invalid input" says nothing of a union; the faults of the shape that was meant do. */
function faultsOf(issue: z.core.$ZodIssue, outer: readonly string[]): readonly Fault[] {
  const path = [...outer, ...issue.path.map(String)]
  const strangers = issue.code === 'unrecognized_keys' ? issue.keys.length : 0
  const fault = { issue, path, strangers }
  const branches = issue.code === 'invalid_union' ? issue.errors : []
  const shapes = branches.map(branch => branch.flatMap(inner => faultsOf(inner, path)))
  const isOfType = (it: Fault) =>
    (it.issue.code === 'invalid_type' || it.issue.code === 'invalid_value') && it.path.length === path.length
  if (shapes.length === 0 || shapes.every(faults => faults.every(isOfType))) return [fault]
  return shapes.reduce((best, faults) => (distanceOf(faults) < distanceOf(best) ? faults : best))
}

/** The shape that was meant knows most of the keys, and is read furthest before something is wrong. */
function distanceOf(faults: readonly Fault[]): number {
  const strangers = faults.reduce((sum, it) => sum + it.strangers, 0)
  return strangers * 1000 - Math.max(...faults.map(it => it.path.length))
}

const WORDED = { error: wordOf }
