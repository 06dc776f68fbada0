/** The devices that answer a search, the one seen last first. `/` goes to the search. */
import { Anchor, Kbd, ScrollArea, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import { type ReactElement, useRef, useState } from 'react'
import { DEVICES_SHOWN } from '../api/client.ts'
import { useDevices } from '../api/queries.ts'
import type { DeviceSummary } from '../api/shapes.ts'
import { Ago } from '../parts/ago.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { StateLabel } from '../parts/stacked-bar.tsx'
import { formatRoute, replaceRoute } from '../route.ts'
import { writeReason } from './ledger.ts'
import { lookOfState, nameOfPlatform } from './looks.ts'

const SEARCH_AFTER_MS = 250

export interface DeviceListProps {
  readonly app: string
  readonly search: string
}

export function DeviceList({ app, search }: DeviceListProps): ReactElement {
  const query = useDevices(app, search)
  return (
    <>
      <PageHead title="Devices" />
      <Panel>
        <Stack gap="md">
          <Search app={app} search={search} />
          <Loaded query={query} lines={8}>
            {devices =>
              devices.length === 0 ? (
                <NoDevices search={search} />
              ) : (
                <Devices app={app} devices={devices} isOld={query.isPlaceholderData} />
              )
            }
          </Loaded>
        </Stack>
      </Panel>
    </>
  )
}

/** The search is kept in the address bar, so that coming back from a device finds it again. */
function Search({ app, search }: DeviceListProps): ReactElement {
  const [text, setText] = useState(search)
  const [shown, setShown] = useState(search)
  if (search !== shown) {
    // the address bar has changed: by what was typed here, or by a link that must then be seen in the field
    setShown(search)
    if (search !== text.trim()) setText(search)
  }
  const input = useRef<HTMLInputElement>(null)
  const show = useDebouncedCallback(
    (wanted: string) => replaceRoute({ page: 'devices', app, search: wanted.trim() }),
    SEARCH_AFTER_MS,
  )
  useHotkeys([['/', () => input.current?.focus()]])
  return (
    <TextInput
      ref={input}
      type="search"
      aria-label="Search devices"
      placeholder="Hardware id or user id"
      value={text}
      maw={420}
      rightSection={<Kbd size="xs">/</Kbd>}
      onChange={event => {
        setText(event.currentTarget.value)
        show(event.currentTarget.value)
      }}
    />
  )
}

interface DevicesProps {
  readonly app: string
  readonly devices: readonly DeviceSummary[]
  /** These still answer the last search. */
  readonly isOld: boolean
}

function Devices({ app, devices, isOld }: DevicesProps): ReactElement {
  return (
    <>
      <ScrollArea type="auto" style={{ opacity: isOld ? 0.5 : 1 }}>
        <Table miw={820} verticalSpacing="xs" highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Device</Table.Th>
              <Table.Th>Platform</Table.Th>
              <Table.Th>User</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th>Reason</Table.Th>
              <Table.Th ta="right">Last seen</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {devices.map(device => (
              <DeviceRow key={device.hwid} app={app} device={device} />
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea>
      {devices.length >= DEVICES_SHOWN && (
        <Text size="sm" c="dimmed">
          These are the first {DEVICES_SHOWN}. Search to find others.
        </Text>
      )}
    </>
  )
}

function DeviceRow({ app, device }: { readonly app: string; readonly device: DeviceSummary }): ReactElement {
  return (
    <Table.Tr>
      <Table.Td>
        <Anchor href={formatRoute({ page: 'device', app, hwid: device.hwid })} ff="monospace" size="sm">
          {device.hwid}
        </Anchor>
      </Table.Td>
      <Table.Td>{nameOfPlatform(device.platform)}</Table.Td>
      <Table.Td>
        {device.userId ?? (
          <Text span size="sm" c="dimmed">
            visitor
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <StateLabel look={lookOfState(device.state, device.reason)} />
      </Table.Td>
      <Table.Td c="dimmed">{device.reason && writeReason(device.reason)}</Table.Td>
      <Table.Td ta="right">{device.lastSeenAt ? <Ago at={device.lastSeenAt} /> : '–'}</Table.Td>
    </Table.Tr>
  )
}

function NoDevices({ search }: { readonly search: string }): ReactElement {
  if (search) {
    return (
      <Empty title={`No device matches “${search}”`}>
        Try a part of the hardware id, or the whole user id.
      </Empty>
    )
  }
  return (
    <Empty title="No devices yet">
      A device appears here as soon as your app registers it with the app code above and its device token.
    </Empty>
  )
}
