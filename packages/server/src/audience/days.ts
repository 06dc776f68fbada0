/**
 * Days that are counted back from today, in UTC: a condition that asks for them says the same all day long, however
 * long a campaign takes, and events are counted by the same days.
 */
import type { Comparison, DaysAgo, Operand } from '@roost/protocol'
import { type Context, refuse } from './context.ts'

const DAY_MS = 24 * 60 * 60_000

export function isDaysAgo(operand: Operand): operand is DaysAgo {
  return typeof operand === 'object'
}

export function asksForDays({ value }: Comparison): boolean {
  if (value === undefined) return false
  return Array.isArray(value) ? value.some(isDaysAgo) : isDaysAgo(value as Operand)
}

/** As dates are written; negative ones lie ahead. */
export function dayBefore(at: number, daysAgo: number): string {
  return new Date((Math.floor(at / DAY_MS) - daysAgo) * DAY_MS).toISOString().slice(0, 10)
}

/** What is compared with days, and how its single operands are compared. Both give SQL that is never null. */
export interface DayPlace {
  /** `from` is in, `before` is not; without one of them it is open on that side. */
  readonly span: (from: string | undefined, before: string | undefined) => string
  readonly plain: (comparison: Comparison) => string
}

/** A comparison that names days, taken apart until each part has one operand. */
export function compareDays(comparison: Comparison, place: DayPlace, context: Context): string {
  const { op, value } = comparison
  const one = (part: 'eq' | 'gte' | 'lte', operand: Operand) =>
    isDaysAgo(operand)
      ? place.span(...spanOf(part, operand, context.scope.at))
      : place.plain({ ...comparison, op: part, value: operand })
  const single = () => {
    if (value === undefined || Array.isArray(value)) refuse(context, `"${op}" needs one value`)
    return value as Operand
  }
  const several = () => {
    if (!Array.isArray(value)) refuse(context, `"${op}" needs a list as value`)
    return value as readonly Operand[]
  }
  const any = () =>
    `(${several()
      .map(it => one('eq', it))
      .join(' or ')})`
  switch (op) {
    case 'eq':
    case 'gte':
    case 'lte':
      return one(op, single())
    case 'ne':
      return `not ${one('eq', single())}`
    case 'in':
      return any()
    case 'nin':
      return `not ${any()}`
    case 'between': {
      const [first, last, ...more] = several()
      if (first === undefined || last === undefined || more.length > 0)
        refuse(context, '"between" needs two values')
      requireOrder(first as Operand, last as Operand, context)
      return `(${one('gte', first as Operand)} and ${one('lte', last as Operand)})`
    }
    case 'set':
    case 'unset':
      return place.plain({ ...comparison, value: undefined })
  }
}

/** In a span that is the wrong way round is nobody, which is seldom what somebody means. */
function requireOrder(first: Operand, last: Operand, context: Context): void {
  if (isDaysAgo(first) && isDaysAgo(last) && first.daysAgo < last.daysAgo)
    refuse(
      context,
      `"between" begins with the earlier day: [{"daysAgo":${last.daysAgo}},{"daysAgo":${first.daysAgo}}]`,
    )
}

function spanOf(
  op: 'eq' | 'gte' | 'lte',
  { daysAgo }: DaysAgo,
  at: number,
): [from: string | undefined, before: string | undefined] {
  const from = op === 'lte' ? undefined : dayBefore(at, daysAgo)
  const before = op === 'gte' ? undefined : dayBefore(at, daysAgo - 1)
  return [from, before]
}
