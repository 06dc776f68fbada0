/** What the pages of one schedule and of one trigger begin with. */
import { Alert } from '@mantine/core'
import type { ScheduleView, TriggerView } from '@roost/protocol'
import { useNavigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { PageHead } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { ReadOnlyMark, useAppCode } from '../session/session.tsx'
import type { Recurring } from './calls.ts'
import { Controls } from './controls.tsx'

export interface RecurringHeadProps {
  readonly kind: Recurring
  readonly id: string
  /** Undefined while it loads. */
  readonly view: ScheduleView | TriggerView | undefined
}

export function RecurringHead({ kind, id, view }: RecurringHeadProps): ReactElement {
  const t = useTexts('schedules')
  const app = useAppCode()
  const navigate = useNavigate()
  return (
    <PageHead
      title={view?.name ?? t(kind === 'schedules' ? 'schedule' : 'trigger')}
      about={view && <RecurringState state={view.state} fault={view.lastFault} />}
      back={
        <TextLink to="/apps/$app/schedules" params={{ app }}>
          {t('title')}
        </TextLink>
      }
    >
      <ReadOnlyMark right="send" />
      {view && (
        <Controls
          app={app}
          kind={kind}
          id={id}
          name={view.name}
          state={view.state}
          {...('counts' in view && { waiting: view.counts.waiting })}
          onEnded={() => void navigate({ to: '/apps/$app/schedules', params: { app } })}
        />
      )}
    </PageHead>
  )
}

/** What kept it from sending the last time. */
export function LastFault({ fault }: { readonly fault: string | null }): ReactElement | null {
  const t = useTexts('schedules')
  if (fault === null) return null
  return (
    <Alert color="orange" variant="light" title={t('fault')}>
      {fault}
    </Alert>
  )
}

export function RecurringState({
  state,
  fault,
}: {
  readonly state: 'active' | 'paused'
  readonly fault: string | null
}): ReactElement {
  const t = useTexts('schedules')
  if (fault !== null) return <StateBadge tone="bad" label={t('state.fault')} hint={fault} />
  return <StateBadge tone={state === 'active' ? 'good' : 'warning'} label={t(`state.${state}`)} />
}
