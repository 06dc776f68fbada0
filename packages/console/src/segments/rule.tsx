/** One rule: what it is about, how it is compared, and with what. */
import { Autocomplete, Badge, NumberInput, Select, TagsInput, TextInput } from '@mantine/core'
import type {
  Comparison,
  DeviceField,
  EventCondition,
  MessageCondition,
  Operand,
  Operator,
  Scalar,
  TagType,
} from '@roost/protocol'
import { type ReactElement, useMemo, useState } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { useLists, useMessageNames, useNames, useSegments, useValues } from './calls.ts'
import {
  CHOICES,
  type Choice,
  choiceOf,
  FIELDS,
  isDaysAgo,
  newLeaf,
  operandsOf,
  operatorsFor,
  readValue,
  SUBJECTS,
  subjectOf,
  typeOf,
  type ValueType,
  withName,
  withOperator,
} from './kinds.ts'
import css from './segments.module.css'
import type { Leaf, Rule } from './tree.ts'
import { WordPick } from './word-pick.tsx'

export interface RuleFieldsProps {
  readonly app: string
  readonly segment: string | undefined
  readonly rule: Rule
  readonly onRule: (given: Partial<Pick<Rule, 'isNot' | 'leaf'>>) => void
}

interface LeafProps<L extends Leaf> {
  readonly app: string
  readonly leaf: L
  readonly onLeaf: (leaf: L) => void
}

export function RuleFields({ app, segment, rule, onRule }: RuleFieldsProps): ReactElement {
  const t = useTexts('segments')
  const { leaf, isNot } = rule
  const subject = subjectOf(leaf)
  const onLeaf = (given: Leaf): void => onRule({ leaf: given })
  return (
    <>
      <WordPick
        className={css.subject}
        label={t('subject')}
        value={subject}
        words={SUBJECTS.map(value => ({ value, label: t(`subject.${value}`) }))}
        onWord={value => {
          if (value !== subject) onRule({ leaf: newLeaf(value), isNot: false })
        }}
      />
      {'event' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['did', 'didNot']} />
          <EventFields app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : 'message' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['did', 'didNot']} />
          <MessageFields app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : 'list' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['isIn', 'isNotIn']} />
          <ListPick app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : 'segment' in leaf ? (
        <>
          <DidOrNot isNot={isNot} onRule={onRule} texts={['isIn', 'isNotIn']} />
          <SegmentPick app={app} segment={segment} leaf={leaf} onLeaf={onLeaf} />
        </>
      ) : (
        <>
          {isNot && (
            <Badge color="gray" variant="light" tt="none" size="lg">
              {t('not')}
            </Badge>
          )}
          <ComparisonFields app={app} leaf={leaf} onLeaf={onLeaf} />
        </>
      )}
    </>
  )
}

interface DidOrNotProps {
  readonly isNot: boolean
  readonly onRule: (given: Pick<Rule, 'isNot'>) => void
  readonly texts: readonly ['did', 'didNot'] | readonly ['isIn', 'isNotIn']
}

function DidOrNot({ isNot, onRule, texts: [yes, no] }: DidOrNotProps): ReactElement {
  const t = useTexts('segments')
  return (
    <WordPick
      className={css.operator}
      label={t('operator')}
      value={isNot ? 'no' : 'yes'}
      words={[
        { value: 'yes', label: t(yes) },
        { value: 'no', label: t(no) },
      ]}
      onWord={value => onRule({ isNot: value === 'no' })}
    />
  )
}

// ── tags and fields ───────────────────────────────────────────────────────────────────────────────────────────────────

export function useTagTypes(app: string): ReadonlyMap<string, TagType> {
  const { data } = useNames(app)
  return useMemo(() => new Map(data?.tags.map(({ name, type }) => [name, type])), [data])
}

function ComparisonFields({ app, leaf, onLeaf }: LeafProps<Comparison>): ReactElement {
  const t = useTexts('segments')
  const names = useNames(app)
  const tagTypes = useTagTypes(app)
  const type = typeOf(leaf, tagTypes)
  return (
    <>
      {leaf.field === undefined ? (
        <Autocomplete
          size="xs"
          className={css.name}
          aria-label={t('tag.name')}
          placeholder={t('tag.name')}
          value={leaf.tag ?? ''}
          data={names.data?.tags.map(({ name }) => name) ?? []}
          limit={50}
          onChange={tag => onLeaf(withName(leaf, { tag }, tagTypes))}
        />
      ) : (
        <Select
          size="xs"
          className={css.name}
          aria-label={t('subject.field')}
          value={leaf.field}
          data={FIELDS.map(value => ({ value, label: t(`field.${value}`) }))}
          allowDeselect={false}
          searchable
          onChange={field => {
            if (field) onLeaf(withName(leaf, { field: field as DeviceField }, tagTypes))
          }}
        />
      )}
      <WordPick
        className={css.operator}
        label={t('operator')}
        value={leaf.op}
        words={operatorsFor(type, leaf.op).map(value => ({ value, label: operatorText(t, value, type) }))}
        onWord={op => onLeaf(withOperator(leaf, op))}
      />
      <ValueFields app={app} leaf={leaf} onLeaf={onLeaf} type={type} />
    </>
  )
}

type Texts = ReturnType<typeof useTexts<'segments'>>

export function operatorText(t: Texts, op: Operator, type: ValueType): string {
  return t.known(`op.${op}.${type}`) ?? t(`op.${op}`)
}

interface ValueProps extends LeafProps<Comparison> {
  readonly type: ValueType
}

function ValueFields(props: ValueProps): ReactElement | null {
  const t = useTexts('segments')
  const { leaf, onLeaf } = props
  const values = operandsOf(leaf.value)
  const [first, second] = values
  const { value: _, ...bare } = leaf
  const setOne = (value: Operand | undefined): void =>
    onLeaf(value === undefined || value === '' ? bare : { ...bare, value })
  if (leaf.op === 'set' || leaf.op === 'unset') return null
  if (leaf.op === 'in' || leaf.op === 'nin') return <ManyValues {...props} />
  if (leaf.op === 'between') {
    // an end that is empty stays one, so that the other keeps its place
    const setTwo = (low: Operand | undefined, high: Operand | undefined): void =>
      onLeaf({ ...bare, value: [low ?? '', high ?? ''] })
    return (
      <>
        <OneValue {...props} label={t('value.from')} value={first} onValue={low => setTwo(low, second)} />
        <span className={css.end}>
          <span className={css.word}>{t('range.and')}</span>
          <OneValue {...props} label={t('value.to')} value={second} onValue={high => setTwo(first, high)} />
        </span>
      </>
    )
  }
  return <OneValue {...props} label={t('value')} value={first} onValue={setOne} />
}

interface OneValueProps extends ValueProps {
  readonly label: string
  readonly value: Operand | undefined
  readonly onValue: (value: Operand | undefined) => void
}

function OneValue(props: OneValueProps): ReactElement {
  const { type, value } = props
  if (type === 'date' || isDaysAgo(value)) return <DayValue {...props} />
  if (type === 'boolean') return <TruthValue {...props} />
  if (type === 'choice') return <ChoiceValue {...props} />
  if (type === 'number' || type === 'share') return <NumberValue {...props} />
  return <TextValue {...props} />
}

function TextValue({ app, leaf, label, value, onValue }: OneValueProps): ReactElement {
  const [isOpen, setOpen] = useState(false)
  const text = value === undefined ? '' : String(value)
  const suggested = useValues(app, isOpen ? suggestedOf(leaf) : undefined, text)
  return (
    <Autocomplete
      size="xs"
      className={css.value}
      aria-label={label}
      placeholder={label}
      value={text}
      data={[...suggested]}
      onFocus={() => setOpen(true)}
      onChange={onValue}
    />
  )
}

/** Of what the server suggests values; undefined of the others. */
function suggestedOf({
  tag,
  field,
}: Comparison): { readonly tag?: string | undefined; readonly field?: string | undefined } | undefined {
  if (tag) return { tag }
  return SUGGESTED.find(each => each === field) ? { field } : undefined
}

const SUGGESTED: readonly string[] = [
  'language',
  'country',
  'appVersion',
  'osVersion',
  'deviceModel',
  'timezoneSeconds',
]

function NumberValue({ label, value, type, onValue }: OneValueProps): ReactElement {
  return (
    <NumberInput
      size="xs"
      className={css.value}
      aria-label={label}
      placeholder={label}
      value={typeof value === 'number' || typeof value === 'string' ? value : ''}
      hideControls
      {...(type === 'share' && { min: 0, max: 1, step: 0.1 })}
      onChange={given => onValue(given === '' ? undefined : given)}
    />
  )
}

function TruthValue({ label, value, onValue }: OneValueProps): ReactElement {
  const t = useTexts('segments')
  return (
    <Select
      size="xs"
      className={css.value}
      aria-label={label}
      value={value === undefined ? null : String(value)}
      data={[
        { value: 'true', label: t('true') },
        { value: 'false', label: t('false') },
      ]}
      allowDeselect={false}
      onChange={given => onValue(given === 'true')}
    />
  )
}

function ChoiceValue({ leaf, label, value, onValue }: OneValueProps): ReactElement {
  const data = useChoices(leaf.field)
  return (
    <Select
      size="xs"
      className={css.value}
      aria-label={label}
      value={value === undefined ? null : String(value)}
      data={data}
      allowDeselect={false}
      onChange={given => onValue(given ?? undefined)}
    />
  )
}

/** How one of the few values of a field is called. */
export function useChoiceName(field: DeviceField | undefined): (value: string) => string {
  const t = useTexts('segments')
  const looks = useDeviceLooks()
  return value => {
    if (field === 'platform') return looks.platform(value)
    if (field === 'provider') return looks.gateway(value)
    return t.known(`choice.${field}.${value}`) ?? value
  }
}

function useChoices(field: DeviceField | undefined): Choice[] {
  const nameOf = useChoiceName(field)
  return (CHOICES[field ?? 'hwid'] ?? []).map(value => ({ value, label: nameOf(value) }))
}

/** A day counted back from the day of the sending, which moves on with it, or a date that stays. */
function DayValue({ label, value, onValue }: OneValueProps): ReactElement {
  const t = useTexts('segments')
  const isFixed = value !== undefined && value !== '' && !isDaysAgo(value)
  return (
    <>
      {isFixed ? (
        <TextInput
          size="xs"
          type="date"
          className={css.date}
          aria-label={label}
          value={dayOf(value)}
          onChange={event => onValue(event.currentTarget.value)}
        />
      ) : (
        <NumberInput
          size="xs"
          className={css.days}
          aria-label={label}
          value={isDaysAgo(value) ? value.daysAgo : ''}
          min={0}
          max={3650}
          allowDecimal={false}
          allowNegative={false}
          hideControls
          onChange={given => onValue(typeof given === 'number' ? { daysAgo: given } : undefined)}
        />
      )}
      <Select
        size="xs"
        className={css.dayForm}
        aria-label={t('day.form')}
        value={isFixed ? 'date' : 'ago'}
        data={[
          { value: 'ago', label: t('day.ago') },
          { value: 'date', label: t('day.date') },
        ]}
        allowDeselect={false}
        onChange={form => onValue(form === 'date' ? dateOf(value) : { daysAgo: daysOf(value) })}
      />
    </>
  )
}

const DAY_MS = 86_400_000

/** In UTC, as the server counts days. */
function dayOf(value: Scalar): string {
  const at = typeof value === 'number' ? value * 1000 : Date.parse(String(value))
  return Number.isNaN(at) ? '' : new Date(at).toISOString().slice(0, 10)
}

function dateOf(value: Operand | undefined): string {
  const days = isDaysAgo(value) ? value.daysAgo : 0
  return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10)
}

function daysOf(value: Operand | undefined): number {
  if (value === undefined || isDaysAgo(value)) return 7
  const at = Date.parse(dayOf(value))
  return Number.isNaN(at) ? 7 : Math.max(0, Math.floor((Date.now() - at) / DAY_MS))
}

function ManyValues({ app, leaf, onLeaf, type }: ValueProps): ReactElement {
  const t = useTexts('segments')
  const [typed, setTyped] = useState('')
  const [isOpen, setOpen] = useState(false)
  const suggested = useValues(app, isOpen ? suggestedOf(leaf) : undefined, typed)
  const choices = useChoices(leaf.field)
  const { value: _, ...bare } = leaf
  const values = operandsOf(leaf.value)
  const labelOf = new Map(choices.map(({ value, label }) => [value, label]))
  const shown = values.map(each => labelOf.get(String(each)) ?? String(isDaysAgo(each) ? each.daysAgo : each))
  const take = (texts: string[]): void => {
    const taken = texts.flatMap((text): Operand[] => {
      // what was there keeps its own type
      const kept = shown.indexOf(text)
      if (kept >= 0) return [values[kept] as Operand]
      const value = type === 'choice' ? choiceOf(choices, text) : readValue(text, type)
      return value === undefined ? [] : [value]
    })
    onLeaf({ ...bare, value: [...new Set(taken)] })
  }
  return (
    <TagsInput
      size="xs"
      className={css.values}
      aria-label={t('values')}
      placeholder={shown.length === 0 ? t('values.hint') : ''}
      value={shown}
      data={type === 'choice' ? choices.map(({ label }) => label) : [...suggested]}
      searchValue={typed}
      onSearchChange={setTyped}
      onFocus={() => setOpen(true)}
      acceptValueOnBlur={type !== 'choice'}
      splitChars={[',', ';', '\n']}
      onChange={take}
    />
  )
}

// ── what devices did ──────────────────────────────────────────────────────────────────────────────────────────────────

function EventFields({ app, leaf, onLeaf }: LeafProps<EventCondition>): ReactElement {
  const t = useTexts('segments')
  const names = useNames(app)
  const { atLeast: _, ...ever } = leaf
  return (
    <>
      <Autocomplete
        size="xs"
        className={css.name}
        aria-label={t('event.name')}
        placeholder={t('event.name')}
        value={leaf.event}
        data={names.data?.events.map(({ name }) => name) ?? []}
        limit={50}
        onChange={event => onLeaf({ ...leaf, event })}
      />
      <NumberInput
        size="xs"
        className={css.times}
        aria-label={t('event.atLeast')}
        prefix={t('event.atLeast.prefix')}
        value={leaf.atLeast ?? 1}
        min={1}
        max={1_000_000}
        allowDecimal={false}
        clampBehavior="strict"
        onChange={given =>
          onLeaf(typeof given === 'number' && given > 1 ? { ...leaf, atLeast: given } : ever)
        }
      />
      <Within leaf={leaf} onLeaf={onLeaf} max={90} />
    </>
  )
}

/** Empty: ever. */
function Within<L extends EventCondition | MessageCondition>({
  leaf,
  onLeaf,
  max,
}: {
  readonly leaf: L
  readonly onLeaf: (leaf: L) => void
  readonly max: number
}): ReactElement {
  const t = useTexts('segments')
  return (
    <NumberInput
      size="xs"
      className={css.within}
      aria-label={t('within')}
      placeholder={t('within.ever')}
      prefix={t('within.prefix')}
      suffix={t('within.suffix')}
      value={leaf.withinDays ?? ''}
      min={0}
      max={max}
      allowDecimal={false}
      allowNegative={false}
      clampBehavior="strict"
      hideControls
      onChange={given => {
        const { withinDays: _, ...ever } = leaf
        onLeaf((typeof given === 'number' ? { ...ever, withinDays: given } : ever) as L)
      }}
    />
  )
}

function MessageFields({ app, leaf, onLeaf }: LeafProps<MessageCondition>): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const { data = [] } = useMessageNames(app)
  const options: Choice[] = [
    { value: 'any', label: t('message.any') },
    ...data.map(({ id, title, createdAt }) => ({
      value: id,
      label: `${title ?? t('message.untitled')} · ${format.day(createdAt)}`,
    })),
  ]
  const isKnown = options.some(({ value }) => value === leaf.message)
  const fates: readonly MessageCondition['was'][] =
    leaf.message === 'any' ? ['received', 'opened'] : ['accepted', 'received', 'opened']
  return (
    <>
      <Select
        size="xs"
        className={css.operator}
        aria-label={t('message.was')}
        value={leaf.was}
        data={fates.map(value => ({ value, label: t(`was.${value}`) }))}
        allowDeselect={false}
        onChange={was => {
          if (was) onLeaf({ ...leaf, was: was as MessageCondition['was'] })
        }}
      />
      <Select
        size="xs"
        className={css.wide}
        aria-label={t('subject.message')}
        value={leaf.message}
        data={
          isKnown
            ? options
            : [...options, { value: leaf.message, label: t('message.older', { id: leaf.message.slice(-6) }) }]
        }
        allowDeselect={false}
        searchable
        onChange={message => {
          if (!message) return
          const was = message === 'any' && leaf.was === 'accepted' ? 'received' : leaf.was
          onLeaf({ ...leaf, message, was })
        }}
      />
      <Within leaf={leaf} onLeaf={onLeaf} max={3650} />
    </>
  )
}

// ── lists and segments ────────────────────────────────────────────────────────────────────────────────────────────────

function ListPick({ app, leaf, onLeaf }: LeafProps<{ readonly list: string }>): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const { data = [] } = useLists(app)
  return (
    <Picked
      label={t('subject.list')}
      nothing={t('list.nothing')}
      value={leaf.list}
      data={data.map(({ id, name, count, state }) => ({
        value: id,
        label: `${name} (${format.count(count)})`,
        disabled: state === 'loading',
      }))}
      onValue={list => onLeaf({ list })}
    />
  )
}

function SegmentPick({
  app,
  segment,
  leaf,
  onLeaf,
}: LeafProps<{ readonly segment: string }> & { readonly segment: string | undefined }): ReactElement {
  const t = useTexts('segments')
  const { data = [] } = useSegments(app)
  return (
    <Picked
      label={t('subject.segment')}
      nothing={t('segment.nothing')}
      value={leaf.segment}
      data={data.filter(({ id }) => id !== segment).map(({ id, name }) => ({ value: id, label: name }))}
      onValue={chosen => onLeaf({ segment: chosen })}
    />
  )
}

interface PickedProps {
  readonly label: string
  readonly nothing: string
  readonly value: string
  readonly data: readonly (Choice & { readonly disabled?: boolean })[]
  readonly onValue: (value: string) => void
}

function Picked({ label, nothing, value, data, onValue }: PickedProps): ReactElement {
  return (
    <Select
      size="xs"
      className={css.wide}
      aria-label={label}
      placeholder={label}
      value={value || null}
      data={[...data]}
      nothingFoundMessage={nothing}
      searchable
      allowDeselect={false}
      onChange={given => {
        if (given) onValue(given)
      }}
    />
  )
}
