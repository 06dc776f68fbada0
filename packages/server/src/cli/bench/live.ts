/**
 * `roost bench live`: what open channels cost a server, how long a message to all of them takes, and one to a single device.
 *
 * Everything runs in processes of its own on this machine: the server as `roost serve` starts it with PostgreSQL, and the devices in as
 * many processes as their descriptors ask for. They come from several loopback addresses, since one has ports for 28,000 connections.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { maxConnectionsHere, readDescriptorLimit } from '../../http/connections.ts'
import { CHANNEL_PATH } from '../../live/route.ts'
import type { Database } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import type { Screen } from '../demo/screen.ts'
import { fillBase } from './bench-base.ts'
import { printing, wholeNumber } from './bench-command.ts'
import { type Closer, closing, openStore } from './bench-database.ts'
import { startChild } from './bench-processes.ts'
import { type BenchApp, type MeasuredServer, makeApp, serveStore } from './bench-server.ts'
import { cpuOf, cpuOfPostgres } from './cpu-time.ts'
import { hwidOf } from './device-calls.ts'
import { median, percentile, round1, round2 } from './figures.ts'
import { type Devices, now, only, WITHIN_MS, watch } from './live-devices.ts'
import type { LiveOrder, LiveReport } from './live-process.ts'
import { type Memory, memoryOf } from './memory-of.ts'

export interface LiveBenchOptions {
  readonly sockets: number
  /** Messages to all; the medians count. */
  readonly rounds: number
  /** Messages to one device, one after the other. */
  readonly singles: number
  readonly json?: boolean
}

export interface LiveBenchReport {
  readonly sockets: number
  readonly connectedPerSecond: number
  /** Resident memory of the server: without devices, with all of them, after the messages, and the most it had. */
  readonly rssMb: {
    readonly before: number
    readonly connected: number
    readonly after: number
    readonly peak: number
  }
  /** From `before` to `connected`, without what the kernel holds. */
  readonly kilobytesPerSocket: number
  /** From the POST of a message to all until the first, the median and the last device have it; medians of the rounds. */
  readonly fanOut: { readonly firstMs: number; readonly medianMs: number; readonly lastMs: number }
  /** Microseconds a device of a message to all, from its POST until all have acknowledged it; medians of the rounds. */
  readonly cpu: { readonly server: number | undefined; readonly postgres: number | undefined }
  /** From the POST of a message to one device until it has it, while all others are connected. */
  readonly single: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  /** Messages that came to a device that had them. */
  readonly repeated: number
}

/** Of a process of devices, for what is none of theirs. */
const DESCRIPTORS_KEPT = 100
const DEVICES_OF_PROCESS_MAX = 25_000
const POLL_MS = 100

export function liveBenchCommand(): Command {
  return new Command('live')
    .description('Connect devices to their live channels, and send to all of them and to one')
    .option('--sockets <n>', 'devices that are connected', wholeNumber(1, 200_000), 5000)
    .option('--rounds <n>', 'messages to all; the medians count', wholeNumber(1, 100), 3)
    .option('--singles <n>', 'messages to one device', wholeNumber(1, 100_000), 500)
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nEach socket is a descriptor of the server and one of a process of devices: raise the limit before (ulimit -n).\nUses the embedded PostgreSQL in a temporary folder, or with ROOST_DATABASE_URL a database of its own beside the\none that is named, which it drops afterwards. The last line of output is one line of JSON.',
    )
    .action(printing(benchLive))
}

async function benchLive(
  options: LiveBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<LiveBenchReport> {
  requireDescriptors(options.sockets)
  return closing(async closers =>
    measure(options, await prepare(options, { environment, screen, closers }), screen),
  )
}

function requireDescriptors(sockets: number): void {
  const max = maxConnectionsHere()
  if (max === undefined || sockets <= max) return
  throw new StartError(
    `a process of this machine holds ${Math.floor(max)} connections here, and ${sockets} are to be measured`,
    `Raise the limit of open files (ulimit -n ${sockets + 1000}) and start it again, or measure fewer.`,
  )
}

interface Bench extends MeasuredServer, BenchApp {
  readonly db: Database
  readonly devices: readonly Devices[]
}

async function prepare(
  { sockets }: LiveBenchOptions,
  {
    environment,
    screen,
    closers,
  }: { readonly environment: NodeJS.ProcessEnv; readonly screen: Screen; readonly closers: Closer[] },
): Promise<Bench> {
  const store = await openStore(environment, { maxConnections: 2 }, closers)
  const measured = await serveStore(store, { ...environment, ROOST_CALLS_PER_APP: '0' }, closers)
  const app = await makeApp(measured.rest, store)
  screen.step(`Filling the base with ${sockets} devices`)
  await fillBase(store.db, { appId: app.appId, count: sockets }, () => undefined)
  const ofProcess = Math.min(
    DEVICES_OF_PROCESS_MAX,
    (readDescriptorLimit() ?? Number.MAX_SAFE_INTEGER) - DESCRIPTORS_KEPT,
  )
  const devices = Array.from({ length: Math.ceil(sockets / ofProcess) }, () =>
    startChild<LiveOrder, LiveReport>('live-process.js'),
  )
  for (const child of devices) closers.push(() => child.stop())
  return { ...measured, ...app, db: store.db, devices }
}

async function measure(options: LiveBenchOptions, bench: Bench, screen: Screen): Promise<LiveBenchReport> {
  const { sockets, rounds, singles } = options
  const { pid } = bench.server
  const before = await memoryOf(pid)
  screen.step(`Connecting ${sockets} devices`)
  const connectedPerSecond = await connectAll(bench, sockets, screen)
  const connected = await memoryOf(pid)
  const toAll: FanOut[] = []
  for (let i = 0; i < rounds; i++) {
    screen.step(`Message to all, ${i + 1} of ${rounds}`)
    const fanOut = await sendToAll(bench, sockets)
    screen.say(lineOf(fanOut))
    toAll.push(fanOut)
  }
  screen.step(`${singles} messages to one device each`)
  const toOne = await sendSingles(bench, options)
  const after = await memoryOf(pid)
  return {
    sockets,
    connectedPerSecond,
    ...memoryReport({ before, connected, after, sockets }),
    ...reportOf(toAll, toOne),
  }
}

async function connectAll(
  { server, devices, ...bench }: Bench,
  sockets: number,
  screen: Screen,
): Promise<number> {
  const bar = screen.progress('connected', sockets)
  const share = Math.ceil(sockets / devices.length)
  const done = devices.map(() => 0)
  const reports = await Promise.all(
    devices.map((child, i) => {
      child.on(report => {
        if ('progress' in report) done[i] = report.progress
        bar.update(done.reduce((total, it) => total + it, 0))
      })
      const first = i * share
      const order = { url: server.url, path: CHANNEL_PATH, app: bench.app, deviceToken: bench.deviceToken }
      const count = Math.min(share, sockets - first)
      return child.ask({ do: 'connect', ...order, first, count }, report => 'connected' in report)
    }),
  )
  bar.end()
  return Math.round(sockets / Math.max(...reports.map(it => only(it, 'connected').seconds)))
}

interface FanOut {
  readonly firstMs: number
  readonly medianMs: number
  readonly lastMs: number
  readonly repeated: number
  readonly cpu: LiveBenchReport['cpu']
}

/** Nobody is pushed: it goes to those who are connected. */
async function sendToAll(bench: Bench, sockets: number): Promise<FanOut> {
  const title = `to all ${randomBytes(8).toString('hex')}`
  const share = Math.ceil(sockets / bench.devices.length)
  const arrivals = await Promise.all(
    bench.devices.map((child, i) => watch(child, title, Math.min(share, sockets - i * share))),
  )
  const before = await readCpu(bench)
  const beganAt = now()
  const id = await post(bench, { to: { all: true }, content: { title, body: BODY }, route: 'online-only' })
  const reports = await Promise.all(arrivals.map(it => it.arrived))
  await untilAcknowledged(bench, { id, devices: sockets })
  const after = await readCpu(bench)
  const cpuOfEach = (kind: keyof LiveBenchReport['cpu']) => {
    const [from, to] = [before[kind], after[kind]]
    return from === undefined || to === undefined ? undefined : (to - from) / sockets
  }
  return {
    firstMs: Math.min(...reports.map(it => it.firstAt)) - beganAt,
    medianMs: Math.max(...reports.map(it => it.medianAt)) - beganAt,
    lastMs: Math.max(...reports.map(it => it.lastAt)) - beganAt,
    repeated: reports.reduce((total, it) => total + it.repeated, 0),
    cpu: { server: cpuOfEach('server'), postgres: cpuOfEach('postgres') },
  }
}

const BODY = 'The quick brown fox jumps over the lazy dog.'

async function sendSingles(
  bench: Bench,
  { sockets, singles }: LiveBenchOptions,
): Promise<{ readonly timesMs: Float64Array; readonly repeated: number }> {
  const timesMs = new Float64Array(singles)
  const share = Math.ceil(sockets / bench.devices.length)
  let repeated = 0
  for (let i = 0; i < singles; i++) {
    const n = Math.floor(((i * 0.618_033_988_75) % 1) * sockets)
    const title = `to one ${randomBytes(8).toString('hex')}`
    const { arrived } = await watch(bench.devices[Math.floor(n / share)] as Devices, title, 1)
    const beganAt = now()
    await post(bench, { to: { devices: [hwidOf(n)] }, content: { title, body: BODY }, route: 'online-first' })
    const report = await arrived
    timesMs[i] = report.lastAt - beganAt
    repeated += report.repeated
  }
  return { timesMs, repeated }
}

/** Its id. */
async function post({ rest, app }: Bench, message: object): Promise<string> {
  const { id } = await rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message)
  return id
}

/** What follows is not to be measured with it. */
async function untilAcknowledged(
  { db }: Bench,
  { id, devices }: { readonly id: string; readonly devices: number },
): Promise<void> {
  const endsAt = Date.now() + WITHIN_MS
  for (;;) {
    const { rows } = await db.query<{ count: number }>(
      'select count(*)::integer as count from live_frame where message_id = $1 and acked_at is not null',
      [id],
    )
    if (rows[0]?.count === devices) return
    if (Date.now() > endsAt) throw new Error(`not all was acknowledged after ${WITHIN_MS / 1000} s`)
    await delay(POLL_MS)
  }
}

async function readCpu({ server, db }: Bench): Promise<LiveBenchReport['cpu']> {
  return { server: await cpuOf(server.pid), postgres: await cpuOfPostgres(db) }
}

function lineOf({ firstMs, medianMs, lastMs, cpu }: FanOut): string {
  const told = (value: number | undefined) => (value === undefined ? '?' : `${value.toFixed(1)} µs`)
  return `first after ${Math.round(firstMs)} ms, median ${Math.round(medianMs)} ms, last ${Math.round(lastMs)} ms; CPU a device: server ${told(cpu.server)}, PostgreSQL ${told(cpu.postgres)}`
}

function memoryReport({
  before,
  connected,
  after,
  sockets,
}: Readonly<Record<'before' | 'connected' | 'after', Memory>> & { readonly sockets: number }) {
  const rssMb = { before: before.rssMb, connected: connected.rssMb, after: after.rssMb, peak: after.peakMb }
  return { rssMb, kilobytesPerSocket: round1(((connected.rssMb - before.rssMb) * 1024) / sockets) }
}

function reportOf(toAll: readonly FanOut[], toOne: Awaited<ReturnType<typeof sendSingles>>) {
  const of = (value: (it: FanOut) => number) => Math.round(median(toAll.map(value)))
  const cpuOfAll = (kind: keyof LiveBenchReport['cpu']) => {
    const values = toAll.flatMap(it => it.cpu[kind] ?? [])
    return values.length === 0 ? undefined : round1(median(values))
  }
  const at = (share: number) => round2(percentile(toOne.timesMs, share))
  return {
    fanOut: { firstMs: of(it => it.firstMs), medianMs: of(it => it.medianMs), lastMs: of(it => it.lastMs) },
    cpu: { server: cpuOfAll('server'), postgres: cpuOfAll('postgres') },
    single: { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) },
    repeated: toAll.reduce((total, it) => total + it.repeated, toOne.repeated),
  }
}
