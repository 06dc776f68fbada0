/** `roost removals export`. */
import { pipeline } from 'node:stream/promises'
import { exportRemovals } from '../../hygiene/removals.ts'
import { systemClock } from '../../time.ts'
import type { ExportFormat } from '../../transfer/csv.ts'
import { withApp } from '../beside/open.ts'
import { timeOf } from './time.ts'

const SHOWN_MS = 30 * 24 * 60 * 60_000

interface Options {
  readonly app: string
  readonly format: ExportFormat
  readonly json?: boolean
  readonly from?: string
  readonly to?: string
  readonly event?: readonly string[]
  readonly reason?: readonly string[]
}

export async function exportAll(options: Options): Promise<void> {
  const from = timeOf('--from', options.from) ?? systemClock.now() - SHOWN_MS
  const to = timeOf('--to', options.to) ?? null
  const format = options.json ? 'ndjson' : options.format
  const [events, reasons] = [options.event ?? [], options.reason ?? []]
  await withApp(options.app, ({ db, appId }) =>
    pipeline(exportRemovals(db, { appId, format, from, to, events, reasons }), process.stdout, {
      end: false,
    }),
  )
}
