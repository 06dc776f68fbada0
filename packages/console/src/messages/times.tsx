/** How long it took, and what devices have told of it since: by stage, by hour, by gateway. */
import { Stack, Table, Text } from '@mantine/core'
import type { MessageGroups, MessageView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Chart } from '../parts/chart.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import {
  type Deliveries,
  type Span,
  useCoverage,
  useDeliveries,
  useGateways,
  useGroups,
  useLatencies,
} from './calls.ts'
import { barsOf, type LatencyStage } from './latency.ts'
import css from './messages.module.css'
import { isBehind, shownOf, spanOf } from './span.ts'

const BARS = 24

export interface TimesViewProps {
  readonly app: string
  readonly message: MessageView
}

export function TimesView({ app, message }: TimesViewProps): ReactElement {
  return (
    <Stack gap="md">
      {message.lane === 'campaign' ? <Counted app={app} message={message} /> : <Single />}
      <Groups app={app} id={message.id} />
    </Stack>
  )
}

/** The statistics tell campaigns apart; the others are many, and of few devices. */
function Single(): ReactElement {
  const t = useTexts('report')
  return (
    <Panel title={t('told')}>
      <Text size="sm">{t('times.single')}</Text>
    </Panel>
  )
}

const ASK_AGAIN_MS = 20_000

function Counted({ app, message }: TimesViewProps): ReactElement {
  const t = useTexts('report')
  const [openedAtMs] = useState(() => Date.now())
  const { id, counts, finishedAt, sendAt } = message
  const { by, ...span } = spanOf(sendAt, openedAtMs)
  const standing = ({ rows, asOf }: Deliveries): boolean =>
    isBehind({ counts, finishedAt, sendAt, rows, asOf, nowMs: openedAtMs })
  const query = useDeliveries(app, id, { ...span, by }, found => (standing(found) ? ASK_AGAIN_MS : false))
  return (
    <Loaded query={query} lines={8}>
      {found => {
        const rows = shownOf(found.rows, Math.max(openedAtMs, Date.parse(found.asOf ?? '') || 0))
        if (rows.length === 0)
          return (
            <Panel title={t('told')}>
              <Text size="sm" c="dimmed" role="status">
                {t(counts.accepted > 0 ? 'times.waiting' : 'latency.none')}
              </Text>
            </Panel>
          )
        return (
          <>
            <Told app={app} by={by} rows={rows} asOf={found.asOf} isBehind={standing(found)} />
            <Latencies app={app} id={id} span={span} asOf={found.asOf} />
            <Gateways app={app} id={id} span={span} asOf={found.asOf} />
          </>
        )
      }}
    </Loaded>
  )
}

interface PartProps {
  readonly app: string
  readonly id: string
  readonly span: Span
  /** When it was counted: what is asked for along with it is asked for anew when that is another one. */
  readonly asOf: string | null
}

interface ToldProps extends Pick<Deliveries, 'rows' | 'asOf'> {
  readonly app: string
  readonly by: 'hour' | 'day'
  /** The numbers of the message are newer. */
  readonly isBehind: boolean
}

function Told({ app, by, rows, asOf, isBehind: isOlder }: ToldProps): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const coverage = useCoverage(app)
  return (
    <Panel title={t('told')}>
      <ToldChart by={by} rows={rows} />
      <Text size="xs" c="dimmed" mt="sm" role="status">
        {asOf && `${t('counted', { moment: format.moment(asOf) })} `}
        {isOlder && `${t('counted.behind')} `}
        {coverage.data &&
          (coverage.data.share === null
            ? t('coverage.unknown')
            : t('coverage', { share: format.percent(coverage.data.share) }))}
      </Text>
    </Panel>
  )
}

function ToldChart({ by, rows }: Pick<ToldProps, 'by'> & Pick<Deliveries, 'rows'>): ReactElement {
  const t = useTexts('report')
  return (
    <Chart
      label={t('told')}
      step={by}
      times={rows.map(({ at }) => at)}
      series={[
        {
          name: t('tile.accepted'),
          paint: 'blue',
          values: rows.map(({ accepted }) => accepted),
          kind: 'bar',
        },
        { name: t('tile.delivered'), paint: 'green', values: rows.map(({ delivered }) => delivered) },
        { name: t('tile.opened'), paint: 'orange', values: rows.map(({ opened }) => opened) },
      ]}
    />
  )
}

function Latencies({ app, id, span, asOf }: PartProps): ReactElement {
  const t = useTexts('report')
  const query = useLatencies(app, id, span, asOf)
  return (
    <Panel title={t('latency')}>
      <Loaded query={query} lines={6}>
        {stages =>
          stages.every(({ count }) => count === 0) ? (
            <Text size="sm" c="dimmed">
              {t('latency.none')}
            </Text>
          ) : (
            <div className={css.stages}>
              {stages
                .filter(({ count }) => count > 0)
                .map(stage => (
                  <Stage key={stage.stage} stage={stage} />
                ))}
            </div>
          )
        }
      </Loaded>
    </Panel>
  )
}

function Stage({
  stage: { stage, count, p50Ms, p90Ms, p99Ms, histogram },
}: {
  readonly stage: LatencyStage
}): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const time = (ms: number | null): string =>
    ms === null ? '–' : ms < 1_000 ? format.milliseconds(ms) : format.duration(ms / 1_000)
  const bars = barsOf(histogram, BARS)
  const said = t('latency.said', { half: time(p50Ms), most: time(p90Ms), nearlyAll: time(p99Ms) })
  return (
    <figure style={{ margin: 0 }} aria-label={`${t(`stage.${stage}`)}: ${said}`}>
      <Text size="sm" fw={600}>
        {t(`stage.${stage}`)}
      </Text>
      <Text size="xs" c="dimmed" mb="xs">
        {t(`stage.${stage}.about`, { count })}
      </Text>
      <div className={css.histogram} aria-hidden>
        {bars.map(({ fromMs, toMs, count: of, percent }) => (
          <div
            key={fromMs}
            className={css.histogramBar}
            style={{ height: `${of === 0 ? 0 : Math.max(3, percent)}%` }}
            title={`${time(fromMs)} – ${time(toMs)}: ${format.count(of)}`}
          />
        ))}
      </div>
      <Text size="sm" mt={6}>
        {said}
      </Text>
    </figure>
  )
}

function Gateways({ app, id, span, asOf }: PartProps): ReactElement {
  const t = useTexts('report')
  const query = useGateways(app, id, span, asOf)
  return (
    <Panel title={t('gateways')}>
      <Loaded query={query} lines={4}>
        {found =>
          found.rows.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('latency.none')}
            </Text>
          ) : (
            <GatewayTable found={found} />
          )
        }
      </Loaded>
    </Panel>
  )
}

function GatewayTable({ found }: { readonly found: Deliveries }): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const columns = ['accepted', 'dead', 'failed', 'uncertain', 'delivered', 'opened'] as const
  return (
    <Table.ScrollContainer minWidth={560} type="native" tabIndex={0}>
      <Table fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('gateway')}</Table.Th>
            {columns.map(column => (
              <Table.Th key={column} ta="right">
                {t(`column.${column}`)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {found.rows.map(row => (
            <Table.Tr key={row.gateway ?? ''}>
              <Table.Th scope="row" fw={500}>
                {row.gateway === null ? '–' : (t.known(`gateway.${row.gateway}`) ?? row.gateway)}
              </Table.Th>
              {columns.map(column => (
                <Table.Td key={column} ta="right">
                  {format.count(row[column])}
                  {(column === 'delivered' || column === 'opened') && row.accepted > 0 && (
                    <Text span size="xs" c="dimmed" display="block">
                      {format.share(row[column], row.accepted)}
                    </Text>
                  )}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Groups({ app, id }: Pick<PartProps, 'app' | 'id'>): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const query = useGroups(app, id)
  return (
    <Panel title={t('groups')}>
      <Loaded query={query} lines={4}>
        {({ part, groups }) =>
          groups.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t('groups.none')}
            </Text>
          ) : (
            <>
              <GroupTable groups={groups} />
              {part < 1 && (
                <Text size="xs" c="dimmed" mt="sm">
                  {t('groups.part', { part: format.percent(part) })}
                </Text>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}

function GroupTable({ groups }: Pick<MessageGroups, 'groups'>): ReactElement {
  const t = useTexts('report')
  const devices = useTexts('devices')
  const format = useFormat()
  const languages = new Intl.DisplayNames(format.tag, { type: 'language' })
  return (
    <Table.ScrollContainer minWidth={480} type="native" tabIndex={0}>
      <Table fz="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{devices('platform')}</Table.Th>
            <Table.Th>{devices('language')}</Table.Th>
            {(['accepted', 'delivered', 'opened'] as const).map(column => (
              <Table.Th key={column} ta="right">
                {t(`column.${column}`)}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {groups.map(({ platform, language, accepted, delivered, opened }) => (
            <Table.Tr key={`${platform} ${language}`}>
              <Table.Td>{devices.known(`platform.${platform}`) ?? platform}</Table.Td>
              <Table.Td>{language === null ? t('language.none') : nameOf(languages, language)}</Table.Td>
              <Table.Td ta="right">{format.count(accepted)}</Table.Td>
              {[delivered, opened].map((count, place) => (
                <Table.Td key={place === 0 ? 'delivered' : 'opened'} ta="right">
                  {format.count(count)}
                  <Text span size="xs" c="dimmed" display="block">
                    {format.share(count, accepted)}
                  </Text>
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

/** Devices may tell anything for a language. */
function nameOf(languages: Intl.DisplayNames, language: string): string {
  try {
    return languages.of(language) ?? language
  } catch {
    return language
  }
}
