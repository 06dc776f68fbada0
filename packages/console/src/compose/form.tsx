/** Who, what, when and by which rules, with the look of it beside. */
import type { MessageView, Preview } from '@roost/protocol'
import { type ReactElement, useMemo, useState } from 'react'
import { ApiProblem } from '../api/client.ts'
import { useApps } from '../apps/calls.ts'
import { Actions, focusFirstFault } from './actions.tsx'
import type { Attempts } from './attempts.ts'
import { AudiencePanel } from './audience.tsx'
import { type Made, usePreview } from './calls.ts'
import css from './compose.module.css'
import type { Draft } from './draft.ts'
import { ExperimentSection } from './experiment.tsx'
import { AppSection, GatewaySection, MediaSection } from './extras.tsx'
import { useFaultWords, useTold } from './fault-words.ts'
import { FaultContext } from './field.tsx'
import { MetersPanel, PreviewPanel } from './preview-panel.tsx'
import { languageOfPlace } from './remark-place.ts'
import { type Asked, askedBy, contentIn } from './request.ts'
import { DeliverySection, RulesSection } from './rules.tsx'
import { type Edited, useSending } from './sending.ts'
import { useSettled } from './settled.ts'
import { WhenPanel } from './when.tsx'
import { WordsPanel } from './words.tsx'

export interface FormProps {
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

export function Form(props: FormProps): ReactElement {
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
