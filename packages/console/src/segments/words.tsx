/** A condition in words, as the form has them, for whoever only looks at it. */
import { Text } from '@mantine/core'
import type { Comparison, Condition } from '@roost/protocol'
import { Fragment, type ReactElement, type ReactNode } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { joinName } from './builder.tsx'
import { useLists, useMessageNames, useSegments } from './calls.ts'
import { isDaysAgo, operandsOf, subjectOf, typeOf } from './kinds.ts'
import { operatorText, useTagTypes } from './rule/comparison.tsx'
import { useChoiceName } from './rule/values.tsx'
import css from './segments.module.css'
import { fromCondition, type Group, isGroup, type Rule } from './tree.ts'

export function ConditionInWords({
  app,
  condition,
}: {
  readonly app: string
  readonly condition: Condition
}): ReactElement {
  return <GroupInWords app={app} group={fromCondition(condition)} />
}

function GroupInWords({ app, group }: { readonly app: string; readonly group: Group }): ReactElement {
  const t = useTexts('segments')
  const hasJoin = group.parts.length > 1 || group.isNot
  return (
    <div>
      {hasJoin && (
        <Text size="sm" c="dimmed">
          {t(`join.${joinName(group)}`)}
        </Text>
      )}
      <ul className={css.words} data-plain={!hasJoin || undefined}>
        {group.parts.map(part => (
          <li key={part.id}>
            {isGroup(part) ? <GroupInWords app={app} group={part} /> : <RuleInWords app={app} rule={part} />}
          </li>
        ))}
      </ul>
    </div>
  )
}

/** What it is about, the name, the comparison and the values. */
function RuleInWords({ app, rule }: { readonly app: string; readonly rule: Rule }): ReactElement {
  const t = useTexts('segments')
  const { leaf, isNot } = rule
  const subject = t(`subject.${subjectOf(leaf)}`)
  if ('event' in leaf)
    return (
      <Line subject={subject}>
        {t(isNot ? 'didNot' : 'did')} <b>{leaf.event}</b>{' '}
        {leaf.atLeast !== undefined && `${t('event.atLeast.prefix')}${leaf.atLeast} `}
        <Within days={leaf.withinDays} />
      </Line>
    )
  if ('message' in leaf)
    return (
      <Line subject={subject}>
        {t(isNot ? 'didNot' : 'did')} {t(`was.${leaf.was}`)} <MessageName app={app} id={leaf.message} />{' '}
        <Within days={leaf.withinDays} />
      </Line>
    )
  if ('list' in leaf)
    return (
      <Line subject={subject}>
        {t(isNot ? 'isNotIn' : 'isIn')} <ListName app={app} id={leaf.list} />
      </Line>
    )
  if ('segment' in leaf)
    return (
      <Line subject={subject}>
        {t(isNot ? 'isNotIn' : 'isIn')} <SegmentName app={app} id={leaf.segment} />
      </Line>
    )
  return <ComparisonInWords app={app} comparison={leaf} isNot={isNot} subject={subject} />
}

function Line({
  subject,
  children,
}: {
  readonly subject: string
  readonly children: ReactNode
}): ReactElement {
  return (
    <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
      <Text span size="sm" c="dimmed">
        {subject}
      </Text>{' '}
      {children}
    </Text>
  )
}

interface ComparisonInWordsProps {
  readonly app: string
  readonly comparison: Comparison
  readonly isNot: boolean
  readonly subject: string
}

function ComparisonInWords({ app, comparison, isNot, subject }: ComparisonInWordsProps): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const nameOfChoice = useChoiceName(comparison.field)
  const type = typeOf(comparison, useTagTypes(app))
  const { tag, field, op, value } = comparison
  const values = operandsOf(value).map(each => {
    if (isDaysAgo(each)) return `${format.count(each.daysAgo)} ${t('day.ago')}`
    if (typeof each === 'boolean') return t(each ? 'true' : 'false')
    return type === 'choice' ? nameOfChoice(String(each)) : String(each)
  })
  return (
    <Line subject={subject}>
      {isNot && `${t('not')}: `}
      <b>{field === undefined ? tag : t(`field.${field}`)}</b> {operatorText(t, op, type)}{' '}
      {values.map((each, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: values may be there twice, and never move
        <Fragment key={at}>
          {at > 0 && (op === 'between' ? ` ${t('range.and')} ` : ', ')}
          <b>{each}</b>
        </Fragment>
      ))}
    </Line>
  )
}

function Within({ days }: { readonly days: number | undefined }): ReactNode {
  const t = useTexts('segments')
  return days === undefined ? null : `${t('within.prefix')}${days}${t('within.suffix')}`
}

interface NamedProps {
  readonly app: string
  readonly id: string
}

function MessageName({ app, id }: NamedProps): ReactElement {
  const t = useTexts('segments')
  const { data } = useMessageNames(app)
  if (id === 'any') return <b>{t('message.any')}</b>
  const found = data?.find(message => message.id === id)
  return (
    <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }}>
      {found ? (found.title ?? t('message.untitled')) : t('message.older', { id: id.slice(-6) })}
    </TextLink>
  )
}

function ListName({ app, id }: NamedProps): ReactElement {
  const { data } = useLists(app)
  return <b>{data?.find(list => list.id === id)?.name ?? '…'}</b>
}

function SegmentName({ app, id }: NamedProps): ReactElement {
  const { data } = useSegments(app)
  return (
    <TextLink to="/apps/$app/segments/$segment" params={{ app, segment: id }}>
      {data?.find(segment => segment.id === id)?.name ?? '…'}
    </TextLink>
  )
}
