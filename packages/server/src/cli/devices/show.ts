/** `roost devices show`. */
import type { TimeLineEntry } from '@roost/protocol'
import { readDevice, readLedger } from '../../registry/read.ts'
import { readTimeLine } from '../../registry/search/time-line.ts'
import { withApp } from '../beside/open.ts'
import { plain } from '../plain.ts'

/** The newest; REST has the pages behind it. */
const ENTRIES_SHOWN = 50

export async function showDevice(
  hwid: string,
  { app, json }: { readonly app: string; readonly json?: boolean },
): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    const key = { appId, hwid }
    const device = await readDevice(db, key)
    const ledger = await readLedger(db, key)
    const timeLine = await readTimeLine(db, { ...key, limit: ENTRIES_SHOWN, after: '' })
    process.stdout.write(
      `${json ? JSON.stringify({ ...device, ledger, timeLine }) : wordsOf(plain(device), plain(timeLine.entries))}\n`,
    )
  })
}

function wordsOf(
  { addresses, tags, ...device }: Awaited<ReturnType<typeof readDevice>>,
  entries: readonly TimeLineEntry[],
): string {
  return [
    ...Object.entries(device).map(([name, value]) => `${name.padEnd(16)} ${textOf(value)}`),
    `${'tags'.padEnd(16)} ${JSON.stringify(tags)}`,
    'addresses',
    ...addresses.map(
      it =>
        `  …${it.addressEnd} ${it.provider} ${it.kind} ${it.state} since ${it.since}${it.reason === null ? '' : `: ${it.reason}`}`,
    ),
    'time line, newest first',
    ...entries.map(lineOf),
  ].join('\n')
}

function lineOf({ at, kind, what, reason, messageId, data }: TimeLineEntry): string {
  const end = typeof data.addressEnd === 'string' ? ` …${data.addressEnd}` : ''
  const message = messageId === null ? '' : ` ${messageId}`
  return `  ${at} ${kind.replace('_', ' ').padEnd(12)} ${what}${end}${message}${reason === null ? '' : `: ${reason}`}`
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '–'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
