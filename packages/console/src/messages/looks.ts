/** How outcomes and the states of a message are named, painted and explained. */
import type { MessageState } from '../api/shapes.ts'
import type { Look } from '../parts/stacked-bar.tsx'
import type { Outcome } from './outcomes.ts'

export const OUTCOME_LOOKS: Readonly<Record<Outcome, Look>> = {
  accepted: {
    label: 'Accepted',
    paint: 'var(--data-blue)',
    hint: 'The gateway took it. Whether it reached the device, only a receipt can say.',
  },
  dead: {
    label: 'Dead address',
    paint: 'var(--data-vermilion)',
    hint: 'The gateway said that the address is gone; it is not sent to again.',
  },
  failed: {
    label: 'Failed',
    paint: 'var(--data-pink)',
    hint: 'The gateway refused the message or our credential, or did not take it in time. The address is kept.',
  },
  uncertain: {
    label: 'Uncertain',
    paint: 'var(--data-orange)',
    hint: 'Sent, but no answer came. It is not repeated blindly, because it may have arrived.',
  },
  skipped: {
    label: 'Skipped',
    paint: 'var(--data-grey)',
    hint: 'Not sent, by a rule: opted out, quiet hours, a cap, no address in use.',
  },
  waiting: {
    label: 'Waiting',
    paint: 'var(--data-absent)',
    isAbsent: true,
    hint: 'No outcome yet.',
  },
}

const STATE_COLORS: Readonly<Record<MessageState, string>> = {
  scheduled: 'gray',
  sending: 'roost',
  paused: 'yellow',
  done: 'teal',
  cancelled: 'gray',
}

export function colorOfMessageState(state: MessageState): string {
  return STATE_COLORS[state] ?? 'gray'
}
