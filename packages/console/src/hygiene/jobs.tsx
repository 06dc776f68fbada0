/** The background jobs: when they run, what they did last, and running one now. */
import { Button, Text } from '@mantine/core'
import type { JobView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { TextLink } from '../parts/link.tsx'
import { Loaded, Panel, Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useAppCode, useMay } from '../session/session.tsx'
import { useJobs, useRunJob, useStoredPolicyPreview } from './calls.ts'
import { HygieneFrame } from './frame.tsx'
import { isNew, timesOfJob } from './job-times.ts'
import { RemovalSentence } from './preview-panel.tsx'

/** It ends addresses for good: it first says how many. */
const AGING = 'address-aging'

export function useSeesAllJobs(): boolean {
  return useMay('read', null)
}

export function JobsPage(): ReactElement {
  const t = useTexts('hygiene')
  const app = useAppCode()
  const seesAll = useSeesAllJobs()
  const whose = { app, isAll: seesAll }
  const query = useJobs(whose)
  const run = useRunJob(whose)
  const [asked, setAsked] = useState<string>()
  const columnsOf = useJobColumns(app, name => (name === AGING ? setAsked(name) : run.mutate(name)))
  return (
    <HygieneFrame>
      {run.error && <Problem error={run.error} title={t('jobs.notRun')} />}
      <Panel title={t('jobs.title')}>
        <Text size="sm" c="dimmed" mb="md">
          {t(seesAll ? 'jobs.about' : 'jobs.about.app')}
        </Text>
        <Text size="sm" fw={600} aria-live="polite" mb={run.data ? 'md' : 0}>
          {run.data && !run.isPending ? t('jobs.asked', { name: nameOf(t, run.variables ?? '') }) : ''}
        </Text>
        <Loaded query={query} lines={10}>
          {({ since, jobs }) => (
            <DataTable
              label={t('jobs.title')}
              columns={columnsOf(since)}
              rows={jobs}
              keyOf={({ name }) => name}
            />
          )}
        </Loaded>
      </Panel>
      {asked !== undefined && (
        <RunAging
          app={app}
          isPending={run.isPending}
          onRun={() => run.mutate(AGING, { onSettled: () => setAsked(undefined) })}
          onClose={() => setAsked(undefined)}
        />
      )}
    </HygieneFrame>
  )
}

type T = ReturnType<typeof useTexts<'hygiene'>>

function nameOf(t: T, name: string): string {
  return t.known(`job.${name}`) ?? name
}

function useJobColumns(app: string, onRun: (name: string) => void): (since: string) => Column<JobView>[] {
  const t = useTexts('hygiene')
  const format = useFormat()
  const seesAll = useSeesAllJobs()
  const mayRunAll = useMay('manage', null)
  const mayRunOfApp = useMay('manage')
  const mayRun = seesAll ? mayRunAll : mayRunOfApp
  return since => [
    {
      key: 'name',
      title: t('jobs.name'),
      width: 'minmax(0, 2.2fr)',
      cell: ({ name }) => (
        <TextLink to="/apps/$app/hygiene/jobs/$job" params={{ app, job: name }} size="sm">
          {nameOf(t, name)}
        </TextLink>
      ),
    },
    { key: 'times', title: t('jobs.times'), cell: ({ cron }) => <Times cron={cron} /> },
    {
      key: 'last',
      title: t('jobs.last'),
      width: 'minmax(0, 1.2fr)',
      cell: job => (job.lastRun ? <Ago at={job.lastRun.startedAt} /> : <NotYet job={job} since={since} />),
    },
    {
      key: 'outcome',
      title: t('jobs.outcome'),
      cell: ({ lastRun }) => lastRun && <RunState outcome={lastRun.outcome} />,
    },
    {
      key: 'duration',
      title: t('jobs.duration'),
      isNumber: true,
      cell: ({ lastRun }) => writeDuration(lastRun?.durationMs ?? null, format.tag),
    },
    {
      key: 'run',
      title: '',
      width: '112px',
      cell: ({ name }) =>
        mayRun && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`${t('jobs.run')}: ${nameOf(t, name)}`}
            onClick={() => onRun(name)}
          >
            {t('jobs.run')}
          </Button>
        ),
    },
  ]
}

export function RunState({ outcome }: { readonly outcome: 'done' | 'failed' | null }): ReactElement {
  const t = useTexts('hygiene')
  if (outcome === null) return <StateBadge tone="busy" label={t('jobs.running')} />
  return <StateBadge tone={outcome === 'done' ? 'good' : 'bad'} label={t(`jobs.${outcome}`)} />
}

/** "8.1 s": most runs are over within moments. */
export function writeDuration(durationMs: number | null, tag: string): string {
  if (durationMs === null) return ''
  const isShort = durationMs < 1_000
  return new Intl.NumberFormat(tag, {
    style: 'unit',
    unit: isShort ? 'millisecond' : 'second',
    maximumFractionDigits: 1,
  }).format(isShort ? durationMs : durationMs / 1_000)
}

interface NotYetProps {
  readonly job: JobView
  /** Since when runs are on record. */
  readonly since: string
}

/** What runs every minute has run, and found nothing to do; what runs daily may not have had its time. */
function NotYet({ job, since }: NotYetProps): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  if (!isNew(since, Date.now())) return <>{t('jobs.never')}</>
  if (timesOfJob(job.cron, Date.now()) === 'minute') return <>{t('jobs.idle')}</>
  return <>{t('jobs.notYet', { day: format.day(job.nextAt) })}</>
}

function Times({ cron }: { readonly cron: string }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const times = timesOfJob(cron, Date.now())
  if (times === undefined) return <span>{cron} (UTC)</span>
  return <span>{times === 'minute' ? t('jobs.minute') : t('jobs.daily', { time: format.time(times) })}</span>
}

interface RunAgingProps {
  readonly app: string
  readonly isPending: boolean
  readonly onRun: () => void
  readonly onClose: () => void
}

/** What it would take of this app, by the rules as they are stored. */
function RunAging({ app, isPending, onRun, onClose }: RunAgingProps): ReactElement {
  const t = useTexts('hygiene')
  const tried = useStoredPolicyPreview(app)
  const seesAll = useSeesAllJobs()
  return (
    <Confirm
      isOpen
      title={t('jobs.aging.title')}
      verb={t('jobs.run')}
      isDangerous
      isPending={isPending}
      error={tried.error}
      onConfirm={onRun}
      onClose={onClose}
    >
      {tried.data ? <RemovalSentence preview={tried.data} /> : <Waiting lines={2} />}
      <Text size="sm" mt="sm">
        {t(seesAll ? 'jobs.aging.body' : 'jobs.aging.body.app')}
      </Text>
    </Confirm>
  )
}
