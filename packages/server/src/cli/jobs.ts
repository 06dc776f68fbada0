/** `roost jobs`: the background jobs, when they ran last, and one of them now. */
import { Command } from 'commander'
import { tellUnknown } from './serve.ts'

const STOPPED =
  '\nWith the embedded database the server must be stopped; a PostgreSQL of your own serves both at once.'

export function jobsCommand(): Command {
  const jobs = new Command('jobs').description('List and run the background jobs')
  jobs
    .command('list')
    .description('The jobs, and the last run of each that had something to do')
    .option('--json', 'print one line of JSON')
    .addHelpText('after', STOPPED)
    .action(list)
  jobs
    .command('run')
    .description('Run one job now')
    .argument('<name>')
    .option('--at <time>', 'as if it were this time, ISO 8601 (2027-01-31T12:00:00Z)')
    .option('--json', 'print one line of JSON')
    .addHelpText(
      'after',
      `${STOPPED}\nWhat a job does with --at is done for good: certificates that end before that time are paused until they are checked.`,
    )
    .action(runOne)
  return jobs
}

interface Options {
  readonly at?: string
  readonly json?: boolean
}

async function list({ json }: Options): Promise<void> {
  const { JOBS } = await import('../jobs/jobs.ts')
  const { lastRuns } = await import('../jobs/runs.ts')
  const opened = await open()
  try {
    const runs = await lastRuns(opened.context.db)
    const all = Object.entries(JOBS).map(([name, job]) => ({
      name,
      does: job.does,
      lastRun: runs.find(run => run.name === name) ?? null,
    }))
    print(json ? JSON.stringify(all) : all.map(wordsOf).join('\n'))
  } finally {
    await opened.close()
  }
}

interface Listed {
  readonly name: string
  readonly does: string
  readonly lastRun: {
    readonly startedAt: string
    readonly outcome: string | null
    readonly summary: string | null
  } | null
}

function wordsOf({ name, does, lastRun }: Listed): string {
  const last =
    lastRun === null
      ? 'nothing on record'
      : `${lastRun.startedAt} ${lastRun.outcome ?? 'not finished'}: ${lastRun.summary ?? ''}`
  return `${name.padEnd(18)} ${does}\n${' '.repeat(19)}${last}`
}

async function runOne(name: string, { at, json }: Options): Promise<void> {
  const { isJobName, JOBS } = await import('../jobs/jobs.ts')
  const { runJob } = await import('../jobs/runs.ts')
  const { StartError } = await import('../store/folder.ts')
  const { systemClock } = await import('../time.ts')
  if (!isJobName(name))
    throw new StartError(`there is no job "${name}"`, `Name one of ${Object.keys(JOBS).join(', ')}.`)
  const time = at === undefined ? systemClock.now() : Date.parse(at)
  if (Number.isNaN(time))
    throw new StartError(`--at: "${at}" is no time`, 'Write it as 2027-01-31T12:00:00Z.')
  const opened = await open()
  try {
    const summary = await runJob(name, { context: opened.context, clock: systemClock, at: time })
    print(json ? JSON.stringify({ name, summary: summary ?? null }) : (summary ?? 'nothing to do'))
  } finally {
    await opened.close()
  }
}

async function open() {
  const { readConfig, unknownSettings } = await import('../config.ts')
  const { openJobs } = await import('../main.ts')
  tellUnknown(unknownSettings(process.env))
  return openJobs(readConfig(process.env))
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
