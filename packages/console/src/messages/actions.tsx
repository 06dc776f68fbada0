/** What can be done about a message: change, pause, resume, cancel, recall, copy. Each asks first and names how many it concerns. */
import { Button, Stack, Text, Textarea, TextInput } from '@mantine/core'
import type { MessageView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Problem } from '../parts/problem.tsx'
import { useMay } from '../session/session.tsx'
import { type ControlVerb, useControl } from './calls.ts'

export interface ActionsProps {
  readonly app: string
  readonly message: MessageView
}

const DAY_MS = 24 * 3_600_000
/** As long as is on record whom a gateway took a message for. */
const RECALL_WITHIN_DAYS = 30

export function MessageActions({ app, message }: ActionsProps): ReactElement | null {
  const t = useTexts('report')
  const may = useMay('send')
  const control = useControl(app, message.id)
  const [asked, setAsked] = useState<'cancel' | 'recall'>()
  const close = (): void => {
    control.reset()
    setAsked(undefined)
  }
  const act = (verb: ControlVerb): void => control.mutate({ verb })
  const { state } = message
  const isOpen = state === 'scheduled' || state === 'sending' || state === 'paused'
  if (!may) return null
  return (
    <>
      {(state === 'sending' || state === 'scheduled') && (
        <Button variant="default" loading={control.isPending} onClick={() => act('pause')}>
          {t('pause')}
        </Button>
      )}
      {state === 'paused' && (
        <Button loading={control.isPending} onClick={() => act('resume')}>
          {t('resume')}
        </Button>
      )}
      {isOpen && (
        <Button variant="default" onClick={() => setAsked('cancel')}>
          {t('cancel')}
        </Button>
      )}
      {canRecall(message) && (
        <Button variant="default" onClick={() => setAsked('recall')}>
          {t('recall')}
        </Button>
      )}
      {canEdit(message) && (
        <ButtonLink
          variant="default"
          to="/apps/$app/messages/new"
          params={{ app }}
          search={{ edit: message.id }}
        >
          {t('edit')}
        </ButtonLink>
      )}
      {message.recalls === null && (
        <ButtonLink
          variant="default"
          to="/apps/$app/messages/new"
          params={{ app }}
          search={{ from: message.id }}
        >
          {t('copy')}
        </ButtonLink>
      )}
      {control.error && asked === undefined && (
        <div style={{ flexBasis: '100%' }}>
          <Problem error={control.error} />
        </div>
      )}
      <CancelConfirm
        message={message}
        isOpen={asked === 'cancel'}
        isPending={control.isPending}
        error={control.error}
        onConfirm={() => control.mutate({ verb: 'cancel' }, { onSuccess: close })}
        onClose={close}
      />
      <RecallConfirm
        message={message}
        isOpen={asked === 'recall'}
        isPending={control.isPending}
        error={control.error}
        onRecall={content =>
          control.mutate({ verb: 'recall', ...(content && { content }) }, { onSuccess: close })
        }
        onClose={close}
      />
    </>
  )
}

/** As far as it shows: the server looks whether anything of it has begun. */
function canEdit({ state, counts, waiting, recalls, audience }: MessageView): boolean {
  const hasBegun = counts.targeted + waiting > 0
  return (
    (state === 'scheduled' || (state === 'paused' && !hasBegun)) &&
    recalls === null &&
    audience.kind !== 'trigger'
  )
}

/** What nobody has got yet is cancelled, which says the same. */
function canRecall({ counts, recalls, recalledBy, sendAt, content }: MessageView): boolean {
  const { silent } = content as { readonly silent?: boolean }
  return (
    counts.accepted + counts.uncertain > 0 &&
    recalls === null &&
    recalledBy === null &&
    silent !== true &&
    Date.parse(sendAt) > Date.now() - RECALL_WITHIN_DAYS * DAY_MS
  )
}

interface AskingProps {
  readonly message: MessageView
  readonly isOpen: boolean
  readonly isPending: boolean
  readonly error: Error | null
  readonly onClose: () => void
}

function CancelConfirm({
  message,
  ...asking
}: AskingProps & { readonly onConfirm: () => void }): ReactElement {
  const t = useTexts('report')
  const { accepted } = message.counts
  return (
    <Confirm
      {...asking}
      title={t('cancel.title')}
      verb={t('cancel.verb')}
      keepVerb={t('cancel.keep')}
      isDangerous
    >
      <Text size="sm">
        {message.waiting > 0 ? t('cancel.waiting', { count: message.waiting }) : t('cancel.nobodyYet')}
      </Text>
      {accepted > 0 && (
        <Text size="sm" mt="xs">
          {t('cancel.sent', { count: accepted })}
        </Text>
      )}
    </Confirm>
  )
}

interface RecallConfirmProps extends AskingProps {
  readonly onRecall: (content: { readonly title?: string; readonly body?: string } | undefined) => void
}

function RecallConfirm({ message, onRecall, ...asking }: RecallConfirmProps): ReactElement {
  const t = useTexts('report')
  const [title, setTitle] = useState('')
  const [body, setBody] = useState('')
  const words = { ...(title.trim() && { title: title.trim() }), ...(body.trim() && { body: body.trim() }) }
  const hasWords = Object.keys(words).length > 0
  return (
    <Confirm
      {...asking}
      title={t('recall.title')}
      verb={hasWords ? t('recall.replace') : t('recall.takeAway')}
      isDangerous
      onConfirm={() => onRecall(hasWords ? words : undefined)}
    >
      <Stack gap="sm">
        <Text size="sm">
          {t('recall.reach', { count: Math.max(0, message.counts.accepted - message.counts.opened) })}
        </Text>
        <TextInput
          label={t('recall.newTitle')}
          value={title}
          onChange={event => setTitle(event.currentTarget.value)}
        />
        <Textarea
          label={t('recall.newBody')}
          value={body}
          autosize
          minRows={2}
          onChange={event => setBody(event.currentTarget.value)}
        />
        <Text size="sm" c="dimmed" aria-live="polite">
          {hasWords ? t('recall.limits.replace') : t('recall.limits.takeAway')}
        </Text>
      </Stack>
    </Confirm>
  )
}
