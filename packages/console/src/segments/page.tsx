/** The segments of an app: how large each is, when a nightly one runs, and what uses it. */
import type { SegmentUse, SegmentView } from '@roost/protocol'
import { type ReactElement, type ReactNode, useMemo } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Dimmed } from '../parts/dimmed.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { useSegments, useSize, useUses, useWork } from './calls.ts'

export function SegmentsPage(): ReactElement {
  const t = useTexts('segments')
  const app = useAppCode()
  const mayManage = useMay('manage')
  const query = useSegments(app)
  const newButton = mayManage && (
    <ButtonLink size="sm" to="/apps/$app/segments/new" params={{ app }}>
      {t('new')}
    </ButtonLink>
  )
  return (
    <>
      <PageHead title={t('title')} about={t('about')}>
        <ReadOnlyMark right="manage" />
        <ButtonLink size="sm" variant="default" to="/apps/$app/lists" params={{ app }}>
          {t('lists')}
        </ButtonLink>
        {newButton}
      </PageHead>
      <Panel>
        <Loaded query={query} lines={8}>
          {segments =>
            segments.length === 0 ? (
              <Empty title={t('none.title')} action={newButton}>
                {t('none.body')}
              </Empty>
            ) : (
              <SegmentTable app={app} segments={segments} />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

interface SegmentTableProps {
  readonly app: string
  readonly segments: readonly SegmentView[]
}

function SegmentTable({ app, segments }: SegmentTableProps): ReactElement {
  const t = useTexts('segments')
  const { data: uses } = useUses(app)
  const usesOf = useMemo(() => bySegment(uses ?? []), [uses])
  const columns: readonly Column<SegmentView>[] = [
    {
      key: 'name',
      title: t('name'),
      width: 'minmax(0, 2fr)',
      cell: ({ id, name }) => (
        <TextLink to="/apps/$app/segments/$segment" params={{ app, segment: id }} size="sm" fw={600}>
          {name}
        </TextLink>
      ),
    },
    { key: 'mode', title: t('mode'), width: '150px', cell: segment => <Mode segment={segment} /> },
    {
      key: 'size',
      title: t('size'),
      isNumber: true,
      width: '110px',
      cell: segment => <SizeCell app={app} segment={segment} />,
    },
    { key: 'last', title: t('run.last'), width: '130px', cell: segment => <LastRun segment={segment} /> },
    { key: 'next', title: t('run.next'), width: '140px', cell: segment => <NextRun segment={segment} /> },
    {
      key: 'uses',
      title: t('uses'),
      cell: ({ id }) => (uses ? <Uses app={app} uses={usesOf.get(id) ?? []} /> : '…'),
    },
  ]
  return <DataTable label={t('title')} columns={columns} rows={segments} keyOf={({ id }) => id} />
}

function bySegment(uses: readonly SegmentUse[]): ReadonlyMap<string, readonly SegmentUse[]> {
  const found = new Map<string, SegmentUse[]>()
  for (const use of uses) found.set(use.segment, [...(found.get(use.segment) ?? []), use])
  return found
}

export function Mode({ segment }: { readonly segment: SegmentView }): ReactElement {
  const t = useTexts('segments')
  const { mode, nightly } = segment
  if (nightly?.failure) return <StateBadge tone="bad" label={t('run.failed')} hint={nightly.failure.error} />
  if (nightly?.running) return <Running segment={segment} />
  return <StateBadge tone="plain" label={t(`mode.${mode}`)} hint={t(`mode.${mode}.hint`)} />
}

function Running({ segment: { id, nightly } }: { readonly segment: SegmentView }): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const progress = useWork('segment', id)?.progress ?? nightly?.running?.progress ?? 0
  return <StateBadge tone="busy" label={t('run.running', { percent: format.percent(progress) })} />
}

interface SizeCellProps {
  readonly app: string
  readonly segment: SegmentView
}

/** Of a nightly one as it was computed; else as it is. */
function SizeCell({ app, segment }: SizeCellProps): ReactNode {
  const format = useFormat()
  const members = segment.nightly?.snapshot?.members
  return members === undefined ? <LiveSize app={app} segment={segment} /> : format.count(members)
}

function LiveSize({ app, segment }: SizeCellProps): ReactElement {
  const format = useFormat()
  const { data, error } = useSize(app, segment)
  if (data) return <>{data.exact === null ? `≈ ${format.count(data.estimate)}` : format.count(data.exact)}</>
  return <Dimmed>{error ? '–' : '…'}</Dimmed>
}

function LastRun({ segment: { nightly } }: { readonly segment: SegmentView }): ReactElement {
  return nightly?.snapshot ? <Ago at={nightly.snapshot.computedAt} /> : <Dimmed>–</Dimmed>
}

function NextRun({ segment: { nightly } }: { readonly segment: SegmentView }): ReactElement {
  const format = useFormat()
  if (!nightly) return <Dimmed>–</Dimmed>
  return (
    <span>
      {format.day(nightly.nextRunAt)}, {format.time(nightly.nextRunAt)}
    </span>
  )
}

const USES_SHOWN = 2

export function Uses({
  app,
  uses,
  limit = USES_SHOWN,
}: {
  readonly app: string
  readonly uses: readonly SegmentUse[]
  readonly limit?: number
}): ReactElement {
  const t = useTexts('segments')
  if (uses.length === 0) return <Dimmed>{t('uses.none')}</Dimmed>
  const more = uses.length - limit
  return (
    <span>
      {uses.slice(0, limit).map((use, at) => (
        <span key={`${use.kind} ${use.id}`}>
          {at > 0 && ', '}
          <UseLink app={app} use={use} />
        </span>
      ))}
      {more > 0 && ` ${t('uses.more', { count: more })}`}
    </span>
  )
}

function UseLink({
  app,
  use: { kind, id, name },
}: {
  readonly app: string
  readonly use: SegmentUse
}): ReactElement {
  const t = useTexts('segments')
  const label = t(`use.${kind}`, { name: name ?? t('message.untitled') })
  if (kind === 'segment')
    return (
      <TextLink to="/apps/$app/segments/$segment" params={{ app, segment: id }} size="sm">
        {label}
      </TextLink>
    )
  if (kind === 'message')
    return (
      <TextLink to="/apps/$app/messages/$message" params={{ app, message: id }} size="sm">
        {label}
      </TextLink>
    )
  return <>{label}</>
}
