/** What is said of a self-check as a whole, and in which order its findings are read: what keeps pushes away comes first. */
import type { SelfCheckFinding, SelfCheckVerdict, SelfCheckView } from '@roost/protocol'
import type { Tone } from '../parts/tone.ts'

const ORDER: readonly SelfCheckVerdict[] = ['bad', 'warning', 'unknown', 'good']

export const TONES: Readonly<Record<SelfCheckVerdict, Tone>> = {
  bad: 'bad',
  warning: 'warning',
  unknown: 'plain',
  good: 'good',
}

/** Those of a verdict stay in the order in which the device has looked: causes come before what follows from them. */
export function worstFirst(findings: readonly SelfCheckFinding[]): readonly SelfCheckFinding[] {
  return ORDER.flatMap(verdict => findings.filter(it => it.verdict === verdict))
}

export interface Summary {
  /** The worst that there is; `unknown` is no fault. */
  readonly verdict: 'bad' | 'warning' | 'good'
  /** Findings of it. */
  readonly count: number
}

export function summaryOf({ findings }: SelfCheckView): Summary {
  const of = (verdict: SelfCheckVerdict): number => findings.filter(it => it.verdict === verdict).length
  const verdict = (['bad', 'warning'] as const).find(it => of(it) > 0) ?? 'good'
  return { verdict, count: of(verdict) }
}
