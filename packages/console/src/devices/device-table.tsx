/** Devices as a table: which, whose, and whether they can be reached. */
import { Badge, Button, Group, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Dimmed } from '../parts/dimmed.tsx'
import { StateLabel } from '../parts/stacked-bar.tsx'
import { DeviceName, DeviceUser } from './device-name.tsx'
import { writeReason } from './ledger.ts'
import { useDeviceLooks } from './looks.ts'
import type { DeviceRow } from './rows.ts'

export interface DeviceTableProps {
  readonly app: string
  readonly label: string
  readonly rows: readonly DeviceRow[]
  /** Of one person's devices it would say the same in each row. */
  readonly hasUsers?: boolean
  /** These still answer the last question. */
  readonly isOld?: boolean
}

export function DeviceTable({ app, label, rows, hasUsers = true, isOld }: DeviceTableProps): ReactElement {
  const columns = useColumns(app)
  return (
    <DataTable
      label={label}
      columns={hasUsers ? columns : columns.filter(({ key }) => key !== 'user')}
      rows={rows}
      keyOf={({ hwid }) => hwid}
      {...(isOld !== undefined && { isOld })}
    />
  )
}

function useColumns(app: string): readonly Column<DeviceRow>[] {
  const t = useTexts('devices')
  const own = useTexts('device')
  const looks = useDeviceLooks()
  return [
    {
      key: 'hwid',
      title: t('device'),
      width: 'minmax(0, 2fr)',
      cell: device => (
        <DeviceName app={app} device={device}>
          {device.by && device.by !== 'hwid' && device.by !== 'hwid_beginning' && (
            <Badge size="xs" variant="default" tt="none" fw={500}>
              {own(`by.${device.by}`)}
            </Badge>
          )}
        </DeviceName>
      ),
    },
    {
      key: 'platform',
      title: t('platform'),
      width: '96px',
      cell: ({ platform }) => looks.platform(platform ?? 'other'),
    },
    {
      key: 'user',
      title: t('user'),
      cell: ({ userId }) => <DeviceUser app={app} userId={userId} />,
    },
    {
      key: 'state',
      title: t('state'),
      cell: ({ state, reason }) => <StateLabel look={looks.ofState(state, reason)} />,
    },
    {
      key: 'reason',
      title: t('reason'),
      cell: ({ reason }) => <Dimmed>{reason ? writeReason(reason) : '–'}</Dimmed>,
    },
    {
      key: 'lastSeen',
      title: t('lastSeen'),
      isNumber: true,
      width: '120px',
      cell: ({ lastSeenAt }) => <Ago at={lastSeenAt} />,
    },
  ]
}

export interface MoreProps {
  readonly hasMore: boolean
  readonly isPending: boolean
  /** The part of the base that was looked through, 0 to 1. */
  readonly searched?: number | undefined
  readonly onMore: () => void
}

/** The next page, and how much of the base those before it have looked through. */
export function More({ hasMore, isPending, searched = 1, onMore }: MoreProps): ReactElement | null {
  const t = useTexts('device')
  const common = useTexts('common')
  const format = useFormat()
  if (!hasMore) return null
  return (
    <Group gap="md" justify="center">
      {searched < 1 && (
        <Text size="sm" c="dimmed" role="status">
          {t('searched', { share: format.percent(searched) })}
        </Text>
      )}
      <Button variant="default" size="xs" loading={isPending} onClick={onMore}>
        {searched < 1 ? t('searchOn') : common('more')}
      </Button>
    </Group>
  )
}
