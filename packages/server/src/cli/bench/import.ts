/**
 * `roost bench import`: a made-up base of two platforms, as a CSV file, brought into an empty database by
 * `roost devices import`, as anybody would start it.
 *
 * Seconds depend on what else the machine does, so CPU time is told as well: of the command, and of PostgreSQL with all
 * its processes (those that have ended are in what their parent has used: man proc, "cutime"). Both are read from /proc,
 * so elsewhere than on Linux they are null.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import type { ImportView } from '@roost/protocol'
import { Command } from 'commander'
import { createApp } from '../../access/apps.ts'
import { StartError } from '../../store/folder.ts'
import { migrate, readMigrations } from '../../store/migrate.ts'
import { csvLine } from '../../transfer/csv.ts'
import { type Screen, silentScreen, terminalScreen } from '../demo/screen.ts'
import { listenForStop } from '../stop.ts'
import { wholeNumber } from './bench-command.ts'
import { type BenchStore, closing, openStore, sizeOf } from './bench-database.ts'

export interface ImportBenchOptions {
  readonly rows: number
  /** Whether the same devices come once more, heard of a day later. */
  readonly again?: boolean
  readonly json?: boolean
}

export interface ImportFigures {
  readonly rows: number
  readonly seconds: number
  readonly perSecond: number
  /** Of the command, and of PostgreSQL; null where there is no /proc, or the database is another's. */
  readonly cpuMicrosPerRow: { readonly command: number | null; readonly postgres: number | null }
  readonly peakRssMegabytes: number | null
}

export interface ImportBenchReport extends ImportFigures {
  readonly fileMegabytes: number
  readonly bytesPerDevice: number
  /** With `again`: the same devices once more. */
  readonly again: ImportFigures | undefined
}

export function importBenchCommand(): Command {
  return new Command('import')
    .description('Import a made-up base from a CSV file into an empty database')
    .option('--rows <n>', 'devices in the file', wholeNumber(1, 999_999_999), 1_000_000)
    .option('--again', 'import the same devices once more, heard of a day later')
    .option('--json', 'print one line of JSON only')
    .addHelpText(
      'after',
      '\nUses the embedded PostgreSQL in a temporary folder, or with ROOST_DATABASE_URL a database of its own beside the\none that is named, which it drops afterwards. The last line of output is one line of JSON.',
    )
    .action(run)
}

async function run(options: ImportBenchOptions): Promise<void> {
  const stop = listenForStop({ isForReader: false })
  const screen = options.json ? silentScreen : terminalScreen(process.stdout)
  try {
    const report = await benchImport(options, process.env, { screen, signal: stop.signal })
    process.stdout.write(`${JSON.stringify(report)}\n`)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    process.exitCode = stop.exitCode
  }
}

interface Surroundings {
  readonly screen: Screen
  readonly signal: AbortSignal
}

/**
 * Starts what it measures and ends it, also when the signal comes: a folder in which PostgreSQL still writes can't be
 * removed. Then it throws.
 */
export async function benchImport(
  options: ImportBenchOptions,
  environment: NodeJS.ProcessEnv,
  { screen, signal }: Surroundings,
): Promise<ImportBenchReport> {
  return closing(async closers => {
    const store = await openStore(environment, { maxConnections: 1 }, closers)
    const { db } = store
    await migrate(db, await readMigrations())
    const { app } = await createApp(db, { name: 'bench', at: Date.now() })
    signal.throwIfAborted()
    const bench = { ...store, pid: await pidOf(store, environment), app: app.code, environment, signal }
    return await measure(options, bench, screen)
  })
}

async function pidOf(
  { folder }: BenchStore,
  { ROOST_DATABASE_URL: named }: NodeJS.ProcessEnv,
): Promise<number | null> {
  if (named !== undefined && named !== '') return null
  const pid = await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')
  return Number(pid.split('\n')[0])
}

interface Bench extends BenchStore {
  /** Of the embedded PostgreSQL. */
  readonly pid: number | null
  readonly app: string
  readonly environment: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

const DAY_MS = 24 * 60 * 60_000

async function measure(
  { rows, again = false }: ImportBenchOptions,
  bench: Bench,
  screen: Screen,
): Promise<ImportBenchReport> {
  const file = join(bench.folder, 'devices.csv')
  const { signal } = bench
  const seenAt = Date.now() - 2 * DAY_MS
  screen.step(`Writing a file of ${rows} rows`)
  await writeBase(file, { rows, seenAt, signal })
  const { size } = await stat(file)
  screen.step('Importing it')
  const first = await importFile(file, rows, bench)
  screen.say(wordsOf(first))
  const { bytesPerDevice } = await sizeOf(bench.db)
  if (again) {
    screen.step('Importing the same devices, heard of a day later')
    await writeBase(file, { rows, seenAt: seenAt + DAY_MS, signal })
  }
  const second = again ? await importFile(file, rows, bench) : undefined
  if (second !== undefined) screen.say(wordsOf(second))
  return { ...first, fileMegabytes: megabytes(size), bytesPerDevice, again: second }
}

function wordsOf({ perSecond, seconds, cpuMicrosPerRow: cpu, peakRssMegabytes }: ImportFigures): string {
  return `${perSecond} rows/s, ${seconds} s; CPU a row ${cpu.command} µs and ${cpu.postgres} µs in PostgreSQL; peak ${peakRssMegabytes} MB`
}

const COLUMNS = ['hwid', 'platform', 'pushToken', 'userId', 'language', 'appVersion', 'lastSeenAt', 'tags']

async function writeBase(
  path: string,
  { rows, seenAt, signal }: { readonly rows: number; readonly seenAt: number; readonly signal: AbortSignal },
): Promise<void> {
  function* lines(): Generator<string> {
    yield csvLine(COLUMNS)
    for (let i = 0; i < rows; i++) yield lineOf(i, seenAt - (i % 1000) * 60_000)
  }
  await pipeline(Readable.from(lines(), { highWaterMark: 256 }), createWriteStream(path), { signal })
}

/** Names and tokens come in no order, as in any base that grew. */
function lineOf(i: number, seenAt: number): string {
  const hex = createHash('sha256').update(`device ${i}`).digest('hex')
  const isAndroid = i % 3 === 0
  return csvLine([
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
    isAndroid ? 'android' : 'ios',
    isAndroid ? `${hex.slice(0, 22)}:APA91b${hex}${hex}` : hex,
    i % 2 === 0 ? `user-${i}` : '',
    ['en', 'de', 'es'][i % 3],
    `4.${i % 12}.0`,
    new Date(seenAt).toISOString(),
    { plan: i % 5 === 0 ? 'pro' : 'free', level: i % 50 },
  ])
}

async function importFile(file: string, rows: number, bench: Bench): Promise<ImportFigures> {
  const { app, environment, url, folder, pid, signal } = bench
  const command = fileURLToPath(new URL('../../../bin/roost.js', import.meta.url))
  const args = [...process.execArgv, command, 'devices', 'import', file, '--app', app, '--json']
  const before = pid === null ? null : await cpuOf(pid)
  const begun = performance.now()
  const child = spawn(process.execPath, args, {
    env: { ...environment, ROOST_DATABASE_URL: url, ROOST_DATA_DIR: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const end = () => child.kill('SIGKILL')
  process.on('exit', end)
  signal.addEventListener('abort', end)
  const [view, used] = await Promise.all([viewOf(child), watch(child)])
  process.off('exit', end)
  signal.removeEventListener('abort', end)
  signal.throwIfAborted()
  const seconds = (performance.now() - begun) / 1000
  if (view.stored !== rows)
    throw new StartError(
      `of ${rows} rows ${view.stored} were stored`,
      'A measurement of refusals says nothing; this is a fault of Roost.',
    )
  const after = pid === null ? null : await cpuOf(pid)
  const perRow = (cpuSeconds: number | null) =>
    cpuSeconds === null ? null : Number(((cpuSeconds * 1e6) / rows).toFixed(1))
  return {
    rows,
    seconds: Number(seconds.toFixed(1)),
    perSecond: Math.round(rows / seconds),
    cpuMicrosPerRow: {
      command: perRow(used.cpuSeconds),
      postgres: perRow(before === null || after === null ? null : after - before),
    },
    peakRssMegabytes: used.peakRssBytes === null ? null : megabytes(used.peakRssBytes),
  }
}

async function viewOf(child: ChildProcess): Promise<ImportView> {
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await once(child, 'close')
  return JSON.parse(text || '{}') as ImportView
}

const LOOK_EVERY_MS = 100

/** The last look before the process ends counts, so up to a tenth of a second is not seen. */
async function watch(
  child: ChildProcess,
): Promise<{ readonly cpuSeconds: number | null; readonly peakRssBytes: number | null }> {
  let cpuSeconds: number | null = null
  let peakRssBytes: number | null = null
  const ended = once(child, 'exit')
  while (child.exitCode === null && child.signalCode === null) {
    const [cpu, status] = await Promise.all([cpuOf(child.pid ?? 0), read(`/proc/${child.pid}/status`)])
    const peak = /VmHWM:\s+(\d+) kB/.exec(status ?? '')?.[1]
    cpuSeconds = cpu ?? cpuSeconds
    if (peak !== undefined) peakRssBytes = Number(peak) * 1024
    await Promise.race([ended, new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS))])
  }
  return { cpuSeconds, peakRssBytes }
}

const TICKS_PER_SECOND = 100

/** Of the process, its children, and the children of both that have ended; null when it is not there. */
async function cpuOf(pid: number): Promise<number | null> {
  const own = await statOf(pid)
  if (own === null) return null
  const entries = (await readdir('/proc')).filter(name => /^\d+$/.test(name))
  const others = await Promise.all(entries.map(name => statOf(Number(name))))
  const children = others.filter(it => it?.parent === pid).map(it => it?.ticks ?? 0)
  return [own.ticks, ...children].reduce((sum, it) => sum + it, 0) / TICKS_PER_SECOND
}

async function statOf(pid: number): Promise<{ readonly parent: number; readonly ticks: number } | null> {
  const text = await read(`/proc/${pid}/stat`)
  if (text === null) return null
  // Behind the name, which may hold anything: state, parent, … utime, stime, cutime, cstime (14th to 17th).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { parent: Number(fields[1]), ticks: fields.slice(11, 15).reduce((sum, it) => sum + Number(it), 0) }
}

async function read(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null)
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6)
}
