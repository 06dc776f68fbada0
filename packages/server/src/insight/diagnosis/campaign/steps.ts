/**
 * The reach of a message as steps: what was booked of its deliveries, and the step that each did not come to. What a rule keeps or
 * loses at which step goes by the rule; why, by the reasons (reasons.ts).
 */
import type { MessageCounts, ReachStep, RuleId } from '@roost/protocol'
import { meaningOf, reasonOfOutcome } from '../reasons.ts'
import type { MessageKey } from '../texts/texts.ts'

/** Deliveries of a message that have the same outcome and reason. */
export interface Booked {
  /** Of an exception, or `waiting`. */
  readonly outcome: string
  readonly reason: string
  /** Null: none was chosen. */
  readonly gateway: string | null
  /** They wait for a credential. */
  readonly isHeld: boolean
  readonly count: number
}

export interface Cause {
  readonly rule: RuleId | null
  readonly key: MessageKey | null
  /** That was not come to. */
  readonly step: ReachStep
}

/** A message to named devices or users has told at its planning of those that have no address. */
export interface Place {
  readonly isNamed: boolean
}

/** Of those that no rule of its message has kept. */
const STEP_OF_SKIPPED: Readonly<Partial<Record<RuleId, ReachStep>>> = {
  'DX-01': 'addressable',
  'DX-12': 'addressable',
  'DX-37': 'addressable',
  'DX-39': 'addressable',
  'DX-59': 'rendered',
  'DX-64': 'rendered',
}
const STEP_OF_NAMED: Readonly<Partial<Record<RuleId, ReachStep>>> = {
  'DX-23': 'with_address',
  'DX-31': 'with_address',
  'DX-33': 'with_address',
  'DX-45': 'permitted',
}

/** What is known no more, as of devices that were erased: it is in the counts of its message alone. */
export const NO_RECORD = 'no_record'

export function causeOf(booked: Omit<Booked, 'count'>, { isNamed }: Place): Cause {
  const { outcome, reason, isHeld } = booked
  const of = reasonOfOutcome(outcome, { reason, isHeld })
  const meant = reason === NO_RECORD ? undefined : meaningOf(of, reason, booked.gateway)
  const rule = meant?.rule ?? null
  return { rule, key: meant?.key ?? null, step: stepOf({ of, rule, isNamed }) }
}

interface Lost extends Place {
  readonly of: ReturnType<typeof reasonOfOutcome>
  readonly rule: RuleId | null
}

function stepOf({ of, rule, isNamed }: Lost): ReachStep {
  if (of === 'address') return 'accepted'
  if (of === 'message') return 'rendered'
  return of === 'skipped' ? stepOfSkipped(rule, isNamed) : 'answered'
}

function stepOfSkipped(rule: RuleId | null, isNamed: boolean): ReachStep {
  if (rule === null) return 'allowed'
  const named = STEP_OF_NAMED[rule]
  if (named !== undefined) return isNamed ? named : 'addressable'
  return STEP_OF_SKIPPED[rule] ?? 'allowed'
}

/** What the counts of a message have and its records have not, so that both add up. */
export function withoutRecord(booked: readonly Booked[], counts: MessageCounts): Booked[] {
  const { dead, failed, skipped, uncertain, pending } = counts
  return Object.entries({ dead, failed, skipped, uncertain, waiting: pending }).flatMap(
    ([outcome, count]) => {
      const known = booked.filter(it => it.outcome === outcome).reduce((sum, it) => sum + it.count, 0)
      const reason = outcome === 'waiting' ? 'planned' : NO_RECORD
      return count > known ? [{ outcome, reason, gateway: null, isHeld: false, count: count - known }] : []
    },
  )
}
