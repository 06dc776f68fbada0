/** What is wrong with the base and its credentials, and what people decide about it. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { AlertView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { AlertLink } from '../alerts/link.tsx'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Empty, Loaded, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useAppCode, useMay } from '../session/session.tsx'
import { factsOf, isClosedByPeople, shareOf } from './alert-facts.ts'
import { type Decision, useAlerts, useDecide } from './calls.ts'
import { HygieneFrame } from './frame.tsx'

export function AlertsPage(): ReactElement {
  const t = useTexts('hygiene')
  const app = useAppCode()
  const query = useAlerts(app)
  return (
    <HygieneFrame>
      <Loaded query={query}>
        {alerts => {
          const open = alerts.filter(({ state }) => state === 'open')
          const closed = alerts.filter(({ state }) => state !== 'open')
          return (
            <Stack gap="md" aria-live="polite">
              {open.length === 0 && (
                <Panel>
                  <Empty title={t('alerts.none.title')}>{t('alerts.none.body')}</Empty>
                </Panel>
              )}
              {open.map(each => (
                <OpenAlert key={each.id} app={app} alert={each} />
              ))}
              {closed.length > 0 && <ClosedAlerts alerts={closed} />}
            </Stack>
          )
        }}
      </Loaded>
    </HygieneFrame>
  )
}

interface AlertProps {
  readonly app: string
  readonly alert: AlertView
}

function OpenAlert({ app, alert }: AlertProps): ReactElement {
  const t = useTexts('hygiene')
  const words = useTexts('alerts')
  const format = useFormat()
  const mayManage = useMay('manage')
  const [asked, setAsked] = useState<Decision>()
  const share = shareOf(alert)
  const held = { count: alert.held }
  return (
    <Panel
      title={words.known(alert.kind, { held: alert.held }) ?? alert.kind}
      aside={
        <Group gap="xs">
          <Text size="sm" c="dimmed">
            <Ago at={alert.openedAt} />
          </Text>
          <StateBadge tone="bad" label={t('alert.state.open')} />
        </Group>
      }
    >
      <Stack gap="sm">
        {alert.held > 0 && <Text fw={600}>{t('alert.held', held)}</Text>}
        <Text size="sm" maw={760}>
          {words.known(`${alert.kind}.todo`) ?? alert.remedy}
        </Text>
        <AlertFacts alert={alert}>
          {share && (
            <Fact name={t('fact.share')}>
              {t('fact.share.of', { part: share.part, whole: share.whole })} (
              {format.share(share.part, share.whole)})
            </Fact>
          )}
        </AlertFacts>
        <Group gap="xs">
          {mayManage && alert.held > 0 && (
            <>
              <Button size="xs" variant="default" onClick={() => setAsked('forget')}>
                {t('alert.forget')}
              </Button>
              <Button size="xs" color="red" variant="light" onClick={() => setAsked('release')}>
                {t('alert.release')}
              </Button>
            </>
          )}
          {mayManage && isClosedByPeople(alert) && (
            <Button size="xs" variant="default" onClick={() => setAsked('close')}>
              {t('alert.close')}
            </Button>
          )}
          {alert.kind !== 'deaths_held' && <AlertLink app={app} alert={alert} />}
        </Group>
      </Stack>
      <Decide app={app} alert={alert} asked={asked} onDone={() => setAsked(undefined)} />
    </Panel>
  )
}

function AlertFacts({
  alert,
  children,
}: {
  readonly alert: AlertView
  readonly children: React.ReactNode
}): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const looks = useDeviceLooks()
  const write = (name: string, value: string): string => {
    if (name === 'gateway') return looks.gateway(value)
    return name === 'since' || name === 'expiresAt' ? format.moment(value) : value
  }
  return (
    <Facts>
      {children}
      {factsOf(alert).map(({ name, value }) => (
        <Fact key={name} name={t(`fact.${name}`)}>
          {write(name, value)}
        </Fact>
      ))}
    </Facts>
  )
}

interface DecideProps extends AlertProps {
  readonly asked: Decision | undefined
  readonly onDone: () => void
}

function Decide({ app, alert, asked, onDone }: DecideProps): ReactElement {
  const t = useTexts('hygiene')
  const decide = useDecide(app, alert.id)
  // while it fades out it goes on saying what it said
  const [last, setLast] = useState<Decision>('close')
  if (asked && asked !== last) setLast(asked)
  const close = (): void => {
    decide.reset()
    onDone()
  }
  return (
    <Confirm
      isOpen={asked !== undefined}
      title={t(`decide.${last}.title`, { count: alert.held })}
      verb={t(`decide.${last}.verb`)}
      isDangerous={last === 'release'}
      isPending={decide.isPending}
      error={decide.error}
      onConfirm={() => decide.mutate(last, { onSuccess: close })}
      onClose={close}
    >
      <Text size="sm">{t(`decide.${last}.body`)}</Text>
    </Confirm>
  )
}

function ClosedAlerts({ alerts }: { readonly alerts: readonly AlertView[] }): ReactElement {
  const t = useTexts('hygiene')
  const words = useTexts('alerts')
  const format = useFormat()
  const columns: Column<AlertView>[] = [
    {
      key: 'kind',
      title: t('alerts.what'),
      width: 'minmax(0, 2fr)',
      // how many it held is known no more
      cell: ({ kind }) =>
        kind === 'deaths_held' ? t('alerts.held.past') : (words.known(kind, { held: 0 }) ?? kind),
    },
    { key: 'opened', title: t('alerts.opened'), cell: ({ openedAt }) => format.moment(openedAt) },
    {
      key: 'closed',
      title: t('alerts.closed'),
      cell: ({ closedAt }) => (closedAt === null ? '' : format.moment(closedAt)),
    },
    {
      key: 'state',
      title: t('alerts.how'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ state, closedBy }) =>
        closedBy === null || closedBy === 'roost'
          ? t('alerts.byItself')
          : t('alerts.by', { how: t.known(`alert.state.${state}`) ?? state, by: closedBy }),
    },
  ]
  return (
    <Panel title={t('alerts.past')}>
      <DataTable label={t('alerts.past')} columns={columns} rows={alerts} keyOf={({ id }) => id} />
    </Panel>
  )
}
