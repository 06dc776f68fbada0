/**
 * Runs the jobs at their times, in this process: graphile-worker, with its own schema `graphile_worker`. However many
 * servers share a database, a time of a job comes once; a daily one that fell in a time without any server is made up for.
 *
 * Measured: its schema takes 40 ms at the first start; later a start takes 5 ms and a stop 7.
 *
 * While the database is away it keeps asking; but when a connection breaks at its very first question it keeps that
 * failure for ever (`getTaskDetails` of 0.17.3 remembers the rejected promise), and it gives up by itself when it can't
 * write down the end of a job. So it is watched here, and started anew.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Runner, Logger as WorkerLogger } from 'graphile-worker'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Queryable } from '../store/database.ts'
import { StartError } from '../store/folder.ts'
import type { Clock } from '../time.ts'
import { type GraphileWorker, loadGraphileWorker } from './graphile-worker.ts'
import { JOBS, type JobContext, type JobName } from './jobs.ts'
import { runJob } from './runs.ts'

export interface JobRunnerOptions {
  readonly databaseUrl: string
  readonly context: JobContext
  readonly clock: Clock
  readonly logger: Logger
  /** 0 ≤ n < 1440; see `Job.cron`. */
  readonly spread: number
}

const SCHEMA = 'graphile_worker'
/** Jobs that are slow at a gateway or a webhook leave room for another one. */
const CONCURRENCY = 3
/** Beside the pool of requests and sending. Jobs do their work in that one. */
const CONNECTIONS = 3
const CONNECT_WITHIN_MS = 5000
/** Each worker asks every two seconds. */
const RESTART_AFTER_FAILURES = 2 * CONCURRENCY
const RESTART_AFTER_MS = 2000
const DAY_MS = 24 * 60 * 60_000

export class JobRunner {
  readonly #options: JobRunnerOptions
  readonly #pool: pg.Pool
  readonly #closing = new AbortController()
  #runner: Runner | undefined
  #kept: Promise<void> | undefined

  constructor(options: JobRunnerOptions) {
    this.#options = options
    // Ours, not one that graphile-worker makes: that one still closes its connections when a stop has returned.
    this.#pool = new pg.Pool({
      connectionString: options.databaseUrl,
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      application_name: 'roost jobs',
    })
    // Without listeners a connection that breaks would end the process; its query fails, and that is told.
    this.#pool.on('error', () => undefined)
    this.#pool.on('connect', client => client.on('error', () => undefined))
  }

  /** Throws StartError when its schema can't be made. */
  async start(): Promise<void> {
    this.#runner = await this.#open().catch((error: unknown) => {
      throw schemaFault(error)
    })
    this.#kept = this.#keepRunning()
  }

  /** Until the close. Never rejects. */
  async #keepRunning(): Promise<void> {
    const { logger } = this.#options
    const { signal } = this.#closing
    while (this.#runner !== undefined) {
      await untilBroken(this.#runner, signal)
      if (signal.aborted) return
      logger.warn('background jobs fail; starting them anew')
      await this.#runner.stop().catch(() => undefined) // it may have stopped by itself
      this.#runner = await this.#reopen()
    }
  }

  /** Undefined when it is closed before. */
  async #reopen(): Promise<Runner | undefined> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await pause(RESTART_AFTER_MS, undefined, { signal }).catch(() => undefined)
      const runner = signal.aborted ? undefined : await this.#open().catch(() => undefined)
      if (runner !== undefined) return runner
    }
    return undefined
  }

  async #open(): Promise<Runner> {
    const worker = await loadGraphileWorker()
    const names = Object.keys(JOBS) as JobName[]
    return worker.run({
      pgPool: this.#pool,
      // Without a batch, a job whose end can't be written is a rejection that nobody handles, and ends the process.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      schema: SCHEMA,
      concurrency: CONCURRENCY,
      noHandleSignals: true, // whoever started the server stops it
      logger: loggerFor(worker, this.#options.logger),
      taskList: Object.fromEntries(names.map(name => [name, payload => this.#run(name, appIn(payload))])),
      parsedCronItems: worker.parseCronItems(names.map(name => this.#cronItem(name))),
    })
  }

  /** Now instead of at its next time, of one app or all; several asks make one run. A fault is logged. */
  runSoon(name: JobName, appId?: number): void {
    this.#runner
      ?.addJob(name, payloadOf(appId), { jobKey: keyOf(name, appId), maxAttempts: 1 })
      .catch((error: unknown) => this.#options.logger.warn({ err: error, job: name }, 'job not announced'))
  }

  /** Waits for what runs. The caller has it hurry by the signal in its context. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#kept
    await this.#runner?.stop().catch(() => undefined)
    this.#runner = undefined
    await this.#pool.end()
  }

  #cronItem(name: JobName) {
    const match = JOBS[name].cron(this.#options.spread)
    const isDaily = !match.startsWith('*')
    return {
      identifier: name,
      task: name,
      match,
      options: { maxAttempts: 1, ...(isDaily ? { backfillPeriod: DAY_MS } : {}) },
    }
  }

  async #run(name: JobName, appId: number | undefined): Promise<void> {
    const { context, clock, logger } = this.#options
    try {
      const summary = await runJob(name, { context, clock, at: clock.now(), appId })
      if (summary !== undefined) logger.info({ job: name, summary }, 'job done')
    } catch (error) {
      // Its next time comes; a repeat by the queue would only come in between.
      logger.error({ err: error, job: name }, 'job failed')
    }
  }
}

/** As `runSoon`, for a process that runs no jobs. Rejects as long as none has ever run them on this database. */
export async function announceJob(db: Queryable, name: JobName, appId?: number): Promise<void> {
  await db.query(`select from ${SCHEMA}.add_job($1, $2::json, job_key => $3, max_attempts => 1)`, [
    name,
    JSON.stringify(payloadOf(appId)),
    keyOf(name, appId),
  ])
}

interface Payload {
  readonly appId?: number
}

function payloadOf(appId: number | undefined): Payload {
  return appId === undefined ? {} : { appId }
}

function keyOf(name: JobName, appId: number | undefined): string {
  return appId === undefined ? name : `${name} ${appId}`
}

/** What the timetable adds tells of no app. */
function appIn(payload: unknown): number | undefined {
  return (payload as Payload | null)?.appId
}

/** Resolves when it has ended, when it fails again and again to find its jobs, and at the signal. */
function untilBroken({ promise, events }: Runner, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => resolve()
    let failures = 0
    const works = () => {
      failures = 0
    }
    events.on('worker:getJob:empty', works)
    events.on('job:start', works)
    events.on('worker:getJob:error', () => {
      if (++failures >= RESTART_AFTER_FAILURES) end()
    })
    promise.then(end, end)
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
  })
}

const INSUFFICIENT_PRIVILEGE = '42501'

/** A role that may make tables in a schema may not always make schemas. */
function schemaFault(error: unknown): unknown {
  if ((error as { readonly code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) return error
  return new StartError(
    `the schema ${SCHEMA} of the background jobs can't be made or used: ${(error as Error).message}`,
    'Let the role of ROOST_DATABASE_URL make schemas: GRANT CREATE ON DATABASE … TO …; or make it the owner of the database.',
  )
}

/** What it says of itself is for who debugs; warnings and errors count. */
function loggerFor(worker: GraphileWorker, logger: Logger): WorkerLogger {
  return new worker.Logger(() => (level, message) => {
    if (level === 'error') logger.error({ part: 'jobs' }, message)
    else if (level === 'warning') logger.warn({ part: 'jobs' }, message)
    else logger.trace({ part: 'jobs' }, message)
  })
}
