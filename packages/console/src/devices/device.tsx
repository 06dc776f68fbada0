/** One device: who it is, whether it can be reached and why not, and how it came to that. */
import { Anchor, CopyButton, Group, SimpleGrid, Stack, Table, Text, UnstyledButton } from '@mantine/core'
import type { ReactElement, ReactNode } from 'react'
import { useDevice, useLedger } from '../api/queries.ts'
import type { Address, Device } from '../api/shapes.ts'
import { formatMoment } from '../format.ts'
import { Ago } from '../parts/ago.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { StateLabel } from '../parts/stacked-bar.tsx'
import { formatRoute } from '../route.ts'
import { AddressMarks, History } from './history.tsx'
import { tellTurn } from './ledger.ts'
import { lookOfState, nameOfGateway, nameOfPlatform } from './looks.ts'

export interface DevicePageProps {
  readonly app: string
  readonly hwid: string
}

export function DevicePage({ app, hwid }: DevicePageProps): ReactElement {
  const device = useDevice(app, hwid)
  const ledger = useLedger(app, hwid)
  return (
    <>
      <PageHead
        title={hwid}
        back={{ href: formatRoute({ page: 'devices', app, search: '' }), label: 'Devices' }}
      >
        <CopyHwid hwid={hwid} />
      </PageHead>
      <Stack gap="md">
        <Loaded query={device}>
          {found => (
            <>
              <SimpleGrid cols={{ base: 1, md: 2 }}>
                <Panel title="Identity">
                  <Identity app={app} device={found} />
                </Panel>
                <Panel title="Tags">
                  <Tags tags={found.tags} />
                </Panel>
              </SimpleGrid>
              <Panel title="Addresses">
                <Addresses addresses={found.addresses} />
              </Panel>
            </>
          )}
        </Loaded>
        {device.data && (
          <Panel
            title="History"
            aside={
              <Text size="sm" c="dimmed">
                newest first
              </Text>
            }
          >
            <Loaded query={ledger}>{entries => <History entries={entries} />}</Loaded>
          </Panel>
        )}
      </Stack>
    </>
  )
}

function CopyHwid({ hwid }: { readonly hwid: string }): ReactElement {
  return (
    <CopyButton value={hwid}>
      {({ copied, copy }) => (
        <UnstyledButton onClick={copy} fz="sm" c={copied ? 'teal' : 'dimmed'}>
          {copied ? 'Copied' : 'Copy id'}
        </UnstyledButton>
      )}
    </CopyButton>
  )
}

function Identity({ app, device }: { readonly app: string; readonly device: Device }): ReactElement {
  const system = [nameOfPlatform(device.platform), device.osVersion].filter(Boolean).join(' ')
  return (
    <Facts>
      <Fact name="User">
        {device.userId ? (
          <Anchor href={formatRoute({ page: 'devices', app, search: device.userId })} size="sm">
            {device.userId}
          </Anchor>
        ) : (
          'visitor: no user has been named'
        )}
      </Fact>
      <Fact name="System">{system}</Fact>
      {device.deviceModel && <Fact name="Model">{device.deviceModel}</Fact>}
      {device.appVersion && <Fact name="App version">{device.appVersion}</Fact>}
      {device.language && <Fact name="Language">{device.language}</Fact>}
      <Fact name="Last opened">{device.lastOpenAt ? <Ago at={device.lastOpenAt} /> : 'never'}</Fact>
      {device.lastSeenAt && (
        <Fact name="Last seen">
          <Ago at={device.lastSeenAt} />
        </Fact>
      )}
      {device.firstSeenAt && <Fact name="First seen">{formatMoment(device.firstSeenAt)}</Fact>}
    </Facts>
  )
}

function Tags({ tags }: { readonly tags: Device['tags'] }): ReactElement {
  const names = Object.keys(tags).sort()
  if (names.length === 0) return <Text c="dimmed">No tags are set.</Text>
  return (
    <Facts>
      {names.map(name => (
        <Fact key={name} name={name}>
          {writeTag(tags[name])}
        </Fact>
      ))}
    </Facts>
  )
}

function writeTag(value: unknown): string {
  if (Array.isArray(value)) return value.map(writeTag).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function Facts({ children }: { readonly children: ReactNode }): ReactElement {
  return (
    <Table variant="vertical" layout="fixed" withRowBorders={false} verticalSpacing={4} horizontalSpacing={0}>
      <Table.Tbody>{children}</Table.Tbody>
    </Table>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactElement {
  return (
    <Table.Tr>
      <Table.Th w={150} fw={400} c="dimmed" bg="transparent">
        {name}
      </Table.Th>
      <Table.Td style={{ overflowWrap: 'anywhere' }}>{children}</Table.Td>
    </Table.Tr>
  )
}

function Addresses({ addresses }: { readonly addresses: readonly Address[] }): ReactElement {
  if (addresses.length === 0) {
    return (
      <Empty title="This device has never had an address">
        Its app runs, but push was not allowed yet, or asking the system for a token failed.
      </Empty>
    )
  }
  return (
    <Stack gap="md">
      {addresses.map((address, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an address has no id here, and the order is the server's
        <AddressFacts key={place} address={address} />
      ))}
    </Stack>
  )
}

function AddressFacts({ address }: { readonly address: Address }): ReactElement {
  const { since, state } = address
  return (
    <div>
      <Group gap="sm">
        <Text fw={600} component="span">
          <StateLabel look={lookOfState(state, address.reason)} />
        </Text>
        <Text span size="sm">
          {nameOfGateway(address.provider)}
        </Text>
        <AddressMarks kind={address.kind} environment={address.environment} addressEnd={address.addressEnd} />
      </Group>
      <Text size="sm" c="dimmed" mt={2}>
        {since
          ? tellTurn({ ...address, event: state, at: since, evidence: undefined }).sentence
          : address.reason}
      </Text>
    </div>
  )
}
