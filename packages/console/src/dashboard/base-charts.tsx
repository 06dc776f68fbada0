/** How the base changes from day to day: how many there are, who comes, and how often the app is opened. */
import { NativeSelect } from '@mantine/core'
import type { BaseStatistics } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import type { Series } from '../parts/chart-data.ts'
import { Loaded, Panel } from '../parts/page.tsx'
import { useSplitBase } from '../statistics/calls.ts'
import { DayChart } from '../statistics/day-chart.tsx'
import { byGateway, type Days, daysBetween, gaugeOf, todayIn } from '../statistics/days.ts'

export interface BaseChartProps {
  readonly app: string
  readonly base: UseQueryResult<BaseStatistics>
}

const VIEWS = ['all', 'devices', 'reachable'] as const
type View = (typeof VIEWS)[number]
/** Of the gateways, so that each has the same one however many there are. */
const PAINTS: Readonly<Record<string, Series['paint']>> = {
  apns: 'blue',
  fcm: 'green',
  webpush: 'orange',
  hms: 'pink',
}
/** As high as what will stand there. */
const LINES = 8

export function BasePanel({ app, base, days }: BaseChartProps & { readonly days: Days }): ReactElement {
  const t = useTexts('dashboard')
  const [view, setView] = useState<View>('all')
  const split = useSplitBase(app, days, view !== 'all')
  return (
    <Panel
      title={t('base.title')}
      aside={
        <NativeSelect
          size="xs"
          aria-label={t('base.view')}
          value={view}
          onChange={event => setView(event.currentTarget.value as View)}
          data={VIEWS.map(each => ({ value: each, label: t(`base.view.${each}`) }))}
        />
      }
    >
      {view === 'all' ? (
        <Loaded query={base} lines={LINES}>
          {found => <AllDevices app={app} base={found} />}
        </Loaded>
      ) : (
        <Loaded query={split} lines={LINES}>
          {found => <DevicesByPlatform app={app} split={found} view={view} />}
        </Loaded>
      )}
    </Panel>
  )
}

function AllDevices({ app, base }: { readonly app: string; readonly base: BaseStatistics }): ReactElement {
  const t = useTexts('dashboard')
  const { rows, timeZone } = base
  const live = useLive()?.devices
  // an estimate beside days that were counted would look like a leap
  const now = live?.errorPercent === 0 ? live : undefined
  const today = todayIn(timeZone, Date.now())
  const line = (name: 'devices' | 'reachable'): (number | null)[] =>
    gaugeOf(rows, name, now && { today, count: now[name] })
  return (
    <DayChart
      app={app}
      name="devices"
      timeZone={timeZone}
      label={t('base.label')}
      times={rows.map(row => row.at)}
      series={[
        { name: t('devices'), paint: 'blue', values: line('devices') },
        { name: t('reachable'), paint: 'green', values: line('reachable') },
      ]}
    />
  )
}

interface DevicesByPlatformProps {
  readonly app: string
  readonly split: BaseStatistics
  readonly view: 'devices' | 'reachable'
}

function DevicesByPlatform({ app, split, view }: DevicesByPlatformProps): ReactElement {
  const t = useTexts('dashboard')
  const times = daysBetween(split)
  return (
    <DayChart
      app={app}
      name={`${view}-by-platform`}
      timeZone={split.timeZone}
      label={t('base.split.label', { what: t(view) })}
      times={times}
      series={byGateway(split.rows, times, view).map(({ gateway, values }) => ({
        name: t.known(`platform.${gateway}`) ?? t('platform.none'),
        paint: PAINTS[gateway] ?? 'grey',
        values,
        stack: 'platforms',
      }))}
    />
  )
}

export function ArrivalsPanel({ app, base }: BaseChartProps): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel title={t('arrivals.title')}>
      <Loaded query={base} lines={LINES}>
        {({ rows, timeZone }) => (
          <DayChart
            app={app}
            name="installs"
            timeZone={timeZone}
            label={t('arrivals.label')}
            times={rows.map(row => row.at)}
            series={[
              { name: t('installs'), paint: 'blue', kind: 'bar', values: rows.map(row => row.installs) },
              {
                name: t('registrations'),
                paint: 'sky',
                kind: 'bar',
                values: rows.map(row => row.registrations),
              },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  )
}

export function OpensPanel({ app, base }: BaseChartProps): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel title={t('opens.title')}>
      <Loaded query={base} lines={LINES}>
        {({ rows, timeZone }) => (
          <DayChart
            app={app}
            name="opens"
            timeZone={timeZone}
            label={t('opens.label')}
            times={rows.map(row => row.at)}
            series={[{ name: t('opens'), paint: 'blue', kind: 'bar', values: rows.map(row => row.opens) }]}
          />
        )}
      </Loaded>
    </Panel>
  )
}
