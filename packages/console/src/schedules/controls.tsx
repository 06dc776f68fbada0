/** Pausing, resuming and ending what recurs. Ending asks and says what of it stays. */
import { Button, Group } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Problem } from '../parts/problem.tsx'
import { useMay } from '../session/session.tsx'
import { type Recurring, useRecurringControl } from './calls.ts'

export interface ControlsProps {
  readonly app: string
  readonly kind: Recurring
  readonly id: string
  readonly name: string
  readonly state: 'active' | 'paused'
  /** Occasions of a trigger that would be lost. */
  readonly waiting?: number
  readonly onEnded?: () => void
}

export function Controls({
  app,
  kind,
  id,
  name,
  state,
  waiting = 0,
  onEnded,
}: ControlsProps): ReactElement | null {
  const t = useTexts('schedules')
  const control = useRecurringControl(app, { kind, id })
  const [isAsked, setAsked] = useState(false)
  const close = (): void => {
    control.reset()
    setAsked(false)
  }
  if (!useMay('send')) return null
  return (
    <>
      <Group gap="xs" wrap="nowrap" justify="flex-end">
        <Button
          size="xs"
          variant="default"
          loading={control.isPending && !isAsked}
          aria-label={`${t(state === 'active' ? 'pause' : 'resume')}: ${name}`}
          onClick={() => control.mutate(state === 'active' ? 'pause' : 'resume')}
        >
          {t(state === 'active' ? 'pause' : 'resume')}
        </Button>
        <Button
          size="xs"
          variant="default"
          aria-label={`${t('end')}: ${name}`}
          onClick={() => setAsked(true)}
        >
          {t('end')}
        </Button>
      </Group>
      {control.error && !isAsked && <Problem error={control.error} />}
      <Confirm
        isOpen={isAsked}
        title={t('end.title', { name })}
        verb={t('end.verb')}
        isDangerous
        isPending={control.isPending}
        error={control.error}
        onConfirm={() =>
          control.mutate('end', {
            onSuccess: () => {
              close()
              onEnded?.()
            },
          })
        }
        onClose={close}
      >
        {kind === 'schedules' ? t('end.schedule') : t('end.trigger', { count: waiting })}
      </Confirm>
    </>
  )
}
