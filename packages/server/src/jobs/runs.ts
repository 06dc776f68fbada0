/** Runs of jobs, each on record: when, for how long, what came of it, and what it took out of the base and why. */

import type { JobRunView, RemovedCount } from '@roost/protocol'
import type { Database, Queryable } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { JOBS, type JobContext, type JobName, type JobReport } from './jobs.ts'

interface Running {
  readonly context: JobContext
  readonly clock: Clock
  readonly at: number
  /** Of this app alone; of a job of apps. */
  readonly appId?: number | undefined
}

/**
 * Runs a job and records it; a run that found nothing to do leaves no record. `at` is the moment for which it runs.
 * Throws what the job throws, after it was recorded.
 */
export async function runJob(
  name: JobName,
  { context, clock, at, appId }: Running,
): Promise<string | undefined> {
  const { db } = context
  const { rows } = await db.query<{ id: number }>(
    'insert into job_run (name, started_at, at, app_id) values ($1, $2, $3, $4) returning id',
    [name, new Date(clock.now()), new Date(at), appId ?? null],
  )
  const id = rows[0]?.id
  try {
    const report = reportOf(await JOBS[name].run(context, at, appId))
    if (report === undefined) await db.query('delete from job_run where id = $1', [id])
    else await finish(db, { ...report, id, outcome: 'done', at: clock.now() })
    return report?.summary
  } catch (error) {
    const failed = { id, outcome: 'failed', summary: String(error), removed: [], at: clock.now() }
    await finish(db, failed).catch(() => undefined)
    throw error
  }
}

function reportOf(said: string | JobReport | undefined): JobReport | undefined {
  return typeof said === 'string' ? { summary: said, removed: [] } : said
}

const SUMMARY_CHARACTERS = 500

async function finish(
  db: Database,
  run: {
    readonly id: number | undefined
    readonly outcome: string
    readonly summary: string
    readonly removed: readonly RemovedCount[]
    readonly parts?: JobReport['parts']
    readonly at: number
  },
): Promise<void> {
  await db.query(
    'update job_run set finished_at = $2, outcome = $3, summary = $4, removed = $5, parts = $6 where id = $1',
    [
      run.id,
      new Date(run.at),
      run.outcome,
      run.summary.slice(0, SUMMARY_CHARACTERS),
      run.removed.length === 0 ? null : JSON.stringify(run.removed),
      (run.parts ?? []).length === 0 ? null : JSON.stringify(run.parts),
    ],
  )
}

const VIEW = `name, coalesce(at, started_at) as at, started_at as "startedAt", finished_at as "finishedAt",
  (extract(epoch from finished_at - started_at) * 1000)::integer as "durationMs", outcome, summary,
  coalesce(removed, '[]') as removed`

/** The newest run of all apps on record of each job that has one. */
export async function lastRuns(db: Queryable): Promise<JobRunView[]> {
  const { rows } = await db.query<JobRunView>(
    `select distinct on (name) ${VIEW} from job_run where app_id is null order by name, started_at desc, id desc`,
  )
  return rows
}

/** Of one job, the newest first. Uses the index job_run_newest. */
export async function listRuns(
  db: Queryable,
  { name, limit }: { readonly name: JobName; readonly limit: number },
): Promise<JobRunView[]> {
  const { rows } = await db.query<JobRunView>(
    `select ${VIEW} from job_run where name = $1 order by started_at desc, id desc limit $2`,
    [name, limit],
  )
  return rows
}

interface OfApp {
  readonly appId: number
  readonly name: JobName
  readonly limit: number
}

/** What a run did in this app; of one that failed it is told that it did, since its reason may be another app's. */
const OF_APP = `
  select r.name, coalesce(r.at, r.started_at) as at, r.started_at as "startedAt", r.finished_at as "finishedAt",
         (extract(epoch from r.finished_at - r.started_at) * 1000)::integer as "durationMs", r.outcome,
         case when r.app_id = $2 then r.summary else p.part ->> 'summary' end as summary,
         coalesce(case when r.app_id = $2 then r.removed else p.part -> 'removed' end, '[]') as removed
    from job_run r
    left join lateral (
      select part from jsonb_array_elements(r.parts) as part where (part -> 'appId')::integer = $2 limit 1) p on true
   where r.name = $1
     and (r.app_id = $2 or r.app_id is null and (p.part is not null or r.outcome = 'failed'))
   order by r.started_at desc, r.id desc limit $3`

/** Of one job of apps, as far as it concerns this app; the newest first. Uses the index job_run_newest. */
export async function listRunsOfApp(db: Queryable, { appId, name, limit }: OfApp): Promise<JobRunView[]> {
  return (await db.query<JobRunView>(OF_APP, [name, appId, limit])).rows
}
