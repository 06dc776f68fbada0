/** The latest messages, newest first, and one message with what was sent to whom. */
import { Code, Group, Stack, Text } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { useMessage, useMessages } from '../api/queries.ts'
import { formatCount, formatMoment } from '../format.ts'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { formatRoute } from '../route.ts'
import { MessageCard, MessageCountsView, MessageStateBadge } from './message-card.tsx'

export function MessagesPage({ app }: { readonly app: string }): ReactElement {
  return (
    <>
      <PageHead title="Messages" />
      <Panel>
        <MessageList app={app} />
      </Panel>
    </>
  )
}

export interface MessageListProps {
  readonly app: string
  /** How many to show; all that the server gives unless set. */
  readonly limit?: number
}

export function MessageList({ app, limit }: MessageListProps): ReactElement {
  const query = useMessages(app)
  return (
    <Loaded query={query} lines={6}>
      {messages =>
        messages.length === 0 ? (
          <NoMessages app={app} />
        ) : (
          <div>
            {messages.slice(0, limit).map(message => (
              <MessageCard key={message.id} app={app} message={message} asOfMs={answeredAt(query)} />
            ))}
          </div>
        )
      }
    </Loaded>
  )
}

function answeredAt(query: UseQueryResult): number | undefined {
  return query.isError ? undefined : query.dataUpdatedAt
}

function NoMessages({ app }: { readonly app: string }): ReactElement {
  return (
    <Empty title="No messages yet">
      Send the first one with <Code>POST /v1/apps/{app}/messages</Code>, and watch it here while it goes out.
    </Empty>
  )
}

export interface MessagePageProps {
  readonly app: string
  readonly id: string
}

export function MessagePage({ app, id }: MessagePageProps): ReactElement {
  const query = useMessage(app, id)
  const title = query.data?.title || (query.data ? 'Message without a title' : 'Message')
  return (
    <>
      <PageHead title={title} back={{ href: formatRoute({ page: 'messages', app }), label: 'Messages' }} />
      <Loaded query={query}>
        {message => (
          <Stack gap="md">
            <Panel
              title="Deliveries"
              aside={
                <Group gap="sm">
                  <MessageStateBadge message={message} />
                  <Text size="sm" c="dimmed">
                    {formatCount(message.counts.targeted)} targeted · {formatMoment(message.createdAt)}
                  </Text>
                </Group>
              }
            >
              <MessageCountsView message={message} asOfMs={answeredAt(query)} />
            </Panel>
            <Panel title="Content">
              <Code block>{JSON.stringify(message.content, null, 2)}</Code>
            </Panel>
            <Panel title="Sent to">
              <Code block>{JSON.stringify(message.to, null, 2)}</Code>
            </Panel>
          </Stack>
        )}
      </Loaded>
    </>
  )
}
