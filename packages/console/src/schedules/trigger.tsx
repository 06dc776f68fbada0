/** One trigger: what starts it, what has become of what it sent, and why other events came to nothing. */
import { Code, Stack, Table, Text } from '@mantine/core'
import type { TriggerView, UnsentReason } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { OutcomeBar, Outcomes } from '../messages/message-card.tsx'
import { wordsOf } from '../messages/words.ts'
import { Fact, Facts } from '../parts/facts.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { useTrigger } from './calls.ts'
import { LastFault, RecurringHead } from './recurring.tsx'

const route = getRouteApi('/apps/$app/triggers/$trigger')

export function TriggerPage(): ReactElement {
  const app = useAppCode()
  const { trigger: id } = route.useParams()
  const query = useTrigger(app, id)
  return (
    <>
      <RecurringHead kind="triggers" id={id} view={query.data} />
      <Loaded query={query} lines={8}>
        {trigger => (
          <Stack gap="md">
            <LastFault fault={trigger.lastFault} />
            <Start trigger={trigger} />
            <Counts trigger={trigger} />
            {trigger.experiment && <Variants experiment={trigger.experiment} />}
          </Stack>
        )}
      </Loaded>
    </>
  )
}

function Start({ trigger }: { readonly trigger: TriggerView }): ReactElement {
  const t = useTexts('schedules')
  const format = useFormat()
  const { event, where, delaySeconds, to, condition, oncePerDays, cancelledBy, message } = trigger
  const content = (message as { readonly content?: unknown }).content
  const words = wordsOf(content)[0]?.words.find(([name]) => name === 'title' || name === 'body')?.[1]
  return (
    <Panel title={t('start')}>
      <Facts>
        <Fact name={t('start')}>
          {delaySeconds === 0
            ? t('trigger.atOnce', { event })
            : t('trigger.after', { event, duration: format.duration(delaySeconds) })}
        </Fact>
        <Fact name={t('trigger.to')}>{t(`trigger.to.${to}`)}</Fact>
        {words && <Fact name={t('message')}>{words}</Fact>}
        {oncePerDays !== null && <Fact name={t('once')}>{t('once.value', { count: oncePerDays })}</Fact>}
        {cancelledBy.length > 0 && <Fact name={t('cancelledBy')}>{format.list(cancelledBy)}</Fact>}
        {where !== null && (
          <Fact name={t('where')}>
            <Code>{JSON.stringify(where)}</Code>
          </Fact>
        )}
        {condition !== null && (
          <Fact name={t('condition')}>
            <Code>{JSON.stringify(condition)}</Code>
          </Fact>
        )}
      </Facts>
    </Panel>
  )
}

function Counts({ trigger: { counts } }: { readonly trigger: TriggerView }): ReactElement {
  const t = useTexts('schedules')
  const format = useFormat()
  const unsent = (Object.entries(counts.unsent) as [UnsentReason, number][]).filter(([, count]) => count > 0)
  return (
    <Panel title={t('outcomes')}>
      <Stack gap="sm">
        <OutcomeBar counts={counts} />
        <Outcomes counts={counts} />
        <Facts>
          <Fact name={t('waiting')}>{format.count(counts.waiting)}</Fact>
          <Fact name={t('delivered')}>{format.count(counts.delivered)}</Fact>
          <Fact name={t('opened')}>{format.count(counts.opened)}</Fact>
        </Facts>
        {unsent.length > 0 && (
          <div>
            <Text size="sm" fw={600} mb={4}>
              {t('unsent')}
            </Text>
            <Facts>
              {unsent.map(([reason, count]) => (
                <Fact key={reason} name={t.known(`unsent.${reason}`) ?? reason}>
                  {format.count(count)}
                </Fact>
              ))}
            </Facts>
          </div>
        )}
      </Stack>
    </Panel>
  )
}

function Variants({
  experiment,
}: {
  readonly experiment: NonNullable<TriggerView['experiment']>
}): ReactElement {
  const t = useTexts('schedules')
  const format = useFormat()
  return (
    <Panel title={t('variants')}>
      <Table.ScrollContainer minWidth={420} type="native" tabIndex={0}>
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('variant')}</Table.Th>
              <Table.Th ta="right">{t('accepted')}</Table.Th>
              <Table.Th ta="right">{t('delivered')}</Table.Th>
              <Table.Th ta="right">{t('opened')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {experiment.variants.map(({ name, accepted, delivered, opened }) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500}>
                  {name}
                </Table.Th>
                {[accepted, delivered, opened].map((count, at) => (
                  <Table.Td key={['accepted', 'delivered', 'opened'][at]} ta="right">
                    {format.count(count)}
                    {at > 0 && accepted > 0 && (
                      <Text span size="xs" c="dimmed" display="block">
                        {format.share(count, accepted)}
                      </Text>
                    )}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  )
}
