/**
 * `roost bench send`: a campaign from its POST to its end, held against the bare engine with the same stand-ins, and how
 * long a message to one device takes meanwhile.
 *
 * Everything runs in processes of its own on this machine: the server as `roost serve` starts it with PostgreSQL, the
 * stand-ins of Apple and Google, and the bare engine.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { hashOf } from '../../insight/receipts.ts'
import type { Database } from '../../store/database.ts'
import type { Screen } from '../demo/screen.ts'
import type { Rest } from '../rest.ts'
import { printing, wholeNumber } from './bench-command.ts'
import { type Closer, closing, openStore } from './bench-database.ts'
import { type Child, startChild } from './bench-processes.ts'
import { type MeasuredServer, makeApp, serveStore } from './bench-server.ts'
import { cpuOf, cpuOfPostgres } from './cpu-time.ts'
import { hwidOf } from './device-calls.ts'
import { median, percentile, round2, sum } from './figures.ts'
import type { BareOrder, BareReport } from './send-bare.ts'
import type { StandInCounts, StandInOrder, StandInReport, StandInSettings } from './send-stand-ins.ts'

export interface SendBenchOptions {
  readonly devices: number
  /** Percent of the devices whose token is dead. */
  readonly dead: number
  /** Campaigns; the medians count. */
  readonly rounds: number
  /** Content is the same for all, instead of with a tag of each device in its title. */
  readonly constant?: boolean
  /** Leave out the messages to one device, to see the campaign alone. */
  readonly alone?: boolean
  readonly json?: boolean
}

export interface SendBenchReport {
  readonly devices: number
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  /** Accepted by the campaigns, a second, from POST to done; medians of the rounds, as all that follows. */
  readonly perSecond: number
  readonly barePerSecond: number
  /** `perSecond` by `barePerSecond` of the same round. */
  readonly ratio: number
  /** From POST to the first push at a stand-in. */
  readonly firstMs: number
  /** From the POST of a message to one device until its phone has it, while the campaign runs. */
  readonly single: { readonly count: number; readonly p50Ms: number; readonly p99Ms: number } | undefined
  /**
   * Renderings of a campaign: `personal` for one device each, `shared` for all devices of a gateway, language and variant.
   * With `constant` there is one of these for each gateway and no other; with a tag one for each device.
   */
  readonly renders: Renders
  /** Microseconds a message, by process; what the system does not tell is absent. */
  readonly cpu: SendCpu
  /** Of the server: before, highest and at the end of all campaigns. */
  readonly rssMb: { readonly before: number; readonly peak: number; readonly after: number } | undefined
}

interface SendCpu {
  readonly server: number | undefined
  readonly postgres: number | undefined
  readonly standIns: number | undefined
  readonly bareEngine: number
  readonly standInsOfBare: number | undefined
}

interface Renders {
  readonly shared: number
  readonly personal: number
}

const RENDERS = 'roost_content_rendered_total'
/** A campaign that takes longer has gone wrong. */
const WITHIN_MS = 30 * 60_000
const POLL_MS = 100
/** Between the messages to one device. */
const SINGLE_EVERY_MS = 50
const BARE_TOKENS = 20_000
const BARE_MIN = 20_000
const BARE_MAX = 300_000

export function sendBenchCommand(): Command {
  return new Command('send')
    .description(
      'Send a campaign through the stand-ins of Apple and Google, and compare with the bare engine',
    )
    .option('--devices <n>', 'devices in the base, half of each gateway', wholeNumber(100, 2e7), 100_000)
    .option('--dead <percent>', 'tokens that are dead', wholeNumber(0, 100), 2)
    .option('--rounds <n>', 'campaigns; the medians count', wholeNumber(1, 100), 3)
    .option('--constant', 'the same content for all, instead of a title with a tag of each device')
    .option('--alone', 'no messages to one device meanwhile')
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nUses the embedded PostgreSQL in a temporary folder, or with ROOST_DATABASE_URL a database of its own beside the\none that is named, which it drops afterwards. The last line of output is one line of JSON.',
    )
    .action(printing(benchSend))
}

async function benchSend(
  options: SendBenchOptions,
  environment: NodeJS.ProcessEnv,
  screen: Screen,
): Promise<SendBenchReport> {
  return closing(async closers =>
    measure(options, await prepare(options, { environment, screen, closers }), screen),
  )
}

export interface Bench extends MeasuredServer {
  readonly db: Database
  readonly standIns: Child<StandInOrder, StandInReport>
  readonly bare: Child<BareOrder, BareReport>
  readonly settings: StandInSettings
  readonly app: string
  readonly deviceToken: string
}

interface Preparation {
  readonly environment: NodeJS.ProcessEnv
  readonly screen: Screen
  readonly closers: Closer[]
}

/** With a base that is filled. */
export async function prepare(
  options: Pick<SendBenchOptions, 'devices' | 'dead'>,
  preparation: Preparation,
): Promise<Bench> {
  const { environment, screen, closers } = preparation
  const store = await openStore(environment, { maxConnections: 2 }, closers)
  const standIns = startChild<StandInOrder, StandInReport>('send-stand-ins.js')
  closers.push(() => standIns.stop())
  const bare = startChild<BareOrder, BareReport>('send-bare.js')
  closers.push(() => bare.stop())
  const { settings } = only(await standIns.ask({ do: 'start', folder: store.folder }), 'settings')
  const surroundings = {
    ...environment,
    ...settings.environment,
    ROOST_CALLS_PER_APP: '0',
  }
  const measured = await serveStore(store, surroundings, closers)
  const { app, appId, deviceToken } = await makeApp(measured.rest, store)
  await addCredentials(measured.rest, app, settings)
  await fill({ standIns, databaseUrl: store.url, appId }, options, screen)
  return { ...measured, db: store.db, standIns, bare, settings, app, deviceToken }
}

async function addCredentials(rest: Rest, app: string, { apns, fcm }: StandInSettings): Promise<void> {
  const credentials = `/v1/apps/${app}/credentials`
  await rest('POST', credentials, { gateway: 'apns', kind: 'p8', ...apns })
  const { serviceAccount } = fcm
  await rest('POST', credentials, { gateway: 'fcm', kind: 'service-account', serviceAccount })
}

interface Base {
  readonly standIns: Bench['standIns']
  readonly databaseUrl: string
  readonly appId: number
}

async function fill(
  { standIns, databaseUrl, appId }: Base,
  { devices, dead: deadPercent }: Pick<SendBenchOptions, 'devices' | 'dead'>,
  screen: Screen,
): Promise<void> {
  screen.step(`Filling the base with ${devices} devices, ${deadPercent} % of their tokens dead`)
  const progress = screen.progress('devices', devices)
  standIns.on(report => {
    if ('progress' in report) progress.update(report.progress)
  })
  const order = { do: 'fill', databaseUrl, appId, devices, deadPercent } as const
  only(await standIns.ask(order, report => 'filled' in report), 'filled')
  progress.end()
}

interface Campaign {
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly seconds: number
  readonly perSecond: number
  readonly firstMs: number
  readonly singlesMs: readonly number[]
  readonly renders: Renders
  readonly cpu: Pick<SendCpu, 'server' | 'postgres' | 'standIns'>
}

interface Bare {
  readonly perSecond: number
  readonly cpu: number
  readonly standIns: number | undefined
}

async function measure(options: SendBenchOptions, bench: Bench, screen: Screen): Promise<SendBenchReport> {
  const before = await residentMb(bench.server.pid)
  let peak = before ?? 0
  const watch = setInterval(() => {
    void residentMb(bench.server.pid).then(now => {
      peak = Math.max(peak, now ?? 0)
    })
  }, POLL_MS)
  const rounds: { bare: Bare; campaign: Campaign }[] = []
  await runBare(bench, BARE_MIN)
  try {
    for (let i = 0; i < options.rounds; i++) {
      screen.step(`Round ${i + 1} of ${options.rounds}`)
      const bare = await runBare(bench, Math.min(BARE_MAX, Math.max(BARE_MIN, options.devices)))
      screen.say(
        `bare engine: ${Math.round(bare.perSecond)} a second, CPU a message ${microseconds(bare.cpu)}`,
      )
      const campaign = await runCampaign(options, bench)
      screen.say(lineOf(campaign, bare))
      rounds.push({ bare, campaign })
    }
  } finally {
    clearInterval(watch)
  }
  const after = await residentMb(bench.server.pid)
  const rssMb = before === undefined || after === undefined ? undefined : { before, peak, after }
  return { ...reportOf(options, rounds), rssMb }
}

async function runBare(bench: Bench, count: number): Promise<Bare> {
  const [apnsTokens, fcmTokens] = [await livingTokens(bench.db, 'apns'), await livingTokens(bench.db, 'fcm')]
  const before = await cpuOf(bench.standIns.pid)
  const report = await bench.bare.ask({ settings: bench.settings, apnsTokens, fcmTokens, count })
  if ('fault' in report) throw new Error(`the bare engine could not send: ${report.fault}`)
  const { accepted, seconds, cpuSeconds } = report
  return {
    perSecond: accepted / seconds,
    cpu: (cpuSeconds * 1e6) / count,
    standIns: perMessage(before, await cpuOf(bench.standIns.pid), count),
  }
}

async function livingTokens(db: Database, provider: string): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>(
    "select address from address where provider = $1 and state = 'active' order by bucket, hwid limit $2",
    [provider, BARE_TOKENS],
  )
  return rows.map(it => it.address)
}

async function runCampaign(options: SendBenchOptions, bench: Bench): Promise<Campaign> {
  const { standIns, db } = bench
  const before = await readCpu(bench)
  const countsBefore = await readCounts(standIns)
  const rendersBefore = await readRenders(bench)
  const beganAt = Date.now()
  const { id } = await bench.rest<{ id: string }>('POST', `/v1/apps/${bench.app}/messages`, {
    to: { all: true },
    content: {
      title: options.constant ? 'Hello' : 'Hello {{ tags.name }}',
      body: 'The quick brown fox jumps over the lazy dog.',
    },
  })
  const hash = hashOf(id)
  const first = await standIns.ask(
    { do: 'first', hash },
    report => 'arrivedAt' in report && report.text === undefined,
  )
  const firstMs = only(first, 'arrivedAt').arrivedAt - beganAt
  const stop = new AbortController()
  const singles = options.alone ? Promise.resolve([]) : sendSingles(bench, stop.signal)
  await untilDone(db, id)
  const seconds = (Date.now() - beganAt) / 1000
  stop.abort()
  const singlesMs = await singles
  const after = await readCpu(bench)
  const { targeted, accepted, dead } = await countsOf(db, id)
  requireSame(accepted + singlesMs.length, (await readCounts(standIns)).accepted - countsBefore.accepted)
  const of = (kind: keyof Campaign['cpu']) => perMessage(before[kind], after[kind], targeted)
  const cpu = { server: of('server'), postgres: of('postgres'), standIns: of('standIns') }
  const rendersAfter = await readRenders(bench)
  // Those to one device are constant, and each is rendered for itself.
  const renders = {
    shared: rendersAfter.shared - rendersBefore.shared - singlesMs.length,
    personal: rendersAfter.personal - rendersBefore.personal,
  }
  return {
    targeted,
    accepted,
    dead,
    seconds,
    perSecond: accepted / seconds,
    firstMs,
    singlesMs,
    renders,
    cpu,
  }
}

/** One after the other to device 0, each when its phone has got the one before. */
async function sendSingles({ standIns, ...bench }: Bench, stop: AbortSignal): Promise<number[]> {
  const hwid = hwidOf(0)
  const { rows } = await bench.db.query<{ address: string }>('select address from address where hwid = $1', [
    hwid,
  ])
  const token = rows[0]?.address ?? ''
  const times: number[] = []
  const waiting = new Map<string, (arrivedAt: number) => void>()
  standIns.on(report => {
    if ('arrivedAt' in report && report.text !== undefined) waiting.get(report.text)?.(report.arrivedAt)
  })
  while (!stop.aborted) {
    const text = `single ${randomBytes(8).toString('hex')}`
    const arrived = new Promise<number>(resolve => waiting.set(text, resolve))
    // It may come before an order that was not waited for.
    await standIns.ask({ do: 'phone', token, text }, report => 'listensFor' in report)
    const beganAt = Date.now()
    await bench.rest('POST', `/v1/apps/${bench.app}/messages`, {
      to: { devices: [hwid] },
      content: { title: text },
    })
    times.push((await arrived) - beganAt)
    waiting.delete(text)
    await new Promise(resolve => setTimeout(resolve, SINGLE_EVERY_MS))
  }
  return times
}

export async function untilDone(db: Database, id: string): Promise<void> {
  const endsAt = Date.now() + WITHIN_MS
  for (;;) {
    const { rows } = await db.query<{ state: string }>('select state from message where id = $1', [id])
    if (rows[0]?.state === 'done') return
    if (Date.now() > endsAt) throw new Error(`the campaign is not done after ${WITHIN_MS / 60_000} minutes`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

async function countsOf(
  db: Database,
  id: string,
): Promise<{ readonly targeted: number; readonly accepted: number; readonly dead: number }> {
  const { rows } = await db.query<{ targeted: number; accepted: number; dead: number }>(
    `select sum(targeted)::bigint as targeted, sum(accepted)::bigint as accepted, sum(dead)::bigint as dead
       from batch where message_id = $1`,
    [id],
  )
  return rows[0] ?? { targeted: 0, accepted: 0, dead: 0 }
}

async function readRenders({ server }: Bench): Promise<Renders> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text()
  const of = (kind: string) =>
    Number(new RegExp(`^${RENDERS}{kind="${kind}"} (\\d+)`, 'm').exec(metrics)?.[1])
  return { shared: of('shared'), personal: of('personal') }
}

/** A figure of something that did not happen is none. */
function requireSame(booked: number, counted: number): void {
  if (booked !== counted)
    throw new Error(`the server booked ${booked} acceptances, the stand-ins gave ${counted}`)
}

async function readCounts(standIns: Bench['standIns']): Promise<StandInCounts> {
  return only(await standIns.ask({ do: 'count' }, report => 'counts' in report), 'counts').counts
}

/** The report of the kind that was asked for; throws what went wrong instead. */
function only<Kind extends string>(
  report: StandInReport,
  kind: Kind,
): Extract<StandInReport, Readonly<Record<Kind, unknown>>> {
  if ('fault' in report) throw new Error(`the stand-ins failed: ${report.fault}`)
  if (!(kind in report)) throw new Error(`the stand-ins did not tell ${kind}`)
  return report as Extract<StandInReport, Readonly<Record<Kind, unknown>>>
}

async function readCpu({ server, db, standIns }: Bench) {
  return {
    server: await cpuOf(server.pid),
    postgres: await cpuOfPostgres(db),
    standIns: await cpuOf(standIns.pid),
  }
}

function perMessage(
  before: number | undefined,
  after: number | undefined,
  count: number,
): number | undefined {
  return before === undefined || after === undefined ? undefined : (after - before) / count
}

/** Linux alone tells it. Source: proc_pid_status(5), VmRSS in kB. */
async function residentMb(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]
  return kilobytes === undefined ? undefined : Math.round(Number(kilobytes) / 1024)
}

function lineOf(campaign: Campaign, bare: Bare): string {
  const { perSecond, cpu, firstMs, singlesMs, renders } = campaign
  const p99 = percentile(Float64Array.from(singlesMs), 0.99)
  const parts = [
    `campaign: ${Math.round(perSecond)} a second (${(perSecond / bare.perSecond).toFixed(2)})`,
    `first after ${firstMs} ms`,
    `CPU a message: server ${microseconds(cpu.server)}, PostgreSQL ${microseconds(cpu.postgres)}, stand-ins ${microseconds(cpu.standIns)}`,
    `one device: p99 ${p99} ms of ${singlesMs.length}`,
    `renderings: ${renders.shared} shared, ${renders.personal} personal`,
  ]
  return parts.join('; ')
}

function microseconds(value: number | undefined): string {
  return value === undefined ? '?' : `${value.toFixed(1)} µs`
}

function reportOf(
  { devices }: SendBenchOptions,
  rounds: readonly { readonly bare: Bare; readonly campaign: Campaign }[],
): Omit<SendBenchReport, 'rssMb'> {
  const of = (value: (round: (typeof rounds)[number]) => number) => round2(median(rounds.map(value)))
  const told = (value: (round: (typeof rounds)[number]) => number | undefined) => {
    const values = rounds.flatMap(round => value(round) ?? [])
    return values.length === 0 ? undefined : round2(median(values))
  }
  const singles = Float64Array.from(rounds.flatMap(it => it.campaign.singlesMs))
  return {
    devices,
    targeted: sum(rounds.map(it => it.campaign.targeted)),
    accepted: sum(rounds.map(it => it.campaign.accepted)),
    dead: sum(rounds.map(it => it.campaign.dead)),
    perSecond: Math.round(of(it => it.campaign.perSecond)),
    barePerSecond: Math.round(of(it => it.bare.perSecond)),
    ratio: of(it => it.campaign.perSecond / it.bare.perSecond),
    firstMs: of(it => it.campaign.firstMs),
    single:
      singles.length === 0
        ? undefined
        : { count: singles.length, p50Ms: percentile(singles, 0.5), p99Ms: percentile(singles, 0.99) },
    renders: {
      shared: of(it => it.campaign.renders.shared),
      personal: of(it => it.campaign.renders.personal),
    },
    cpu: {
      server: told(it => it.campaign.cpu.server),
      postgres: told(it => it.campaign.cpu.postgres),
      standIns: told(it => it.campaign.cpu.standIns),
      bareEngine: of(it => it.bare.cpu),
      standInsOfBare: told(it => it.bare.standIns),
    },
  }
}
