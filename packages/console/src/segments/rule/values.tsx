/** What a tag or a field is compared with: a field for each type of value. */
import { Autocomplete, NumberInput, Select, TagsInput, TextInput } from '@mantine/core'
import type { Comparison, DeviceField, Operand, Scalar } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useDeviceLooks } from '../../devices/looks.ts'
import { useTexts } from '../../i18n/language.tsx'
import { useValues } from '../calls.ts'
import { CHOICES, type Choice, choiceOf, isDaysAgo, operandsOf, readValue, type ValueType } from '../kinds.ts'
import css from '../segments.module.css'
import type { LeafProps } from './leaf-props.ts'

interface ValueProps extends LeafProps<Comparison> {
  readonly type: ValueType
}

export function ValueFields(props: ValueProps): ReactElement | null {
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
