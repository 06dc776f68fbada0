/** Who changed what, and when: the newest first, chosen by person, kind and time, all in the address bar. */
import { Badge, Box, Button, Code, Group, Select, Stack, Text } from '@mantine/core'
import type { AuditEntry } from '@roost/protocol'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type ReactElement, useMemo } from 'react'
import { useApps } from '../apps/calls.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { boundsOf, parseRange, type Range } from '../parts/range.ts'
import { RangePicker } from '../parts/range-picker.tsx'
import { saveFile } from '../parts/save-file.ts'
import { useMay } from '../session/session.tsx'
import { KINDS, pathOf, readCall } from './audit-words.ts'
import { useAudit, useAuditFile, useMembers, useTokens } from './calls.ts'
import { Closed } from './closed.tsx'
import { type Place, PlaceSwitch, usePlace } from './place.tsx'

const OFFERED = ['week', 'month', 'year'] as const

export function AuditPage(): ReactElement {
  const common = useTexts('common')
  const place = usePlace('manage')
  const maySee = useMay('manage', place.app)
  if (maySee) return <AuditOf key={place.key} place={place} />
  return (
    <>
      <PageHead title={common('page.audit')} />
      <Closed why="audit" place={place} />
    </>
  )
}

/** As the address bar has them. */
interface Chosen {
  readonly of?: string
  /** `person:3`, `token:7`. */
  readonly who?: string
  readonly kind?: string
  readonly range?: string
}

function useChosen(): readonly [Chosen, (given: Chosen) => void] {
  const { of, who, kind, range } = useSearch({ strict: false }) as Chosen
  const chosen: Chosen = {
    ...(of && { of }),
    ...(who && { who }),
    ...(kind && { kind }),
    ...(range && { range }),
  }
  const navigate = useNavigate()
  return [
    chosen,
    given => void navigate({ to: '.', search: { ...chosen, ...given }, replace: true, resetScroll: false }),
  ]
}

function AuditOf({ place }: { readonly place: Place }): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const [chosen, choose] = useChosen()
  const { who = '', kind = '' } = chosen
  const range = parseRange(chosen.range, 'year')
  // the last moment of a range that ends now must not move while its pages are asked for
  const bounds = useMemo(() => boundsOf(range, Date.now()), [range])
  const [, by, id] = /^(person|token):(\d+)$/.exec(who) ?? []
  const search = {
    ...(by === 'person' ? { person: id } : by === 'token' ? { token: id } : {}),
    what: pathOf(kind),
    from: bounds.from.toISOString(),
    ...(range.includes('..') && { to: bounds.to.toISOString() }),
  }
  const pages = useAudit(place, search)
  const file = useAuditFile(place)
  const save = (): void =>
    file.mutate(search, { onSuccess: blob => saveFile(`audit-${place.app ?? 'all'}.csv`, blob) })
  const isChosen = who !== '' || kind !== '' || chosen.range !== undefined
  return (
    <>
      <PageHead
        title={common('page.audit')}
        about={place.app === null ? t('audit.about.all') : t('audit.about.app', { app: place.name })}
      >
        <PlaceSwitch place={place} right="manage" />
        <Button size="sm" variant="default" loading={file.isPending} onClick={save}>
          {t('audit.save')}
        </Button>
      </PageHead>
      <Panel>
        <Stack gap="md">
          {file.error && <Problem error={file.error} title={t('audit.save.failed')} />}
          <Group gap="sm" align="center">
            <WhoPicker place={place} who={who} onWho={given => choose({ who: given })} />
            <KindPicker kind={kind} onKind={given => choose({ kind: given })} />
            <Box maw="100%" style={{ overflowX: 'auto' }}>
              <RangePicker
                range={range}
                offered={OFFERED}
                onRange={(given: Range) => choose({ range: given })}
              />
            </Box>
          </Group>
          <Loaded query={pages.query} lines={8}>
            {entries =>
              entries.length > 0 ? (
                <Entries place={place} entries={entries} isOld={pages.query.isPlaceholderData} />
              ) : isChosen ? (
                <Empty
                  title={t('audit.noMatch.title')}
                  action={
                    <Button variant="default" onClick={() => choose({ who: '', kind: '', range: '' })}>
                      {t('audit.clear')}
                    </Button>
                  }
                >
                  {t('audit.noMatch.body')}
                </Empty>
              ) : (
                <Empty title={t('audit.none.title')}>{t('audit.none.body')}</Empty>
              )
            }
          </Loaded>
          {pages.hasMore && (
            <Button variant="default" w="fit-content" loading={pages.isMoreComing} onClick={pages.askMore}>
              {t('audit.more')}
            </Button>
          )}
        </Stack>
      </Panel>
    </>
  )
}

interface WhoPickerProps {
  readonly place: Place
  readonly who: string
  readonly onWho: (who: string) => void
}

function WhoPicker({ place, who, onWho }: WhoPickerProps): ReactElement {
  const t = useTexts('people')
  const people = useMembers(place).data ?? []
  const tokens = useTokens(place, useMay('access', place.app)).data ?? []
  const data = [
    {
      group: t('audit.people'),
      items: people.map(each => ({ value: `person:${each.id}`, label: each.name })),
    },
    {
      group: t('audit.tokens'),
      items: tokens.map(each => ({ value: `token:${each.id}`, label: each.name })),
    },
  ]
  return (
    <Select
      size="xs"
      w={190}
      aria-label={t('audit.who')}
      placeholder={t('audit.anybody')}
      data={data.filter(({ items }) => items.length > 0)}
      value={who || null}
      searchable
      clearable
      onChange={value => onWho(value ?? '')}
    />
  )
}

function KindPicker({
  kind,
  onKind,
}: {
  readonly kind: string
  readonly onKind: (kind: string) => void
}): ReactElement {
  const t = useTexts('people')
  return (
    <Select
      size="xs"
      w={190}
      aria-label={t('audit.what')}
      placeholder={t('audit.anything')}
      data={KINDS.map(each => ({ value: each, label: t(`kind.${each}`) }))}
      value={kind || null}
      searchable
      clearable
      onChange={value => onKind(value ?? '')}
    />
  )
}

interface EntriesProps {
  readonly place: Place
  readonly entries: readonly AuditEntry[]
  readonly isOld: boolean
}

function Entries({ place, entries, isOld }: EntriesProps): ReactElement {
  const t = useTexts('people')
  return (
    <DataTable
      label={t('audit.list')}
      columns={useColumns(place)}
      rows={entries}
      keyOf={({ id }) => id}
      isOld={isOld}
    />
  )
}

function useColumns(place: Place): readonly Column<AuditEntry>[] {
  const t = useTexts('people')
  const format = useFormat()
  const apps = useApps().data ?? []
  const nameOf = (code: string | null): string =>
    code === null ? '–' : (apps.find(each => each.code === code)?.name ?? code)
  const app: Column<AuditEntry> = { key: 'app', title: t('tokens.app'), cell: entry => nameOf(entry.app) }
  return [
    {
      key: 'when',
      title: t('audit.when'),
      width: '200px',
      cell: ({ at }) => <time dateTime={at}>{format.moment(at)}</time>,
    },
    { key: 'who', title: t('audit.who'), width: 'minmax(0, 0.9fr)', cell: entry => <Who entry={entry} /> },
    ...(place.app === null ? [app] : []),
    { key: 'what', title: t('audit.what'), width: 'minmax(0, 1.6fr)', cell: entry => <What entry={entry} /> },
    {
      key: 'change',
      title: t('audit.change'),
      width: 'minmax(0, 1.8fr)',
      cell: entry => <BeforeAfter entry={entry} />,
    },
  ]
}

function Who({ entry }: { readonly entry: AuditEntry }): ReactElement {
  const t = useTexts('people')
  const { by, personId, tokenId } = entry
  const mark = tokenId !== null ? t('audit.byToken') : personId === null ? t('audit.command') : undefined
  return (
    <Group gap={6}>
      <span>{by}</span>
      {mark && (
        <Badge size="sm" variant="light" color="gray" tt="none">
          {mark}
        </Badge>
      )}
    </Group>
  )
}

function What({ entry }: { readonly entry: AuditEntry }): ReactElement {
  const t = useTexts('people')
  const { kind, done } = readCall(entry.what)
  return (
    <Stack gap={2}>
      {kind !== undefined && (
        <span>
          <Text span size="sm" fw={600}>
            {t(`kind.${kind}`)}
          </Text>
          {done && ` · ${t(`done.${done}`)}`}
          {entry.subject !== null && ` · ${entry.subject}`}
        </span>
      )}
      <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: 'anywhere' }}>
        {entry.what}
      </Text>
    </Stack>
  )
}

function BeforeAfter({ entry }: { readonly entry: AuditEntry }): ReactElement {
  const { before, after } = entry
  if (before === null && after === null) return <>–</>
  return (
    <Text span size="sm">
      {before !== null && (
        <>
          <Code>{before}</Code> →{' '}
        </>
      )}
      {after !== null ? <Code>{after}</Code> : '–'}
    </Text>
  )
}
