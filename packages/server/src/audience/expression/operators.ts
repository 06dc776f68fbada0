/**
 * The operators of the compatible protocol and what they are in a condition: "Conditions and tags" there.
 *
 * Days ago are counted, and compared as numbers: `GTE "180 days ago"` is at least 180 days ago, as `daysago, gte, 180`.
 * Clean-ups of devices that were silent for long are written like that. On the calendar that is the other direction: "not
 * later than 180 days ago".
 */
import type { Comparison, ConditionValue, DaysAgo, Operand, Operator, Scalar } from '@roost/protocol'

export const OPERATORS_BY_NAME: ReadonlyMap<string, Operator> = new Map([
  ['eq', 'eq'],
  ['noteq', 'ne'],
  ['in', 'in'],
  ['notin', 'nin'],
  ['gte', 'gte'],
  ['lte', 'lte'],
  ['between', 'between'],
  ['set', 'set'],
  ['notset', 'unset'],
])

/** How operators are written. */
export const NAMES_OF_OPERATORS: ReadonlyMap<Operator, string> = new Map(
  [...OPERATORS_BY_NAME].map(([name, operator]) => [operator, name.toUpperCase()]),
)

export const DAYS_AGO = 'daysago'

/** What numbers of days compare by. */
export const DAY_OPERATORS = ['eq', 'noteq', 'in', 'notin', 'gt', 'gte', 'lt', 'lte', 'between'] as const
export type DayOperator = (typeof DAY_OPERATORS)[number]

/** What one operand is, before days are told from dates. */
export interface Given {
  readonly value: Scalar
  /** Days that are written in words. */
  readonly days?: number
}

const IN_WORDS = /^(\d{1,5}) days? ago$/i

export function givenOf(value: Scalar): Given {
  const days = typeof value === 'string' ? IN_WORDS.exec(value.trim())?.[1] : undefined
  return days === undefined ? { value } : { value, days: Number(days) }
}

export type Subject = Pick<Comparison, 'tag' | 'field'>

/** With one operand or a list of them. */
export function comparisonOf(
  subject: Subject,
  op: Operator,
  given: Given | readonly Given[] | undefined,
): Comparison {
  if (given === undefined) return { ...subject, op }
  if (Array.isArray(given)) {
    const list = (given as readonly Given[]).map(operandOf)
    return { ...subject, op, value: op === 'between' ? earlierFirst(list) : list }
  }
  const one = given as Given
  if (one.days === undefined) return { ...subject, op, value: one.value }
  return { ...subject, op: mirrored(op), value: { daysAgo: one.days } }
}

function operandOf({ value, days }: Given): Operand {
  return days === undefined ? value : { daysAgo: days }
}

/** More days ago is earlier. */
function mirrored(op: Operator): Operator {
  if (op === 'gte') return 'lte'
  return op === 'lte' ? 'gte' : op
}

function earlierFirst(list: readonly Operand[]): readonly Operand[] {
  const [a, b] = list
  return list.length === 2 && isDays(a) && isDays(b) && a.daysAgo < b.daysAgo ? [b, a] : list
}

function isDays(operand: Operand | undefined): operand is DaysAgo {
  return typeof operand === 'object'
}

/** Whole days: more than three ago is at least four. */
export function daysComparisonOf(subject: Subject, op: DayOperator, numbers: readonly number[]): Comparison {
  const days = numbers.map(daysAgo => ({ daysAgo }))
  const first = numbers[0] as number
  const compare = (operator: Operator, value: ConditionValue) => ({ ...subject, op: operator, value })
  switch (op) {
    case 'eq':
      return compare('eq', { daysAgo: first })
    case 'noteq':
      return compare('ne', { daysAgo: first })
    case 'in':
      return compare('in', days)
    case 'notin':
      return compare('nin', days)
    case 'between':
      return compare('between', earlierFirst(days))
    case 'gte':
      return compare('lte', { daysAgo: first })
    case 'gt':
      return compare('lte', { daysAgo: first + 1 })
    case 'lte':
      return compare('gte', { daysAgo: first })
    case 'lt':
      return compare('gte', { daysAgo: first - 1 })
  }
}
