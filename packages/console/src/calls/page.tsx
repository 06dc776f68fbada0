/** Calls, the newest first: of everybody, or of one user. */
import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import type { ListedCall } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { CallStateBadge } from './call-state.tsx'
import { useCalls } from './calls.ts'

const route = getRouteApi('/apps/$app/calls')

export function CallsPage(): ReactElement {
  const t = useTexts('calls')
  const app = useAppCode()
  const { user = '' } = route.useSearch()
  return (
    <>
      <PageHead title={t('title')} about={t('about')} />
      <Panel>
        <Stack gap="md">
          <UserForm key={user} user={user} />
          <Found app={app} user={user} />
        </Stack>
      </Panel>
    </>
  )
}

function UserForm({ user }: { readonly user: string }): ReactElement {
  const t = useTexts('calls')
  const navigate = route.useNavigate()
  const form = useForm({ initialValues: { user } })
  return (
    <form
      noValidate
      onSubmit={form.onSubmit(values => void navigate({ search: { user: values.user.trim() } }))}
    >
      <Group gap="sm">
        <TextInput
          type="search"
          aria-label={t('filter.user')}
          placeholder={t('filter.user.hint')}
          style={{ flex: '1 1 260px' }}
          maw={480}
          {...form.getInputProps('user')}
        />
        <Button type="submit" variant="default">
          {t('filter.show')}
        </Button>
      </Group>
    </form>
  )
}

function Found({ app, user }: { readonly app: string; readonly user: string }): ReactElement {
  const t = useTexts('calls')
  const common = useTexts('common')
  const { query, hasMore, isMoreComing, askMore } = useCalls(app, user || undefined)
  const columns = useColumns(app)
  return (
    <Loaded query={query} lines={8}>
      {calls =>
        calls.length === 0 ? (
          <Empty title={user ? t('noneOf.title', { user }) : t('none.title')}>
            {t(user ? 'noneOf.body' : 'none.body')}
          </Empty>
        ) : (
          <>
            <DataTable
              label={t('title')}
              columns={columns}
              rows={calls}
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

function useColumns(app: string): readonly Column<ListedCall>[] {
  const t = useTexts('calls')
  const format = useFormat()
  return [
    {
      key: 'at',
      title: t('at'),
      width: '190px',
      cell: ({ id, createdAt }) => (
        <TextLink to="/apps/$app/calls/$call" params={{ app, call: id }} size="sm">
          {format.moment(createdAt)}
        </TextLink>
      ),
    },
    { key: 'caller', title: t('caller'), cell: ({ caller }) => <Text size="sm">{caller.name}</Text> },
    {
      key: 'callees',
      title: t('callees'),
      width: 'minmax(0, 1.4fr)',
      cell: ({ callees }) => <Text size="sm">{format.list(callees.map(({ userId }) => userId))}</Text>,
    },
    { key: 'media', title: t('media'), width: '90px', cell: ({ media }) => t(`media.${media}`) },
    {
      key: 'state',
      title: t('state'),
      width: '130px',
      cell: ({ state }) => <CallStateBadge state={state} />,
    },
  ]
}
