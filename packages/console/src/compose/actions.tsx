/** The bar below a draft: what is wrong, a test, and the last look before it goes out. */
import { Button, Group, Text } from '@mantine/core'
import { type ReactElement, useRef, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import css from './compose.module.css'
import type { FormProps } from './form.tsx'
import { type Asked, askedBy } from './request.ts'
import { Review } from './review.tsx'
import type { Sending } from './sending.ts'
import { TestSend } from './test-send.tsx'

interface ActionsProps extends FormProps {
  readonly asked: Asked
  readonly sending: Sending
  readonly onTried: () => void
  /** To the field at this place, where something is wrong. */
  readonly onPlace: (place: string) => void
}

/** Always in sight: what is wrong, and the two ways out. */
export function Actions(props: ActionsProps): ReactElement {
  const t = useTexts('compose')
  const { app, draft, asked, attempts, sending, isKept, copied, edited, onMade, onTried } = props
  const [step, setStep] = useState<'test' | 'review'>()
  const [isRefused, setRefused] = useState(false)
  const faults = Object.keys(asked.faults).length
  const bar = useRef<HTMLDivElement>(null)
  const check = (places: (place: string) => boolean, next: 'test' | 'review'): void => {
    const wrong = Object.keys(asked.faults).filter(places)
    onTried()
    setRefused(wrong.length > 0)
    if (wrong.length === 0) setStep(next)
    else requestAnimationFrame(focusFirstFault)
  }
  const send = (over = edited): void => {
    // a change may be repeated as it is, and what is made needs a key for that
    const key = over ? {} : { key: attempts.key() }
    const { kind, body } = askedBy(draft, { nowMs: Date.now(), ...key })
    sending.send({ kind, body, edited: over }, made => onMade(kind, made))
  }
  return (
    <div className={css.bar} ref={bar}>
      <Text size="sm" c={isRefused && faults > 0 ? 'red' : 'dimmed'} role="status">
        {isRefused && faults > 0 ? t('faults', { count: faults }) : isKept ? t('kept') : t('kept.none')}
      </Text>
      <Group gap="xs">
        {edited && (
          <Text size="sm" c="dimmed">
            {t('edit.bar')}
          </Text>
        )}
        {copied?.state === 'scheduled' && (
          <Text size="sm" c="dimmed">
            {t('copy.bar')}
          </Text>
        )}
        <Button variant="default" onClick={() => check(place => place.startsWith('content'), 'test')}>
          {t('test')}
        </Button>
        <Button onClick={() => check(() => true, 'review')}>
          {t(edited ? 'review.open.edit' : 'review.open')}
        </Button>
      </Group>
      <TestSend
        app={app}
        message={asked.message}
        isOpen={step === 'test'}
        onClose={() => setStep(undefined)}
      />
      {step === 'review' && (
        <Review
          app={app}
          draft={draft}
          asked={asked}
          isSending={sending.isPending}
          isEdit={edited !== undefined}
          error={sending.error}
          onSend={() => send()}
          onAnew={() => {
            attempts.end()
            send()
          }}
          onOverwrite={() => edited && send({ ...edited, base: undefined })}
          onReread={props.onReread}
          onPlace={place => {
            setStep(undefined)
            props.onPlace(place)
          }}
          onClose={() => setStep(undefined)}
        />
      )}
    </div>
  )
}

export function focusFirstFault(): void {
  const field = document.querySelector<HTMLElement>('main [aria-invalid="true"], main [role="alert"]')
  field?.focus()
  field?.scrollIntoView({ block: 'center' })
}
