/** `roost devices export`. */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TransferFormat } from '@roost/protocol'
import { exportDevices as rowsOf } from '../../transfer/export.ts'
import { listenForStop } from '../stop.ts'
import { withApp } from './open.ts'

interface Options {
  readonly app: string
  readonly format: TransferFormat
  readonly tokens?: boolean
  readonly output?: string
}

export async function exportDevices({ app, format, tokens, output }: Options): Promise<void> {
  const stop = listenForStop({ isForReader: output === undefined })
  await withApp(app, async ({ db, appId }) => {
    const rows = Readable.from(rowsOf(db, { appId, format, hasTokens: tokens === true }))
    const target = output === undefined ? process.stdout : createWriteStream(output, { mode: 0o600 })
    try {
      await pipeline(rows, target, { end: output !== undefined, signal: stop.signal })
    } catch (error) {
      if (!stop.signal.aborted) throw error
      process.exitCode = stop.exitCode
    }
  })
}
