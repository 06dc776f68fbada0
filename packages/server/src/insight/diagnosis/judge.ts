/** From facts to findings: all rules are asked, and what they found is put in order. */
import { EFFECTS, FINDING_VERDICTS, type FindingView, type RuleId } from '@roost/protocol'
import type { Facts } from './facts.ts'
import { REMEDIES } from './remedies.ts'
import type { Found, Rule } from './rule.ts'
import { RULES } from './rules.ts'
import type { Spoken } from './texts/texts.ts'
import { tell } from './texts/told.ts'

export interface Judged {
  /** Proven ones first, of these what blocks first; then in the order of the rules. What never explains a silence comes last. */
  readonly findings: readonly Finding[]
  readonly ruledOut: readonly RuleId[]
}

export interface Finding extends Found {
  readonly rule: Rule
}

export function judge(facts: Facts, rules: readonly Rule[] = RULES): Judged {
  const findings: Finding[] = []
  const ruledOut: RuleId[] = []
  for (const rule of rules) {
    const judgement = rule.judge(facts)
    if (judgement === null) continue
    if (judgement.verdict === 'ruled_out') ruledOut.push(rule.id)
    else findings.push({ ...judgement, rule })
  }
  return { findings: findings.sort(byWeight), ruledOut }
}

function byWeight(one: Finding, other: Finding): number {
  return (
    Number(one.rule.isAside ?? false) - Number(other.rule.isAside ?? false) ||
    FINDING_VERDICTS.indexOf(one.verdict) - FINDING_VERDICTS.indexOf(other.verdict) ||
    effectPlace(one) - effectPlace(other)
  )
}

function effectPlace({ key }: Found): number {
  return EFFECTS.indexOf(REMEDIES[key].effect)
}

/** In words of a language. */
export function viewOf({ rule, verdict, key, parameters, evidence }: Finding, spoken: Spoken): FindingView {
  const { texts } = spoken
  const { effect, who, steps, nextTest } = REMEDIES[key]
  return {
    rule: rule.id,
    verdict,
    stage: rule.stage,
    effect,
    message: { key, parameters: { ...parameters }, ...tell(texts.messages[key], parameters, spoken) },
    evidence: [...evidence],
    remedy: { who, steps: steps.map(step => ({ key: step, text: texts.steps[step] })) },
    nextTest,
  }
}
