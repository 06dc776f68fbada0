/** All messages, newest first: searched, narrowed down, and moving while they are sent. */
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import type { ListedMessage } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useEffect, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Dimmed } from '../parts/dimmed.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel, Waiting } from '../parts/page.tsx'
import { oneOf } from '../search-params.ts'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { writeAudience } from './audience.ts'
import { type MessageSearch, useMessagePages, useMessages } from './calls.ts'
import { useFollowedList } from './follow.ts'
import { MessageCard, MessageStateBadge, OutcomeBar } from './message-card.tsx'

const SEARCH_AFTER_MS = 250
const DAY_MS = 24 * 3_600_000
const STATES = ['scheduled', 'sending', 'paused', 'done', 'cancelled'] as const
const SPANS = ['day', 'week', 'month', 'quarter'] as const
const DAYS: Readonly<Record<(typeof SPANS)[number], number>> = { day: 1, week: 7, month: 30, quarter: 90 }

const route = getRouteApi('/apps/$app/messages')

export function MessagesPage(): ReactElement {
  const t = useTexts('messages')
  const app = useAppCode()
  const may = useMay('send')
  return (
    <>
      <PageHead title={t('title')}>
        <ReadOnlyMark right="send" />
        <ButtonLink variant="default" to="/apps/$app/schedules" params={{ app }}>
          {t('schedules')}
        </ButtonLink>
        {may && (
          <ButtonLink to="/apps/$app/messages/new" params={{ app }}>
            {t('new')}
          </ButtonLink>
        )}
      </PageHead>
      <Panel>
        <Stack gap="md">
          <Filters />
          <Found app={app} />
        </Stack>
      </Panel>
    </>
  )
}

/** What is looked for is in the address bar: coming back from a message finds it again. */
function Filters(): ReactElement {
  const t = useTexts('messages')
  const common = useTexts('common')
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [text, setText] = useState(search.text ?? '')
  const change = (changed: Partial<typeof search>): void =>
    void navigate({ search: { ...search, ...changed }, replace: true, resetScroll: false })
  const searchFor = useDebouncedCallback((wanted: string) => change({ text: wanted.trim() }), SEARCH_AFTER_MS)
  return (
    <Group gap="xs" role="search">
      <TextInput
        type="search"
        aria-label={t('search')}
        placeholder={t('search.hint')}
        value={text}
        flex="1 1 240px"
        maw={420}
        onChange={event => {
          setText(event.currentTarget.value)
          searchFor(event.currentTarget.value)
        }}
      />
      <Select
        aria-label={t('filter.state')}
        placeholder={t('filter.state')}
        value={oneOf(search.state, STATES) ?? null}
        clearable
        w={170}
        data={STATES.map(value => ({ value, label: t(`state.${value}`) }))}
        onChange={state => change({ state: state ?? '' })}
      />
      <Select
        aria-label={t('filter.when')}
        placeholder={t('filter.when')}
        value={oneOf(search.since, SPANS) ?? null}
        clearable
        w={170}
        data={SPANS.map(value => ({ value, label: common(`range.${value}`) }))}
        onChange={since => change({ since: since ?? '' })}
      />
    </Group>
  )
}

function useSearch(): MessageSearch {
  const { text, state, since, campaign } = route.useSearch()
  const [openedAt] = useState(() => Date.now())
  const span = oneOf(since, SPANS)
  return {
    text,
    state: oneOf(state, STATES),
    campaign,
    ...(span && { from: new Date(openedAt - DAYS[span] * DAY_MS).toISOString() }),
  }
}

function Found({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('messages')
  const common = useTexts('common')
  const search = useSearch()
  const { query, hasMore, isMoreComing, askMore } = useMessagePages(app, search)
  const rows = useFollowedList(app, query.data ?? [])
  const columns = useColumns(app)
  const isSearched = Object.values(search).some(Boolean)
  // a page looks at so many messages only, and those that say it may be older
  const isLookedOn = rows.length === 0 && hasMore
  useEffect(() => {
    if (isLookedOn && !isMoreComing) askMore()
  }, [isLookedOn, isMoreComing, askMore])
  if (isLookedOn) return <Waiting lines={10} />
  return (
    <Loaded query={query} lines={10}>
      {() =>
        rows.length === 0 ? (
          isSearched ? (
            <NoMatch />
          ) : (
            <NoMessages app={app} />
          )
        ) : (
          <>
            <DataTable
              label={t('title')}
              columns={columns}
              rows={rows}
              keyOf={({ id }) => id}
              isOld={query.isPlaceholderData}
            />
            {hasMore && (
              <Button variant="default" onClick={askMore} loading={isMoreComing} mx="auto">
                {common('more')}
              </Button>
            )}
          </>
        )
      }
    </Loaded>
  )
}

function useColumns(app: string): readonly Column<ListedMessage>[] {
  const t = useTexts('messages')
  const format = useFormat()
  return [
    {
      key: 'title',
      title: t('message'),
      width: 'minmax(0, 2.2fr)',
      cell: ({ id, title, campaign, audience }) => (
        <div>
          <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }} fw={600} size="sm">
            {title || t('untitled')}
          </TextLink>
          <Text size="xs" c="dimmed">
            {[writeAudience(t, audience), campaign].filter(Boolean).join(' · ')}
          </Text>
        </div>
      ),
    },
    {
      key: 'state',
      title: t('state'),
      width: '128px',
      cell: message => <MessageStateBadge message={message} />,
    },
    {
      key: 'outcomes',
      title: t('outcomes'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ state, counts, waiting, progress }) =>
        state === 'scheduled' ? (
          <Dimmed>{waiting > 0 ? t('toCome', { count: waiting }) : '–'}</Dimmed>
        ) : (
          <div style={{ minWidth: 120 }}>
            <OutcomeBar counts={counts} height={8} />
            <Text size="xs" c="dimmed" mt={4}>
              {t('acceptedOf', {
                accepted: format.count(counts.accepted),
                targeted: format.count(counts.targeted),
              })}
              {state === 'sending' && ` · ${format.percent(progress)}`}
            </Text>
          </div>
        ),
    },
    {
      key: 'delivered',
      title: t('column.delivered'),
      isNumber: true,
      width: '96px',
      cell: ({ counts }) => <Share count={counts.delivered} of={counts.accepted} />,
    },
    {
      key: 'opened',
      title: t('column.opened'),
      isNumber: true,
      width: '96px',
      cell: ({ counts }) => <Share count={counts.opened} of={counts.accepted} />,
    },
    {
      key: 'when',
      title: t('when'),
      isNumber: true,
      width: '132px',
      cell: ({ sendAt, state }) =>
        state === 'scheduled' ? <Dimmed>{format.moment(sendAt)}</Dimmed> : <Ago at={sendAt} />,
    },
  ]
}

/** What devices told, of those that a gateway took it for. */
function Share({ count, of }: { readonly count: number; readonly of: number }): ReactElement {
  const format = useFormat()
  if (of === 0) return <Dimmed>–</Dimmed>
  return (
    <span>
      {format.count(count)}
      <Text span size="xs" c="dimmed" display="block">
        {format.share(count, of)}
      </Text>
    </span>
  )
}

export interface MessageListProps {
  readonly app: string
  /** How many to show; the newest twenty unless set. */
  readonly limit?: number
}

/** The newest, for pages that show other things as well. */
export function MessageList({ app, limit }: MessageListProps): ReactElement {
  const query = useMessages(app)
  const rows = useFollowedList(app, query.data ?? [])
  return (
    <Loaded query={query} lines={6}>
      {() =>
        rows.length === 0 ? (
          <NoMessages app={app} />
        ) : (
          <div>
            {rows.slice(0, limit).map(message => (
              <MessageCard key={message.id} app={app} message={message} />
            ))}
          </div>
        )
      }
    </Loaded>
  )
}

function NoMatch(): ReactElement {
  const t = useTexts('messages')
  const navigate = route.useNavigate()
  return (
    <Empty
      title={t('noMatch.title')}
      action={
        <Button variant="default" onClick={() => void navigate({ search: {} })}>
          {t('noMatch.clear')}
        </Button>
      }
    >
      {t('noMatch.body')}
    </Empty>
  )
}

function NoMessages({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('messages')
  const may = useMay('send')
  return (
    <Empty
      title={t('none.title')}
      action={
        may && (
          <ButtonLink to="/apps/$app/messages/new" params={{ app }}>
            {t('new')}
          </ButtonLink>
        )
      }
    >
      {t('none.body')}
    </Empty>
  )
}
