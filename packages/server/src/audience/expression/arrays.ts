/**
 * Conditions as the compatible protocol's `conditions` have them: arrays `[tag, operator, operand]`, all of which or one of
 * which has to hold.
 */
import { type Comparison, type Condition, conditionSchema, PushError, type Scalar } from '@roost/protocol'
import { comparisonOf, type Given, givenOf, OPERATORS_BY_NAME } from './operators.ts'

/** Throws `condition_invalid` naming the place. */
export function readConditionArrays(conditions: unknown, combine: 'and' | 'or'): Condition {
  if (!Array.isArray(conditions) || conditions.length === 0)
    throw new PushError('condition_invalid', 'conditions: expected a list of [tag, operator, operand]')
  const parts = conditions.map(readArray)
  const condition: Condition =
    parts.length === 1 ? (parts[0] as Comparison) : combine === 'and' ? { and: parts } : { or: parts }
  const checked = conditionSchema.safeParse(condition)
  if (!checked.success)
    throw new PushError(
      'condition_invalid',
      `conditions: ${checked.error.issues[0]?.message ?? 'they say too much'}`,
    )
  return condition
}

function readArray(given: unknown, i: number): Comparison {
  const refuse = (problem: string): never => {
    throw new PushError('condition_invalid', `conditions[${i}]: ${problem}`)
  }
  const [tag, operator, operand] = Array.isArray(given) ? given : []
  if (typeof tag !== 'string' || typeof operator !== 'string')
    return refuse('expected [tag, operator, operand]')
  const op = OPERATORS_BY_NAME.get(operator.toLowerCase())
  if (op === undefined) {
    const allowed = [...OPERATORS_BY_NAME.keys()].map(it => it.toUpperCase()).join(', ')
    return refuse(`expected an operator (${allowed}), found ${JSON.stringify(operator)}`)
  }
  if (op === 'set' || op === 'unset') return { tag, op }
  const takesList = op === 'in' || op === 'nin' || op === 'between'
  const readOne = (it: unknown): Given =>
    isScalar(it) ? givenOf(it) : refuse(`expected text, a number, true or false, found ${JSON.stringify(it)}`)
  if (!takesList) return comparisonOf({ tag }, op, readOne(operand))
  if (!Array.isArray(operand)) return refuse(`${operator} takes a list`)
  if (op === 'between' && operand.length !== 2) return refuse(`${operator} takes a list of two, [from, to]`)
  return comparisonOf({ tag }, op, operand.map(readOne))
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}
