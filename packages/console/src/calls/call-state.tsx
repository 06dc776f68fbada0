import type { DeviceCallState } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'

const TONES: Readonly<Record<DeviceCallState, Tone>> = {
  ringing: 'busy',
  accepted: 'good',
  rejected: 'plain',
  busy: 'plain',
  cancelled: 'plain',
  timed_out: 'warning',
  answered_elsewhere: 'plain',
}

/** Of a call, of one of its callees, or of a device of theirs. */
export function CallStateBadge({ state }: { readonly state: DeviceCallState }): ReactElement {
  const t = useTexts('calls')
  return <StateBadge tone={TONES[state]} label={t(`state.${state}`)} />
}
