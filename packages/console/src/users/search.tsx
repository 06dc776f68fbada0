/** Users: found by their id, or by its beginning. There is no list of them: a user is the name that devices carry. */
import { Button, Group, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useLookUp } from '../devices/calls.ts'
import { DeviceTable } from '../devices/device-table.tsx'
import { rowOfFound } from '../devices/rows.ts'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, PageHead, Panel, Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useAppCode } from '../session/session.tsx'

const route = getRouteApi('/apps/$app/users')

export function UsersPage(): ReactElement {
  const t = useTexts('device')
  const app = useAppCode()
  const { search = '' } = route.useSearch()
  return (
    <>
      <PageHead title={t('users.title')} about={t('users.about')} />
      <Panel>
        <Stack gap="md">
          <SearchForm key={search} search={search} />
          {search ? (
            <Found app={app} user={search} />
          ) : (
            <Empty title={t('users.start.title')}>{t('users.start.body')}</Empty>
          )}
        </Stack>
      </Panel>
    </>
  )
}

function SearchForm({ search }: { readonly search: string }): ReactElement {
  const t = useTexts('device')
  const navigate = route.useNavigate()
  const form = useForm({
    initialValues: { user: search },
    validate: { user: value => (value.trim() ? null : t('users.search.hint')) },
  })
  return (
    <form
      noValidate
      onSubmit={form.onSubmit(({ user }) => void navigate({ search: { search: user.trim() } }))}
    >
      <Group gap="sm" align="flex-start">
        <TextInput
          type="search"
          aria-label={t('users.search')}
          placeholder={t('users.search.hint')}
          style={{ flex: '1 1 260px' }}
          maw={480}
          {...form.getInputProps('user')}
        />
        <Button type="submit">{t('users.search')}</Button>
      </Group>
    </form>
  )
}

/** The devices that are theirs, and those that were. */
function Found({ app, user }: { readonly app: string; readonly user: string }): ReactElement {
  const t = useTexts('device')
  const { data, error, refetch } = useLookUp(app, { text: user, by: 'any' })
  if (error) return <Problem error={error} onRetry={() => void refetch()} />
  if (data === undefined) return <Waiting lines={4} />
  const found = data.pages.flatMap(({ devices }) => devices)
  const theirs = found.filter(({ by }) => by === 'user').map(rowOfFound)
  const former = found.filter(({ by }) => by === 'former_user').map(rowOfFound)
  const beginning = found.filter(({ by }) => by === 'user_beginning').map(rowOfFound)
  if (theirs.length + former.length + beginning.length === 0)
    return <Empty title={t('users.none', { user })}>{t('users.none.body')}</Empty>
  return (
    <Stack gap="lg">
      {theirs.length > 0 && (
        <div>
          <TextLink to="/apps/$app/users/$user" params={{ app, user }} fw={600}>
            {user}
          </TextLink>
          <DeviceTable app={app} label={user} rows={theirs} hasUsers={false} />
        </div>
      )}
      {former.length > 0 && (
        <div>
          <b>{t('user.formerly')}</b>
          <DeviceTable app={app} label={t('user.formerly')} rows={former} />
        </div>
      )}
      {beginning.length > 0 && (
        <div>
          <b>{t('users.beginning')}</b>
          <DeviceTable app={app} label={t('users.beginning')} rows={beginning} />
        </div>
      )}
    </Stack>
  )
}
