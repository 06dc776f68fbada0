/**
 * Devices by platform and state: the table's heads are the legend of its bars.
 *
 * The states of a platform must sum to its devices. When they don't, the table says so instead of hiding it.
 */
import { Alert, ScrollArea, Table, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { ADDRESS_STATES, type AddressState, type DeviceStats, type PlatformCount } from '../api/shapes.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type Part, sum } from '../parts/bar.ts'
import { StackedBar, StateLabel } from '../parts/stacked-bar.tsx'
import { useDeviceLooks } from './looks.ts'

export function StateTable({ stats }: { readonly stats: DeviceStats }): ReactElement {
  const t = useTexts('devices')
  const nameOf = useNameOfRow()
  const format = useFormat()
  const all = totalOf(stats)
  const unequal = [...stats.byPlatform, all].filter(row => sum(partsOf(row)) !== row.devices)
  return (
    <>
      {unequal.length > 0 && (
        <Alert color="orange" mb="md" title={t('table.unequal.title')} role="alert">
          {t('table.unequal.body', { rows: format.list(unequal.map(nameOf)) })}
        </Alert>
      )}
      <ScrollArea type="auto" viewportProps={{ tabIndex: 0 }}>
        <Table miw={980} verticalSpacing="sm" horizontalSpacing="xs" withRowBorders>
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
  const t = useTexts('devices')
  const { states } = useDeviceLooks()
  return (
    <Table.Thead>
      <Table.Tr>
        <Table.Th>{t('platform')}</Table.Th>
        <Table.Th ta="right">{t('table.devices')}</Table.Th>
        <Table.Th w="16%">
          <Text span size="sm" fw={400} c="dimmed">
            {t('table.share')}
          </Text>
        </Table.Th>
        {ADDRESS_STATES.map(state => (
          <Table.Th key={state} ta="right" fw={500} fz="xs">
            <StateLabel look={states[state]} />
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
  const format = useFormat()
  const nameOf = useNameOfRow()
  const { states } = useDeviceLooks()
  return (
    <Table.Tr fw={isTotal ? 650 : undefined}>
      <Table.Th scope="row" fw={isTotal ? 650 : 550}>
        {nameOf(row)}
      </Table.Th>
      <Table.Td ta="right">{format.count(row.devices)}</Table.Td>
      <Table.Td miw={120}>
        <StackedBar parts={partsOf(row)} looks={states} label={nameOf(row)} />
      </Table.Td>
      {ADDRESS_STATES.map(state => (
        <Table.Td key={state} ta="right" c={row[state] === 0 ? 'dimmed' : 'inherit'}>
          {format.count(row[state])}
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

function useNameOfRow(): (row: CountRow) => string {
  const t = useTexts('devices')
  const looks = useDeviceLooks()
  return row => (row.platform === ALL ? t('table.all') : looks.platform(row.platform))
}
