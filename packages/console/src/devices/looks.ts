/** How the states of an address and the platforms are named, painted and explained. */
import { ADDRESS_STATES, type AddressState } from '../api/shapes.ts'
import type { Look } from '../parts/stacked-bar.tsx'

export const STATE_LOOKS: Readonly<Record<AddressState, Look>> = {
  active: { label: 'Active', paint: 'var(--data-blue)', hint: 'In use: messages go there.' },
  suspect: {
    label: 'Suspect',
    paint: 'var(--data-orange)',
    hint: 'One sign that it may be gone. It is still sent to; the next answer decides.',
  },
  quarantined: {
    label: 'Quarantined',
    paint: 'var(--data-pink)',
    hint: 'Held back: the gateway refused it in a way that proves nothing. A new registration brings it back.',
  },
  dead: {
    label: 'Dead',
    paint: 'var(--data-vermilion)',
    hint: 'The gateway said that it is gone. The device comes back when its app registers again.',
  },
  superseded: {
    label: 'Superseded',
    paint: 'var(--data-sky)',
    hint: 'The device registered a newer address in its place.',
  },
  moved: { label: 'Moved', paint: 'var(--data-green)', hint: 'The address now belongs to another device.' },
  unregistered: {
    label: 'Unregistered',
    paint: 'var(--data-grey)',
    hint: 'The device asked not to be sent to any more.',
  },
  none: {
    label: 'No address',
    paint: 'var(--data-absent)',
    isAbsent: true,
    hint: 'The device is known but has never had an address: push was never allowed, or registering failed.',
  },
}

/**
 * The look of any state, one that this console doesn't know included. An address whose device asked to be left alone
 * is stored as dead with the reason `unregistered`.
 */
export function lookOfState(state: string, reason?: string | null): Look {
  if (state === 'dead' && reason === 'unregistered') return STATE_LOOKS.unregistered
  const known = ADDRESS_STATES.find(each => each === state)
  if (known) return STATE_LOOKS[known]
  return { label: state, paint: 'var(--data-grey)', hint: 'This console does not know this state.' }
}

const PLATFORM_NAMES: Readonly<Record<string, string>> = {
  ios: 'iOS',
  macos: 'macOS',
  android: 'Android',
  web: 'Web',
  huawei: 'Huawei',
  other: 'Other',
}

export function nameOfPlatform(platform: string): string {
  return PLATFORM_NAMES[platform] ?? platform
}

const GATEWAY_NAMES: Readonly<Record<string, string>> = {
  apns: 'Apple (APNs)',
  fcm: 'Google (FCM)',
  webpush: 'Web Push',
  hms: 'Huawei (HMS)',
}

export function nameOfGateway(provider: string): string {
  return GATEWAY_NAMES[provider] ?? provider
}
