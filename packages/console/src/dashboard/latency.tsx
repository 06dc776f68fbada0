/** How long messages took, step by step. Histograms have four places to each doubling, so a time is right to a fifth. */
import { Text } from '@mantine/core'
import type { LatencyStatistics } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { useLatency } from '../statistics/calls.ts'
import type { Days } from '../statistics/days.ts'

export interface LatencyPanelProps {
  readonly app: string
  readonly days: Days
}

export function LatencyPanel({ app, days }: LatencyPanelProps): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel title={t('latency.title')}>
      <Loaded query={useLatency(app, days)}>
        {({ stages }) => {
          const known = stages.filter(({ count }) => count > 0)
          if (known.length > 0) return <Stages stages={known} />
          return (
            <Text size="sm" c="dimmed">
              {t('latency.none')}
            </Text>
          )
        }}
      </Loaded>
    </Panel>
  )
}

function Stages({ stages }: Pick<LatencyStatistics, 'stages'>): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  const write = (ms: number | null): string => (ms === null ? '–' : format.milliseconds(ms))
  return (
    <DataTable
      label={t('latency.title')}
      rows={stages}
      keyOf={({ stage }) => stage}
      columns={[
        {
          key: 'stage',
          title: t('latency.stage'),
          width: 'minmax(0, 3fr)',
          cell: ({ stage }) => t.known(`stage.${stage}`) ?? stage,
        },
        { key: 'half', title: t('latency.half'), isNumber: true, cell: ({ p50Ms }) => write(p50Ms) },
        { key: 'most', title: t('latency.most'), isNumber: true, cell: ({ p90Ms }) => write(p90Ms) },
        { key: 'nearly', title: t('latency.nearly'), isNumber: true, cell: ({ p99Ms }) => write(p99Ms) },
      ]}
    />
  )
}
