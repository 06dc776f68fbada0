/** The jobs with their times, and the last run of each that had something to do. */
import type { JobListView } from '@roost/protocol'
import { Cron } from 'croner'
import type { Queryable } from '../store/database.ts'
import { JOBS, type Job, type JobName } from './jobs.ts'
import { RUNS_KEPT_MS } from './old-runs.ts'
import { lastRuns, listRunsOfApp } from './runs.ts'
import { readSpread } from './spread.ts'

/** `at`: ms. */
export async function listJobs(db: Queryable, at: number): Promise<JobListView> {
  const spread = await readSpread(db)
  const runs = new Map((await lastRuns(db)).map(run => [run.name, run]))
  const jobs = Object.entries(JOBS).map(([name, job]) => ({
    ...timesOf(name, job, { spread, at }),
    lastRun: runs.get(name) ?? null,
  }))
  return { since: await knownSince(db, at), jobs }
}

export function isOfApps(name: JobName): boolean {
  return (JOBS[name] as Job).isOfApps === true
}

/** Those that work app by app, with what they did in this one; of other apps nothing is told. */
export async function listJobsOfApp(
  db: Queryable,
  { appId, at }: { readonly appId: number; readonly at: number },
): Promise<JobListView> {
  const spread = await readSpread(db)
  const jobs: JobListView['jobs'] = []
  for (const [name, job] of Object.entries(JOBS) as [JobName, Job][]) {
    if (!isOfApps(name)) continue
    const [lastRun = null] = await listRunsOfApp(db, { appId, name, limit: 1 })
    jobs.push({ ...timesOf(name, job, { spread, at }), lastRun })
  }
  return { since: await knownSince(db, at), jobs }
}

function timesOf(
  name: string,
  { does, cron }: Job,
  { spread, at }: { readonly spread: number; readonly at: number },
): Omit<JobListView['jobs'][number], 'lastRun'> {
  return { name, does, cron: cron(spread), nextAt: nextOf(cron(spread), at) }
}

function nextOf(cron: string, at: number): string {
  return new Date(new Cron(cron, { timezone: 'UTC' }).nextRun(new Date(at)) ?? at).toISOString()
}

async function knownSince(db: Queryable, at: number): Promise<string> {
  const { rows } = await db.query<{ firstAt: string | null }>(
    'select min(applied_at) as "firstAt" from schema_version',
  )
  return new Date(Math.max(at - RUNS_KEPT_MS, Date.parse(rows[0]?.firstAt ?? '') || 0)).toISOString()
}
