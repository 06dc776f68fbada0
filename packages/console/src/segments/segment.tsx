/** One segment: its size and reach, its runs, what uses it, some of its members, and what can be done with them. */
import { Button, Group, Menu, Progress, Text } from '@mantine/core'
import type { SegmentView } from '@roost/protocol'
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Loaded, PageHead, Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import {
  useCompute,
  useDeleteSegment,
  useExactSize,
  useSegment,
  useSize,
  useUses,
  useWork,
  versionOf,
} from './calls.ts'
import { ExportPanel } from './export.tsx'
import { Members } from './members.tsx'
import { Mode, Uses } from './page.tsx'
import css from './segments.module.css'
import { SizeFigures } from './size.tsx'
import { UnregisterPanel } from './unregister-panel.tsx'
import { ConditionInWords } from './words.tsx'

const route = getRouteApi('/apps/$app/segments/$segment')

export function SegmentPage(): ReactElement {
  const app = useAppCode()
  const { segment } = route.useParams()
  const query = useSegment(app, segment)
  return (
    <Loaded query={query} lines={10}>
      {({ data }) => <Segment app={app} segment={data} />}
    </Loaded>
  )
}

interface SegmentProps {
  readonly app: string
  readonly segment: SegmentView
}

function Segment({ app, segment }: SegmentProps): ReactElement {
  const t = useTexts('segments')
  const common = useTexts('common')
  const mayManage = useMay('manage')
  const maySend = useMay('send')
  const mayTouchDevices = useMay('devices')
  const { id, name, nightly, condition, expression } = segment
  return (
    <>
      <PageHead
        title={name}
        about={<Mode segment={segment} />}
        back={
          <TextLink to="/apps/$app/segments" params={{ app }}>
            {common('back', { place: t('title') })}
          </TextLink>
        }
      >
        <ReadOnlyMark right="manage" />
        {mayManage && <Deletion app={app} segment={segment} />}
        {maySend && (
          <ButtonLink
            size="sm"
            variant="default"
            to="/apps/$app/messages/new"
            params={{ app }}
            search={{ segment: id }}
          >
            {t('send')}
          </ButtonLink>
        )}
        {mayManage && (
          <ButtonLink size="sm" to="/apps/$app/segments/$segment/edit" params={{ app, segment: id }}>
            {t('edit')}
          </ButtonLink>
        )}
      </PageHead>
      <div className={css.columns}>
        <div className={css.stack} data-page>
          <div className={css.first}>
            <Panel title={t('condition')}>
              <ConditionInWords app={app} condition={condition} />
              <details className={css.expression}>
                <summary>{t('text')}</summary>
                <pre className={css.code}>{expression}</pre>
              </details>
            </Panel>
          </div>
          <div className={css.last}>
            <Panel title={t('members')}>
              <Members app={app} segment={segment} />
            </Panel>
          </div>
        </div>
        <div className={css.stack} data-page>
          <Panel title={t('size')}>
            <Size key={versionOf(segment)} app={app} segment={segment} />
          </Panel>
          {nightly && <Runs app={app} segment={segment} />}
          <Panel title={t('uses')}>
            <UsesOf app={app} id={id} />
          </Panel>
          {mayTouchDevices && <ExportPanel app={app} segment={segment} />}
          {mayTouchDevices && <UnregisterPanel app={app} segment={segment} />}
        </div>
      </div>
    </>
  )
}

function Size({ app, segment }: SegmentProps): ReactElement {
  const query = useSize(app, segment)
  const exact = useExactSize(app, segment.id)
  return (
    <Loaded query={query} lines={5}>
      {size => (
        <>
          {exact.error && <Problem error={exact.error} />}
          <SizeFigures
            size={exact.data ?? size}
            isCounting={exact.isPending}
            onExact={() => exact.mutate()}
          />
        </>
      )}
    </Loaded>
  )
}

function Runs({ app, segment }: SegmentProps): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const mayManage = useMay('manage')
  const compute = useCompute(app, segment.id)
  const work = useWork('segment', segment.id)
  const { nightly } = segment
  const running = nightly?.running
  const progress = work?.progress ?? running?.progress ?? 0
  const snapshot = nightly?.snapshot
  return (
    <Panel title={t('run')}>
      <Facts>
        <Fact name={t('run.last')}>
          {snapshot ? (
            <>
              <Ago at={snapshot.computedAt} /> ·{' '}
              {t('run.took', { duration: format.duration(snapshot.durationMs / 1000) })}
            </>
          ) : (
            t('run.none')
          )}
        </Fact>
        {snapshot && <Fact name={t('run.members')}>{format.count(snapshot.members)}</Fact>}
        {nightly && (
          <Fact name={t('run.next')}>
            {format.day(nightly.nextRunAt)}, {format.time(nightly.nextRunAt)}
          </Fact>
        )}
      </Facts>
      {nightly?.failure && (
        <Text size="sm" c="red" mt="sm" role="alert">
          {t('run.failure', { error: nightly.failure.error })}
        </Text>
      )}
      {running && (
        <div aria-live="polite">
          <Text size="sm" mt="sm">
            {t('run.running', { percent: format.percent(progress) })}
          </Text>
          <Progress value={progress * 100} mt={6} aria-label={t('run')} animated />
        </div>
      )}
      {compute.error && <Problem error={compute.error} />}
      {mayManage && !running && (
        <Button
          size="xs"
          variant="default"
          mt="md"
          loading={compute.isPending}
          onClick={() => compute.mutate()}
        >
          {t('run.now')}
        </Button>
      )}
    </Panel>
  )
}

function UsesOf({ app, id }: { readonly app: string; readonly id: string }): ReactElement {
  const query = useUses(app)
  return (
    <Loaded query={query} lines={1}>
      {uses => <Uses app={app} uses={uses.filter(({ segment }) => segment === id)} limit={20} />}
    </Loaded>
  )
}

function Deletion({ app, segment: { id, name } }: SegmentProps): ReactElement {
  const t = useTexts('segments')
  const common = useTexts('common')
  const navigate = useNavigate()
  const client = useQueryClient()
  const [isOpen, setOpen] = useState(false)
  const deletion = useDeleteSegment(app, id)
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="sm" variant="default" aria-label={t('part.more')}>
            ⋯
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item color="red" onClick={() => setOpen(true)}>
            {common('delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Confirm
        isOpen={isOpen}
        title={t('delete.title', { name })}
        verb={common('delete')}
        isDangerous
        isPending={deletion.isPending}
        error={deletion.error}
        onConfirm={() =>
          deletion.mutate(undefined, {
            onSuccess: () =>
              // afterwards, or this page would ask for what is gone
              void navigate({ to: '/apps/$app/segments', params: { app } }).then(() =>
                client.invalidateQueries({ queryKey: [app, 'segments'] }),
              ),
          })
        }
        onClose={() => {
          setOpen(false)
          deletion.reset()
        }}
      >
        <Group>
          <Text size="sm">{t('delete.body')}</Text>
        </Group>
      </Confirm>
    </>
  )
}
