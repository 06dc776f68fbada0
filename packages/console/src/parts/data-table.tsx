/**
 * A table of any length: only the rows in sight are drawn, and on a narrow screen each row is a card.
 *
 * It stays a table for screen readers in both forms (CSS that changes `display` would take that away, hence the
 * roles), and says how many rows there are in all. Arrow keys go from row to row, where the first link of each is.
 */
// biome-ignore-start lint/a11y/useSemanticElements: rows are placed freely, which no <tr> can be
// biome-ignore-start lint/a11y/useFocusableInteractive: the links in the rows have the focus
import { measureElement, useWindowVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type ReactElement, type ReactNode, useRef } from 'react'
import css from './data-table.module.css'

/** Until the first row is measured. */
const ROW_PX = 45
/** Below this all are drawn: the browser's own search finds them, too. */
const VIRTUAL_FROM = 60

export interface Column<Row> {
  readonly key: string
  readonly title: ReactNode
  readonly cell: (row: Row) => ReactNode
  readonly isNumber?: boolean
  /** As in `grid-template-columns`; `1fr` unless given. */
  readonly width?: string
}

export interface DataTableProps<Row> {
  /** What the table is of, for screen readers. */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
  /** These still answer the last question. */
  readonly isOld?: boolean
}

/**
 * How high rows are that were not drawn yet: as high as the first that was. A guess that is wrong moves what is in sight
 * while somebody scrolls up to it, from below the pointer.
 */
interface TypicalRow {
  readonly width: number
  readonly height: number
}

export function DataTable<Row>({
  label,
  columns,
  rows,
  keyOf,
  isOld = false,
}: DataTableProps<Row>): ReactElement {
  const body = useRef<HTMLDivElement>(null)
  const typical = useRef<TypicalRow>(null)
  const isVirtual = rows.length >= VIRTUAL_FROM
  const virtualizer = useWindowVirtualizer({
    count: isVirtual ? rows.length : 0,
    estimateSize: () => typical.current?.height ?? ROW_PX,
    measureElement: (row: HTMLDivElement, entry, instance) => {
      const height = measureElement(row, entry, instance)
      const { offsetWidth: width } = row
      // Rows of another width are other rows: what was measured before is of no use.
      if (typical.current && typical.current.width !== width) instance.measure()
      if (typical.current?.width !== width) typical.current = { width, height }
      return height
    },
    overscan: 12,
    scrollMargin: body.current?.offsetTop ?? 0,
  })
  const template = columns.map(({ width }) => width ?? 'minmax(0, 1fr)').join(' ')
  const shown = isVirtual
    ? virtualizer
        .getVirtualItems()
        .map(({ index, start }) => ({ index, top: start - virtualizer.options.scrollMargin }))
    : rows.map((_, index) => ({ index, top: undefined }))
  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      className={css.table}
      data-old={isOld || undefined}
      style={{ '--columns': template } as React.CSSProperties}
      onKeyDown={moveBetweenRows}
    >
      <div role="rowgroup" className={css.head}>
        <div role="row" className={css.row} aria-rowindex={1}>
          {columns.map(({ key, title, isNumber }) => (
            <div role="columnheader" key={key} className={css.cell} data-number={isNumber || undefined}>
              {title}
            </div>
          ))}
        </div>
      </div>
      <div
        role="rowgroup"
        ref={body}
        className={css.body}
        style={isVirtual ? { height: virtualizer.getTotalSize() } : undefined}
      >
        {shown.map(({ index, top }) => {
          const row = rows[index]
          if (row === undefined) return null
          return (
            <div
              role="row"
              key={keyOf(row)}
              className={css.row}
              aria-rowindex={index + 2}
              data-index={index}
              data-row
              ref={isVirtual ? virtualizer.measureElement : undefined}
              style={
                top === undefined
                  ? undefined
                  : { position: 'absolute', insetInline: 0, top: 0, transform: `translateY(${top}px)` }
              }
            >
              {columns.map(({ key, title, cell, isNumber }) => (
                <div role="cell" key={key} className={css.cell} data-number={isNumber || undefined}>
                  <span className={css.title} aria-hidden>
                    {title}
                  </span>
                  <span className={css.value}>{cell(row)}</span>
                </div>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}

const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 }

function moveBetweenRows(event: KeyboardEvent<HTMLDivElement>): void {
  const step = STEPS[event.key]
  const row = (event.target as HTMLElement).closest<HTMLElement>('[data-row]')
  if (step === undefined || !row) return
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row]')]
  rows.sort((a, b) => Number(a.dataset.index) - Number(b.dataset.index))
  const link = rows[rows.indexOf(row) + step]?.querySelector<HTMLElement>('a, button')
  if (!link) return
  event.preventDefault()
  link.focus()
}
// biome-ignore-end lint/a11y/useFocusableInteractive: the links in the rows have the focus
// biome-ignore-end lint/a11y/useSemanticElements: rows are placed freely, which no <tr> can be
