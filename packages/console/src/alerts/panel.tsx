/** What is wrong with the app at this moment, in plain words: what to do about each, and where. */

import { Alert, Group, Stack, Text } from '@mantine/core'
import type { AlertKind, AlertView } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { path, query } from '../api/client.ts'
import { useAnswer } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { isBad } from './kinds.ts'
import { AlertLink } from './link.tsx'

/** The stream of live values refreshes it. */
export function useOpenAlerts(app: string): UseQueryResult<readonly AlertView[]> {
  return useAnswer<{ readonly alerts: readonly AlertView[] }, readonly AlertView[]>({
    key: [app, 'alerts', 'open'],
    path: path`v1/apps/${app}/alerts` + query({ state: 'open' }),
    select: ({ alerts }) => alerts,
  })
}

export interface OpenAlertsProps {
  readonly app: string
  /** Told elsewhere on the page. */
  readonly without?: readonly AlertKind[]
}

/** Nothing while all is well. */
export function OpenAlerts({ app, without = [] }: OpenAlertsProps): ReactElement {
  const alerts = (useOpenAlerts(app).data ?? []).filter(({ kind }) => !without.includes(kind))
  // the region is there before its content is, or nobody would be told of it
  return (
    <div aria-live="polite">
      {alerts.length > 0 && (
        <Stack gap="xs" mb="md">
          {alerts
            .toSorted((a, b) => Number(isBad(b.kind)) - Number(isBad(a.kind)))
            .map(alert => (
              <OpenAlert key={alert.id} app={app} alert={alert} />
            ))}
        </Stack>
      )}
    </div>
  )
}

function OpenAlert({ app, alert }: { readonly app: string; readonly alert: AlertView }): ReactElement {
  const t = useTexts('alerts')
  const { kind, held, openedAt, remedy } = alert
  return (
    <Alert
      color={isBad(kind) ? 'red' : 'orange'}
      variant="light"
      py="xs"
      title={t.known(kind, { held }) ?? kind}
    >
      <Text size="sm">{t.known(`${kind}.todo`) ?? remedy}</Text>
      <Group gap="md" mt={4}>
        <AlertLink app={app} alert={alert} />
        <Text size="xs" c="dimmed">
          {t.rich<ReactElement>('since', { ago: () => <Ago key="ago" at={openedAt} /> })}
        </Text>
      </Group>
    </Alert>
  )
}
