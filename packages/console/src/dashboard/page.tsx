/**
 * The page to keep open: what needs somebody, what is being sent, how large the base is and how it changes.
 *
 * How many devices there are now comes from the stream of live values, which looks at a part of a large base; days come from
 * what the server has counted. Nothing here counts devices one by one.
 */
import { Code, SimpleGrid, Stack } from '@mantine/core'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useMemo } from 'react'
import { OpenAlerts } from '../alerts/panel.tsx'
import { type App, useApps } from '../apps/calls.ts'
import { CredentialStrip } from '../credentials/strip.tsx'
import { useTexts } from '../i18n/language.tsx'
import { useLive } from '../live/live.tsx'
import { Ago } from '../parts/ago.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { parseRange, type Range } from '../parts/range.ts'
import { RangePicker } from '../parts/range-picker.tsx'
import { useAppCode } from '../session/session.tsx'
import { useBase, useCountedAnew, useDeliveries } from '../statistics/calls.ts'
import { daysToAsk } from '../statistics/days.ts'
import { ArrivalsPanel, BasePanel, OpensPanel } from './base-charts.tsx'
import { CredentialsPanel } from './credentials.tsx'
import { Figures } from './figures.tsx'
import { LatencyPanel } from './latency.tsx'
import { LatestMessages } from './latest.tsx'
import { SendingNow } from './now.tsx'
import { SendsPanel } from './sends.tsx'
import { UninstallsPanel } from './uninstalls.tsx'

const LONG_AGO = '1970-01-01T00:00:00Z'

const RANGES = ['week', 'month', 'quarter', 'year'] as const

const route = getRouteApi('/apps/$app/')

export function DashboardPage(): ReactElement {
  const code = useAppCode()
  const apps = useApps()
  return (
    <Loaded query={apps} lines={8}>
      {known => {
        const app = known.find(each => each.code === code)
        return <Dashboard app={app ?? unknown(code)} />
      }}
    </Loaded>
  )
}

/** An app that is not in the list of apps any more. */
const unknown = (code: string) => ({
  code,
  name: code,
  createdAt: LONG_AGO,
  timeZone: 'UTC',
  archivedAt: null,
})

function Dashboard({ app }: { readonly app: App }): ReactElement {
  const t = useTexts('dashboard')
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const range = parseRange(search.range, 'month')
  const setRange = (next: Range): void =>
    void navigate({ search: next === 'month' ? {} : { range: next }, replace: true })
  return (
    <>
      <CountedAnew app={app.code} />
      <PageHead title={t('title')} about={<Counted app={app} range={range} />}>
        <RangePicker range={range} onRange={setRange} offered={RANGES} />
      </PageHead>
      <OpenAlerts app={app.code} without={['credential_expiring', 'credential_refused']} />
      <Stack gap="md">
        <CredentialStrip app={app.code} />
        <SendingNow app={app.code} />
        <Overview app={app} range={range} />
      </Stack>
    </>
  )
}

/** Alone, so that the page is not drawn again with each live value. */
function CountedAnew({ app }: { readonly app: string }): null {
  useCountedAnew(app)
  return null
}

interface OfRange {
  readonly app: App
  readonly range: Range
}

function useDays({ app, range }: OfRange): ReturnType<typeof daysToAsk> {
  const { timeZone, createdAt } = app
  return useMemo(() => daysToAsk(range, Date.now(), { timeZone, createdAt }), [range, timeZone, createdAt])
}

function Counted({ app, range }: OfRange): ReactElement {
  const t = useTexts('dashboard')
  const zone = app.timeZone
  const asOf = useBase(app.code, useDays({ app, range })).data?.asOf
  if (asOf === undefined || asOf === null) return <>{t('counted.never', { zone })}</>
  return <>{t.rich<ReactElement>('counted', { zone, ago: () => <Ago key="ago" at={asOf} /> })}</>
}

function Overview({ app, range }: OfRange): ReactElement {
  const days = useDays({ app, range })
  const code = app.code
  const base = useBase(code, days)
  const deliveries = useDeliveries(code, days)
  const isEmpty = useHasNoDevices(base.data?.rows ?? [])
  if (isEmpty) return <NoDevices app={code} />
  return (
    <>
      <Figures
        base={base.data}
        deliveries={deliveries.data}
        isFailed={base.isLoadingError || deliveries.isLoadingError}
      />
      <BasePanel app={code} base={base} days={days} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <UninstallsPanel app={code} base={base} />
        <ArrivalsPanel app={code} base={base} />
        <SendsPanel app={code} deliveries={deliveries} />
        <OpensPanel app={code} base={base} />
        <LatencyPanel app={code} days={days} />
        <CredentialsPanel app={code} />
      </SimpleGrid>
      <LatestMessages app={code} />
    </>
  )
}

/** Neither now nor on any of these days. */
function useHasNoDevices(
  rows: readonly { readonly devices: number | null; readonly installs: number }[],
): boolean {
  const now = useLive()?.devices
  return now?.devices === 0 && rows.every(row => !row.devices && row.installs === 0)
}

function NoDevices({ app }: { readonly app: string }): ReactElement {
  const common = useTexts('common')
  const t = useTexts('dashboard')
  return (
    <Panel>
      <Empty
        title={t('none.title')}
        action={
          <ButtonLink to="/apps/$app/guide" params={{ app }}>
            {common('page.guide')}
          </ButtonLink>
        }
      >
        {t.rich<ReactElement>('none.body', { app, code: chunks => <Code key="code">{chunks}</Code> })}
      </Empty>
    </Panel>
  )
}
