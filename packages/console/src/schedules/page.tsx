/** What sends by itself: schedules with their next runs, and triggers with what has come of them. */
import { Stack, Text } from '@mantine/core'
import type { ScheduleView, TriggerView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { useSchedules, useTriggers } from './calls.ts'
import { Controls } from './controls.tsx'
import { RecurringState } from './recurring.tsx'
import { writeTimes } from './times.ts'

export function SchedulesPage(): ReactElement {
  const t = useTexts('schedules')
  const app = useAppCode()
  const may = useMay('send')
  const make = may && (
    <ButtonLink to="/apps/$app/messages/new" params={{ app }}>
      {t('new')}
    </ButtonLink>
  )
  return (
    <>
      <PageHead
        title={t('title')}
        about={t('about')}
        back={
          <TextLink to="/apps/$app/messages" params={{ app }}>
            {t('messages')}
          </TextLink>
        }
      >
        <ReadOnlyMark right="send" />
        {make}
      </PageHead>
      <Stack gap="md">
        <Panel title={t('schedules')}>
          <Schedules app={app} />
        </Panel>
        <Panel title={t('triggers')}>
          <Triggers app={app} />
        </Panel>
      </Stack>
    </>
  )
}

function Schedules({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('schedules')
  const query = useSchedules(app)
  const columns = useScheduleColumns(app)
  return (
    <Loaded query={query} lines={5}>
      {schedules =>
        schedules.length === 0 ? (
          <Empty title={t('schedules.none')}>{t('schedules.none.body')}</Empty>
        ) : (
          <DataTable label={t('schedules')} columns={columns} rows={schedules} keyOf={({ id }) => id} />
        )
      }
    </Loaded>
  )
}

function useScheduleColumns(app: string): readonly Column<ScheduleView>[] {
  const t = useTexts('schedules')
  const format = useFormat()
  return [
    {
      key: 'name',
      title: t('name'),
      width: 'minmax(0, 2fr)',
      cell: ({ id, name, cron, timeZone, localTime }) => (
        <div>
          <TextLink to="/apps/$app/schedules/$schedule" params={{ app, schedule: id }} fw={600} size="sm">
            {name}
          </TextLink>
          <Text size="xs" c="dimmed">
            {writeTimes(t, format, cron)} · {localTime ? t('zone.local') : (timeZone ?? t('zone.app'))}
          </Text>
        </div>
      ),
    },
    {
      key: 'state',
      title: t('state'),
      width: '116px',
      cell: ({ state, lastFault }) => <RecurringState state={state} fault={lastFault} />,
    },
    {
      key: 'next',
      title: t('next'),
      width: '190px',
      cell: ({ nextRunAt }) => (nextRunAt ? format.moment(nextRunAt) : '–'),
    },
    {
      key: 'last',
      title: t('last'),
      width: '130px',
      cell: ({ lastRunAt, lastMessageId }) =>
        lastRunAt === null ? (
          '–'
        ) : lastMessageId === null ? (
          <Ago at={lastRunAt} />
        ) : (
          <TextLink to="/apps/$app/messages/$message" params={{ app, message: lastMessageId }} size="sm">
            <Ago at={lastRunAt} />
          </TextLink>
        ),
    },
    {
      key: 'do',
      title: '',
      isNumber: true,
      width: '196px',
      cell: ({ id, name, state }) => (
        <Controls app={app} kind="schedules" id={id} name={name} state={state} />
      ),
    },
  ]
}

function Triggers({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('schedules')
  const query = useTriggers(app)
  const columns = useTriggerColumns(app)
  return (
    <Loaded query={query} lines={5}>
      {triggers =>
        triggers.length === 0 ? (
          <Empty title={t('triggers.none')}>{t('triggers.none.body')}</Empty>
        ) : (
          <DataTable label={t('triggers')} columns={columns} rows={triggers} keyOf={({ id }) => id} />
        )
      }
    </Loaded>
  )
}

function useTriggerColumns(app: string): readonly Column<TriggerView>[] {
  const t = useTexts('schedules')
  const format = useFormat()
  return [
    {
      key: 'name',
      title: t('name'),
      width: 'minmax(0, 2fr)',
      cell: ({ id, name, event, delaySeconds }) => (
        <div>
          <TextLink to="/apps/$app/triggers/$trigger" params={{ app, trigger: id }} fw={600} size="sm">
            {name}
          </TextLink>
          <Text size="xs" c="dimmed">
            {delaySeconds === 0
              ? t('trigger.atOnce', { event })
              : t('trigger.after', { event, duration: format.duration(delaySeconds) })}
          </Text>
        </div>
      ),
    },
    {
      key: 'state',
      title: t('state'),
      width: '116px',
      cell: ({ state, lastFault }) => <RecurringState state={state} fault={lastFault} />,
    },
    {
      key: 'waiting',
      title: t('waiting'),
      isNumber: true,
      width: '90px',
      cell: ({ counts }) => format.count(counts.waiting),
    },
    {
      key: 'accepted',
      title: t('accepted'),
      isNumber: true,
      width: '100px',
      cell: ({ counts }) => format.count(counts.accepted),
    },
    {
      key: 'opened',
      title: t('opened'),
      isNumber: true,
      width: '100px',
      cell: ({ counts }) => format.count(counts.opened),
    },
    {
      key: 'do',
      title: '',
      isNumber: true,
      width: '196px',
      cell: ({ id, name, state, counts }) => (
        <Controls app={app} kind="triggers" id={id} name={name} state={state} waiting={counts.waiting} />
      ),
    },
  ]
}
