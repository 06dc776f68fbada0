/** The pages of an app as the side bar and the palette list them. A new page is one line here and one in routes.tsx. */
import type { Right } from '@roost/protocol'
import { isAllowed } from '../session/may.ts'
import { useOpenApp, useSession } from '../session/session.tsx'
import type { TextKey } from '../texts/areas.ts'

export interface Place {
  readonly label: Extract<TextKey<'common'>, `page.${string}`>
  /** A path of the route table. */
  readonly to: `/apps/$app${string}`
}

export interface PlaceGroup {
  readonly label: Extract<TextKey<'common'>, `nav.${string}`>
  readonly places: readonly Place[]
}

export const NAVIGATION = [
  {
    label: 'nav.reach',
    places: [
      { label: 'page.dashboard', to: '/apps/$app' },
      { label: 'page.devices', to: '/apps/$app/devices' },
      { label: 'page.users', to: '/apps/$app/users' },
      { label: 'page.testDevices', to: '/apps/$app/test-devices' },
      { label: 'page.imports', to: '/apps/$app/imports' },
      { label: 'page.segments', to: '/apps/$app/segments' },
    ],
  },
  {
    label: 'nav.send',
    places: [
      { label: 'page.messages', to: '/apps/$app/messages' },
      { label: 'page.calls', to: '/apps/$app/calls' },
      { label: 'page.diagnosis', to: '/apps/$app/diagnosis' },
      { label: 'page.pushTest', to: '/apps/$app/push-test' },
    ],
  },
  {
    label: 'nav.base',
    places: [{ label: 'page.hygiene', to: '/apps/$app/hygiene' }],
  },
  {
    label: 'nav.settings',
    places: [
      { label: 'page.guide', to: '/apps/$app/guide' },
      { label: 'page.credentials', to: '/apps/$app/credentials' },
      { label: 'page.webhooks', to: '/apps/$app/webhooks' },
      { label: 'page.app', to: '/apps/$app/settings' },
      { label: 'page.members', to: '/apps/$app/members' },
      { label: 'page.tokens', to: '/apps/$app/tokens' },
      { label: 'page.audit', to: '/apps/$app/audit' },
    ],
  },
] as const satisfies readonly PlaceGroup[]

/** What a page is for, of those that are for more than looking. */
const NEEDED: Readonly<Record<string, Right>> = {
  '/apps/$app/imports': 'devices',
  '/apps/$app/push-test': 'send',
  '/apps/$app/tokens': 'access',
  '/apps/$app/audit': 'manage',
}

/** Whether a page has anything to show to whoever is signed in: the others are not listed. */
export function useMayOpen(): (to: string) => boolean {
  const { me } = useSession()
  const app = useOpenApp()
  return to => NEEDED[to] === undefined || isAllowed(me.grants, NEEDED[to], app)
}
