/**
 * What a trigger asks of an event's attributes, evaluated as the event comes. Values compare with values of their own type:
 * text with text by its characters, numbers with numbers. What can't be compared is not equal, and neither more nor less.
 */
import type { AttributeComparison, AttributeCondition, Operator, Scalar } from '@roost/protocol'

export type Attributes = Readonly<Record<string, unknown>>

/** Without attributes all of them are unset. */
export function holds(condition: AttributeCondition, attributes: Attributes | null): boolean {
  if ('and' in condition) return condition.and.every(it => holds(it, attributes))
  if ('or' in condition) return condition.or.some(it => holds(it, attributes))
  if ('not' in condition) return !holds(condition.not, attributes)
  return compares(condition, attributes)
}

function compares({ attribute, op, value }: AttributeComparison, attributes: Attributes | null): boolean {
  const found = attributes !== null && Object.hasOwn(attributes, attribute) ? attributes[attribute] : null
  return COMPARE[op](found ?? null, value)
}

type Compare = (found: unknown, value: AttributeComparison['value']) => boolean

const isAmong: Compare = (found, value) => (value as readonly Scalar[]).includes(found as Scalar)

const COMPARE: Readonly<Record<Operator, Compare>> = {
  set: found => found !== null,
  unset: found => found === null,
  eq: (found, value) => found === value,
  ne: (found, value) => found !== value,
  in: isAmong,
  nin: (found, value) => !isAmong(found, value),
  gte: (found, value) => isInOrder(value as Scalar, found),
  lte: (found, value) => isInOrder(found, value as Scalar),
  between: (found, value) => {
    const [from, to] = value as readonly Scalar[]
    return isInOrder(from, found) && isInOrder(found, to)
  },
}

function isInOrder(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') return one <= other
  return typeof one === 'string' && typeof other === 'string' && one <= other
}
