/** A draft from its beginning to its sending; it is kept in the browser meanwhile. */
import { Alert, Button, Group, Text } from '@mantine/core'
import type { MessageView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useEffect, useState } from 'react'
import type { Reading } from '../api/client.ts'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { useSession } from '../session/session.tsx'
import { Attempts } from './attempts.ts'
import { draftOf, draftOfScheduled, unshownIn } from './copy.ts'
import { type Draft, EMPTY_DRAFT } from './draft.ts'
import { forgetDraft, keepDraft, nameOfDraft, readDraft } from './draft-store.ts'
import { Form } from './form.tsx'
import { LeavingGuard } from './leaving.tsx'
import type { Asked } from './request.ts'
import { Sent } from './sent.tsx'

const route = getRouteApi('/apps/$app/messages/new')

interface ComposerProps {
  readonly app: string
  readonly copied?: MessageView
  /** The message that is changed in place. */
  readonly edited?: Reading<MessageView>
  /** What was written is thrown away, and the message read anew. */
  readonly onReread?: () => void
}

/** What it begins with: what was kept, else the copy, else nothing but whom a link has named. */
function useBeginning({ app, copied, edited }: ComposerProps) {
  const { me } = useSession()
  const { segment = '', device = '', user = '' } = route.useSearch()
  const who = me.person ? `person ${me.person.id}` : `token ${me.token?.id ?? ''}`
  const [beginning] = useState(() => {
    const named = { ...EMPTY_DRAFT.audience, segment, devices: device, users: user }
    const kind = segment ? 'segment' : device ? 'devices' : user ? 'users' : 'all'
    // whom a link has named is a draft of its own: another one that was kept stays what it is
    const of = edited
      ? `edit ${edited.data.id}`
      : (copied?.id ?? ([segment, device, user].join('') || undefined))
    const name = nameOfDraft({ app, who, from: of })
    const kept = readDraft(localStorage, name, Date.now())
    const fresh = edited
      ? draftOfScheduled(edited.data)
      : copied
        ? draftOf(copied)
        : { ...EMPTY_DRAFT, audience: { ...named, kind } as const }
    return {
      name,
      kept,
      fresh,
      draft: kept?.draft ?? fresh,
      attempts: new Attempts(localStorage, name),
      // what was written before goes out from what was read then
      base: kept ? kept.base : edited?.etag,
    }
  })
  return beginning
}

export function Composer(props: ComposerProps): ReactElement {
  const { app, copied, edited, onReread } = props
  const t = useTexts('compose')
  const beginning = useBeginning(props)
  const { base } = beginning
  const [draft, setDraft] = useState<Draft>(beginning.draft)
  const [opened, setOpened] = useState<Draft>(beginning.draft)
  const [isKept, setKept] = useState(true)
  const [isRestored, setRestored] = useState(beginning.kept !== undefined)
  const [made, setMade] = useState<{ readonly kind: Asked['kind']; readonly id: string }>()
  const isChanged = draft !== opened && made === undefined
  useEffect(() => {
    if (!isChanged) return
    setKept(keepDraft(localStorage, beginning.name, { draft, savedAt: new Date().toISOString(), base }))
  }, [draft, isChanged, beginning.name, base])
  const forget = (): void => {
    forgetDraft(localStorage, beginning.name)
    beginning.attempts.end()
  }
  const startOver = (): void => {
    forget()
    setDraft(beginning.fresh)
    setOpened(beginning.fresh)
    setRestored(false)
    setMade(undefined)
  }
  if (made) return <Sent app={app} made={made} onAnother={startOver} />
  return (
    <>
      <LeavingGuard isDirty={isChanged} isKept={isKept} onDiscard={forget} />
      {isRestored && beginning.kept && (
        <Alert variant="light" mb="md" role="status">
          <Group justify="space-between" gap="xs">
            <Text size="sm">
              {t('restored')} <Ago at={beginning.kept.savedAt} />
            </Text>
            <Button size="compact-sm" variant="default" onClick={startOver}>
              {t('startOver')}
            </Button>
          </Group>
        </Alert>
      )}
      <Form
        app={app}
        draft={draft}
        setDraft={setDraft}
        {...(copied && { copied })}
        {...(edited && { edited: { id: edited.data.id, base, unshown: unshownIn(edited.data) } })}
        onReread={() => {
          forget()
          onReread?.()
        }}
        attempts={beginning.attempts}
        isKept={isKept && isChanged}
        onMade={(kind, { id }) => {
          forget()
          setMade({ kind, id })
        }}
      />
    </>
  )
}
