/** The newest messages in a line each; the stream of live values refreshes them. */
import { Group, Text } from '@mantine/core'
import type { MessageSummary } from '@roost/protocol'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { path, query } from '../api/client.ts'
import { useAnswer } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, Panel } from '../parts/page.tsx'
import { useMay } from '../session/session.tsx'

const SHOWN = 5

function useLatestMessages(app: string): UseQueryResult<readonly MessageSummary[]> {
  return useAnswer<{ readonly messages: readonly MessageSummary[] }, readonly MessageSummary[]>({
    key: [app, 'messages', 'latest'],
    path: path`v1/apps/${app}/messages` + query({ limit: SHOWN }),
    select: ({ messages }) => messages,
  })
}

export function LatestMessages({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('dashboard')
  return (
    <Panel
      title={t('messages.latest')}
      aside={
        <TextLink to="/apps/$app/messages" params={{ app }} size="sm">
          {t('messages.all')}
        </TextLink>
      }
    >
      <Loaded query={useLatestMessages(app)}>
        {messages => (messages.length === 0 ? <None app={app} /> : <List app={app} messages={messages} />)}
      </Loaded>
    </Panel>
  )
}

function None({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('dashboard')
  const maySend = useMay('send')
  return (
    <Empty
      title={t('messages.none')}
      action={
        maySend && (
          <ButtonLink to="/apps/$app/messages/new" params={{ app }}>
            {t('messages.write')}
          </ButtonLink>
        )
      }
    >
      {null}
    </Empty>
  )
}

interface ListProps {
  readonly app: string
  readonly messages: readonly MessageSummary[]
}

function List({ app, messages }: ListProps): ReactElement {
  const t = useTexts('dashboard')
  const format = useFormat()
  const share = (part: number, whole: number) => (
    <>
      {format.count(part)}{' '}
      <Text span size="xs" c="dimmed">
        {whole > 0 && format.share(part, whole)}
      </Text>
    </>
  )
  return (
    <DataTable
      label={t('messages.latest')}
      rows={messages}
      keyOf={({ id }) => id}
      columns={[
        {
          key: 'title',
          title: t('day.message'),
          width: 'minmax(0, 2fr)',
          cell: ({ id, title, state, createdAt }) => (
            <Group gap="xs">
              <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }} size="sm">
                {title || t('untitled')}
              </TextLink>
              <Text span size="xs" c="dimmed">
                <StateWord state={state} /> · <Ago at={createdAt} />
              </Text>
            </Group>
          ),
        },
        {
          key: 'accepted',
          title: t('accepted'),
          isNumber: true,
          cell: ({ counts }) => share(counts.accepted, counts.targeted),
        },
        {
          key: 'delivered',
          title: t('delivered'),
          isNumber: true,
          cell: ({ counts }) => share(counts.delivered, counts.accepted),
        },
        {
          key: 'opened',
          title: t('opened'),
          isNumber: true,
          cell: ({ counts }) => share(counts.opened, counts.accepted),
        },
      ]}
    />
  )
}

function StateWord({ state }: { readonly state: string }): ReactElement {
  const t = useTexts('messages')
  return <>{t.known(`state.${state}`) ?? state}</>
}
