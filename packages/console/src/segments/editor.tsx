/**
 * Writes a segment: as a form or as an expression, each of which follows the other, with its size beside it.
 *
 * What was changed meanwhile by somebody else is never overwritten: the server refuses it (412), and both versions are shown.
 */
import {
  Alert,
  Button,
  Group,
  NumberInput,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import type { Condition, SegmentMode, SegmentView } from '@roost/protocol'
import { useNavigate } from '@tanstack/react-router'
import { type ReactElement, useEffect, useMemo, useRef, useState } from 'react'
import { ApiProblem, type Reading } from '../api/client.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { PageHead, Panel, Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { useFaults, useProblemTexts } from '../parts/use-faults.ts'
import { ReadOnlyMark, useMay } from '../session/session.tsx'
import { Builder } from './builder.tsx'
import { type Asked, useChangeSegment, useCreateSegment, useExactPreview, usePreview } from './calls.ts'
import { Conflict } from './conflict.tsx'
import { examplesOf } from './example-texts.ts'
import { Examples } from './examples.tsx'
import { conditionFaultOf } from './faults.ts'
import { isBlank, isComplete, newLeaf } from './kinds.ts'
import css from './segments.module.css'
import { SizeFigures } from './size.tsx'
import { type Group as ConditionGroup, fromCondition, idAt, newGroup, newRule, toCondition } from './tree.ts'

const HOUR_DEFAULT = 3
const FIELD_OF_CODE = { segment_name_taken: 'name' }
const EXAMPLE = examplesOf({ tag: undefined, value: undefined, event: undefined }).tag

interface Draft {
  readonly name: string
  readonly mode: SegmentMode
  readonly hour: number
  readonly root: ConditionGroup
  /** What was typed as an expression or JSON; undefined: the form leads. */
  readonly text: string | undefined
}

function draftOf(segment: SegmentView | undefined): Draft {
  return {
    name: segment?.name ?? '',
    mode: segment?.mode ?? 'live',
    hour: segment?.nightly?.hour ?? HOUR_DEFAULT,
    root: segment ? fromCondition(segment.condition) : newGroup('and', [newRule(newLeaf('field'))]),
    text: undefined,
  }
}

/** What would be saved, to tell whether anything was changed. */
function savedForm({ name, mode, hour, root, text }: Draft): string {
  return JSON.stringify([name, mode, mode === 'nightly' ? hour : 0, toCondition(root), text])
}

export interface EditorProps {
  readonly app: string
  /** As it was when the page was opened; a new one without. */
  readonly reading?: Reading<SegmentView>
}

export function SegmentEditor({ app, reading }: EditorProps): ReactElement {
  const t = useTexts('segments')
  const common = useTexts('common')
  const format = useFormat()
  const navigate = useNavigate()
  const mayManage = useMay('manage')
  const [base, setBase] = useState(reading)
  const [draft, setDraft] = useState(() => draftOf(reading?.data))
  const [isTried, setTried] = useState(false)
  const [savedId, setSavedId] = useState<string>()
  const set = (given: Partial<Draft>): void => setDraft(before => ({ ...before, ...given }))
  const asked = useMemo(() => askedOf(draft), [draft])
  const preview = usePreview(app, asked === 'unreadable' ? undefined : asked)
  useFormFollowsText(draft, preview, set)
  const create = useCreateSegment(app)
  const change = useChangeSegment(app, base?.data.id ?? '')
  const saving = base ? change : create
  const edit = (given: Partial<Draft>): void => {
    set(given)
    // what was refused was another version
    if (saving.isError) saving.reset()
  }
  const isDirty = savedId === undefined && savedForm(draft) !== savedForm(draftOf(base?.data))
  const isEmptyNew = !base && draft.name === '' && draft.text === undefined && isBlank(draft.root)
  const isTextEmpty = draft.text?.trim() === ''
  const isBehind = draft.text !== undefined && (isTextEmpty || preview.isBehind || asked === 'unreadable')
  const { t: texts, isSettled } = useProblemTexts(preview.error)
  const fault = preview.isBehind || !isSettled ? undefined : conditionFaultOf(preview.error, texts)
  useEffect(() => {
    if (savedId !== undefined)
      void navigate({ to: '/apps/$app/segments/$segment', params: { app, segment: savedId } })
  }, [savedId, navigate, app])
  const save = (ifMatch = base?.etag): void => {
    setTried(true)
    const condition = toCondition(draft.root)
    if (draft.name.trim() === '' || !isComplete(draft.root) || !condition || isBehind || fault) return
    const { name, mode, hour } = draft
    const input = { name, mode, condition, ...(mode === 'nightly' && { hour }) }
    if (!base) create.mutate(input, { onSuccess: ({ id }) => setSavedId(id) })
    else change.mutate({ patch: input, ifMatch }, { onSuccess: ({ id }) => setSavedId(id) })
  }
  const faults = useFaults(saving.error, FIELD_OF_CODE)
  const isConflict = saving.error instanceof ApiProblem && saving.error.body.code === 'changed_meanwhile'
  const nameFault = isTried && draft.name.trim() === '' ? t('name.missing') : faults.name
  const partFaults = new Map(
    fault && draft.text === undefined ? [[idAt(draft.root, fault.place), fault.words]] : [],
  )
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        save()
      }}
    >
      <UnsavedGuard isDirty={isDirty && !isEmptyNew} />
      <PageHead
        title={base ? t('edit.title', { name: base.data.name }) : t('new')}
        back={
          <TextLink to="/apps/$app/segments" params={{ app }}>
            {common('back', { place: t('title') })}
          </TextLink>
        }
      >
        <ReadOnlyMark right="manage" />
      </PageHead>
      <div className={css.columns}>
        <div className={css.stack}>
          <Panel>
            <Stack gap="sm">
              <TextInput
                label={t('name')}
                value={draft.name}
                maxLength={200}
                error={nameFault}
                onChange={event => edit({ name: event.currentTarget.value })}
              />
              <ModeFields draft={draft} onDraft={edit} />
            </Stack>
          </Panel>
          <Panel title={t('condition')}>
            <div className={isBehind || (fault && draft.text !== undefined) ? css.behind : undefined}>
              <Builder
                app={app}
                segment={base?.data.id}
                root={draft.root}
                onRoot={root => edit({ root, text: undefined })}
                faults={partFaults}
                hasLacksShown={isTried && draft.text === undefined}
              />
            </div>
          </Panel>
          <ExpressionPanel
            app={app}
            text={draft.text ?? preview.data?.expression ?? ''}
            isLeading={draft.text !== undefined}
            isUnreadable={asked === 'unreadable'}
            fault={draft.text === undefined ? undefined : fault}
            onText={text => edit({ text })}
          />
        </div>
        <div className={css.side}>
          <Panel title={t('size')}>
            <PreviewSize
              app={app}
              asked={asked === 'unreadable' ? undefined : asked}
              preview={preview}
              hasFault={fault !== undefined}
            />
          </Panel>
        </div>
      </div>
      <div className={css.save}>
        {preview.data && asked !== undefined && !fault && (
          <Text size="sm" className={css.barSize} data-behind={preview.isBehind || undefined}>
            {preview.data.size.exact === null && '≈ '}
            <b>{format.count(preview.data.size.estimate)}</b>{' '}
            {t('size.devices', { count: preview.data.size.estimate })}
          </Text>
        )}
        {saving.error && !isConflict && faults.name === undefined && (
          <div style={{ flex: '1 1 100%' }}>
            <Problem error={saving.error} title={t('save.failed')} />
          </div>
        )}
        {isTried && draft.text === undefined && !isComplete(draft.root) && (
          <Text size="sm" c="red" role="alert">
            {t('save.incomplete')}
          </Text>
        )}
        <Button
          type="button"
          variant="default"
          onClick={() =>
            void (base
              ? navigate({ to: '/apps/$app/segments/$segment', params: { app, segment: base.data.id } })
              : navigate({ to: '/apps/$app/segments', params: { app } }))
          }
        >
          {common('cancel')}
        </Button>
        <Button type="submit" loading={saving.isPending} disabled={!mayManage || isBehind}>
          {common('save')}
        </Button>
      </div>
      {base && isConflict && (
        <Conflict
          app={app}
          id={base.data.id}
          base={base.data}
          mine={{
            name: draft.name,
            mode: draft.mode,
            hour: draft.mode === 'nightly' ? draft.hour : null,
            expression: preview.data?.expression ?? '',
          }}
          onTheirs={theirs => {
            setBase(theirs)
            setDraft(draftOf(theirs.data))
            change.reset()
          }}
          onMine={theirs => {
            setBase(theirs)
            save(theirs.etag)
          }}
          onClose={change.reset}
        />
      )}
    </form>
  )
}

/** Undefined while something is missing. */
function askedOf({ root, text }: Draft): Asked | 'unreadable' | undefined {
  if (text === undefined) {
    const condition = isComplete(root) ? toCondition(root) : undefined
    return condition && { condition }
  }
  const trimmed = text.trim()
  if (!trimmed.startsWith('{')) return trimmed === '' ? undefined : { expression: trimmed }
  try {
    return { condition: JSON.parse(trimmed) as Condition }
  } catch {
    return 'unreadable'
  }
}

/** What was pasted as text is drawn as the form as soon as the server has read it. */
function useFormFollowsText(
  { text }: Draft,
  { data, isBehind, isError }: ReturnType<typeof usePreview>,
  set: (given: Partial<Draft>) => void,
): void {
  const condition = text !== undefined && !isBehind && !isError ? data?.condition : undefined
  const setLater = useRef(set)
  setLater.current = set
  useEffect(() => {
    if (condition) setLater.current({ root: fromCondition(condition) })
  }, [condition])
}

function ModeFields({
  draft,
  onDraft,
}: {
  readonly draft: Draft
  readonly onDraft: (given: Partial<Draft>) => void
}): ReactElement {
  const t = useTexts('segments')
  const { mode, hour } = draft
  return (
    <div>
      <Group gap="sm" align="flex-end">
        <SegmentedControl
          size="xs"
          aria-label={t('mode')}
          value={mode}
          data={(['live', 'nightly'] as const).map(value => ({ value, label: t(`mode.${value}`) }))}
          onChange={value => onDraft({ mode: value as SegmentMode })}
        />
        {mode === 'nightly' && (
          <NumberInput
            size="xs"
            w={150}
            label={t('hour')}
            value={hour}
            min={0}
            max={23}
            suffix=":00"
            clampBehavior="strict"
            allowDecimal={false}
            onChange={value => onDraft({ hour: typeof value === 'number' ? value : HOUR_DEFAULT })}
          />
        )}
      </Group>
      <Text size="xs" c="dimmed" mt={6}>
        {t(`mode.${mode}.hint`)}
      </Text>
    </div>
  )
}

interface ExpressionPanelProps {
  readonly app: string
  readonly text: string
  /** The form follows it. */
  readonly isLeading: boolean
  readonly isUnreadable: boolean
  readonly fault: ReturnType<typeof conditionFaultOf>
  /** Undefined: the form leads again. */
  readonly onText: (text: string | undefined) => void
}

function ExpressionPanel({
  app,
  text,
  isLeading,
  isUnreadable,
  fault,
  onText,
}: ExpressionPanelProps): ReactElement {
  const t = useTexts('segments')
  const input = useRef<HTMLTextAreaElement>(null)
  const character = fault?.character
  return (
    <Panel title={t('text')}>
      <Textarea
        ref={input}
        aria-label={t('text')}
        description={t('text.hint')}
        value={text}
        autosize
        minRows={2}
        maxRows={12}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
        error={isUnreadable ? t('text.json') : undefined}
        placeholder={EXAMPLE}
        onChange={event => onText(event.currentTarget.value)}
        // what was emptied and left says what the form says
        onBlur={() => {
          if (isLeading && text.trim() === '') onText(undefined)
        }}
      />
      {isLeading && fault && (
        <Alert color="orange" variant="light" mt="xs" py="xs" role="alert">
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {fault.words}
          </Text>
          {character !== undefined && (
            <Button
              size="compact-xs"
              variant="default"
              mt={6}
              onClick={() => {
                input.current?.focus()
                input.current?.setSelectionRange(character - 1, text.length)
              }}
            >
              {t('text.place')}
            </Button>
          )}
        </Alert>
      )}
      <Examples app={app} onTake={example => onText(withExample(input.current, { text, example }))} />
    </Panel>
  )
}

/** In the place of what is chosen, else beside what is there. */
function withExample(
  input: HTMLTextAreaElement | null,
  { text, example }: { readonly text: string; readonly example: string },
): string {
  if (text.trim() === '') return example
  const { selectionStart: from = 0, selectionEnd: to = 0 } = input ?? {}
  return from < to ? `${text.slice(0, from)}${example}${text.slice(to)}` : `(${text}) * (${example})`
}

interface PreviewSizeProps {
  readonly app: string
  readonly asked: Asked | undefined
  readonly preview: ReturnType<typeof usePreview>
  readonly hasFault: boolean
}

function PreviewSize({ app, asked, preview, hasFault }: PreviewSizeProps): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const exact = useExactPreview(app)
  const isSame = exact.variables !== undefined && JSON.stringify(exact.variables) === JSON.stringify(asked)
  if (hasFault) return <Text size="sm">{t('size.fault')}</Text>
  if (!asked)
    return (
      <Text size="sm" c="dimmed">
        {t('size.incomplete')}
      </Text>
    )
  if (preview.error) return <Problem error={preview.error} onRetry={() => void preview.refetch()} />
  const size = isSame && exact.data ? exact.data.size : preview.data?.size
  if (!size) return <Waiting lines={5} />
  return (
    <>
      {exact.error && isSame && <Problem error={exact.error} />}
      <SizeFigures
        size={size}
        isBehind={preview.isBehind}
        isCounting={exact.isPending}
        onExact={() => exact.mutate(asked)}
      />
      {size.exact === null && (
        <Text size="xs" c="dimmed" mt="md">
          {t('size.note', { percent: format.percent(0.95) })}
        </Text>
      )}
    </>
  )
}
