/** One schedule: its next runs, what went wrong last, and the messages that it has made. */
import { Button, List, Stack, Text } from '@mantine/core'
import type { ListedMessage, ScheduleView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useFollowedList } from '../messages/follow.ts'
import { MessageCard } from '../messages/message-card.tsx'
import { wordsOf } from '../messages/words.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Empty, Loaded, Panel } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { useMadeMessages, useSchedule } from './calls.ts'
import { LastFault, RecurringHead } from './recurring.tsx'
import { writeTimes } from './times.ts'

const route = getRouteApi('/apps/$app/schedules/$schedule')

export function SchedulePage(): ReactElement {
  const t = useTexts('schedules')
  const app = useAppCode()
  const { schedule: id } = route.useParams()
  const query = useSchedule(app, id)
  return (
    <>
      <RecurringHead kind="schedules" id={id} view={query.data} />
      <Loaded query={query} lines={8}>
        {schedule => (
          <Stack gap="md">
            <LastFault fault={schedule.lastFault} />
            <Runs schedule={schedule} />
            <Panel title={t('made')}>
              <Made app={app} id={id} />
            </Panel>
          </Stack>
        )}
      </Loaded>
    </>
  )
}

function Runs({ schedule }: { readonly schedule: ScheduleView }): ReactElement {
  const t = useTexts('schedules')
  const format = useFormat()
  const { cron, timeZone, localTime, nextRuns, missed, message } = schedule
  const content = (message as { readonly content?: unknown }).content
  const words = wordsOf(content)[0]?.words.find(([name]) => name === 'title' || name === 'body')?.[1]
  return (
    <Panel title={t('times')}>
      <Facts>
        <Fact name={t('times')}>{writeTimes(t, format, cron)}</Fact>
        <Fact name={t('zone')}>{localTime ? t('zone.local') : (timeZone ?? t('zone.app'))}</Fact>
        {words && <Fact name={t('message')}>{words}</Fact>}
        <Fact name={t('missed')}>{t(`missed.${missed}`)}</Fact>
        <Fact name={t('nextRuns')}>
          {nextRuns.length === 0 ? (
            <Text size="sm">{t('nextRuns.none')}</Text>
          ) : (
            <List size="sm" listStyleType="none">
              {nextRuns.map(run => (
                <List.Item key={run}>{format.moment(run)}</List.Item>
              ))}
            </List>
          )}
        </Fact>
      </Facts>
    </Panel>
  )
}

function Made({ app, id }: { readonly app: string; readonly id: string }): ReactElement {
  const t = useTexts('schedules')
  const common = useTexts('common')
  const { query, hasMore, isMoreComing, askMore } = useMadeMessages(app, id)
  const rows: readonly ListedMessage[] = useFollowedList(app, query.data ?? [])
  return (
    <Loaded query={query} lines={5}>
      {() =>
        rows.length === 0 ? (
          <Empty title={t('made.none')}>{t('made.none.body')}</Empty>
        ) : (
          <>
            {rows.map(message => (
              <MessageCard key={message.id} app={app} message={message} />
            ))}
            {hasMore && (
              <Button variant="default" onClick={askMore} loading={isMoreComing} mt="md">
                {common('more')}
              </Button>
            )}
          </>
        )
      }
    </Loaded>
  )
}
