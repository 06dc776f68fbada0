/** What every page is made of: its head, its panels, and what stands there while or instead of data. */
import { Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactElement, type ReactNode, useEffect, useRef } from 'react'
import { ApiProblem } from '../api/client.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import css from './parts.module.css'
import { Problem } from './problem.tsx'

export interface PageHeadProps {
  readonly title: string
  /** A line under the title: what this page is for, or the state of what it shows. */
  readonly about?: ReactNode
  /** A link to what this is a part of. */
  readonly back?: ReactNode
  /** The actions of the page, the main one last. */
  readonly children?: ReactNode
}

/** The page's heading. It takes the focus when the page opens, so that keyboard and screen reader begin there. */
export function PageHead({ title, about, back, children }: PageHeadProps): ReactElement {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Roost`
  }, [title])
  useEffect(() => heading.current?.focus({ preventScroll: true }), [])
  return (
    <div className={css.head}>
      <div className={css.headText}>
        {back && <div className={css.back}>{back}</div>}
        <Title order={1} size="h2" ref={heading} tabIndex={-1}>
          {title}
        </Title>
        {about && (
          <Text size="sm" c="dimmed" component="div" mt={2}>
            {about}
          </Text>
        )}
      </div>
      {children && (
        <Group gap="xs" className={css.headActions}>
          {children}
        </Group>
      )}
    </div>
  )
}

export interface PanelProps {
  readonly title?: string
  readonly aside?: ReactNode
  readonly children: ReactNode
}

export function Panel({ title, aside, children }: PanelProps): ReactElement {
  return (
    <section className={css.panel} aria-label={title}>
      {title && (
        <Group justify="space-between" mb="md" gap="xs">
          <Title order={2} size="h4">
            {title}
          </Title>
          {aside}
        </Group>
      )}
      {children}
    </section>
  )
}

export interface EmptyProps {
  readonly title: string
  /** What to do so that there is something. */
  readonly children: ReactNode
  /** The button that does it. */
  readonly action?: ReactNode
}

export function Empty({ title, children, action }: EmptyProps): ReactElement {
  return (
    <div className={css.empty}>
      <Text fw={600} mb={4}>
        {title}
      </Text>
      <Text c="dimmed" size="sm" maw={520} mx="auto" component="div">
        {children}
      </Text>
      {action && <div className={css.emptyAction}>{action}</div>}
    </div>
  )
}

export interface LoadedProps<T> {
  readonly query: UseQueryResult<T>
  readonly lines?: number
  readonly children: (data: T) => ReactNode
}

/**
 * Shows a query's data, or that it is on its way, or why it isn't there. When a refresh fails the data that was there
 * stays, under a line that says since when it has been old.
 */
export function Loaded<T>({ query, lines = 4, children }: LoadedProps<T>): ReactNode {
  const t = useTexts('common')
  const format = useFormat()
  const { data, error, dataUpdatedAt } = query
  const retry = (): void => void query.refetch()
  if (data !== undefined) {
    return (
      <>
        {error && !isLostConnection(error) && (
          <Problem
            error={error}
            onRetry={retry}
            title={t('problem.old', { moment: format.moment(new Date(dataUpdatedAt)) })}
          />
        )}
        {children(data)}
      </>
    )
  }
  if (error) return <Problem error={error} onRetry={retry} />
  return <Waiting lines={lines} />
}

/** The frame tells of it, once for all that is on the page. */
function isLostConnection(error: Error): boolean {
  return error instanceof ApiProblem && error.body.status === 0
}

/** Grey lines in place of what is on its way. */
export function Waiting({ lines = 4 }: { readonly lines?: number }): ReactElement {
  const t = useTexts('common')
  return (
    <Stack gap="sm" role="status" aria-label={t('loading')}>
      <Lines count={lines} />
    </Stack>
  )
}

/** As `Waiting`, without words: while the texts themselves are on their way. */
export function Lines({ count }: { readonly count: number }): ReactElement {
  return (
    <>
      {Array.from({ length: count }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are alike and never move
        <Skeleton key={line} height={18} mb="sm" width={`${100 - (line % 3) * 12}%`} />
      ))}
    </>
  )
}
