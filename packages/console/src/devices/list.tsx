/**
 * Devices: found by whatever somebody has in hand of one, or listed by state and platform. `/` goes to the search.
 *
 * Whole names and tokens, beginnings of names and ends of tokens are found by keys, at once whatever the size of the base. Parts within
 * names read the base, so they are looked for when they are asked for, page after page until there are enough. Source: docs/look-ups.md.
 */
import { Button, Group, Kbd, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { ADDRESS_STATES } from '../api/shapes.ts'
import { useTexts } from '../i18n/language.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Empty, PageHead, Panel, Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { oneOf } from '../search-params.ts'
import { useAppCode, useMay } from '../session/session.tsx'
import { useDeviceList, useLookUp } from './calls.ts'
import { DeviceTable, More } from './device-table.tsx'
import { useDeviceLooks } from './looks.ts'
import { type DeviceRow, rowOf, rowOfFound, type Search, wayOf } from './rows.ts'

const SEARCH_AFTER_MS = 250
const PLATFORMS = ['ios', 'android', 'web', 'macos', 'huawei', 'other'] as const
const WAYS = ['any', 'part'] as const

const route = getRouteApi('/apps/$app/devices')

function useSearched(): Search {
  const { search = '', state, platform, by } = route.useSearch()
  return {
    text: search,
    state: oneOf(state, ADDRESS_STATES) ?? '',
    platform: oneOf(platform, PLATFORMS) ?? '',
    by: oneOf(by, WAYS),
  }
}

export function DevicesPage(): ReactElement {
  const t = useTexts('devices')
  const app = useAppCode()
  const common = useTexts('common')
  const asked = useSearched()
  const mayImport = useMay('devices')
  return (
    <>
      <PageHead title={t('title')}>
        {mayImport && (
          <ButtonLink to="/apps/$app/imports" params={{ app }} variant="default">
            {common('page.imports')}
          </ButtonLink>
        )}
      </PageHead>
      <Panel>
        <Stack gap="md">
          <Group gap="sm" align="flex-end">
            <SearchField text={asked.text} />
            <Filters asked={asked} />
          </Group>
          <Found app={app} asked={asked} />
        </Stack>
      </Panel>
    </>
  )
}

/** The search is kept in the address bar, so that coming back from a device finds it again. */
function SearchField({ text: search }: { readonly text: string }): ReactElement {
  const t = useTexts('devices')
  const own = useTexts('device')
  const navigate = route.useNavigate()
  const [text, setText] = useState(search)
  const [shown, setShown] = useState(search)
  if (search !== shown) {
    // the address bar has changed: by what was typed here, or by a link that must then be seen in the field
    setShown(search)
    if (search !== text.trim()) setText(search)
  }
  const input = useRef<HTMLInputElement>(null)
  const show = useDebouncedCallback(
    (wanted: string) =>
      void navigate({
        // another text is looked for the quick ways again
        search: ({ search: _, by: __, ...filters }) => ({
          ...filters,
          ...(wanted.trim() && { search: wanted.trim() }),
        }),
        replace: true,
        resetScroll: false,
      }),
    SEARCH_AFTER_MS,
  )
  useHotkeys([['/', () => input.current?.focus()]])
  return (
    <TextInput
      ref={input}
      type="search"
      aria-label={t('search')}
      placeholder={own('search.hint')}
      value={text}
      style={{ flex: '1 1 320px' }}
      maw={560}
      rightSection={<Kbd size="xs">/</Kbd>}
      onChange={event => {
        setText(event.currentTarget.value)
        show(event.currentTarget.value)
      }}
    />
  )
}

function Filters({ asked }: { readonly asked: Search }): ReactElement {
  const t = useTexts('devices')
  const own = useTexts('device')
  const navigate = route.useNavigate()
  const looks = useDeviceLooks()
  const choose = (chosen: { readonly state?: string; readonly platform?: string }): void =>
    void navigate({ search: before => ({ ...before, ...chosen }), replace: true, resetScroll: false })
  return (
    <>
      <NativeSelect
        aria-label={t('state')}
        value={asked.state}
        onChange={event => choose({ state: event.currentTarget.value })}
        data={[
          { value: '', label: own('anyState') },
          ...ADDRESS_STATES.map(state => ({ value: state, label: looks.states[state].label })),
        ]}
      />
      <NativeSelect
        aria-label={t('platform')}
        value={asked.platform}
        onChange={event => choose({ platform: event.currentTarget.value })}
        data={[
          { value: '', label: own('anyPlatform') },
          ...PLATFORMS.map(platform => ({ value: platform, label: looks.platform(platform) })),
        ]}
      />
    </>
  )
}

interface FoundProps {
  readonly app: string
  readonly asked: Search
}

function Found({ app, asked }: FoundProps): ReactElement {
  const { text, state, platform } = asked
  const way = wayOf(asked)
  const isKeyed = way === 'any'
  const found = useLookUp(app, isKeyed ? { text, by: way } : undefined)
  const listed = useDeviceList(app, isKeyed ? undefined : { search: text, state, platform })
  return isKeyed ? (
    <Rows app={app} asked={asked} query={found} rowsOf={({ devices }) => devices.map(rowOfFound)} />
  ) : (
    <Rows app={app} asked={asked} query={listed} rowsOf={({ devices }) => devices.map(rowOf)} />
  )
}

interface RowsProps<Page> extends FoundProps {
  readonly query: UseInfiniteQueryResult<InfiniteData<Page>>
  readonly rowsOf: (page: Page) => readonly DeviceRow[]
}

function Rows<Page extends { readonly searched: number }>(props: RowsProps<Page>): ReactElement {
  const { app, asked, query, rowsOf } = props
  const t = useTexts('devices')
  const { data, error } = query
  const isSearch = wayOf(asked) === 'part' || asked.state !== '' || asked.platform !== ''
  useSearchOn(query, { isSearch, count: data?.pages.flatMap(rowsOf).length ?? 0 })
  if (error) return <Problem error={error} onRetry={() => void query.refetch()} />
  if (data === undefined) return <Waiting lines={8} />
  // a device that was seen while pages were read may be in two of them
  const rows = [...new Map(data.pages.flatMap(rowsOf).map(row => [row.hwid, row])).values()]
  return (
    <Stack gap="md">
      <Announced count={rows.length} isSearched={asked.text !== ''} hasMore={query.hasNextPage} />
      {rows.length > 0 && <DeviceTable app={app} label={t('title')} rows={rows} />}
      <More
        hasMore={query.hasNextPage}
        isPending={query.isFetchingNextPage}
        searched={data.pages.at(-1)?.searched}
        onMore={() => void query.fetchNextPage()}
      />
      {rows.length === 0 && !query.hasNextPage && <NoDevices app={app} asked={asked} />}
      {rows.length > 0 && asked.text !== '' && <OtherWays asked={asked} />}
    </Stack>
  )
}

/** So many are enough to look at before the rest of the base is looked through. */
const ENOUGH_FOUND = 25

/** A page takes a moment, however large the base is; few of those who are meant may be in it. */
function useSearchOn<Page>(
  { hasNextPage, isFetching, error, fetchNextPage }: UseInfiniteQueryResult<InfiniteData<Page>>,
  { isSearch, count }: { readonly isSearch: boolean; readonly count: number },
): void {
  const isOn = isSearch && hasNextPage && !isFetching && !error && count < ENOUGH_FOUND
  useEffect(() => {
    if (isOn) void fetchNextPage()
  }, [isOn, fetchNextPage])
}

/** How many were found, for those who don't see the table change. */
interface AnnouncedProps {
  readonly count: number
  readonly isSearched: boolean
  readonly hasMore: boolean
}

function Announced({ count, isSearched, hasMore }: AnnouncedProps): ReactElement {
  const t = useTexts('device')
  const listed = hasMore ? 'listed.first' : 'listed'
  return (
    <Text size="sm" c="dimmed" role="status">
      {t(isSearched ? 'found' : listed, { count })}
    </Text>
  )
}

function NoDevices({ app, asked }: FoundProps): ReactElement {
  const t = useTexts('devices')
  const own = useTexts('device')
  const mayBringIn = useMay('devices')
  if (asked.text)
    return (
      <Empty title={t('noMatch.title', { search: asked.text })} action={<OtherWays asked={asked} />}>
        {own('noMatch.body')}
      </Empty>
    )
  if (asked.state || asked.platform)
    return <Empty title={own('noneSuch.title')}>{own('noneSuch.body')}</Empty>
  return (
    <Empty
      title={t('none.title')}
      action={
        mayBringIn && (
          <Group justify="center" gap="xs">
            <ButtonLink to="/apps/$app/test-devices" params={{ app }}>
              {own('none.phone')}
            </ButtonLink>
            <ButtonLink to="/apps/$app/imports" params={{ app }} variant="default">
              {own('none.import')}
            </ButtonLink>
          </Group>
        )
      }
    >
      {t('none.body')}
    </Empty>
  )
}

/** The slow way to find a device, by a click. */
function OtherWays({ asked }: { readonly asked: Search }): ReactElement | null {
  const t = useTexts('device')
  const navigate = route.useNavigate()
  if (wayOf(asked) !== 'any') return null
  const look = (): void =>
    void navigate({ search: { search: asked.text, by: 'part' }, replace: true, resetScroll: false })
  return (
    <Group justify="center" gap="xs">
      <Button variant="default" size="xs" onClick={look}>
        {t('ways.part')}
      </Button>
    </Group>
  )
}
