/** Writing a message: who, what, when and by which rules, with its look beside it; then a last look, and it goes out. */
import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import type { MessageView, Preview } from '@roost/protocol'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ApiProblem, type Reading } from '../api/client.ts'
import { type Faults, faultsOf } from '../api/faults.ts'
import { useApps } from '../apps/calls.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useProblemTexts } from '../parts/use-faults.ts'
import { useAppCode, useMay, useSession } from '../session/session.tsx'
import { Attempts } from './attempts.ts'
import { AudiencePanel } from './audience.tsx'
import { keyOfEdited, type Made, useCopied, useEdited, usePreview, useSchedule } from './calls.ts'
import css from './compose.module.css'
import { draftOf, draftOfScheduled, unshownIn } from './copy.ts'
import { type Draft, EMPTY_DRAFT } from './draft.ts'
import { forgetDraft, keepDraft, nameOfDraft, readDraft } from './draft-store.ts'
import { ExperimentSection } from './experiment.tsx'
import { AppSection, GatewaySection, MediaSection } from './extras.tsx'
import { type FaultAt, FaultContext } from './field.tsx'
import { LeavingGuard } from './leaving.tsx'
import { MetersPanel, PreviewPanel } from './preview-panel.tsx'
import { languageOfPlace, placeOf } from './remark-place.ts'
import { useRemark } from './remarks.ts'
import { type Asked, askedBy, contentIn } from './request.ts'
import { Review } from './review.tsx'
import { DeliverySection, RulesSection } from './rules.tsx'
import { type Edited, type Sending, useSending } from './sending.ts'
import { useSettled } from './settled.ts'
import { TestSend } from './test-send.tsx'
import { WhenPanel } from './when.tsx'
import { WordsPanel } from './words.tsx'

const route = getRouteApi('/apps/$app/messages/new')

export function ComposePage(): ReactElement {
  const t = useTexts('compose')
  const app = useAppCode()
  const { from, edit } = route.useSearch()
  const back = (
    <TextLink to="/apps/$app/messages" params={{ app }} size="sm">
      {t('back')}
    </TextLink>
  )
  const title = edit !== undefined ? 'title.edit' : from !== undefined ? 'title.copy' : 'title'
  return (
    <>
      <PageHead title={t(title)} back={back} />
      {!useMay('send') ? (
        <Panel>
          <Empty title={t('readOnly')}>{t('readOnly.body')}</Empty>
        </Panel>
      ) : edit !== undefined ? (
        <Editing key={edit} app={app} id={edit} />
      ) : from !== undefined ? (
        <Copying key={from} app={app} id={from} />
      ) : (
        <Composer app={app} />
      )}
    </>
  )
}

interface OfMessageProps {
  readonly app: string
  readonly id: string
}

function Copying({ app, id }: OfMessageProps): ReactElement {
  const copied = useCopied(app, id)
  return (
    <Loaded query={copied} lines={10}>
      {message => <Composer app={app} copied={message} />}
    </Loaded>
  )
}

function Editing({ app, id }: OfMessageProps): ReactElement {
  const t = useTexts('compose')
  const client = useQueryClient()
  const edited = useEdited(app, id)
  const reread = (): void => void client.resetQueries({ queryKey: keyOfEdited(app, id) })
  return (
    <Loaded query={edited} lines={10}>
      {reading =>
        reading.data.state === 'scheduled' || reading.data.state === 'paused' ? (
          <Composer app={app} edited={reading} onReread={reread} />
        ) : (
          <Panel>
            <Empty
              title={t('edit.begun')}
              action={
                <ButtonLink to="/apps/$app/messages/$message" params={{ app, message: id }}>
                  {t('made.open')}
                </ButtonLink>
              }
            >
              {t('edit.begun.body')}
            </Empty>
          </Panel>
        )
      }
    </Loaded>
  )
}

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

function Composer(props: ComposerProps): ReactElement {
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

interface FormProps {
  readonly app: string
  readonly copied?: MessageView
  readonly edited?: Edited
  readonly onReread: () => void
  readonly draft: Draft
  readonly setDraft: (change: (draft: Draft) => Draft) => void
  readonly attempts: Attempts
  readonly isKept: boolean
  readonly onMade: (kind: Asked['kind'], made: Made) => void
}

function Form(props: FormProps): ReactElement {
  const { app, draft, setDraft, edited } = props
  const [language, setLanguage] = useState('')
  const [isTried, setTried] = useState(false)
  const asked = useMemo(() => askedBy(draft, { nowMs: Date.now() }), [draft])
  const sending = useSending(app)
  const preview = useDraftPreview(app, draft, asked)
  const told = useTold(draft, [sending.error, preview.error, ...problemsOf(preview.data)])
  const faultAt = useFaultWords({ draft, asked, isTried, told, preview: preview.data })
  const set =
    <Name extends keyof Draft>(name: Name) =>
    (given: Partial<Draft[Name]>): void => {
      sending.reset()
      setDraft(before => ({ ...before, [name]: { ...before[name], ...given } }))
    }
  const { data: apps } = useApps()
  const { content, when } = draft
  const extras = { app, content, images: preview.data?.images ?? [], onChange: set('content') }
  const rules = { app, draft, onRules: set('rules'), onDelivery: set('delivery'), onInbox: set('inbox') }
  const isTold = Object.keys(useTold(draft, [preview.error])).length > 0
  const previewError = isTold ? null : preview.error
  return (
    <FaultContext value={faultAt}>
      <div className={css.layout}>
        <AudiencePanel
          app={app}
          audience={draft.audience}
          isRecurring={when.kind === 'cron' || when.kind === 'event'}
          onChange={set('audience')}
        />
        <WordsPanel
          app={app}
          content={content}
          onChange={set('content')}
          language={language}
          onLanguage={setLanguage}
        />
        <aside className={css.side}>
          <PreviewPanel
            app={app}
            appName={apps?.find(it => it.code === app)?.name ?? app}
            content={useMemo(() => contentIn(content), [content])}
            preview={preview.data}
            error={previewError}
            language={language}
            languages={content.languages.map(it => it.language)}
            onLanguage={setLanguage}
          />
          <MetersPanel preview={preview.data} error={previewError} />
        </aside>
        {!content.isSilent && <MediaSection {...extras} />}
        <AppSection {...extras} />
        <GatewaySection {...extras} />
        <WhenPanel app={app} when={when} isOnce={edited !== undefined} onChange={set('when')} />
        <RulesSection {...rules} />
        <DeliverySection {...rules} />
        <ExperimentSection experiment={draft.experiment} onChange={set('experiment')} />
        <Actions
          {...props}
          asked={asked}
          sending={sending}
          onTried={() => setTried(true)}
          onPlace={place => {
            setLanguage(languageOfPlace(place) ?? '')
            // the field is there once its language is shown
            requestAnimationFrame(() => requestAnimationFrame(focusFirstFault))
          }}
        />
      </div>
    </FaultContext>
  )
}

/** Asked with each pause of typing, once there is something to look at. */
function useDraftPreview(app: string, draft: Draft, asked: Asked) {
  const isReadable = !Object.keys(asked.faults).some(it => it.startsWith('content'))
  const wanted = isReadable
    ? {
        content: asked.message.content as Record<string, unknown>,
        to: asked.message.to as never,
        devices: undefined,
      }
    : undefined
  const settled = useSettled(wanted)
  const query = usePreview(app, settled)
  const hasText = draft.content.isSilent || isReadable
  return {
    data: hasText && settled !== undefined ? query.data : undefined,
    error: settled ? query.error : null,
  }
}

/** What the server found in content that it could read: as it would refuse it. */
function problemsOf(preview: Preview | undefined): ApiProblem[] {
  return (preview?.problems ?? []).map(
    problem => new ApiProblem({ ...problem, status: 400, remedy: '', requestId: undefined }),
  )
}

const FIELD_OF_CODE = {
  condition_invalid: 'to',
  segment_unknown: 'to',
  image_refused: 'content.image',
  schedule_name_taken: 'name',
  trigger_name_taken: 'name',
}

/** By the place in the message, whichever call the refusal answered; in the reader's language where its remarks have the values. */
function useTold({ experiment }: Draft, errors: readonly unknown[]): Faults {
  const wordsOf = useRemark()
  const { t } = useProblemTexts(...errors)
  const variants = experiment.isOn ? experiment.variants.map(it => it.name.trim()) : []
  const faultsIn = (error: unknown): (readonly [string, string])[] => {
    const remarks = error instanceof ApiProblem ? (error.body.remarks ?? []) : []
    if (remarks.length === 0)
      return Object.entries(faultsOf(error, t, FIELD_OF_CODE)).map(([place, words]) => [
        place.replace(/^(?:message|send)\./, ''),
        words,
      ])
    return remarks.flatMap(remark => {
      const place = placeOf(remark, variants)
      return place === undefined ? [] : [[place, wordsOf(remark)] as const]
    })
  }
  return Object.fromEntries(errors.flatMap(faultsIn))
}

interface FaultWords {
  readonly draft: Draft
  readonly asked: Asked
  readonly isTried: boolean
  readonly told: Faults
  readonly preview: Preview | undefined
}

/** What is not there yet is no fault before somebody wants to send. */
function useFaultWords({ draft, asked, isTried, told, preview }: FaultWords): FaultAt {
  const t = useTexts('compose')
  const wordsOf = useRemark()
  return useCallback(
    place => {
      const code = asked.faults[place]
      const isEarly = !isTried && (code === 'needed' || code === 'shown')
      if (code !== undefined && !isEarly) return t(`fault.${code}`)
      if (place === 'content.image' && draft.content.onBadImage === 'refuse') {
        const image = preview?.images.find(it => it.url === draft.content.words.image.trim())
        if (image?.fault && image.remark) return wordsOf(image.remark)
      }
      return told[place]
    },
    [asked, isTried, told, preview, draft, t, wordsOf],
  )
}

interface ActionsProps extends FormProps {
  readonly asked: Asked
  readonly sending: Sending
  readonly onTried: () => void
  /** To the field at this place, where something is wrong. */
  readonly onPlace: (place: string) => void
}

/** Always in sight: what is wrong, and the two ways out. */
function Actions(props: ActionsProps): ReactElement {
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

function focusFirstFault(): void {
  const field = document.querySelector<HTMLElement>('main [aria-invalid="true"], main [role="alert"]')
  field?.focus()
  field?.scrollIntoView({ block: 'center' })
}

interface SentProps {
  readonly app: string
  readonly made: { readonly kind: Asked['kind']; readonly id: string }
  readonly onAnother: () => void
}

/** A message goes on on its own page; of what recurs nothing has been sent yet. */
function Sent({ app, made, onAnother }: SentProps): ReactElement {
  const t = useTexts('compose')
  const navigate = useNavigate()
  const { kind, id } = made
  useEffect(() => {
    if (kind === 'message')
      void navigate({ to: '/apps/$app/messages/$message', params: { app, message: id }, replace: true })
  }, [kind, id, app, navigate])
  return (
    <Panel>
      <Empty
        title={t(`made.${kind}`)}
        action={
          <Group justify="center" gap="xs">
            <Button variant="default" onClick={onAnother}>
              {t('made.another')}
            </Button>
            {kind === 'schedule' && (
              <ButtonLink to="/apps/$app/schedules/$schedule" params={{ app, schedule: id }}>
                {t('made.open')}
              </ButtonLink>
            )}
            {kind === 'trigger' && (
              <ButtonLink to="/apps/$app/triggers/$trigger" params={{ app, trigger: id }}>
                {t('made.open')}
              </ButtonLink>
            )}
          </Group>
        }
      >
        <Stack gap={4}>
          {t(`made.${kind}.body`)}
          {kind === 'schedule' && <NextRun app={app} id={id} />}
        </Stack>
      </Empty>
    </Panel>
  )
}

function NextRun({ app, id }: { readonly app: string; readonly id: string }): ReactElement | null {
  const t = useTexts('compose')
  const format = useFormat()
  const { data } = useSchedule(app, id)
  if (!data || data.nextRuns.length === 0) return null
  return (
    <Text size="sm">
      {t('made.next', { moments: format.list(data.nextRuns.slice(0, 3).map(format.moment)) })}
    </Text>
  )
}
