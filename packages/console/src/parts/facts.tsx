/** Names and values of one thing, under one another. */
import type { ReactElement, ReactNode } from 'react'
import css from './parts.module.css'

export function Facts({ children }: { readonly children: ReactNode }): ReactElement {
  return <dl className={css.facts}>{children}</dl>
}

export function Fact({
  name,
  children,
}: {
  readonly name: string
  readonly children: ReactNode
}): ReactElement {
  return (
    <div className={css.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
