/**
 * `roost bench register`: durable registrations over HTTP, held against the same Fastify with a route that does nothing.
 *
 * Everything runs in processes of its own: the server as `roost serve` starts it (fsync on, each call answered after its
 * commit), the empty server, and the phones. A round measures all of them one after the other, so that what else the
 * machine does hits them alike; each round has its ratio, and the medians of the rounds are told.
 */
import { randomBytes } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { Database } from '../../store/database.ts'
import { startEmbeddedPostgres } from '../../store/embedded.ts'
import { StartError } from '../../store/folder.ts'
import { type Screen, silentScreen, terminalScreen } from '../demo/screen.ts'
import { makeTemporaryFolder } from '../temporary-folder.ts'
import { fillBase, type LookUps, lookUp } from './bench-base.ts'
import { type BaseSize, makeBenchDatabase, sizeOf } from './bench-database.ts'
import {
  type BenchServer,
  type Caller,
  exitOnSignals,
  type Figures,
  startCaller,
  startEmptyServer,
  startRoost,
} from './bench-processes.ts'
import { cpuOf, cpuOfPostgres } from './cpu-time.ts'

export interface RegisterBenchOptions {
  /** Calls of one measurement. */
  readonly count: number
  readonly connections: number
  readonly rounds: number
  /** Registrations that change nothing, for the measurement of growth; 0 leaves it out. */
  readonly repeats: number
  /** In the base before the measurements, for the look-ups; 0 leaves them out. */
  readonly devices: number
  readonly json?: boolean
}

export interface RegisterBenchReport {
  /** Calls a second; medians of the rounds. */
  readonly emptyPerSecond: number
  readonly newPerSecond: number
  readonly againPerSecond: number
  /** Of the empty route's; medians of the rounds' own ratios. */
  readonly newRatio: number
  readonly againRatio: number
  /** Steadier than calls a second on a machine that does other things, too; medians of the rounds. */
  readonly cpu: { readonly empty: CpuPerCall; readonly new: CpuPerCall; readonly again: CpuPerCall }
  /** At 70 % of `newPerSecond`, begun on time whether earlier calls were answered or not. */
  readonly steady: { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number }
  readonly refused: number
  readonly lost: number
  readonly lookUps: LookUps | undefined
  /** After all of the above. */
  readonly size: BaseSize
  /** After `repeats` more registrations that change nothing. */
  readonly sizeAfterRepeats: BaseSize | undefined
}

const STEADY_SHARE = 0.7
/** A measurement that takes longer has gone wrong. */
const WITHIN_MS = 120_000

export function registerBenchCommand(): Command {
  return new Command('register')
    .description('Register devices over HTTP, and compare with a server whose route does nothing')
    .option('--count <n>', 'calls of one measurement', wholeNumber(1, 1_000_000), 20_000)
    .option('--connections <n>', 'phones that call at once', wholeNumber(1, 4000), 128)
    .option('--rounds <n>', 'measurements of each kind; the medians count', wholeNumber(1, 100), 5)
    .option(
      '--repeats <n>',
      'registrations that change nothing, to see the tables grow',
      wholeNumber(0, 1e8),
      0,
    )
    .option(
      '--devices <n>',
      'devices in the base beforehand, and look-ups among them',
      wholeNumber(0, 1e8),
      0,
    )
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nUses the embedded PostgreSQL in a temporary folder, or with ROOST_DATABASE_URL a database of its own beside the\none that is named, which it drops afterwards (not when it is\ninterrupted: its name begins with roost_bench_). The last line of output is one line of JSON.',
    )
    .action(run)
}

async function run(options: RegisterBenchOptions): Promise<void> {
  exitOnSignals()
  const screen = options.json ? silentScreen : terminalScreen(process.stdout)
  const report = await benchRegister(options, process.env, screen)
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

type Closer = () => Promise<unknown>

/** Starts what it measures and ends it. Throws StartError for what an operator can mend. */
export async function benchRegister(
  options: RegisterBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<RegisterBenchReport> {
  const closers: Closer[] = []
  try {
    return await measure(options, await prepare(environment, closers), screen)
  } finally {
    for (const closer of closers.reverse()) await closer()
  }
}

interface Bench {
  readonly db: Database
  readonly server: BenchServer
  readonly empty: BenchServer
  readonly caller: Caller
  readonly app: string
  readonly deviceToken: string
  readonly serverToken: string
}

async function prepare(environment: NodeJS.ProcessEnv, closers: Closer[]): Promise<Bench> {
  const folder = await makeTemporaryFolder('roost-bench-')
  closers.push(() => folder.remove())
  const url = await openDatabase(environment.ROOST_DATABASE_URL, folder.path, closers)
  const db = new Database({ url, maxConnections: 2 })
  closers.push(() => db.close())
  const serverToken = randomBytes(32).toString('base64url')
  const server = await startRoost({
    ...environment,
    ROOST_DATABASE_URL: url,
    ROOST_DATA_DIR: folder.path,
    ROOST_HOST: '127.0.0.1',
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: serverToken,
    ROOST_CALLS_PER_APP: '0', // one app makes more here than one app may
  })
  closers.push(() => server.stop())
  const empty = await startEmptyServer()
  closers.push(() => empty.stop())
  const caller = startCaller()
  closers.push(() => caller.stop())
  return { db, server, empty, caller, serverToken, ...(await createApp(server.url, serverToken)) }
}

async function openDatabase(named: string | undefined, folder: string, closers: Closer[]): Promise<string> {
  if (named === undefined || named === '') {
    const embedded = await startEmbeddedPostgres({ dataDirectory: folder })
    closers.push(() => embedded.stop())
    return embedded.url
  }
  const own = await makeBenchDatabase(named)
  closers.push(() => own.drop())
  return own.url
}

async function createApp(url: string, serverToken: string): Promise<{ app: string; deviceToken: string }> {
  const response = await fetch(`${url}/v1/apps`, {
    method: 'POST',
    headers: { authorization: `Bearer ${serverToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench' }),
  })
  if (response.status !== 201) throw new Error(`no app was made: ${response.status}`)
  const { code, deviceToken } = (await response.json()) as { code: string; deviceToken: string }
  return { app: code, deviceToken }
}

/** Microseconds of CPU time a call; absent where the system does not tell (it is no Linux, or the database elsewhere). */
export interface CpuPerCall {
  readonly server: number | undefined
  readonly postgres: number | undefined
  readonly caller: number | undefined
}

type Measured = Figures & { readonly cpu: CpuPerCall }

interface Round {
  readonly empty: Measured
  readonly fresh: Measured
  readonly again: Measured
}

async function measure(
  options: RegisterBenchOptions,
  bench: Bench,
  screen: Screen,
): Promise<RegisterBenchReport> {
  const { count, devices } = options
  const lookUps = devices === 0 ? undefined : await measureLookUps(bench, devices, screen)
  screen.step('Warming up')
  await oneRound(bench, { ...options, count: Math.min(count, WARM_UP) }, devices)
  const rounds: Round[] = []
  let first = devices + count
  for (let i = 0; i < options.rounds; i++, first += count) {
    screen.step(`Round ${i + 1} of ${options.rounds}`)
    const round = await oneRound(bench, options, first)
    screen.say(lineOf(round))
    rounds.push(round)
  }
  const steady = await measureSteady(bench, { ...options, first }, medianOf(rounds, 'fresh'), screen)
  const size = await sizeOf(bench.db)
  const sizeAfterRepeats = await measureGrowth(bench, options, screen)
  return { ...reportOf(rounds, steady), lookUps, size, sizeAfterRepeats }
}

function reportOf(rounds: readonly Round[], steady: Figures) {
  const all = [...rounds.flatMap(it => [it.fresh, it.again]), steady]
  const ratioOf = (kind: 'fresh' | 'again') =>
    round2(median(rounds.map(it => it[kind].perSecond / it.empty.perSecond)))
  return {
    emptyPerSecond: Math.round(medianOf(rounds, 'empty')),
    newPerSecond: Math.round(medianOf(rounds, 'fresh')),
    againPerSecond: Math.round(medianOf(rounds, 'again')),
    newRatio: ratioOf('fresh'),
    againRatio: ratioOf('again'),
    cpu: {
      empty: cpuOfRounds(rounds, 'empty'),
      new: cpuOfRounds(rounds, 'fresh'),
      again: cpuOfRounds(rounds, 'again'),
    },
    steady: {
      perSecond: Math.round(steady.perSecond),
      p50Ms: round2(steady.p50Ms),
      p99Ms: round2(steady.p99Ms),
    },
    refused: sum(all.map(it => it.refused)),
    lost: sum(all.map(it => it.lost)),
  }
}

async function measureLookUps(bench: Bench, devices: number, screen: Screen): Promise<LookUps> {
  screen.step(`Filling the base with ${devices} devices`)
  const { rows } = await bench.db.query<{ id: number }>('select id from app where code = $1', [bench.app])
  const appId = rows[0]?.id ?? 0
  const progress = screen.progress('devices', devices)
  await fillBase(bench.db, { appId, count: devices }, done => progress.update(done))
  progress.end()
  const lookUps = await lookUp({ ...bench, url: bench.server.url, appId, devices })
  for (const [kind, { p50Ms, p99Ms }] of Object.entries(lookUps))
    screen.say(`by ${kind}: p50 ${p50Ms} ms, p99 ${p99Ms} ms`)
  return lookUps
}

async function measureSteady(
  bench: Bench,
  options: CallOptions,
  newPerSecond: number,
  screen: Screen,
): Promise<Figures> {
  const perSecond = Math.max(1, Math.round(newPerSecond * STEADY_SHARE))
  screen.step(`Steady load: ${perSecond} a second`)
  const steady = await call(bench, bench.server, { ...options, perSecond })
  screen.say(
    `p50 ${steady.p50Ms.toFixed(1)} ms, p99 ${steady.p99Ms.toFixed(1)} ms, longest ${steady.maxMs.toFixed(1)} ms`,
  )
  return steady
}

/** The devices of the first round register again and again. */
async function measureGrowth(
  bench: Bench,
  options: RegisterBenchOptions,
  screen: Screen,
): Promise<BaseSize | undefined> {
  const { repeats, count, devices } = options
  if (repeats === 0) return undefined
  screen.step(`${repeats} registrations that change nothing`)
  const progress = screen.progress('calls', repeats)
  for (let done = 0; done < repeats; done += count) {
    const part = Math.min(count, repeats - done)
    await call(bench, bench.server, { ...options, first: devices + count, count: part, isShuffled: true })
    progress.update(done + part)
  }
  progress.end()
  return sizeOf(bench.db)
}

/** V8 has compiled what is hot long before that. */
const WARM_UP = 5000

async function oneRound(bench: Bench, options: RegisterBenchOptions, first: number): Promise<Round> {
  const empty = await measuredCall(bench, bench.empty, { ...options, first })
  const fresh = await measuredCall(bench, bench.server, { ...options, first })
  const again = await measuredCall(bench, bench.server, { ...options, first, isShuffled: true })
  return { empty, fresh, again }
}

async function measuredCall(bench: Bench, server: BenchServer, options: CallOptions): Promise<Measured> {
  const before = [await cpuOf(server.pid), await cpuOfPostgres(bench.db)] as const
  const figures = await call(bench, server, options)
  const after = [await cpuOf(server.pid), await cpuOfPostgres(bench.db)] as const
  const perCall = (i: 0 | 1) => {
    const [from, to] = [before[i], after[i]]
    return from === undefined || to === undefined ? undefined : (to - from) / options.count
  }
  const caller = (figures.cpuSeconds * 1e6) / figures.answered
  return { ...figures, cpu: { server: perCall(0), postgres: perCall(1), caller } }
}

interface CallOptions {
  readonly count: number
  readonly connections: number
  readonly first: number
  readonly isShuffled?: boolean
  readonly perSecond?: number
}

async function call(
  { caller, app, deviceToken }: Bench,
  { url }: BenchServer,
  { count, connections, first, isShuffled = false, perSecond }: CallOptions,
): Promise<Figures> {
  const order = { url, app, deviceToken, first, count, isShuffled, connections, withinMs: WITHIN_MS }
  const figures = await caller.run(perSecond === undefined ? order : { ...order, perSecond })
  if (figures.refused > 0)
    throw new StartError(
      `${figures.refused} of ${count} calls were refused, the first with: ${figures.firstRefusal?.split('\r\n\r\n')[1]}`,
      'A measurement of refusals says nothing; mend what the answer names.',
    )
  return figures
}

function lineOf({ empty, fresh, again }: Round): string {
  const of = (it: Measured) =>
    `${Math.round(it.perSecond)} (${(it.perSecond / empty.perSecond).toFixed(2)}, p99 ${it.p99Ms.toFixed(1)} ms, CPU a call: ${cpuLine(it)})`
  return `empty ${of(empty)}   new ${of(fresh)}   again ${of(again)}`
}

function cpuLine({ cpu }: Measured): string {
  const of = (it: number | undefined) => (it === undefined ? '?' : `${it.toFixed(0)} µs`)
  return `server ${of(cpu.server)}, PostgreSQL ${of(cpu.postgres)}, caller ${of(cpu.caller)}`
}

function cpuOfRounds(rounds: readonly Round[], kind: keyof Round): CpuPerCall {
  const of = (process: keyof CpuPerCall) => {
    const told = rounds.flatMap(it => it[kind].cpu[process] ?? [])
    return told.length === 0 ? undefined : round2(median(told))
  }
  return { server: of('server'), postgres: of('postgres'), caller: of('caller') }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

function medianOf(rounds: readonly Round[], kind: keyof Round): number {
  return median(rounds.map(it => it[kind].perSecond))
}

function round2(value: number): number {
  return Number(value.toFixed(2))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, it) => total + it, 0)
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const n = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    if (!(n >= min && n <= max))
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return n
  }
}
