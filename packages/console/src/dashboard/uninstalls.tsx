/**
 * The App Uninstalls time line: apps that were found removed, devices that came back within a day, and addresses that were
 * restored; with what it can't tell (docs/uninstalls.md).
 */
import { List, Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useTracking } from '../hygiene/calls.ts'
import { useTexts } from '../i18n/language.tsx'
import type { Series } from '../parts/chart-data.ts'
import { TextLink } from '../parts/link.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { useMay } from '../session/session.tsx'
import { DayChart } from '../statistics/day-chart.tsx'
import type { BaseRow } from '../statistics/days.ts'
import type { BaseChartProps } from './base-charts.tsx'

const LINES = 8
const NOTES = ['late', 'off', 'again', 'browsers'] as const

export function UninstallsPanel({ app, base }: BaseChartProps): ReactElement {
  const t = useTexts('dashboard')
  const tracking = useTracking(app).data
  const maySwitch = useMay('manage')
  return (
    <Panel title={t('uninstalls.title')}>
      <Loaded query={base} lines={LINES}>
        {({ rows, timeZone }) => {
          const isTracked = tracking?.enabled !== false || rows.some(row => row.uninstalls + row.replaced > 0)
          return (
            <>
              {!isTracked && (
                <Text size="sm" c="dimmed" mb="sm">
                  {t('uninstalls.off')}{' '}
                  {maySwitch && (
                    <TextLink to="/apps/$app/hygiene/ages" params={{ app }} size="sm" td="underline">
                      {t('uninstalls.switch')}
                    </TextLink>
                  )}
                </Text>
              )}
              <DayChart
                app={app}
                name="uninstalls"
                timeZone={timeZone}
                label={t(isTracked ? 'uninstalls.label' : 'uninstalls.deaths.label')}
                times={rows.map(row => row.at)}
                series={[
                  ...(isTracked
                    ? [
                        bars(t('uninstalls'), 'vermilion', rows, row => row.uninstalls),
                        bars(t('replaced'), 'sky', rows, row => row.replaced),
                      ]
                    : [bars(t('deaths'), 'vermilion', rows, row => row.deaths)]),
                  bars(t('restored'), 'green', rows, row => row.restored),
                ]}
              />
              {isTracked && <Notes />}
            </>
          )
        }}
      </Loaded>
    </Panel>
  )
}

function bars(
  name: string,
  paint: Series['paint'],
  rows: readonly BaseRow[],
  countOf: (row: BaseRow) => number,
): Series {
  return { name, paint, kind: 'bar', values: rows.map(countOf) }
}

function Notes(): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Text component="details" size="xs" c="dimmed" mt={4}>
      <summary style={{ cursor: 'pointer', width: 'fit-content' }}>{t('uninstalls.note')}</summary>
      <List size="xs" mt={4} spacing={2} c="dimmed">
        {NOTES.map(note => (
          <List.Item key={note}>{t(`uninstalls.note.${note}`)}</List.Item>
        ))}
      </List>
    </Text>
  )
}
