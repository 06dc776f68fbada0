/**
 * `roost bench receipts`: receipts over HTTP, a few hundred a call, while the statistics are rolled up beside them; each is
 * stored before its call is answered, and counted once in the end. Then how long it takes to read a year of statistics.
 *
 * The server runs as `roost serve` starts it, the caller in a process of its own; both share the machine with PostgreSQL.
 */
import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { hashOf } from '../../insight/receipts.ts'
import { rollUp } from '../../insight/statistics/job.ts'
import type { Database } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import type { Screen } from '../demo/screen.ts'
import { fillBase } from './bench-base.ts'
import { printing, wholeNumber } from './bench-command.ts'
import { type Closer, closing, openStore } from './bench-database.ts'
import { type Child, startChild } from './bench-processes.ts'
import { type MeasuredServer, makeApp, serveStore } from './bench-server.ts'
import { cpuOf, cpuOfPostgres } from './cpu-time.ts'
import { median, round1, round2 } from './figures.ts'
import { messagesFor } from './receipts-calls.ts'
import type { ReceiptOrder, ReceiptReport } from './receipts-process.ts'
import { measureYear, type YearFigures } from './receipts-year.ts'

export interface ReceiptBenchOptions {
  /** Receipts of a round. */
  readonly count: number
  readonly batch: number
  readonly connections: number
  readonly devices: number
  readonly rounds: number
  /** The time of reading a year of statistics, too. */
  readonly year: boolean
  readonly json?: boolean
}

interface Round {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Microseconds of CPU time a receipt. */
  readonly cpu: { readonly server: number; readonly postgres: number; readonly caller: number }
  readonly rollUps: RollUps
}

interface RollUps {
  readonly runs: number
  readonly longestMs: number
  /** Of the time of the round. */
  readonly share: number
  /** Until all was counted, after the last receipt was taken. */
  readonly behindMs: number
}

export interface ReceiptBenchReport {
  readonly rounds: readonly Round[]
  /** Medians. */
  readonly perSecond: number
  readonly microsecondsPerReceipt: number
  readonly bytesPerReceipt: number
  readonly received: number
  /** By the statistics. */
  readonly counted: number
  readonly year: YearFigures | undefined
}

/** A roll-up each second, sixty times as often as the server's own. */
const ROLL_UP_EVERY_MS = 1000
const WITHIN_MS = 300_000

export function receiptsBenchCommand(): Command {
  return new Command('receipts')
    .description('Take receipts over HTTP while statistics are rolled up, and read a year of them')
    .option('--count <n>', 'receipts of a round', wholeNumber(100, 10_000_000), 200_000)
    .option('--batch <n>', 'receipts of a call', wholeNumber(1, 1000), 500)
    .option('--connections <n>', 'back ends that call at once', wholeNumber(1, 200), 4)
    .option('--devices <n>', 'devices in the base', wholeNumber(100, 10_000_000), 100_000)
    .option('--rounds <n>', 'the medians count', wholeNumber(1, 20), 3)
    .option('--no-year', 'leave out a year of statistics')
    .option('--json', 'print one line of JSON only')
    .action(printing(benchReceipts))
}

async function benchReceipts(
  options: ReceiptBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<ReceiptBenchReport> {
  return closing(async closers => measure(options, await prepare(environment, closers), screen))
}

interface Bench extends MeasuredServer {
  readonly db: Database
  readonly caller: Child<ReceiptOrder | { readonly go: true }, ReceiptReport>
  readonly secret: string
}

async function prepare(environment: NodeJS.ProcessEnv, closers: Closer[]): Promise<Bench> {
  const connections = { maxConnections: 3, statementTimeoutMs: 0, answerTimeoutMs: WITHIN_MS }
  const store = await openStore(environment, connections, closers)
  const secret = randomBytes(32).toString('base64url')
  const measured = await serveStore(store, { ...environment, ROOST_SECRET: secret }, closers)
  const caller = startChild<ReceiptOrder | { readonly go: true }, ReceiptReport>('receipts-process.js')
  closers.push(() => caller.stop())
  return { ...measured, db: store.db, caller, secret }
}

async function measure(
  options: ReceiptBenchOptions,
  bench: Bench,
  screen: Screen,
): Promise<ReceiptBenchReport> {
  const { app, appId } = await makeApp(bench.rest, bench)
  screen.step(`Filling a base of ${options.devices} devices`)
  await fillBase(bench.db, { appId, count: options.devices }, () => undefined)
  const warmUp = { ...options, count: Math.min(options.count, 20_000) }
  screen.step('Warming up')
  await oneRound(bench, warmUp, app)
  const rounds: Round[] = []
  for (let i = 0; i < options.rounds; i++) {
    screen.step(`Round ${i + 1} of ${options.rounds}`)
    const round = await oneRound(bench, options, app)
    screen.say(lineOf(round))
    rounds.push(round)
  }
  const { counted, stored, bytes } = await countAll(bench.db, appId)
  const received = warmUp.count + options.rounds * options.count
  if (counted !== received || stored !== received)
    throw new Error(`${received} receipts were taken, ${stored} are stored and ${counted} counted`)
  screen.step(options.year ? 'A year of statistics' : 'Done')
  const year = options.year
    ? await measureYear(bench.db, (await makeApp(bench.rest, bench)).appId)
    : undefined
  for (const line of year?.plan ?? []) screen.say(line)
  return {
    rounds,
    perSecond: Math.round(median(rounds.map(it => it.perSecond))),
    microsecondsPerReceipt: round1(median(rounds.map(({ cpu }) => cpu.server + cpu.postgres))),
    bytesPerReceipt: Math.round(bytes / stored),
    received,
    counted,
    year,
  }
}

async function oneRound(bench: Bench, options: ReceiptBenchOptions, app: string): Promise<Round> {
  const { count, batch, devices, connections } = options
  const hashes: string[] = []
  for (let i = 0; i < messagesFor(options); i++) {
    const { id } = await bench.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, {
      to: { devices: ['nobody'] },
      content: { title: 'Hello' },
      lane: 'campaign',
      campaign: 'bench',
    })
    hashes.push(hashOf(id))
  }
  const { secret, serverToken, server, caller } = bench
  const order = { url: server.url, app, serverToken, secret, devices, hashes, count, batch, connections }
  await caller.ask({ ...order, withinMs: WITHIN_MS })
  const rolling = startRolling(bench.db)
  const before = await cpuNow(bench)
  const report = await caller.ask({ go: true })
  const after = await cpuNow(bench)
  if (!('kind' in report) || report.kind !== 'done')
    throw new Error(`it could not be measured: ${JSON.stringify(report)}`)
  if (report.refused + report.lost > 0)
    throw new StartError(
      `${report.refused} calls were refused and ${report.lost} lost, the first with: ${report.firstRefusal ?? 'no answer'}`,
      'A measurement of refusals says nothing; mend what the answer names.',
    )
  const rollUps = await rolling.end(report.seconds)
  return {
    perSecond: Math.round(count / report.seconds),
    p50Ms: round1(report.p50Ms),
    p99Ms: round1(report.p99Ms),
    cpu: {
      server: round1((after.server - before.server) / count),
      postgres: round1((after.postgres - before.postgres) / count),
      caller: round1((report.cpuSeconds * 1e6) / count),
    },
    rollUps,
  }
}

async function cpuNow({
  server,
  db,
}: Bench): Promise<{ readonly server: number; readonly postgres: number }> {
  return { server: (await cpuOf(server.pid)) ?? 0, postgres: (await cpuOfPostgres(db)) ?? 0 }
}

interface Rolling {
  end(seconds: number): Promise<RollUps>
}

function startRolling(db: Database): Rolling {
  const times: number[] = []
  const roll = async () => {
    const at = performance.now()
    await rollUp(db, Date.now())
    times.push(performance.now() - at)
  }
  const ending = new AbortController()
  const loop = (async () => {
    while (!ending.signal.aborted) {
      await roll()
      await new Promise(resolve => setTimeout(resolve, ROLL_UP_EVERY_MS))
    }
  })()
  return {
    end: async seconds => {
      const endedAt = performance.now()
      ending.abort()
      await loop
      await roll()
      return {
        runs: times.length,
        longestMs: round1(Math.max(...times)),
        share: round2(times.reduce((sum, it) => sum + it, 0) / 1000 / seconds),
        behindMs: Math.round(performance.now() - endedAt - ROLL_UP_EVERY_MS),
      }
    },
  }
}

async function countAll(
  db: Database,
  appId: number,
): Promise<{ readonly counted: number; readonly stored: number; readonly bytes: number }> {
  const { rows } = await db.query<{ counted: number; stored: number; bytes: number }>(
    `select (select sum(n)::bigint from stat_day where app_id = $1 and scope = '' and metric in ('delivered', 'opened')) as counted,
            (select count(*) from receipt where app_id = $1) as stored,
            pg_total_relation_size('receipt') as bytes`,
    [appId],
  )
  return rows[0] ?? { counted: 0, stored: 0, bytes: 0 }
}

function lineOf({ perSecond, p99Ms, cpu, rollUps }: Round): string {
  return `${perSecond} receipts/s, p99 of a call ${p99Ms} ms; CPU a receipt: server ${cpu.server} µs, PostgreSQL ${cpu.postgres} µs, caller ${cpu.caller} µs; ${rollUps.runs} roll-ups, the longest ${rollUps.longestMs} ms`
}
