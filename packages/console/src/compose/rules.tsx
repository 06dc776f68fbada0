/** How it goes out, and by which rules: category, quiet hours, caps, pace, life, inbox. What the app says stands there as it applies. */
import { Stack, Switch, Text } from '@mantine/core'
import type { AppRules } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useAppRules } from './calls.ts'
import css from './compose.module.css'
import type { DeliveryDraft, Draft, InboxDraft, RulesDraft } from './draft.ts'
import { isTold } from './extras.tsx'
import { Choice, FaultLine, Line, Section, Span } from './field.tsx'

export interface RulesProps {
  readonly app: string
  readonly draft: Draft
  readonly onRules: (given: Partial<RulesDraft>) => void
  readonly onDelivery: (given: Partial<DeliveryDraft>) => void
  readonly onInbox: (given: Partial<InboxDraft>) => void
}

const SOURCES = ['app', 'own', 'none'] as const

export function RulesSection({ app, draft, onRules }: RulesProps): ReactElement {
  const t = useTexts('compose')
  const told = useRulesTold(app, draft)
  const { data: appRules } = useAppRules(app)
  const { rules } = draft
  const categories = categoriesOf(appRules, rules.category)
  return (
    <Section
      title={t('rules')}
      told={told.join(' · ')}
      places={['rules.category', 'rules.quietHours', 'rules.cap', 'rules']}
    >
      <Stack gap="md">
        <Switch
          label={t('rules.transactional')}
          description={t('rules.transactional.hint')}
          checked={rules.kind === 'transactional'}
          onChange={event => onRules({ kind: event.currentTarget.checked ? 'transactional' : 'marketing' })}
        />
        <Choice
          label={t('rules.category')}
          description={categories.length === 0 ? t('rules.category.none') : t('rules.category.hint')}
          value={rules.category}
          place="rules.category"
          options={[
            { value: '', label: t('rules.category.all') },
            ...categories.map(name => ({ value: name, label: name })),
          ]}
          onValue={category => onRules({ category })}
        />
        <QuietHours rules={rules} appRules={appRules} onRules={onRules} />
        {rules.kind === 'marketing' && <Cap rules={rules} appRules={appRules} onRules={onRules} />}
      </Stack>
    </Section>
  )
}

function categoriesOf(appRules: AppRules | undefined, chosen: string): string[] {
  return [...new Set([...(appRules?.categories ?? []), ...(chosen === '' ? [] : [chosen])])]
}

interface RuleProps {
  readonly rules: RulesDraft
  readonly appRules: AppRules | undefined
  readonly onRules: (given: Partial<RulesDraft>) => void
}

function QuietHours({ rules, appRules, onRules }: RuleProps): ReactElement {
  const t = useTexts('compose')
  const ofApp = appRules?.quietHours
  return (
    <div>
      <div className={css.lane}>
        <Choice
          label={t('rules.quiet')}
          value={rules.quietHours}
          options={SOURCES.map(value => ({
            value,
            label:
              value === 'app'
                ? t('rules.quiet.app', {
                    hours: ofApp ? t('rules.hours', { from: ofApp.from, to: ofApp.to }) : t('rules.nothing'),
                  })
                : t(`rules.quiet.${value}`),
          }))}
          onValue={quietHours => onRules({ quietHours })}
        />
        {rules.quietHours === 'own' && (
          <>
            <Line
              type="time"
              label={t('rules.from')}
              value={rules.quietFrom}
              onValue={quietFrom => onRules({ quietFrom })}
            />
            <Line
              type="time"
              label={t('rules.to')}
              value={rules.quietTo}
              onValue={quietTo => onRules({ quietTo })}
            />
            <Choice
              label={t('rules.action')}
              value={rules.quietAction}
              options={(['defer', 'drop'] as const).map(value => ({
                value,
                label: t(`rules.action.${value}`),
              }))}
              onValue={quietAction => onRules({ quietAction })}
            />
          </>
        )}
      </div>
      <FaultLine place="rules.quietHours" />
    </div>
  )
}

function Cap({ rules, appRules, onRules }: RuleProps): ReactElement {
  const t = useTexts('compose')
  const ofApp = appRules?.cap
  return (
    <div>
      <div className={css.lane}>
        <Choice
          label={t('rules.cap')}
          value={rules.cap}
          options={SOURCES.map(value => ({
            value,
            label:
              value === 'app'
                ? t('rules.cap.app', {
                    cap: ofApp
                      ? t('rules.times', { count: ofApp.messages, days: ofApp.days })
                      : t('rules.nothing'),
                  })
                : t(`rules.cap.${value}`),
          }))}
          onValue={cap => onRules({ cap })}
        />
        {rules.cap === 'own' && (
          <>
            <Line
              label={t('rules.capMessages')}
              inputMode="numeric"
              value={rules.capMessages}
              onValue={capMessages => onRules({ capMessages })}
            />
            <Line
              label={t('rules.capDays')}
              inputMode="numeric"
              value={rules.capDays}
              onValue={capDays => onRules({ capDays })}
            />
          </>
        )}
      </div>
      <FaultLine place="rules.cap" />
    </div>
  )
}

/** The rules as they apply, in words: those of the app where the message has none of its own. */
export function useRulesTold(app: string, { rules }: Draft): string[] {
  const t = useTexts('compose')
  const { data: appRules } = useAppRules(app)
  const isFree = rules.kind === 'transactional'
  const own = { from: rules.quietFrom, to: rules.quietTo, action: rules.quietAction }
  const quiet =
    rules.quietHours === 'own' ? own : rules.quietHours === 'none' || isFree ? null : appRules?.quietHours
  const ownCap = { messages: Number(rules.capMessages), days: Number(rules.capDays) }
  const cap = isFree || rules.cap === 'none' ? null : rules.cap === 'own' ? ownCap : appRules?.cap
  return [
    ...(isFree ? [t('told.transactional')] : []),
    ...(rules.category === '' ? [] : [t('told.category', { name: rules.category })]),
    quiet
      ? t(quiet.action === 'drop' ? 'told.quiet.drop' : 'told.quiet.defer', {
          from: quiet.from,
          to: quiet.to,
        })
      : t('told.quiet.none'),
    ...(isFree ? [] : [cap ? t('told.cap', { count: cap.messages, days: cap.days }) : t('told.cap.none')]),
  ]
}

export function DeliverySection({ draft, onDelivery, onInbox }: RulesProps): ReactElement {
  const t = useTexts('compose')
  const format = useFormat()
  const { delivery, inbox, when } = draft
  const told = [
    delivery.ttl.amount && t('field.ttl'),
    delivery.sendRate && t('told.rate', { count: Number(delivery.sendRate) || 0 }),
    delivery.collapseKey && t('delivery.collapse'),
    delivery.campaign,
    inbox.mode !== 'none' && t('delivery.inbox'),
  ].filter(isTold)
  return (
    <Section
      title={t('delivery')}
      told={told.length > 0 ? format.list(told) : t('told.usual')}
      places={['ttlSeconds', 'sendRate', 'collapseKey', 'campaign', 'inbox', 'inbox.until', 'lane']}
    >
      <Stack gap="md">
        <div className={css.lane}>
          <Span
            label={t('field.ttl')}
            description={t('field.ttl.hint')}
            placeholder={t('field.ttl.usual')}
            value={delivery.ttl}
            place="ttlSeconds"
            onValue={ttl => onDelivery({ ttl })}
          />
          <Choice
            label={t('delivery.priority')}
            description={t('delivery.priority.hint')}
            value={delivery.priority}
            options={(['', 'high', 'normal'] as const).map(value => ({
              value,
              label: t(`delivery.priority.${value || 'usual'}`),
            }))}
            onValue={priority => onDelivery({ priority })}
          />
          {when.kind !== 'event' && (
            <Line
              label={t('delivery.rate')}
              description={t('delivery.rate.hint')}
              placeholder={t('delivery.rate.none')}
              inputMode="numeric"
              value={delivery.sendRate}
              place="sendRate"
              onValue={sendRate => onDelivery({ sendRate })}
            />
          )}
          <Choice
            label={t('delivery.lane')}
            description={t('delivery.lane.hint')}
            value={delivery.lane}
            options={(['', 'transactional', 'campaign', 'test'] as const).map(value => ({
              value,
              label: t(`delivery.lane.${value || 'usual'}`),
            }))}
            onValue={lane => onDelivery({ lane })}
          />
          <Line
            label={t('delivery.collapse')}
            description={t('delivery.collapse.hint')}
            value={delivery.collapseKey}
            place="collapseKey"
            onValue={collapseKey => onDelivery({ collapseKey })}
          />
          <Line
            label={t('delivery.campaign')}
            description={t('delivery.campaign.hint')}
            value={delivery.campaign}
            place="campaign"
            onValue={campaign => onDelivery({ campaign })}
          />
        </div>
        {when.kind !== 'event' && <InboxFields draft={draft} onInbox={onInbox} />}
      </Stack>
    </Section>
  )
}

function InboxFields({ draft, onInbox }: Pick<RulesProps, 'draft' | 'onInbox'>): ReactElement {
  const t = useTexts('compose')
  const { inbox, when } = draft
  return (
    <div>
      <div className={css.lane}>
        <Choice
          label={t('delivery.inbox')}
          value={inbox.mode}
          place="inbox"
          options={(['none', 'also', 'only'] as const).map(value => ({
            value,
            label: t(`delivery.inbox.${value}`),
          }))}
          onValue={mode => onInbox({ mode })}
        />
        {inbox.mode !== 'none' && when.kind !== 'cron' && (
          <Line
            type="datetime-local"
            label={t('delivery.inbox.until')}
            description={inbox.until === '' ? t('delivery.inbox.until.hint') : undefined}
            value={inbox.until}
            place="inbox.until"
            onValue={until => onInbox({ until })}
          />
        )}
      </div>
      {inbox.mode !== 'none' && (
        <Text size="xs" c="dimmed" mt={4}>
          {t('delivery.inbox.hint')}
        </Text>
      )}
    </div>
  )
}
