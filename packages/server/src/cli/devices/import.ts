/** `roost devices import`: reads a file, tells how far it is, and leaves a report of what was refused. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  type ImportMapping,
  type ImportRefusal,
  type ImportView,
  newCredentialSchema,
  type Platform,
  type TransferFormat,
} from '@roost/protocol'
import { SingleBar } from 'cli-progress'
import { addCredential, findVapidCredential } from '../../credentials/credentials.ts'
import { ROOST } from '../../credentials/history.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { BEGINNING, readBlocks } from '../../transfer/blocks.ts'
import { CohortReport, type DryRun } from '../../transfer/cohorts.ts'
import { csvLine } from '../../transfer/csv.ts'
import {
  draftOptions,
  type ImportSettings,
  readBlock,
  readRefusals,
  runImport,
  startImport,
} from '../../transfer/import.ts'
import { COLUMNS } from '../../transfer/mappings/mappings.ts'
import { type Opened, withApp } from './open.ts'

interface Options {
  readonly app: string
  readonly mapping: ImportMapping
  readonly format?: TransferFormat
  readonly platform?: Platform
  readonly environment?: 'production' | 'sandbox'
  readonly asOf?: string
  readonly vapidKeys?: string
  readonly refused?: string
  readonly dryRun?: boolean
  readonly again?: boolean
  readonly json?: boolean
}

interface File {
  readonly path: string
  readonly bytes: number
  /** When it was made, ms. */
  readonly asOf: number
}

export async function importDevices(path: string, options: Options): Promise<void> {
  const file = await lookAt(path, options)
  await withApp(options.app, async opened => {
    if (options.dryRun) return dryRun(file, options, opened)
    if (options.vapidKeys !== undefined) await uploadVapidKeys(options.vapidKeys, opened)
    const view = await store(file, options, opened)
    if (options.refused !== undefined) await writeRefused(options.refused, view, opened)
    print(options.json ? JSON.stringify(view) : wordsOf(view, options))
  })
}

async function lookAt(path: string, { asOf }: Options): Promise<File> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) throw new StartError(`there is no file ${path}`, 'Check the path.')
  const time = asOf === undefined ? found.mtimeMs : Date.parse(asOf)
  if (Number.isNaN(time))
    throw new StartError(`--as-of: "${asOf}" is no time`, 'Write it as 2027-01-31T12:00:00Z.')
  return { path, bytes: found.size, asOf: Math.min(time, systemClock.now()) }
}

function settingsOf(path: string, options: Options): ImportSettings {
  const { mapping, platform = null, environment = null } = options
  return { mapping, format: options.format ?? formatOf(path), platform, environment }
}

function formatOf(path: string): TransferFormat {
  return /\.(ndjson|jsonl|json)$/i.test(path) ? 'ndjson' : 'csv'
}

async function store(
  file: File,
  options: Options,
  { db, appId, allowPrivateEndpoints }: Opened,
): Promise<ImportView> {
  const started = await startImport(
    db,
    {
      appId,
      settings: settingsOf(file.path, options),
      asOf: file.asOf,
      sha256: await hashOf(file.path),
      at: systemClock.now(),
    },
    options.again === true,
  )
  if (started.state === 'done') return started
  if (started.isResumed) tell(`going on behind row ${started.rows}`)
  const bar = progressBar(file.bytes, started.byteOffset)
  try {
    return await runImport({
      db,
      appId,
      importId: started.id,
      source: createReadStream(file.path, { start: started.byteOffset }),
      isFinal: true,
      allowPrivateEndpoints,
      now: () => systemClock.now(),
      onProgress: ({ byteOffset, rows }) => bar.update(byteOffset, { rows }),
    })
  } finally {
    bar.stop()
  }
}

/** On standard error, so that it is in nobody's way; where that is no terminal, a line every two seconds. */
function progressBar(bytes: number, done: number): SingleBar {
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {rows} rows | {eta_formatted} left',
    stream: process.stderr,
    clearOnComplete: true,
    noTTYOutput: true,
    notTTYSchedule: 2000,
  })
  bar.start(bytes, done, { rows: 0 })
  return bar
}

async function hashOf(path: string): Promise<Buffer> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest()
}

/** R28: with their keys the subscriptions of another system go on; a key that is there already is not added again. */
async function uploadVapidKeys(path: string, { db, seal, appId }: Opened): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new StartError(`there is no file ${path}`, 'Check --vapid-keys.')
  })
  const keys = keysIn(text)
  const publicKey = keys.publicKey ?? null
  if (publicKey !== null && (await findVapidCredential(db, { appId, publicKey })) !== null) return
  const input = newCredentialSchema.safeParse({ gateway: 'webpush', kind: 'vapid', ...keys })
  if (!input.success)
    throw new StartError(
      `${path} holds no VAPID key pair`,
      'Write {"publicKey","privateKey","subject"}, base64url.',
    )
  const at = systemClock.now()
  await db.transaction(tx => addCredential(tx, seal, { appId, input: input.data, by: ROOST, at }))
}

interface VapidKeys {
  readonly publicKey?: string
  readonly privateKey?: string
  readonly subject?: string
}

function keysIn(text: string): VapidKeys {
  try {
    const { publicKey, privateKey, subject } = JSON.parse(text) as VapidKeys
    if (publicKey === undefined || privateKey === undefined) return { publicKey: '' }
    return { publicKey, privateKey, ...(subject === undefined ? {} : { subject }) }
  } catch {
    return { publicKey: '' }
  }
}

async function writeRefused(path: string, { id }: ImportView, { db }: Opened): Promise<void> {
  const isCsv = formatOf(path) === 'csv'
  async function* lines() {
    if (isCsv) yield csvLine(['row', 'line', 'field', 'code', 'detail'])
    for await (const page of readRefusals(db, id))
      yield page
        .map(it => (isCsv ? csvLine([it.row, it.line, it.field, it.code, it.detail]) : lineOf(it)))
        .join('')
  }
  await pipeline(Readable.from(lines()), createWriteStream(path))
}

function lineOf(refusal: ImportRefusal): string {
  return `${JSON.stringify(refusal)}\n`
}

async function dryRun(
  file: File,
  options: Options,
  { db, appId, allowPrivateEndpoints }: Opened,
): Promise<void> {
  const settings = settingsOf(file.path, options)
  const checked = await draftOptions(db, { appId, asOf: file.asOf, allowPrivateEndpoints })
  const given =
    options.vapidKeys === undefined ? undefined : keysIn(await readFile(options.vapidKeys, 'utf8')).publicKey
  const vapidCredentials = new Map(checked.vapidCredentials)
  // They would be there by then.
  if (given !== undefined)
    for (const key of ['', Buffer.from(given, 'base64').toString('base64url')])
      vapidCredentials.set(key, 'given')
  const report = new CohortReport()
  const source = createReadStream(file.path)
  const read = { format: settings.format, from: BEGINNING, isFinal: true, columns: COLUMNS[settings.mapping] }
  for await (const block of readBlocks(source, read))
    report.add(readBlock(block, { settings, options: { ...checked, vapidCredentials } }), file.asOf)
  print(options.json ? JSON.stringify(report.result()) : await tableOf(report.result()))
}

async function tableOf({ rows, accepted, refused, reasons, cohorts }: DryRun): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const table = new Table({ head: ['platform', 'app version', 'last seen', 'rows', 'with token'] })
  for (const it of cohorts) table.push([it.platform, it.appVersion, it.lastSeen, it.rows, it.withToken])
  const why = reasons.map(it => `  ${it.rows} × ${it.code}: ${it.detail}`)
  return [
    `${rows} rows: ${accepted} would be taken, ${refused} refused. Nothing was stored.`,
    ...why,
    table.toString(),
  ].join('\n')
}

function wordsOf({ rows, stored, older, refused }: ImportView, { refused: path }: Options): string {
  const where = refused === 0 ? '' : path === undefined ? ' (--refused FILE tells why)' : ` (see ${path})`
  return `${rows} rows: ${stored} stored, ${older} known later already, ${refused} refused${where}`
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
