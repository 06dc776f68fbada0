/** What every page is made of: its head, its panels, and what stands there while or instead of data. */
import { Alert, Anchor, Button, Code, Group, Skeleton, Stack, Text, Title } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactElement, type ReactNode, useEffect, useRef } from 'react'
import { ApiProblem, type ProblemBody } from '../api/client.ts'
import { formatMoment } from '../format.ts'
import css from './parts.module.css'

export interface PageHeadProps {
  readonly title: string
  readonly back?: { readonly href: string; readonly label: string }
  readonly children?: ReactNode
}

/** The page's heading. It takes the focus, so that keyboard and screen reader begin at the new page. */
export function PageHead({ title, back, children }: PageHeadProps): ReactElement {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Roost`
    heading.current?.focus({ preventScroll: true })
  }, [title])
  return (
    <Stack gap={4} mb="md">
      {back && (
        <Anchor href={back.href} size="sm" w="fit-content">
          ← {back.label}
        </Anchor>
      )}
      <Group justify="space-between" align="center">
        <Title order={1} size="h2" ref={heading} tabIndex={-1} style={{ overflowWrap: 'anywhere' }}>
          {title}
        </Title>
        {children}
      </Group>
    </Stack>
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

export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children: ReactNode
}): ReactElement {
  return (
    <div className={css.empty}>
      <Text fw={600} mb={4}>
        {title}
      </Text>
      <Text c="dimmed" size="sm" maw={520} mx="auto" component="div">
        {children}
      </Text>
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
  const { data, error, dataUpdatedAt } = query
  const retry = (): void => void query.refetch()
  if (data !== undefined) {
    return (
      <>
        {error && (
          <Problem
            error={error}
            onRetry={retry}
            title={`Not refreshed since ${formatMoment(new Date(dataUpdatedAt).toISOString())}`}
          />
        )}
        {children(data)}
      </>
    )
  }
  if (error) return <Problem error={error} onRetry={retry} title="This could not be loaded" />
  return <Waiting lines={lines} />
}

function Waiting({ lines }: { readonly lines: number }): ReactElement {
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are alike and never move
        <Skeleton key={line} height={18} width={`${100 - (line % 3) * 12}%`} />
      ))}
    </Stack>
  )
}

export interface ProblemProps {
  readonly error: Error
  readonly title: string
  readonly onRetry?: () => void
}

export function Problem({ error, title, onRetry }: ProblemProps): ReactElement {
  return (
    <Alert color="orange" variant="light" title={title} mb="md" role="alert">
      <Stack gap={6} align="flex-start">
        {error instanceof ApiProblem ? (
          <ProblemText body={error.body} />
        ) : (
          <Text size="sm">{error.message}</Text>
        )}
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** The server's own words: what is wrong, what to do, and what to quote when asking for help. */
export function ProblemText({ body }: { readonly body: ProblemBody }): ReactElement {
  return (
    <>
      <Text size="sm">{body.detail}</Text>
      <Text size="sm" fw={600}>
        {body.remedy}
      </Text>
      <Group gap={6}>
        <Code>{body.code}</Code>
        {body.requestId && (
          <Text size="xs" c="dimmed">
            request {body.requestId}
          </Text>
        )}
      </Group>
    </>
  )
}
