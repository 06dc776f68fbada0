/** A stacked bar. Its numbers stand beside it as text; for a screen reader the bar says them itself. */
import { Tooltip } from '@mantine/core'
import type { CSSProperties, ReactElement } from 'react'
import { useFormat } from '../i18n/language.tsx'
import { layOutBar, type Part, sum } from './bar.ts'
import css from './parts.module.css'

/** How a part is named and painted; `isAbsent` hatches it. */
export interface Look {
  readonly label: string
  readonly paint: string
  readonly isAbsent?: boolean
  readonly hint: string
}

export interface StackedBarProps<Name extends string> {
  readonly parts: readonly Part<Name>[]
  readonly looks: Readonly<Record<Name, Look>>
  readonly label: string
  readonly height?: number
}

export function StackedBar<Name extends string>(props: StackedBarProps<Name>): ReactElement {
  const format = useFormat()
  const total = sum(props.parts)
  const segments = layOutBar(props.parts)
  const told = segments.map(each => `${props.looks[each.name].label} ${format.count(each.count)}`)
  return (
    <div
      className={css.bar}
      role="img"
      aria-label={`${props.label}: ${told.length > 0 ? format.list(told) : format.count(0)}`}
      style={{ height: props.height }}
    >
      {segments.map(({ name, count, percent }) => (
        <Tooltip
          key={name}
          label={`${props.looks[name].label}: ${format.count(count)} (${format.share(count, total)})`}
        >
          <div
            className={css.segment}
            data-absent={props.looks[name].isAbsent || undefined}
            style={{ ...paint(props.looks[name]), width: `${percent}%` }}
          />
        </Tooltip>
      ))}
    </div>
  )
}

export function Swatch({ look }: { readonly look: Look }): ReactElement {
  return (
    <span className={css.swatch} data-absent={look.isAbsent || undefined} style={paint(look)} aria-hidden />
  )
}

/** A state by its colour and its name; the meaning shows on hover. */
export function StateLabel({ look }: { readonly look: Look }): ReactElement {
  return (
    <Tooltip label={look.hint} multiline maw={280}>
      <span className={css.state}>
        <Swatch look={look} />
        {look.label}
      </span>
    </Tooltip>
  )
}

function paint(look: Look): CSSProperties {
  return { '--paint': look.paint } as CSSProperties
}
