/** How old addresses may become, and looking for uninstallations: each tried before it is switched on. */
import { Stack } from '@mantine/core'
import type { ReactElement } from 'react'
import { Loaded } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { usePolicyReading, useTrackingReading } from './calls.ts'
import { HygieneFrame } from './frame.tsx'
import { PolicyPanel } from './policy-panel.tsx'
import { KnockDays, TrackingPanel } from './tracking-panel.tsx'

export function AgesPage(): ReactElement {
  const app = useAppCode()
  const policy = usePolicyReading(app)
  const tracking = useTrackingReading(app)
  return (
    <HygieneFrame>
      <Stack gap="md">
        <Loaded query={policy} lines={8}>
          {found => <PolicyPanel app={app} found={found} />}
        </Loaded>
        <Loaded query={tracking}>
          {found => (
            <>
              <TrackingPanel app={app} found={found} />
              <KnockDays app={app} isOn={found.data.enabled} />
            </>
          )}
        </Loaded>
      </Stack>
    </HygieneFrame>
  )
}
