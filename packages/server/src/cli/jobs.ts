/** `roost jobs`: the background jobs, when they ran last, and one of them now. */
import type { JobRunView, JobView } from '@roost/protocol'
import { Command } from 'commander'
import type { JobName } from '../jobs/jobs.ts'
import type { Database } from '../store/database.ts'
import { BESIDE } from './beside/help.ts'
import { plain } from './plain.ts'
import { tellUnknown } from './unknown-settings.ts'

export function jobsCommand(): Command {
  const jobs = new Command('jobs').description('List and run the background jobs')
  jobs
    .command('list')
    .description('The jobs, and the last run of each that had something to do')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', BESIDE)
    .action(list)
  jobs
    .command('runs')
    .description('The runs of a job that had something to do, the newest first: what they removed, and why')
    .argument('<name>')
    .option('--limit <count>', 'so many at most', '20')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', BESIDE)
    .action(listRuns)
  jobs
    .command('run')
    .description('Run one job now')
    .argument('<name>')
    .option('--at <time>', 'as if it were this time, ISO 8601 (2027-01-31T12:00:00Z)')
    .option('--yes', 'with a time that is to come: do it without being asked')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${BESIDE}\nWhat a job does with --at is done for good: addresses end, and certificates that end before that time are stopped. So for a time
that is to come it tells what it would do and asks; without a terminal, and with --json, it needs --yes.`,
    )
    .action(runOne)
  return jobs
}

interface Options {
  readonly at?: string
  readonly limit?: string
  readonly json?: boolean
  readonly yes?: boolean
}

async function list({ json }: Options): Promise<void> {
  const { listJobs } = await import('../jobs/list.ts')
  const opened = await open()
  try {
    const { systemClock } = await import('../time.ts')
    const { jobs: all } = await listJobs(opened.context.db, systemClock.now())
    print(json ? JSON.stringify(all) : plain(all).map(wordsOf).join('\n'))
  } finally {
    await opened.close()
  }
}

async function listRuns(asked: string, { limit, json }: Options): Promise<void> {
  const runs = await import('../jobs/runs.ts')
  const { StartError } = await import('../store/folder.ts')
  const name = await jobNamed(asked)
  const count = Number(limit)
  if (!Number.isInteger(count) || count < 1)
    throw new StartError(`--limit: "${limit}" is no number of runs`, 'Write it as 20.')
  const opened = await open()
  try {
    const found = await runs.listRuns(opened.context.db, { name, limit: count })
    print(
      json ? JSON.stringify({ runs: found }) : plain(found).map(wordsOfRun).join('\n') || 'nothing on record',
    )
  } finally {
    await opened.close()
  }
}

/** With what it removed below it, a line for each reason and platform. */
function wordsOfRun({ startedAt, durationMs, outcome, summary, removed }: JobRunView): string {
  const took = durationMs === null ? '' : ` in ${(durationMs / 1000).toFixed(1)} s`
  const lines = removed.map(it => `  ${it.count} ${it.reason} ${it.platform}`)
  return [`${startedAt} ${outcome ?? 'not finished'}${took}: ${summary ?? ''}`, ...lines].join('\n')
}

/** Throws StartError. */
async function jobNamed(name: string): Promise<JobName> {
  const { isJobName, JOBS } = await import('../jobs/jobs.ts')
  const { StartError } = await import('../store/folder.ts')
  if (isJobName(name)) return name
  throw new StartError(`there is no job "${name}"`, `Name one of ${Object.keys(JOBS).join(', ')}.`)
}

function wordsOf({ name, does, lastRun, nextAt }: JobView): string {
  const last =
    lastRun === null
      ? `nothing on record; next ${nextAt}`
      : `${lastRun.startedAt} ${lastRun.outcome ?? 'not finished'}: ${lastRun.summary ?? ''}`
  return `${name.padEnd(18)} ${does}\n${' '.repeat(19)}${last}`
}

async function runOne(asked: string, { at, json, yes = false }: Options): Promise<void> {
  const { runJob } = await import('../jobs/runs.ts')
  const { StartError } = await import('../store/folder.ts')
  const { systemClock } = await import('../time.ts')
  const name = await jobNamed(asked)
  const time = at === undefined ? systemClock.now() : Date.parse(at)
  if (Number.isNaN(time))
    throw new StartError(`--at: "${at}" is no time`, 'Write it as 2027-01-31T12:00:00Z.')
  const opened = await open()
  try {
    if (!yes && !(await isWanted(opened.context.db, name, { at: time, json }))) return
    const summary = await runJob(name, { context: opened.context, clock: systemClock, at: time })
    print(json ? JSON.stringify({ name, summary: summary ?? null }) : (summary ?? 'nothing to do'))
  } finally {
    await opened.close()
  }
}

/** What was not meant to be done can't be taken back. Throws StartError where there is nobody to be asked. */
async function isWanted(
  db: Database,
  name: JobName,
  { at, json = false }: { readonly at: number; readonly json: boolean | undefined },
): Promise<boolean> {
  const { foretell, isAhead } = await import('../jobs/ahead.ts')
  const { systemClock } = await import('../time.ts')
  const moved = { at, now: systemClock.now() }
  if (!isAhead(moved)) return true
  process.stderr.write(`${(await foretell(db, name, moved)).join('\n')}\n`)
  if (!json && process.stdin.isTTY && process.stderr.isTTY) return confirm('Do it? [y/N] ')
  const { StartError } = await import('../store/folder.ts')
  throw new StartError(
    'nothing was done: --at is a time that is to come',
    'Say --yes if that is what you want.',
  )
}

async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim())
  } finally {
    terminal.close()
  }
}

async function open() {
  const { readConfig, unknownSettings } = await import('../config.ts')
  const { openJobs } = await import('../start/jobs.ts')
  tellUnknown(unknownSettings(process.env))
  return openJobs(readConfig(process.env))
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
