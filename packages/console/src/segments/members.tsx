/** Some of those who are in a segment, and more of them for whoever asks. */
import { Button, Stack, Text } from '@mantine/core'
import type { SegmentMember, SegmentView } from '@roost/protocol'
import { type ReactElement, useEffect } from 'react'
import { DeviceName, DeviceUser } from '../devices/device-name.tsx'
import { useDeviceLooks } from '../devices/looks.ts'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useMembers } from './calls.ts'

/** So many that show nobody are passed over unasked; beyond them whoever looks decides. */
const EMPTY_PAGES = 4

export interface MembersProps {
  readonly app: string
  readonly segment: SegmentView
}

export function Members({ app, segment }: MembersProps): ReactElement {
  const t = useTexts('segments')
  const common = useTexts('common')
  const { data, error, refetch, hasNextPage, isFetching, fetchNextPage } = useMembers(app, segment)
  const columns = useColumns(app)
  const rows = data?.flatMap(({ devices }) => devices) ?? []
  const isLooking = data !== undefined && rows.length === 0 && data.length < EMPTY_PAGES && hasNextPage
  useEffect(() => {
    if (isLooking && !isFetching && !error) void fetchNextPage()
  }, [isLooking, isFetching, error, fetchNextPage])
  if (!data || (isLooking && !error))
    return error ? <Problem error={error} onRetry={() => void refetch()} /> : <Waiting lines={6} />
  return (
    <Stack gap="sm">
      {rows.length === 0 ? (
        <Text size="sm" c="dimmed">
          {hasNextPage ? t('members.searching') : t('members.none')}
        </Text>
      ) : (
        <DataTable label={t('members')} columns={columns} rows={rows} keyOf={({ hwid }) => hwid} />
      )}
      {error && <Problem error={error} />}
      {hasNextPage && (
        <Button
          size="xs"
          variant="default"
          style={{ justifySelf: 'start', alignSelf: 'flex-start' }}
          loading={isFetching}
          onClick={() => void fetchNextPage()}
        >
          {common('more')}
        </Button>
      )}
    </Stack>
  )
}

function useColumns(app: string): readonly Column<SegmentMember>[] {
  const t = useTexts('devices')
  const own = useTexts('segments')
  const looks = useDeviceLooks()
  return [
    {
      key: 'hwid',
      title: t('device'),
      width: 'minmax(0, 2fr)',
      cell: device => <DeviceName app={app} device={device} />,
    },
    {
      key: 'platform',
      title: t('platform'),
      width: '84px',
      cell: ({ platform }) => (platform ? looks.platform(platform) : '–'),
    },
    {
      key: 'user',
      title: t('user'),
      cell: ({ userId }) => <DeviceUser app={app} userId={userId} />,
    },
    {
      key: 'address',
      title: own('members.address'),
      width: '96px',
      cell: ({ hasAddress }) => (hasAddress ? own('true') : own('false')),
    },
    {
      key: 'seen',
      title: t('lastSeen'),
      isNumber: true,
      width: '110px',
      cell: ({ lastSeenAt }) => (lastSeenAt ? <Ago at={lastSeenAt} /> : '–'),
    },
  ]
}
