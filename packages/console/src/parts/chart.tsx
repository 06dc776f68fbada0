/**
 * A chart of values over time, with all its values as a table for whoever can't see or point at it, and as a file.
 *
 * The drawing (ECharts) is loaded with the first page that may show a chart, while its values are on their way.
 */
import { Table, Text, UnstyledButton } from '@mantine/core'
import { type CSSProperties, lazy, type ReactElement, type ReactNode, Suspense, useState } from 'react'
import type { Format } from '../i18n/format.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type ChartValues, csvOf, isEmpty } from './chart-data.ts'
import css from './parts.module.css'
import { saveFile } from './save-file.ts'

const loadDrawing = () => import('./chart-drawing.tsx')
/** Safari has none. */
const whenIdle = globalThis.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 1))
// who needs it and does not get it is told when it is drawn
whenIdle(() => void loadDrawing().catch(() => undefined))
const Drawing = lazy(async () => ({ default: (await loadDrawing()).ChartDrawing }))

const HEIGHT_PX = 260

export interface ChartProps extends ChartValues {
  /** What it shows, in a sentence. */
  readonly label: string
  /** How far times are apart: days are written without hours. */
  readonly step: 'hour' | 'day'
  /** Whose hours they are; the reader's unless given. */
  readonly timeZone?: string
  readonly height?: number
  readonly writeValue?: (value: number) => string
  /** Its last time is not over yet, and is drawn paler. */
  readonly isLastPartial?: boolean
  /** The name of the file, without its ending; without it there is none. */
  readonly fileName?: string
  /** A time was clicked. Whoever has no mouse goes by `linkOf`. */
  readonly onPick?: (time: string) => void
  /** Leads in the table where `onPick` leads in the drawing. */
  readonly linkOf?: (time: string, written: string) => ReactNode
}

export function Chart(props: ChartProps): ReactElement {
  const t = useTexts('common')
  const { label, times, series, height = HEIGHT_PX } = props
  const [isOpen, setOpen] = useState(false)
  const [hidden, setHidden] = useState<readonly string[]>([])
  if (times.length === 0 || isEmpty(series)) {
    return (
      <Text c="dimmed" size="sm" ta="center" py="xl">
        {t('chart.empty')}
      </Text>
    )
  }
  return (
    <figure className={css.chart} aria-label={label}>
      {series.length > 1 && <Legend series={series} hidden={hidden} onHidden={setHidden} />}
      <div style={{ height }} aria-hidden>
        <Suspense fallback={null}>
          <Drawing {...props} series={series.filter(({ name }) => !hidden.includes(name))} />
        </Suspense>
      </div>
      <div className={css.chartFoot}>
        <details className={css.chartTable} onToggle={event => setOpen(event.currentTarget.open)}>
          <summary>{t('chart.table')}</summary>
          {isOpen && (
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
            <section className={css.chartScroll} aria-label={label} tabIndex={0}>
              <Values {...props} />
            </section>
          )}
        </details>
        <SaveButton {...props} />
      </div>
    </figure>
  )
}

interface LegendProps extends Pick<ChartProps, 'series'> {
  readonly hidden: readonly string[]
  readonly onHidden: (hidden: readonly string[]) => void
}

/** Outside the drawing, where it wraps on a narrow screen, and where each line is taken away and brought back by a button. */
function Legend({ series, hidden, onHidden }: LegendProps): ReactElement {
  const toggle = (name: string): void =>
    onHidden(hidden.includes(name) ? hidden.filter(each => each !== name) : [...hidden, name])
  return (
    <div className={css.legend}>
      {series.map(({ name, paint }) => (
        <UnstyledButton
          key={name}
          className={css.legendName}
          aria-pressed={!hidden.includes(name)}
          onClick={() => toggle(name)}
        >
          <span
            className={css.swatch}
            style={{ '--paint': `var(--data-${paint})` } as CSSProperties}
            aria-hidden
          />
          {name}
        </UnstyledButton>
      ))}
    </div>
  )
}

/** As it stands in the table and beside the pointer. */
export function writeTime(format: Format, { step, timeZone }: ChartProps, time: string): string {
  if (step === 'day') return time.length === 10 ? format.date(time) : format.day(time)
  return timeZone === undefined ? format.moment(time) : format.timeIn(time, timeZone)
}

function SaveButton({ fileName, step, times, series }: ChartProps): ReactElement | null {
  const t = useTexts('common')
  if (fileName === undefined) return null
  const save = (): void => {
    const text = csvOf({ times, series }, t(step === 'day' ? 'chart.day' : 'chart.time'))
    // the mark tells Excel that the names are UTF-8
    saveFile(`${fileName}.csv`, new Blob(['\ufeff', text], { type: 'text/csv' }))
  }
  return (
    <UnstyledButton className={css.chartSave} onClick={save}>
      {t('chart.csv')}
    </UnstyledButton>
  )
}

function Values(props: ChartProps): ReactElement {
  const { label, times, series, step, writeValue, linkOf } = props
  const t = useTexts('common')
  const format = useFormat()
  const write = writeValue ?? format.count
  return (
    <Table fz="xs" captionSide="top">
      <Table.Caption>{label}</Table.Caption>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t(step === 'day' ? 'chart.day' : 'chart.time')}</Table.Th>
          {series.map(({ name }) => (
            <Table.Th key={name} ta="right">
              {name}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {times.map((time, at) => {
          const written = writeTime(format, props, time)
          return (
            <Table.Tr key={time} data-time={time}>
              <Table.Th scope="row" fw={400}>
                {linkOf ? linkOf(time, written) : written}
              </Table.Th>
              {series.map(({ name, values }) => {
                const value = values[at] ?? null
                return (
                  <Table.Td key={name} ta="right" data-value={value ?? ''}>
                    {value === null ? '–' : write(value)}
                  </Table.Td>
                )
              })}
            </Table.Tr>
          )
        })}
      </Table.Tbody>
    </Table>
  )
}
