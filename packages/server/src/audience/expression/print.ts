/** A condition written in the expression language, so that reading it gives the same condition. */
import { isDeepStrictEqual } from 'node:util'
import type { Comparison, Condition, ConditionValue, DaysAgo, Operand, Platform } from '@roost/protocol'
import { PLATFORMS } from '@roost/protocol'
import { isDaysAgo } from '../days.ts'
import { givenOf, NAMES_OF_OPERATORS } from './operators.ts'
import { EVERYBODY, type ExpressionOptions, WITH_TOKEN } from './parse.ts'

/** An `and` or `or` of one part is written as that part: it says the same. */
export function printExpression(condition: Condition, options: ExpressionOptions): string {
  const everybody = `A(${quoted(options.app)})`
  if ('not' in condition) return `${everybody} \\ ${inside(condition.not, options)}`
  if ('or' in condition) return joined(condition.or, ' + ', options)
  if ('and' in condition) return printAll(condition.and, options)
  if ('segment' in condition) return `Segment(${quoted(condition.segment)})`
  if ('list' in condition) return `List(${quoted(condition.list)})`
  if ('event' in condition) {
    const { event, atLeast, withinDays } = condition
    return `Event(${quoted(event)}${named('atLeast', atLeast)}${named('withinDays', withinDays)})`
  }
  if ('message' in condition) {
    const { message, was, withinDays } = condition
    return `Message(${quoted(message)}, ${was}${named('withinDays', withinDays)})`
  }
  return printComparison(condition, options)
}

function named(name: string, value: number | undefined): string {
  return value === undefined ? '' : `, ${name} ${value}`
}

/** As one set: what has signs of its own stands in parentheses. */
function inside(condition: Condition, options: ExpressionOptions): string {
  const [only] = 'and' in condition ? condition.and : 'or' in condition ? condition.or : []
  const isMany =
    ('and' in condition && condition.and.length > 1) || ('or' in condition && condition.or.length > 1)
  if (only !== undefined && !isMany) return inside(only, options)
  const text = printExpression(condition, options)
  return isMany || 'not' in condition ? `(${text})` : text
}

function joined(parts: readonly Condition[], sign: string, options: ExpressionOptions): string {
  if (parts.length === 1) return printExpression(parts[0] as Condition, options)
  return parts.map(part => inside(part, options)).join(sign)
}

/** What is not to be, at the end, is taken away there. */
function printAll(parts: readonly Condition[], options: ExpressionOptions): string {
  let last = parts.length
  while (last > 1 && 'not' in (parts[last - 1] as Condition)) last--
  const isNegation = parts.length === 2 && last === 1 && isSame(parts[0] as Condition, EVERYBODY)
  if (isNegation) last = 2 // on its own it would be read as one "not"
  const taken = parts.slice(last).map(part => ` \\ ${inside((part as { not: Condition }).not, options)}`)
  if (taken.length === 0) return joined(parts, ' * ', options)
  return (
    parts
      .slice(0, last)
      .map(part => inside(part, options))
      .join(' * ') + taken.join('')
  )
}

/** The database gives keys back in an order of its own. */
function isSame(a: Condition, b: Condition): boolean {
  return isDeepStrictEqual(a, b)
}

function printComparison(comparison: Comparison, { app }: ExpressionOptions): string {
  if (isSame(comparison, EVERYBODY)) return `A(${quoted(app)})`
  if (isSame(comparison, WITH_TOKEN)) return `A(${quoted(app)}, [], true)`
  if (isOfPlatforms(comparison)) return `A(${quoted(app)}, ${list(comparison.value as readonly Operand[])})`
  const { tag, field, op, value } = comparison
  const subject = tag === undefined ? `F(${quoted(field as string)}` : `T(${quoted(tag)}`
  if (value === undefined || op === 'set' || op === 'unset')
    return `${subject}, ${NAMES_OF_OPERATORS.get(op)})`
  const days = daysOf(value)
  if (days !== undefined) return `${subject}, daysago, ${printDays(op, days)})`
  return `${subject}, ${NAMES_OF_OPERATORS.get(op)}, ${printValue(value)})`
}

function isOfPlatforms({ field, op, value }: Comparison): boolean {
  if (field !== 'platform' || op !== 'in' || !Array.isArray(value) || value.length === 0) return false
  return value.every(it => PLATFORMS.includes(it as Platform)) && new Set(value).size === value.length
}

/** When all operands are days. */
function daysOf(value: ConditionValue): number | readonly number[] | undefined {
  if (!Array.isArray(value)) return isDaysAgo(value as Operand) ? (value as DaysAgo).daysAgo : undefined
  const operands = value as readonly Operand[]
  if (operands.length === 0 || !operands.every(isDaysAgo)) return undefined
  return operands.map(it => it.daysAgo)
}

/** More days ago is earlier: hence the other way round. */
function printDays(op: Comparison['op'], days: number | readonly number[]): string {
  if (op === 'gte') return `LTE, ${days}`
  if (op === 'lte') return `GTE, ${days}`
  if (typeof days === 'number') return `${NAMES_OF_OPERATORS.get(op)}, ${days}`
  const numbers = op === 'between' ? [...days].reverse() : days
  return `${NAMES_OF_OPERATORS.get(op)}, [${numbers.join(', ')}]`
}

function printValue(value: ConditionValue): string {
  return Array.isArray(value) ? list(value as readonly Operand[]) : operand(value as Operand)
}

function list(operands: readonly Operand[]): string {
  return `[${operands.map(operand).join(', ')}]`
}

function operand(value: Operand): string {
  if (isDaysAgo(value)) return `"${value.daysAgo} days ago"`
  if (typeof value !== 'string') return String(value)
  // Text that only looks like days is told from them by a backslash.
  return givenOf(value).days === undefined ? quoted(value) : `"\\${value}"`
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
