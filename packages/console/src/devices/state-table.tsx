/**
 * Devices by platform and state: the table's heads are the legend of its bars.
 *
 * The states of a platform must sum to its devices. When they don't, the table says so instead of hiding it.
 */
import { Alert, ScrollArea, Table, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { ADDRESS_STATES, type AddressState, type DeviceStats, type PlatformCount } from '../api/shapes.ts'
import { formatCount } from '../format.ts'
import { type Part, sum } from '../parts/bar.ts'
import { StackedBar, StateLabel } from '../parts/stacked-bar.tsx'
import { nameOfPlatform, STATE_LOOKS } from './looks.ts'

export function StateTable({ stats }: { readonly stats: DeviceStats }): ReactElement {
  const all = totalOf(stats)
  const unequal = [...stats.byPlatform, all].filter(row => sum(partsOf(row)) !== row.devices)
  return (
    <>
      {unequal.length > 0 && (
        <Alert color="orange" mb="md" title="The states do not sum to the devices" role="alert">
          {unequal.map(row => nameOfRow(row)).join(', ')}: please report this; the numbers below are as the
          server counted them.
        </Alert>
      )}
      <ScrollArea type="auto">
        <Table miw={1040} verticalSpacing="sm" horizontalSpacing="sm" withRowBorders>
          <Heads />
          <Table.Tbody>
            {stats.byPlatform.map(row => (
              <Row key={row.platform} row={row} />
            ))}
          </Table.Tbody>
          <Table.Tfoot>
            <Row row={all} isTotal />
          </Table.Tfoot>
        </Table>
      </ScrollArea>
    </>
  )
}

function Heads(): ReactElement {
  return (
    <Table.Thead>
      <Table.Tr>
        <Table.Th>Platform</Table.Th>
        <Table.Th ta="right">Devices</Table.Th>
        <Table.Th w="26%">
          <Text span size="sm" fw={400} c="dimmed">
            Share of each state
          </Text>
        </Table.Th>
        {ADDRESS_STATES.map(state => (
          <Table.Th key={state} ta="right" fw={500} fz="xs">
            <StateLabel look={STATE_LOOKS[state]} />
          </Table.Th>
        ))}
      </Table.Tr>
    </Table.Thead>
  )
}

interface RowProps {
  readonly row: CountRow
  readonly isTotal?: boolean
}

type CountRow = Omit<PlatformCount, 'platform'> & { readonly platform: string }

function Row({ row, isTotal = false }: RowProps): ReactElement {
  return (
    <Table.Tr fw={isTotal ? 650 : undefined}>
      <Table.Th scope="row" fw={isTotal ? 650 : 550}>
        {nameOfRow(row)}
      </Table.Th>
      <Table.Td ta="right">{formatCount(row.devices)}</Table.Td>
      <Table.Td miw={180}>
        <StackedBar parts={partsOf(row)} looks={STATE_LOOKS} label={nameOfRow(row)} />
      </Table.Td>
      {ADDRESS_STATES.map(state => (
        <Table.Td key={state} ta="right" c={row[state] === 0 ? 'dimmed' : 'inherit'}>
          {formatCount(row[state])}
        </Table.Td>
      ))}
    </Table.Tr>
  )
}

const ALL = 'all'

function totalOf(stats: DeviceStats): CountRow {
  const states = ADDRESS_STATES.map(state => [state, sumOf(stats.byPlatform, state)] as const)
  return {
    platform: ALL,
    devices: stats.devices,
    ...(Object.fromEntries(states) as Record<AddressState, number>),
  }
}

function sumOf(rows: readonly PlatformCount[], state: AddressState): number {
  return rows.reduce((total, row) => total + row[state], 0)
}

function partsOf(row: CountRow): readonly Part<AddressState>[] {
  return ADDRESS_STATES.map(name => ({ name, count: row[name] }))
}

function nameOfRow(row: CountRow): string {
  return row.platform === ALL ? 'All' : nameOfPlatform(row.platform)
}
