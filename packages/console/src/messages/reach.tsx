/** Where a message lost people, step by step, and by which reasons; each step and reason leads to its devices. */
import { Alert, Stack, Text } from '@mantine/core'
import type { MessageView, ReachView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { Told } from '../diagnosis/told.tsx'
import { useFormat, useLanguage, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { useReach } from './calls.ts'
import { type Reason, reasonsOf } from './groups.ts'
import { useOutcomeLooks } from './looks.ts'
import { RemedyText } from './mend.tsx'
import css from './messages.module.css'
import { OUTCOMES } from './outcomes.ts'

export interface ReachPanelsProps {
  readonly app: string
  readonly message: MessageView
}

export function ReachPanels({ app, message }: ReachPanelsProps): ReactElement {
  const { locale } = useLanguage()
  const query = useReach(app, message.id, locale)
  return (
    <Loaded query={query} lines={12}>
      {reach => (
        <Stack gap="md">
          <Standing app={app} reach={reach} />
          <Steps app={app} reach={reach} />
          {reach.groups.length > 0 && <Groups app={app} reach={reach} />}
        </Stack>
      )}
    </Loaded>
  )
}

interface PartProps {
  readonly app: string
  readonly reach: ReachView
}

/** What concerns the message as a whole: it comes first. */
function Standing({ app, reach }: PartProps): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const { course, held, incidents } = reach
  return (
    <>
      {course && (
        <Alert color="yellow" variant="light" title={course.title}>
          <Text size="sm">
            <Told pieces={course.pieces} />
          </Text>
          <RemedyText app={app} rule={course.rule} remedy={course.remedy} />
        </Alert>
      )}
      {held.map(({ gateway, reason, rule, title, remedy }) => (
        <Alert key={`${gateway} ${reason}`} color="yellow" variant="light" title={t('held', { title })}>
          <RemedyText app={app} rule={rule} remedy={remedy} />
        </Alert>
      ))}
      {incidents.map(({ rule, title, count, share, remedy }) => (
        <Alert
          key={rule}
          color="orange"
          variant="light"
          title={t('incident', { title, count, share: format.percent(share) })}
        >
          <RemedyText app={app} rule={rule} remedy={remedy} />
        </Alert>
      ))}
    </>
  )
}

function Steps({ app, reach }: PartProps): ReactElement {
  const t = useTexts('report')
  const format = useFormat()
  const now = reach.steps.filter(({ basis }) => basis === 'now')
  const sent = reach.steps.filter(({ basis }) => basis !== 'now')
  return (
    <Panel
      title={t('reach')}
      aside={
        <Text size="xs" c="dimmed">
          {t('asOf', { time: format.time(reach.asOf) })}
        </Text>
      }
    >
      {now.length > 0 && (
        <>
          <StepList app={app} reach={reach} steps={now} />
          {/* between them: who died of the message is missing above, and among the lost below */}
          <Text size="xs" c="dimmed" my="sm">
            {t('basis.now')}
          </Text>
        </>
      )}
      <StepList app={app} reach={reach} steps={sent} />
      <Text size="xs" c="dimmed" mt="sm">
        {reach.errorPercent > 0 &&
          `${t('basis.error', { error: format.percent(reach.errorPercent / 100) })} `}
        {t('basis.told')}
      </Text>
    </Panel>
  )
}

interface StepListProps extends PartProps {
  readonly steps: ReachView['steps']
}

function StepList({ app, reach, steps }: StepListProps): ReactElement {
  const format = useFormat()
  const most = Math.max(1, ...reach.steps.map(({ count }) => count))
  return (
    <ol className={css.steps}>
      {steps.map(({ step, title, count, lost, basis, devices }) => (
        <li key={step} className={css.step}>
          <span>{title}</span>
          <span className={css.stepBar} aria-hidden>
            <span
              className={css.stepFill}
              data-basis={basis}
              data-empty={count === 0 || undefined}
              style={{ width: `${(count / most) * 100}%` }}
            />
          </span>
          <b className={css.number}>{format.count(count)}</b>
          <span className={css.number}>
            <Lost
              app={app}
              id={reach.messageId}
              step={step}
              lost={devices === null ? null : lost}
              plain={lost}
            />
          </span>
        </li>
      ))}
    </ol>
  )
}

interface LostProps {
  readonly app: string
  readonly id: string
  readonly step: ReachView['steps'][number]['step']
  /** Null: they are nowhere listed. */
  readonly lost: number | null
  readonly plain: number | null
}

function Lost({ app, id, step, lost, plain }: LostProps): ReactElement | null {
  const t = useTexts('report')
  if (plain === null || plain === 0) return null
  // who has told nothing of it is not lost
  const words = t(isTold(step) ? `untold.${step}` : 'lost', { count: plain })
  if (lost === null)
    return (
      <Text span size="sm" c="dimmed">
        {words}
      </Text>
    )
  return (
    <TextLink
      to="/apps/$app/messages/$message/lost/$step"
      params={{ app, message: id, step }}
      size="sm"
      data-step={step}
    >
      {words}
    </TextLink>
  )
}

function isTold(step: LostProps['step']): step is 'received' | 'opened' {
  return step === 'received' || step === 'opened'
}

function Groups({ app, reach }: PartProps): ReactElement {
  const t = useTexts('report')
  return (
    <Panel title={t('why')}>
      <DataTable
        label={t('why')}
        rows={reasonsOf(reach.groups)}
        keyOf={({ step, outcome, reason }) => [step, outcome, reason].join(' ')}
        columns={useGroupColumns(app, reach)}
      />
    </Panel>
  )
}

function useGroupColumns(app: string, reach: ReachView): readonly Column<Reason>[] {
  const t = useTexts('report')
  const format = useFormat()
  const looks = useOutcomeLooks()
  const outcomeOf = (outcome: string): string => {
    const known = OUTCOMES.find(each => each === outcome)
    return known ? looks[known].label : outcome
  }
  return [
    {
      key: 'cause',
      title: t('cause'),
      width: 'minmax(0, 1.3fr)',
      cell: ({ title, outcome, reason, gateways }) => (
        <div>
          <Text size="sm" fw={600}>
            {title}
          </Text>
          <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
            {[outcomeOf(outcome), ...gateways.map(each => t.known(`gateway.${each}`) ?? each), reason]
              .filter(Boolean)
              .join(' · ')}
          </Text>
        </div>
      ),
    },
    {
      key: 'remedy',
      title: t('remedy'),
      width: 'minmax(0, 2fr)',
      cell: ({ rule, remedy }) => <RemedyText app={app} rule={rule} remedy={remedy} />,
    },
    {
      key: 'count',
      title: t('devices'),
      isNumber: true,
      width: '116px',
      cell: ({ count, share, step, reason }) => (
        <span>
          {reason === 'cancelled' || reason === 'no_record' ? (
            format.count(count)
          ) : (
            <TextLink
              to="/apps/$app/messages/$message/lost/$step"
              params={{ app, message: reach.messageId, step }}
              search={{ reason }}
              size="sm"
              aria-label={t('showDevices', { count })}
            >
              {format.count(count)}
            </TextLink>
          )}
          <Text span size="xs" c="dimmed" display="block">
            {format.percent(share)}
          </Text>
        </span>
      ),
    },
  ]
}
