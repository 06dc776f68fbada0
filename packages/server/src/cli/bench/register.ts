/**
 * `roost bench register`: durable registrations over HTTP, held against the same Fastify with a route that does nothing.
 *
 * Everything runs in processes of its own: the server as `roost serve` starts it (fsync on, each call answered after its
 * commit), the empty server, and the phones. A round measures all of them one after the other, so that what else the
 * machine does hits them alike; each round has its ratio, and the medians of the rounds are told.
 */
import { Command } from 'commander'
import type { Database } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import type { Screen } from '../demo/screen.ts'
import {
  fillBase,
  type IdleOptions,
  type IdleTime,
  type IdleTimes,
  timeDiagnosis,
  timeIdle,
} from './bench-base.ts'
import { printing, wholeNumber } from './bench-command.ts'
import { type BaseSize, type Closer, closing, openStore, sizeOf } from './bench-database.ts'
import {
  type BenchServer,
  type Caller,
  type Figures,
  startCaller,
  startEmptyServer,
} from './bench-processes.ts'
import { type BenchApp, type MeasuredServer, makeApp, serveStore } from './bench-server.ts'
import { cpuOf, cpuOfPostgres } from './cpu-time.ts'
import { median, round2, sum } from './figures.ts'

export interface RegisterBenchOptions {
  /** Calls of one measurement. */
  readonly count: number
  readonly connections: number
  readonly rounds: number
  /** Registrations that change nothing, for the measurement of growth; 0 leaves it out. */
  readonly repeats: number
  /** In the base before the measurements, which an idle server is asked for; 0 leaves that out. */
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
  readonly idle: (IdleTimes & { readonly diagnosis: IdleTime }) | undefined
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
      'devices in the base beforehand; an idle server is asked for them',
      wholeNumber(0, 1e8),
      0,
    )
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nUses the embedded PostgreSQL in a temporary folder, or with ROOST_DATABASE_URL a database of its own beside the\none that is named, which it drops afterwards (not when it is\ninterrupted: its name begins with roost_bench_). The last line of output is one line of JSON.',
    )
    .action(printing(benchRegister))
}

async function benchRegister(
  options: RegisterBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<RegisterBenchReport> {
  return closing(async closers => measure(options, await prepare(environment, closers), screen))
}

interface Bench extends MeasuredServer, BenchApp {
  readonly db: Database
  readonly empty: BenchServer
  readonly caller: Caller
}

async function prepare(environment: NodeJS.ProcessEnv, closers: Closer[]): Promise<Bench> {
  const store = await openStore(environment, { maxConnections: 2 }, closers)
  // One app makes more calls here than one app may.
  const measured = await serveStore(store, { ...environment, ROOST_CALLS_PER_APP: '0' }, closers)
  const empty = await startEmptyServer()
  closers.push(() => empty.stop())
  const caller = startCaller()
  closers.push(() => caller.stop())
  return { ...measured, db: store.db, empty, caller, ...(await makeApp(measured.rest, store)) }
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
  const base = devices === 0 ? undefined : await fill(bench, devices, screen)
  const idle = base && (await measureIdle(base, screen))
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
  const diagnosis = base && (await measureDiagnosis(base, screen))
  return {
    ...reportOf(rounds, steady),
    idle: idle && diagnosis && { ...idle, diagnosis },
    size,
    sizeAfterRepeats,
  }
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

const IDLE_WORDS: Readonly<Record<keyof IdleTimes, string>> = {
  empty: 'empty route',
  hwid: 'device by hwid',
  user: 'user with devices',
  token: 'holder of a token',
  new: 'registration of a new device',
  again: 'registration that changes nothing',
}

async function fill(bench: Bench, devices: number, screen: Screen): Promise<IdleOptions> {
  screen.step(`Filling the base with ${devices} devices`)
  const progress = screen.progress('devices', devices)
  await fillBase(bench.db, { appId: bench.appId, count: devices }, done => progress.update(done))
  progress.end()
  return { ...bench, url: bench.server.url, emptyUrl: bench.empty.url, devices }
}

async function measureIdle(base: IdleOptions, screen: Screen): Promise<IdleTimes> {
  const idle = await timeIdle(base)
  for (const [kind, time] of Object.entries(idle))
    screen.say(idleLine(IDLE_WORDS[kind as keyof IdleTimes], time))
  return idle
}

async function measureDiagnosis(base: IdleOptions, screen: Screen): Promise<IdleTime> {
  screen.step('Diagnoses')
  const time = await timeDiagnosis(base)
  screen.say(idleLine('diagnosis of a device', time))
  return time
}

function idleLine(what: string, { p50Ms, p99Ms }: IdleTime): string {
  return `${what}, idle: p50 ${p50Ms} ms, p99 ${p99Ms} ms`
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

function medianOf(rounds: readonly Round[], kind: keyof Round): number {
  return median(rounds.map(it => it[kind].perSecond))
}
