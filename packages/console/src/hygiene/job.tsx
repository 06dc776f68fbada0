/** The runs of one job: how long each took, and what it took out of the base and why. */
import { Stack, Text } from '@mantine/core'
import type { JobRunView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useJobRuns } from './calls.ts'
import css from './hygiene.module.css'
import { RunState, useSeesAllJobs, writeDuration } from './jobs.tsx'

const route = getRouteApi('/apps/$app/hygiene/jobs/$job')

export function JobPage(): ReactElement {
  const t = useTexts('hygiene')
  const common = useTexts('common')
  const { app, job } = route.useParams()
  const runs = useJobRuns({ app, isAll: useSeesAllJobs() }, job)
  return (
    <>
      <PageHead
        title={t.known(`job.${job}`) ?? job}
        about={t('runs.about')}
        back={
          <TextLink to="/apps/$app/hygiene/jobs" params={{ app }} size="sm">
            {common('back', { place: t('tab.jobs') })}
          </TextLink>
        }
      />
      <Panel>
        <Loaded query={runs} lines={8}>
          {found =>
            found.length === 0 ? (
              <Empty title={t('runs.none.title')}>{t('runs.none.body')}</Empty>
            ) : (
              <Runs runs={found} />
            )
          }
        </Loaded>
      </Panel>
    </>
  )
}

function Runs({ runs }: { readonly runs: readonly JobRunView[] }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const columns: Column<JobRunView>[] = [
    { key: 'started', title: t('runs.started'), cell: ({ startedAt }) => format.moment(startedAt) },
    { key: 'outcome', title: t('jobs.outcome'), cell: ({ outcome }) => <RunState outcome={outcome} /> },
    {
      key: 'duration',
      title: t('jobs.duration'),
      isNumber: true,
      cell: ({ durationMs }) => writeDuration(durationMs, format.tag),
    },
    {
      key: 'did',
      title: t('runs.did'),
      width: 'minmax(0, 3fr)',
      cell: run => <Did run={run} />,
    },
  ]
  return (
    <DataTable label={t('runs.title')} columns={columns} rows={runs} keyOf={({ startedAt }) => startedAt} />
  )
}

function Did({ run: { summary, removed } }: { readonly run: JobRunView }): ReactElement {
  const t = useTexts('hygiene')
  const looks = useDeviceLooks()
  return (
    <Stack gap={2} className={css.wrap ?? ''}>
      {removed.map(({ reason, platform, count }) => (
        <Text key={`${reason} ${platform}`} size="sm">
          {t('runs.removed', {
            count,
            reason: t.known(`reason.${reason}`) ?? reason,
            platform: platform === 'unknown' ? t('platform.unknown') : looks.platform(platform),
          })}
        </Text>
      ))}
      {summary && (
        <Text size="sm" {...(removed.length > 0 && { c: 'dimmed' })}>
          {summary}
        </Text>
      )}
    </Stack>
  )
}
