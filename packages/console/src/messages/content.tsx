/** What was sent to whom, as it was asked for: the words in each language, the rules, and all of it as JSON. */
import { Code, Stack, Text } from '@mantine/core'
import type { MessageView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { TextLink } from '../parts/link.tsx'
import { Panel } from '../parts/page.tsx'
import { writeAudience } from './audience.ts'
import css from './messages.module.css'
import { wordsOf } from './words.ts'

export interface ContentViewProps {
  readonly app: string
  readonly message: MessageView
}

export function ContentView({ app, message }: ContentViewProps): ReactElement {
  const t = useTexts('report')
  return (
    <Stack gap="md">
      <Panel title={t('words')}>
        <Words content={message.content} />
      </Panel>
      <Panel title={t('settings')}>
        <Settings app={app} message={message} />
      </Panel>
      <Panel title={t('raw')}>
        <details className={css.more}>
          <summary>{t('raw.show')}</summary>
          <Code block mt="sm" style={{ maxHeight: 480, overflow: 'auto' }} tabIndex={0}>
            {JSON.stringify({ to: message.to, content: message.content }, null, 2)}
          </Code>
        </details>
      </Panel>
    </Stack>
  )
}

function Words({ content }: { readonly content: unknown }): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const languages = new Intl.DisplayNames(format.tag, { type: 'language' })
  const all = wordsOf(content)
  if (all.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('words.none')}
      </Text>
    )
  return (
    <Stack gap="lg">
      {all.map(({ language, gateway, words }) => (
        <div key={`${gateway} ${language}`}>
          {(language !== undefined || gateway !== undefined) && (
            <Text size="xs" c="dimmed" fw={600} mb={4}>
              {[gateway && (t.known(`gateway.${gateway}`) ?? gateway), language && languages.of(language)]
                .filter(Boolean)
                .join(' · ')}
            </Text>
          )}
          <Facts>
            {words.map(([name, value]) => (
              <Fact key={name} name={t.known(`word.${name}`) ?? name}>
                <p className={css.words}>{value}</p>
              </Fact>
            ))}
          </Facts>
        </div>
      ))}
    </Stack>
  )
}

function Settings({ app, message }: ContentViewProps): ReactElement {
  const t = useTexts('report')
  const messages = useTexts('messages')
  const format = useFormat()
  const { localTime, bestHour, schedule, sendRate, collapseKey, rules, audience } = message
  return (
    <Facts>
      <Fact name={t('fact.to')}>{writeAudience(messages, audience)}</Fact>
      <Fact name={t('fact.when')}>
        {localTime
          ? t('fact.localTime', { at: localTime.at.replace('T', ' ') })
          : bestHour
            ? t('fact.bestHour', { moment: format.moment(message.sendAt) })
            : format.moment(message.sendAt)}
      </Fact>
      {message.finishedAt && <Fact name={t('fact.finished')}>{format.moment(message.finishedAt)}</Fact>}
      {schedule && (
        <Fact name={t('fact.schedule')}>
          <TextLink to="/apps/$app/schedules/$schedule" params={{ app, schedule }}>
            {t('fact.schedule.open')}
          </TextLink>
        </Fact>
      )}
      {message.campaign && <Fact name={t('fact.campaign')}>{message.campaign}</Fact>}
      <Fact name={t('fact.ttl')}>{format.duration(message.ttlSeconds)}</Fact>
      <Fact name={t('fact.priority')}>{t(`priority.${message.priority}`)}</Fact>
      {sendRate !== null && <Fact name={t('fact.rate')}>{t('fact.rate.value', { count: sendRate })}</Fact>}
      {rules?.category && <Fact name={t('fact.category')}>{rules.category}</Fact>}
      {rules?.quietHours && (
        <Fact name={t('fact.quiet')}>
          {rules.quietHours.from}–{rules.quietHours.to}
        </Fact>
      )}
      {rules?.cap && (
        <Fact name={t('fact.cap')}>
          {t('fact.cap.value', { count: rules.cap.messages, days: rules.cap.days })}
        </Fact>
      )}
      {collapseKey && <Fact name={t('fact.collapse')}>{collapseKey}</Fact>}
      <Fact name={t('fact.id')}>
        <Id value={message.id} />
      </Fact>
    </Facts>
  )
}
