/** The fields of the composer: each knows what is wrong at its place in the message. */
import { NativeSelect, Textarea, TextInput, type TextInputProps } from '@mantine/core'
import { createContext, type ReactElement, type ReactNode, useContext, useEffect, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import css from './compose.module.css'
import { type Duration, UNITS, type Unit } from './draft.ts'

/** What is wrong at a place in the body of the message, in words; undefined when nothing is. */
export type FaultAt = (place: string) => string | undefined

export const FaultContext = createContext<FaultAt>(() => undefined)

/** What explains a field stands below it, so that fields beside one another are level. */
const ORDER = ['label', 'input', 'description', 'error'] as const

export function useFaultAt(): FaultAt {
  return useContext(FaultContext)
}

export interface LineProps
  extends Pick<
    TextInputProps,
    'description' | 'placeholder' | 'rightSection' | 'rightSectionWidth' | 'type'
  > {
  readonly label: ReactNode
  readonly value: string
  readonly onValue: (value: string) => void
  /** Where it stands in the body of the message. */
  readonly place?: string
  readonly inputMode?: 'numeric' | 'decimal' | 'url'
  readonly list?: string
}

export function Line({ value, onValue, place, ...others }: LineProps): ReactElement {
  const faultAt = useFaultAt()
  return (
    <TextInput
      {...others}
      inputWrapperOrder={[...ORDER]}
      value={value}
      autoComplete="off"
      error={place && faultAt(place)}
      onChange={event => onValue(event.currentTarget.value)}
    />
  )
}

export interface JsonProps {
  readonly label: string
  readonly description?: string
  readonly placeholder?: string
  readonly value: string
  readonly place: string
  readonly onValue: (value: string) => void
}

/** JSON as people write it, in letters of one width. */
export function Json({ value, onValue, place, ...others }: JsonProps): ReactElement {
  const faultAt = useFaultAt()
  return (
    <Textarea
      {...others}
      inputWrapperOrder={[...ORDER]}
      value={value}
      autosize
      minRows={2}
      maxRows={12}
      spellCheck={false}
      error={faultAt(place)}
      styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
      onChange={event => onValue(event.currentTarget.value)}
    />
  )
}

export interface ChoiceProps<Word extends string> {
  readonly label: string
  readonly description?: ReactNode
  readonly value: Word
  readonly options: readonly { readonly value: Word; readonly label: string }[]
  readonly onValue: (value: Word) => void
  readonly place?: string
}

export function Choice<Word extends string>(props: ChoiceProps<Word>): ReactElement {
  const faultAt = useFaultAt()
  const { label, description, value, options, onValue, place } = props
  return (
    <NativeSelect
      label={label}
      inputWrapperOrder={[...ORDER]}
      description={description}
      value={value}
      error={place && faultAt(place)}
      data={options.map(it => ({ ...it }))}
      onChange={event => onValue(event.currentTarget.value as Word)}
    />
  )
}

export interface SpanProps {
  readonly label: string
  readonly description?: string
  readonly placeholder?: string
  readonly value: Duration
  readonly place: string
  readonly onValue: (value: Duration) => void
}

/** A length of time: a number and its unit. */
export function Span({ label, value, place, onValue, ...others }: SpanProps): ReactElement {
  const t = useTexts('compose')
  return (
    <div className={css.row} style={{ flexWrap: 'nowrap' }}>
      <div className={css.grow}>
        <Line
          {...others}
          label={label}
          inputMode="decimal"
          value={value.amount}
          place={place}
          onValue={amount => onValue({ ...value, amount })}
        />
      </div>
      <NativeSelect
        mt={24}
        w={104}
        style={{ flex: 'none' }}
        aria-label={t('unit.label', { label })}
        value={value.unit}
        data={UNITS.map(unit => ({ value: unit, label: t(`unit.${unit}`) }))}
        onChange={event => onValue({ ...value, unit: event.currentTarget.value as Unit })}
      />
    </div>
  )
}

/** A fault that belongs to no single field. */
export function FaultLine({ place }: { readonly place: string }): ReactElement | null {
  const fault = useFaultAt()(place)
  if (fault === undefined) return null
  return (
    <div className={css.fault} role="alert">
      {fault}
    </div>
  )
}

export interface SectionProps {
  readonly title: string
  /** What is set in it, in a line. */
  readonly told: string
  /** It is opened, and cannot be overlooked, while something in it is wrong. */
  readonly places: readonly string[]
  readonly children: ReactNode
}

/** A part of the form that most messages need nothing of: folded, with what it holds in a line. */
export function Section({ title, told, places, children }: SectionProps): ReactElement {
  const faultAt = useFaultAt()
  const [isOpen, setOpen] = useState(false)
  const fault = places.map(faultAt).find(it => it !== undefined)
  const isWrong = fault !== undefined
  useEffect(() => {
    if (isWrong) setOpen(true)
  }, [isWrong])
  return (
    <details className={css.section} open={isOpen} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        <h2 style={{ margin: 0, fontSize: 'var(--mantine-h4-font-size)', fontWeight: 650 }}>{title}</h2>
        <span className={css.told} data-fault={isWrong || undefined}>
          {fault ?? told}
        </span>
      </summary>
      {isOpen && <div className={css.sectionBody}>{children}</div>}
    </details>
  )
}
