/** One day: how many came and went, hour by hour what happened, what was sent, and why addresses left. */
import { SimpleGrid, Stack, Table, Text } from '@mantine/core'
import type { BaseStatistics, DeliveryStatistics } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement, ReactNode } from 'react'
import { useApps } from '../apps/calls.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Chart } from '../parts/chart.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { daysOf, moveDay } from '../parts/range.ts'
import { useAppCode } from '../session/session.tsx'
import { useBase, useCampaigns, useDeliveries, useFailures, useRemovalReasons } from './calls.ts'
import { type BaseRow, todayIn } from './days.ts'

const route = getRouteApi('/apps/$app/days/$day')

export function DayPage(): ReactElement {
  const t = useTexts('dashboard')
  const app = useAppCode()
  const { day } = route.useParams()
  if (daysOf(`${day}..${day}`)) return <Day app={app} day={day} />
  return (
    <>
      <PageHead title={t('day.unknown')} back={<Back app={app} />} />
      <Panel>
        <Empty title={t('day.unknown')}>{t('day.unknown.body')}</Empty>
      </Panel>
    </>
  )
}

interface OfDay {
  readonly app: string
  readonly day: string
}

function Back({ app }: { readonly app: string }): ReactElement {
  const common = useTexts('common')
  const t = useTexts('dashboard')
  return (
    <TextLink to="/apps/$app" params={{ app }}>
      {common('back', { place: t('day.back') })}
    </TextLink>
  )
}

function Day({ app, day }: OfDay): ReactElement {
  const format = useFormat()
  return (
    <>
      <PageHead title={format.date(day)} about={<Zone app={app} />} back={<Back app={app} />}>
        <Neighbours app={app} day={day} />
      </PageHead>
      <Stack gap="md">
        <Standing app={app} day={day} />
        <Hours app={app} day={day} />
        <Campaigns app={app} day={day} />
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <Removals app={app} day={day} />
          <Failures app={app} day={day} />
        </SimpleGrid>
      </Stack>
    </>
  )
}

function Zone({ app }: { readonly app: string }): ReactNode {
  const zone = useApps().data?.find(({ code }) => code === app)?.timeZone
  return zone
}

function Neighbours({ app, day }: OfDay): ReactElement {
  const t = useTexts('dashboard')
  const zone = useApps().data?.find(({ code }) => code === app)?.timeZone ?? 'UTC'
  const isOver = day < todayIn(zone, Date.now())
  return (
    <>
      <ButtonLink
        to="/apps/$app/days/$day"
        params={{ app, day: moveDay(day, -1) }}
        variant="default"
        size="xs"
      >
        ← {t('day.before')}
      </ButtonLink>
      {isOver && (
        <ButtonLink
          to="/apps/$app/days/$day"
          params={{ app, day: moveDay(day, 1) }}
          variant="default"
          size="xs"
        >
          {t('day.after')} →
        </ButtonLink>
      )}
    </>
  )
}

const ENDS = ['devices', 'reachable'] as const
const HAPPENED = [
  'installs',
  'registrations',
  'opens',
  'uninstalls',
  'replaced',
  'restored',
  'deaths',
] as const

function Standing({ app, day }: OfDay): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel title={t('day.base')}>
      <Loaded query={useBase(app, { from: day, to: day })} lines={2}>
        {({ rows: [row] }) => row && <Numbers row={row} />}
      </Loaded>
    </Panel>
  )
}

function Numbers({ row }: { readonly row: BaseRow }): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  const write = (count: number | null): string =>
    count === null ? t('day.unknownCount') : format.count(count)
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, md: 5 }} spacing="sm" component="dl" m={0}>
      {[...ENDS, ...HAPPENED].map(name => (
        <div key={name}>
          <Text component="dt" size="xs" c="dimmed">
            {t(name)}
            {(name === 'devices' || name === 'reachable') && `, ${t('day.end')}`}
          </Text>
          <Text component="dd" m={0} fw={600}>
            {write(row[name])}
          </Text>
        </div>
      ))}
    </SimpleGrid>
  )
}

function Hours({ app, day }: OfDay): ReactElement {
  const t = useTexts('dashboard')
  const asked = { from: day, to: day, by: 'hour' } as const
  const base = useBase(app, asked)
  const deliveries = useDeliveries(app, asked)
  return (
    <Panel title={t('day.hours')}>
      <Loaded query={both(base, deliveries)} lines={8}>
        {found => (
          <Chart
            label={t('day.hours.label')}
            step="hour"
            timeZone={found.base.timeZone}
            times={found.base.rows.map(row => row.at)}
            fileName={`hours-${app}-${day}`}
            series={[
              {
                name: t('installs'),
                paint: 'sky',
                kind: 'bar',
                values: found.base.rows.map(row => row.installs),
              },
              { name: t('opens'), paint: 'blue', kind: 'bar', values: found.base.rows.map(row => row.opens) },
              {
                name: t('sent'),
                paint: 'green',
                kind: 'bar',
                values: found.deliveries.rows.map(row => row.accepted),
              },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  )
}

interface Both {
  readonly base: BaseStatistics
  readonly deliveries: DeliveryStatistics
}

/** Two answers that make one chart. */
function both(
  base: UseQueryResult<BaseStatistics>,
  deliveries: UseQueryResult<DeliveryStatistics>,
): UseQueryResult<Both> {
  const failed = base.error ? base : deliveries
  const data = base.data && deliveries.data && { base: base.data, deliveries: deliveries.data }
  const refetch = async (): Promise<unknown> => Promise.all([base.refetch(), deliveries.refetch()])
  return { ...failed, data, refetch } as unknown as UseQueryResult<Both>
}

function Campaigns({ app, day }: OfDay): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  return (
    <Panel title={t('day.messages')}>
      <Loaded query={useCampaigns(app, { from: day, to: day })}>
        {({ messages }) =>
          messages.length === 0 ? (
            <Nothing>{t('day.messages.none')}</Nothing>
          ) : (
            <DataTable
              label={t('day.messages')}
              rows={messages}
              keyOf={({ id }) => id}
              columns={[
                {
                  key: 'title',
                  title: t('day.message'),
                  width: 'minmax(0, 2fr)',
                  cell: ({ id, title }) => (
                    <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }} size="sm">
                      {title || t('untitled')}
                    </TextLink>
                  ),
                },
                ...(['accepted', 'delivered', 'opened'] as const).map(name => ({
                  key: name,
                  title: t(name),
                  isNumber: true,
                  cell: (row: (typeof messages)[number]) => format.count(row[name]),
                })),
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  )
}

/** What deaths came to stands above; each would be here twice. */
const CONCLUSIONS: readonly string[] = ['uninstalled', 'replaced']

function Removals({ app, day }: OfDay): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel
      title={t('day.removals')}
      aside={
        <TextLink
          to="/apps/$app/hygiene/removals"
          params={{ app }}
          search={{ range: `${day}..${day}` }}
          size="sm"
        >
          {t('day.removals.all')}
        </TextLink>
      }
    >
      <Loaded query={useRemovalReasons(app, { from: day, to: day })}>
        {({ removals }) => {
          const moves = removals.filter(({ event }) => !CONCLUSIONS.includes(event))
          if (moves.length === 0) return <Nothing>{t('day.removals.none')}</Nothing>
          return (
            <Reasons rows={moves.map(it => ({ ...it, what: t.known(`event.${it.event}`) ?? it.event }))} />
          )
        }}
      </Loaded>
    </Panel>
  )
}

function Failures({ app, day }: OfDay): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel title={t('day.failures')}>
      <Loaded query={useFailures(app, { from: day, to: day })}>
        {({ failures }) =>
          failures.length === 0 ? (
            <Nothing>{t('day.failures.none')}</Nothing>
          ) : (
            <Reasons
              rows={failures.map(it => ({ ...it, what: t.known(`outcome.${it.outcome}`) ?? it.outcome }))}
            />
          )
        }
      </Loaded>
    </Panel>
  )
}

function Nothing({ children }: { readonly children: string }): ReactElement {
  return (
    <Text size="sm" c="dimmed">
      {children}
    </Text>
  )
}

interface ReasonsProps {
  readonly rows: readonly {
    readonly what: string
    readonly reason: string
    readonly gateway: string | null
    readonly count: number
  }[]
}

function Reasons({ rows }: ReasonsProps): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  return (
    <Table fz="sm" horizontalSpacing={6}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('day.what')}</Table.Th>
          <Table.Th>{t('day.where')}</Table.Th>
          <Table.Th ta="right">{t('day.count')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(({ what, reason, gateway, count }) => (
          <Table.Tr key={`${what} ${reason} ${gateway}`}>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>
              {what}
              <Text size="xs" c="dimmed">
                {t.known(`reason.${reason}`) ?? reason}
              </Text>
            </Table.Td>
            <Table.Td>{t.known(`platform.${gateway ?? 'none'}`) ?? gateway}</Table.Td>
            <Table.Td ta="right">{format.count(count)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
