/** How outcomes and the states of a message are named, painted and explained. */
import type { MessageState } from '@roost/protocol'
import { useTexts } from '../i18n/language.tsx'
import type { Look } from '../parts/stacked-bar.tsx'
import type { Tone } from '../parts/tone.ts'
import { OUTCOMES, type Outcome } from './outcomes.ts'

const PAINTS: Readonly<Record<Outcome, string>> = {
  accepted: 'blue',
  dead: 'vermilion',
  failed: 'pink',
  uncertain: 'orange',
  skipped: 'grey',
  waiting: 'absent',
}

export function useOutcomeLooks(): Readonly<Record<Outcome, Look>> {
  const t = useTexts('messages')
  const looks = OUTCOMES.map(outcome => [
    outcome,
    {
      label: t(`outcome.${outcome}`),
      paint: `var(--data-${PAINTS[outcome]})`,
      hint: t(`outcome.${outcome}.hint`),
      isAbsent: outcome === 'waiting',
    },
  ])
  return Object.fromEntries(looks) as Record<Outcome, Look>
}

const TONES: Readonly<Record<MessageState, Tone>> = {
  scheduled: 'plain',
  sending: 'busy',
  paused: 'warning',
  done: 'good',
  cancelled: 'plain',
}

export function toneOfMessageState(state: MessageState): Tone {
  return TONES[state] ?? 'plain'
}
