/** Which addresses left the base, when and why; as a list, a chart and a file; and taking removals back. */
import { Button, Group, Select, Stack, Text } from '@mantine/core'
import type { Removal } from '@roost/protocol'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useMemo, useState } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Chart } from '../parts/chart.tsx'
import type { Series } from '../parts/chart-data.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Panel, Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { boundsOf, parseRange, type Range } from '../parts/range.ts'
import { RangePicker } from '../parts/range-picker.tsx'
import { saveFile } from '../parts/save-file.ts'
import { StateBadge } from '../parts/state-badge.tsx'
import type { Tone } from '../parts/tone.ts'
import { useMay } from '../session/session.tsx'
import { todayIn } from '../statistics/days.ts'
import {
  type RemovalCounts,
  type RemovalFilter,
  useRemovalCounts,
  useRemovalFile,
  useRemovals,
} from './calls.ts'
import { HygieneFrame } from './frame.tsx'
import { type Asked, byDay, FEED_EVENTS, reasonsOf } from './removal-counts.ts'
import { UndoDialog, Undos } from './undo.tsx'

const route = getRouteApi('/apps/$app/hygiene/removals')

/** The conclusions of a day later are in the feed, too. */
const EVENTS = [...FEED_EVENTS, 'uninstalled', 'replaced'] as const

export function RemovalsPage(): ReactElement {
  const t = useTexts('hygiene')
  const { app } = route.useParams()
  const { range: asked, event = '', reason = '' } = route.useSearch()
  const navigate = useNavigate()
  const mayManage = useMay('manage')
  const [isUndoing, setUndoing] = useState(false)
  const range = parseRange(asked, 'month')
  // a range that ends now would ask anew with every drawing
  const filter = useMemo<RemovalFilter>(() => {
    const { from, to } = boundsOf(range, Date.now())
    return { from: from.toISOString(), to: to.toISOString(), event, reason }
  }, [range, event, reason])
  const counts = useRemovalCounts(app, filter)
  const reasons = reasonsOf(counts.data?.counts ?? [])
  const search = (change: { range?: Range; event?: string; reason?: string }): void =>
    void navigate({
      to: '/apps/$app/hygiene/removals',
      params: { app },
      search: { range, event, reason, ...change },
      replace: true,
    })
  return (
    <HygieneFrame
      actions={
        mayManage && (
          <Button size="sm" variant="default" onClick={() => setUndoing(true)}>
            {t('undo.open')}
          </Button>
        )
      }
    >
      <Stack gap="md">
        <Panel
          title={t('removals.byDay')}
          aside={
            <RangePicker
              range={range}
              offered={['week', 'month', 'quarter']}
              onRange={to => search({ range: to })}
            />
          }
        >
          {counts.error && <Problem error={counts.error} onRetry={() => void counts.refetch()} />}
          {counts.data ? (
            <DayChart counted={counts.data} asked={filter} />
          ) : (
            !counts.error && <Waiting lines={6} />
          )}
        </Panel>
        <Undos app={app} />
        <Panel title={t('removals.title')} aside={<FileButton app={app} filter={filter} />}>
          <Group gap="sm" mb="md">
            <Select
              size="xs"
              label={t('event')}
              placeholder={t('all')}
              clearable
              value={event || null}
              onChange={value => search({ event: value ?? '' })}
              data={EVENTS.map(value => ({ value, label: t(`event.${value}`) }))}
            />
            <Select
              size="xs"
              label={t('reason')}
              placeholder={t('all')}
              clearable
              searchable
              value={reason || null}
              onChange={value => search({ reason: value ?? '' })}
              data={[...new Set([...reasons.map(each => each.reason), ...(reason ? [reason] : [])])].map(
                value => ({ value, label: t.known(`reason.${value}`) ?? value }),
              )}
            />
          </Group>
          <Feed app={app} filter={filter} />
        </Panel>
      </Stack>
      {mayManage && (
        <UndoDialog
          app={app}
          reasons={reasons}
          chosen={reason}
          isOpen={isUndoing}
          onClose={() => setUndoing(false)}
        />
      )}
    </HygieneFrame>
  )
}

const PAINTS: Readonly<Record<string, Series['paint']>> = {
  dead: 'vermilion',
  unregistered: 'grey',
  superseded: 'sky',
  moved: 'green',
  quarantined: 'pink',
  removal_undone: 'blue',
}

interface DayChartProps {
  readonly counted: RemovalCounts
  readonly asked: Asked
}

function DayChart({ counted, asked }: DayChartProps): ReactElement {
  const t = useTexts('hygiene')
  const { days, events } = useMemo(() => byDay(counted, asked), [counted, asked])
  return (
    <Chart
      label={t('removals.byDay')}
      times={days}
      step="day"
      isLastPartial={days.at(-1) === todayIn(counted.timeZone, Date.now())}
      height={220}
      series={events.map(({ event, values }) => ({
        name: t.known(`event.${event}`) ?? event,
        paint: PAINTS[event] ?? 'orange',
        values,
        kind: 'bar',
        stack: 'removals',
      }))}
    />
  )
}

interface FileButtonProps {
  readonly app: string
  readonly filter: RemovalFilter
}

function FileButton({ app, filter }: FileButtonProps): ReactElement {
  const t = useTexts('hygiene')
  const file = useRemovalFile(app)
  return (
    <Group gap="xs">
      {file.error && (
        <Text size="sm" c="red" role="alert">
          {file.error.message}
        </Text>
      )}
      <Button
        size="xs"
        variant="default"
        loading={file.isPending}
        onClick={() =>
          file.mutate(filter, { onSuccess: content => saveFile(`removals-${app}.csv`, content) })
        }
      >
        {t('removals.file')}
      </Button>
    </Group>
  )
}

const TONES: Readonly<Record<string, Tone>> = {
  dead: 'bad',
  quarantined: 'warning',
  removal_undone: 'good',
  uninstalled: 'bad',
}

function Feed({ app, filter }: FileButtonProps): ReactElement {
  const t = useTexts('hygiene')
  const feed = useRemovals(app, filter)
  const columns = useColumns(app)
  if (feed.error && !feed.data) return <Problem error={feed.error} onRetry={() => void feed.refetch()} />
  if (!feed.data) return <Waiting />
  if (feed.data.length === 0) return <Empty title={t('removals.none.title')}>{t('removals.none.body')}</Empty>
  return (
    <Stack gap="md">
      <DataTable
        label={t('removals.title')}
        columns={columns}
        rows={feed.data}
        keyOf={({ id }) => id}
        isOld={feed.isPlaceholderData}
      />
      {feed.hasNextPage && (
        <MoreButton isPending={feed.isFetchingNextPage} onMore={() => void feed.fetchNextPage()} />
      )}
    </Stack>
  )
}

function MoreButton({
  isPending,
  onMore,
}: {
  readonly isPending: boolean
  readonly onMore: () => void
}): ReactElement {
  const common = useTexts('common')
  return (
    <Button variant="default" mx="auto" loading={isPending} onClick={onMore}>
      {common('more')}
    </Button>
  )
}

function useColumns(app: string): Column<Removal>[] {
  const t = useTexts('hygiene')
  const format = useFormat()
  const looks = useDeviceLooks()
  return [
    { key: 'at', title: t('removals.at'), cell: ({ at }) => format.moment(at) },
    {
      key: 'device',
      title: t('removals.device'),
      width: 'minmax(0, 1.5fr)',
      cell: ({ hwid }) => (
        <TextLink to="/apps/$app/devices/$hwid" params={{ app, hwid }} size="sm">
          {hwid}
        </TextLink>
      ),
    },
    {
      key: 'event',
      title: t('event'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ event }) => (
        <StateBadge
          tone={TONES[event] ?? 'plain'}
          label={t(`event.${event}`)}
          hint={t(`event.${event}.about`)}
        />
      ),
    },
    {
      key: 'reason',
      title: t('reason'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ reason }) => (reason === null ? '' : (t.known(`reason.${reason}`) ?? reason)),
    },
    {
      key: 'address',
      title: t('removals.address'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ provider, addressEnd }) => `${looks.gateway(provider)} …${addressEnd}`,
    },
    {
      key: 'message',
      title: t('removals.message'),
      cell: ({ messageId }) =>
        messageId === null ? (
          ''
        ) : (
          <TextLink to="/apps/$app/messages/$message" params={{ app, message: messageId }} size="sm">
            {t('removals.openMessage')}
          </TextLink>
        ),
    },
  ]
}
