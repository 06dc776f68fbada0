/** The page to keep open: how large the base is, how much of it can be reached, and what is being sent. */
import { Anchor, Code, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import type { ReactElement, ReactNode } from 'react'
import { useDeviceStats } from './api/queries.ts'
import type { DeviceStats } from './api/shapes.ts'
import { CredentialStrip } from './credentials/strip.tsx'
import { StateTable } from './devices/state-table.tsx'
import { formatCount, formatShare } from './format.ts'
import { MessageList } from './messages/messages.tsx'
import { Ago } from './parts/ago.tsx'
import { Empty, Loaded, PageHead, Panel } from './parts/page.tsx'
import { formatRoute } from './route.ts'

const LATEST_MESSAGES = 5

export function OverviewPage({ app }: { readonly app: string }): ReactElement {
  const query = useDeviceStats(app)
  return (
    <>
      <PageHead title="Overview" />
      <Stack gap="md">
        <CredentialStrip app={app} />
        <Loaded query={query} lines={6}>
          {stats => <Base app={app} stats={stats} />}
        </Loaded>
        <Panel
          title="Latest messages"
          aside={
            <Anchor href={formatRoute({ page: 'messages', app })} size="sm">
              All messages
            </Anchor>
          }
        >
          <MessageList app={app} limit={LATEST_MESSAGES} />
        </Panel>
      </Stack>
    </>
  )
}

function Base({ app, stats }: { readonly app: string; readonly stats: DeviceStats }): ReactElement {
  if (stats.devices === 0) {
    return (
      <Panel>
        <Empty title="No devices yet">
          Give your mobile or web app the code <Code>{app}</Code> and its device token. Each device appears
          here when it registers.
        </Empty>
      </Panel>
    )
  }
  return (
    <>
      <Headline stats={stats} />
      <Panel
        title="Devices by platform and state"
        aside={
          <Text size="sm" c="dimmed">
            by newest address · counted <Ago at={stats.asOf} />
          </Text>
        }
      >
        <StateTable stats={stats} />
      </Panel>
    </>
  )
}

function Headline({ stats }: { readonly stats: DeviceStats }): ReactElement {
  const beyondReach = stats.devices - stats.reachable
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }}>
      <Figure name="Devices" count={stats.devices}>
        known to this app
      </Figure>
      <Figure name="Reachable" count={stats.reachable}>
        {formatShare(stats.reachable, stats.devices)} have an address that is sent to
      </Figure>
      <Figure name="Out of reach" count={beyondReach}>
        {formatShare(beyondReach, stats.devices)} until they register again
      </Figure>
    </SimpleGrid>
  )
}

interface FigureProps {
  readonly name: string
  readonly count: number
  readonly children: ReactNode
}

function Figure({ name, count, children }: FigureProps): ReactElement {
  return (
    <Panel>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Group align="baseline" gap="sm">
        <Text fz={32} fw={650} lh={1.2}>
          {formatCount(count)}
        </Text>
      </Group>
      <Text size="sm" c="dimmed">
        {children}
      </Text>
    </Panel>
  )
}
