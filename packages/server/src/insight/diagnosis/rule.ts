/**
 * The form of a rule of the diagnosis: one cause, judged by facts that were gathered before. A rule asks nothing of the database and
 * nothing of the clock, has no texts, and says nothing of who can mend it: that goes by the key of what it found (remedies.ts).
 */
import type { Evidence, EvidenceSource, FindingVerdict, RuleId, Stage } from '@roost/protocol'
import type { Facts } from './facts.ts'
import { inZ } from './moments.ts'
import type { MessageKey, ParametersOf } from './texts/texts.ts'

export interface Rule {
  readonly id: RuleId
  /** Which it keeps a message from coming to. */
  readonly stage: Stage
  /** Null: the question does not arise for this device and message. */
  readonly judge: (facts: Facts) => Judgement
  /** What it finds never explains that nothing arrived, so it is told last. */
  readonly isAside?: true
}

export type Judgement = Found | RuledOut | null

export interface Found {
  readonly verdict: Exclude<FindingVerdict, 'ruled_out'>
  readonly key: MessageKey
  readonly parameters: Readonly<Record<string, string | number>>
  readonly evidence: readonly Evidence[]
}

export interface RuledOut {
  readonly verdict: 'ruled_out'
}

export const RULED_OUT: RuledOut = { verdict: 'ruled_out' }

type Find = <Key extends MessageKey>(
  key: Key,
  parameters: ParametersOf<Key>,
  ...evidence: readonly Evidence[]
) => Found

const finder =
  (verdict: Found['verdict']): Find =>
  (key, parameters, ...evidence) => ({ verdict, key, parameters: allInZ(parameters), evidence })

export const proven = finder('proven')
export const likely = finder('likely')
export const possible = finder('possible')

/** `at`: ISO 8601; null = now. */
export function evidence(
  source: EvidenceSource,
  at: string | null,
  data: Readonly<Record<string, string | number | boolean | null | undefined>>,
): Evidence {
  const known = Object.entries(data).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  return { source, at: at === null ? null : inZ(at), data: allInZ(Object.fromEntries(known)) }
}

function allInZ<Values extends object>(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, inZ(value)])) as Values
}
