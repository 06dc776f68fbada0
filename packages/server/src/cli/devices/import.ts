/** `roost devices import`: reads a file, tells how far it is, and leaves a report of what was refused. */
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ImportDryRun, ImportView } from '@roost/protocol'
import { SingleBar } from 'cli-progress'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { dryRunImport } from '../../transfer/dry-run.ts'
import type { ImportSettings } from '../../transfer/import.ts'
import { withApp } from '../beside/open.ts'
import { writeOutput } from '../output-file.ts'
import { plain } from '../plain.ts'
import { ServerCaller } from '../server/caller.ts'
import { listenForStop } from '../stop.ts'
import { formatOf, type ImportFile, lookAtFile, readFrom } from './file.ts'
import { databaseTarget } from './import-database.ts'
import { serverTarget } from './import-server.ts'
import type { ImportOptions, ImportOrder, ImportTarget, VapidKeys } from './import-target.ts'

const WHEN_AWAY =
  'See that the server runs there; the import goes on where it stopped when the command is run again.'

export async function importDevices(path: string, options: ImportOptions): Promise<void> {
  const file = await lookAtFile(path)
  const stop = listenForStop({ isForReader: false, onSignal: () => tell('stopping after what is in hand') })
  const job = {
    file,
    options,
    asOf: asOfOf(file, options),
    settings: settingsOf(file, options),
    signal: stop.signal,
  }
  try {
    const { app, url } = options
    if (url === undefined) await withApp(app, opened => importTo(databaseTarget(opened), job))
    else await importTo(serverTarget(new ServerCaller({ ...options, url }, WHEN_AWAY)), job)
  } catch (error) {
    if (!stop.signal.aborted) throw error
    tell('stopped; the same command goes on where it is')
    process.exitCode = stop.exitCode
  }
}

interface Job extends Pick<ImportOrder, 'file' | 'settings' | 'asOf' | 'signal'> {
  readonly options: ImportOptions
}

function asOfOf(file: ImportFile, { asOf }: ImportOptions): number {
  const time = asOf === undefined ? file.changedAt : Date.parse(asOf)
  if (Number.isNaN(time))
    throw new StartError(`--as-of: "${asOf}" is no time`, 'Write it as 2027-01-31T12:00:00Z.')
  return Math.min(time, systemClock.now())
}

function settingsOf(file: ImportFile, options: ImportOptions): ImportSettings {
  const { mapping, platform = null, environment = null } = options
  return { mapping, format: options.format ?? file.format, platform, environment }
}

async function importTo(target: ImportTarget, job: Job): Promise<void> {
  const { options } = job
  const keys = options.vapidKeys === undefined ? undefined : await readVapidKeys(options.vapidKeys)
  if (options.dryRun) return dryRun(target, job, keys)
  if (keys !== undefined) await target.addVapidKeys(keys)
  const view = await store(target, job)
  if (options.refused !== undefined) {
    const refusals = await target.refusals(view.id, formatOf(options.refused))
    await writeOutput(options.refused, Readable.from(refusals))
  }
  print(options.json ? JSON.stringify(view) : wordsOf(view, options))
  failIfNothing(view.rows, view.stored + view.older)
}

async function store(
  target: ImportTarget,
  { file, settings, asOf, signal, options }: Job,
): Promise<ImportView> {
  const bar = progressBar()
  let rows = 0
  try {
    return await target.store({
      file,
      settings,
      asOf,
      signal,
      isAgain: options.again === true,
      onStart: view => {
        if (view.rows > 0) tell(`going on behind row ${view.rows}`)
        rows = view.rows
        bar.start(file.bytes, file.isPacked ? 0 : view.byteOffset, { rows })
      },
      onRead: bytes => bar.update(bytes, { rows }),
      onProgress: view => {
        rows = view.rows
        bar.update({ rows })
      },
    })
  } finally {
    bar.stop()
  }
}

/** On standard error, so that it is in nobody's way; where that is no terminal, a plain line every two seconds. */
function progressBar(): SingleBar {
  const bar = process.stderr.isTTY ? '{bar} ' : ''
  return new SingleBar({
    format: `${bar}{percentage} % | {rows} rows | {eta_formatted} left`,
    stream: process.stderr,
    clearOnComplete: true,
    noTTYOutput: true,
    notTTYSchedule: 2000,
  })
}

/** Throws StartError, without a word of what the file holds. */
async function readVapidKeys(path: string): Promise<VapidKeys> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new StartError(`there is no file ${path}`, 'Check --vapid-keys.')
  })
  const keys = keysIn(text)
  if (keys !== undefined) return keys
  throw new StartError(
    `${path} holds no VAPID key pair`,
    'Write {"publicKey","privateKey","subject"}, base64url.',
  )
}

function keysIn(text: string): VapidKeys | undefined {
  try {
    const { publicKey, privateKey, subject } = JSON.parse(text) as Readonly<Record<string, unknown>>
    if (typeof publicKey !== 'string' || typeof privateKey !== 'string') return undefined
    return { publicKey, privateKey, ...(typeof subject === 'string' ? { subject } : {}) }
  } catch {
    return undefined
  }
}

async function dryRun(
  target: ImportTarget,
  { file, settings, asOf, signal, options }: Job,
  keys: VapidKeys | undefined,
): Promise<void> {
  const checked = await target.draftOptions(asOf)
  const vapidCredentials = new Map(checked.vapidCredentials)
  // They would be there by then.
  if (keys !== undefined)
    for (const key of ['', Buffer.from(keys.publicKey, 'base64').toString('base64url')])
      vapidCredentials.set(key, 'given')
  const result = await dryRunImport({
    source: readFrom(file, { from: 0, signal }),
    isFinal: true,
    settings,
    options: { ...checked, vapidCredentials },
    asOf,
    now: systemClock.now(),
  })
  print(options.json ? JSON.stringify(result) : await tableOf(plain(result)))
  failIfNothing(result.rows, result.accepted)
}

async function tableOf({
  rows,
  accepted,
  refused,
  withToken,
  overdue,
  reasons,
  cohorts,
}: ImportDryRun): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const isPlain = !process.stdout.isTTY
  const table = new Table({
    head: ['platform', 'app version', 'last seen', 'rows', 'with token'],
    ...(isPlain ? { style: { head: [], border: [] } } : {}),
  })
  for (const it of cohorts)
    table.push([it.platform, it.appVersion, it.lastSeen, count(it.rows), count(it.withToken)])
  table.push(['all that would be taken', '', '', count(accepted), count(withToken)])
  return [
    `${count(rows)} rows: ${count(accepted)} would be taken, ${count(refused)} refused. Nothing was stored.`,
    ...overdueWords(overdue, 'would begin'),
    ...reasons.map(it => `  ${count(it.rows)} × ${it.code}: ${it.detail}`),
    table.toString(),
  ].join('\n')
}

function wordsOf(
  { rows, stored, older, overdue, refused }: ImportView,
  { refused: path }: ImportOptions,
): string {
  const where = refused === 0 ? '' : path === undefined ? ' (--refused FILE tells why)' : ` (see ${path})`
  return [
    `${count(rows)} rows: ${count(stored)} stored, ${count(older)} known later already, ${count(refused)} refused${where}`,
    ...overdueWords(overdue, 'begin'),
  ].join('\n')
}

/** R15. */
function overdueWords(overdue: number, begin: string): string[] {
  if (overdue === 0) return []
  return [
    `${count(overdue)} of them were last heard of longer ago than the app's address policy lets an address live; they ${begin} a new term.`,
  ]
}

function count(n: number): string {
  return n.toLocaleString('en')
}

/** A file of which nothing can be taken is another one than was meant; scripts should not go on. */
function failIfNothing(rows: number, taken: number): void {
  if (rows > 0 && taken === 0) process.exitCode = 1
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
