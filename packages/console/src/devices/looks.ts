/** How the states of an address and the platforms are named, painted and explained. */
import { ADDRESS_STATES, type AddressState } from '../api/shapes.ts'
import { useTexts } from '../i18n/language.tsx'
import type { Look } from '../parts/stacked-bar.tsx'

const PAINTS: Readonly<Record<AddressState, string>> = {
  active: 'blue',
  suspect: 'orange',
  quarantined: 'pink',
  dead: 'vermilion',
  superseded: 'sky',
  moved: 'green',
  unregistered: 'grey',
  none: 'absent',
}

export interface DeviceLooks {
  readonly states: Readonly<Record<AddressState, Look>>
  /**
   * The look of any state, one that this console doesn't know included. An address whose device asked to be left
   * alone is stored as dead with the reason `unregistered`.
   */
  readonly ofState: (state: string, reason?: string | null) => Look
  readonly platform: (platform: string) => string
  readonly gateway: (provider: string) => string
}

export function useDeviceLooks(): DeviceLooks {
  const t = useTexts('devices')
  const lookOf = (state: AddressState): Look => ({
    label: t(`state.${state}`),
    paint: `var(--data-${PAINTS[state]})`,
    hint: t(`state.${state}.hint`),
    isAbsent: state === 'none',
  })
  const states = Object.fromEntries(ADDRESS_STATES.map(state => [state, lookOf(state)])) as Record<
    AddressState,
    Look
  >
  return {
    states,
    ofState: (state, reason) => {
      if (state === 'dead' && reason === 'unregistered') return states.unregistered
      const known = ADDRESS_STATES.find(each => each === state)
      return known
        ? states[known]
        : { label: state, paint: 'var(--data-grey)', hint: t('state.unknown.hint') }
    },
    platform: platform => t.known(`platform.${platform}`) ?? platform,
    gateway: provider => t.known(`gateway.${provider}`) ?? provider,
  }
}
