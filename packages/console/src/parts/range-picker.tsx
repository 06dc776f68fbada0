/**
 * Picks a range of time. Own days are the browser's date fields: they speak the reader's language, work with a
 * keyboard and on phones, and cost nothing.
 */
import { Box, Group, SegmentedControl, TextInput } from '@mantine/core'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { boundsOf, daysOf, type NamedRange, RANGES, type Range } from './range.ts'

export interface RangePickerProps {
  readonly range: Range
  readonly onRange: (range: Range) => void
  /** All unless given. */
  readonly offered?: readonly NamedRange[]
}

export function RangePicker({ range, onRange, offered = RANGES }: RangePickerProps): ReactElement {
  const t = useTexts('common')
  const own = daysOf(range)
  const pick = (value: string): void => {
    const bounds = boundsOf(range, Date.now())
    onRange(value === 'own' ? `${dayOf(bounds.from)}..${dayOf(bounds.to)}` : (value as Range))
  }
  return (
    <Group gap="xs">
      {/* six ranges are wider than a phone */}
      <Box maw="100%" style={{ overflowX: 'auto' }}>
        <SegmentedControl
          size="xs"
          aria-label={t('range.label')}
          value={own ? 'own' : range}
          onChange={pick}
          data={[...offered, 'own' as const].map(each => ({ value: each, label: t(`range.${each}`) }))}
        />
      </Box>
      {own && (
        <>
          <DayInput
            label={t('range.from')}
            value={own.from}
            max={own.to}
            onDay={day => onRange(`${day}..${own.to}`)}
          />
          <DayInput
            label={t('range.to')}
            value={own.to}
            min={own.from}
            onDay={day => onRange(`${own.from}..${day}`)}
          />
        </>
      )}
    </Group>
  )
}

interface DayInputProps {
  readonly label: string
  readonly value: string
  readonly min?: string
  readonly max?: string
  readonly onDay: (day: string) => void
}

function DayInput({ label, onDay, ...input }: DayInputProps): ReactElement {
  return (
    <TextInput
      type="date"
      size="xs"
      aria-label={label}
      {...input}
      onChange={event => {
        if (event.currentTarget.value) onDay(event.currentTarget.value)
      }}
    />
  )
}

/** In the reader's time zone. */
function dayOf(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
}
