/** `roost devices export`. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ExportFormat } from '../../transfer/csv.ts'
import { exportDevices as rowsOf } from '../../transfer/export.ts'
import { withApp } from '../beside/open.ts'
import { writeOutput } from '../output-file.ts'
import { ServerCaller } from '../server/caller.ts'
import { listenForStop, type Stop } from '../stop.ts'

interface Options {
  readonly app: string
  readonly format: ExportFormat
  readonly tokens?: boolean
  readonly output?: string
  readonly url?: string
  readonly token?: string
}

export async function exportDevices(options: Options): Promise<void> {
  const { app, format, url } = options
  const hasTokens = options.tokens === true
  const stop = listenForStop({ isForReader: options.output === undefined })
  if (url === undefined)
    return withApp(app, ({ db, appId }) =>
      write(Readable.from(rowsOf(db, { appId, format, hasTokens })), options, stop),
    )
  const tokens = hasTokens ? 'full' : 'masked'
  const server = new ServerCaller({ ...options, url })
  await write(await server.stream(`/device-export?format=${format}&tokens=${tokens}`), options, stop)
}

async function write(rows: Readable, { output }: Options, stop: Stop): Promise<void> {
  const { signal } = stop
  try {
    if (output === undefined) await pipeline(rows, process.stdout, { end: false, signal })
    else await writeOutput(output, rows, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
    process.exitCode = stop.exitCode
  }
}
