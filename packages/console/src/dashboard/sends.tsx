/**
 * What was sent, and what is known of its arrival. Not every device tells, so the share of those that do stands beside it:
 * without it "delivered" would be read as reach.
 */
import { Text } from '@mantine/core'
import type { DeliveryStatistics } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { useCoverage } from '../statistics/calls.ts'
import { DayChart } from '../statistics/day-chart.tsx'

export interface SendsPanelProps {
  readonly app: string
  readonly deliveries: UseQueryResult<DeliveryStatistics>
}

export function SendsPanel({ app, deliveries }: SendsPanelProps): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel title={t('sends.title')}>
      <Loaded query={deliveries} lines={8}>
        {({ rows, timeZone }) => (
          <DayChart
            app={app}
            name="messages"
            timeZone={timeZone}
            label={t('sends.label')}
            times={rows.map(row => row.at)}
            series={[
              { name: t('accepted'), paint: 'blue', kind: 'bar', values: rows.map(row => row.accepted) },
              { name: t('delivered'), paint: 'green', kind: 'bar', values: rows.map(row => row.delivered) },
              { name: t('opened'), paint: 'orange', kind: 'bar', values: rows.map(row => row.opened) },
            ]}
          />
        )}
      </Loaded>
      <CoverageNote app={app} />
    </Panel>
  )
}

function CoverageNote({ app }: { readonly app: string }): ReactElement | null {
  const t = useTexts('dashboard')
  const format = useFormat()
  const coverage = useCoverage(app).data
  if (!coverage) return null
  return (
    <Text size="xs" c="dimmed" mt={4}>
      {coverage.share === null
        ? t('coverage.unknown')
        : t('coverage.share', { share: format.share(coverage.heardOf, coverage.devices) })}
    </Text>
  )
}
