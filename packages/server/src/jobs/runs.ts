/** Runs of jobs, each on record: when, for how long, and what came of it. */

import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { JOBS, type JobContext, type JobName } from './jobs.ts'

export interface JobRun {
  readonly name: string
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly outcome: 'done' | 'failed' | null
  readonly summary: string | null
}

/**
 * Runs a job and records it; a run that found nothing to do leaves no record. `at` is the moment for which it runs.
 * Throws what the job throws, after it was recorded.
 */
export async function runJob(
  name: JobName,
  { context, clock, at }: { readonly context: JobContext; readonly clock: Clock; readonly at: number },
): Promise<string | undefined> {
  const { db } = context
  const { rows } = await db.query<{ id: number }>(
    'insert into job_run (name, started_at) values ($1, $2) returning id',
    [name, new Date(clock.now())],
  )
  const id = rows[0]?.id
  try {
    const summary = await JOBS[name].run(context, at)
    if (summary === undefined) await db.query('delete from job_run where id = $1', [id])
    else await finish(db, { id, outcome: 'done', summary, at: clock.now() })
    return summary
  } catch (error) {
    await finish(db, { id, outcome: 'failed', summary: String(error), at: clock.now() }).catch(
      () => undefined,
    )
    throw error
  }
}

const SUMMARY_CHARACTERS = 500

async function finish(
  db: Database,
  run: {
    readonly id: number | undefined
    readonly outcome: string
    readonly summary: string
    readonly at: number
  },
): Promise<void> {
  await db.query('update job_run set finished_at = $2, outcome = $3, summary = $4 where id = $1', [
    run.id,
    new Date(run.at),
    run.outcome,
    run.summary.slice(0, SUMMARY_CHARACTERS),
  ])
}

/** The newest run on record of each job that has one. */
export async function lastRuns(db: Database): Promise<JobRun[]> {
  const { rows } = await db.query<JobRun>(
    `select distinct on (name) name, started_at as "startedAt", finished_at as "finishedAt", outcome, summary
       from job_run order by name, started_at desc`,
  )
  return rows
}

const KEEP_MS = 30 * 24 * 60 * 60_000

/** Returns how many. */
export async function dropOldRuns(db: Database, at: number): Promise<number> {
  const { rowCount } = await db.query('delete from job_run where started_at < $1', [new Date(at - KEEP_MS)])
  return rowCount
}
