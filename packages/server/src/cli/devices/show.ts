/** `roost devices show`. */
import { readDevice, readLedger } from '../../registry/read.ts'
import { withApp } from './open.ts'

export async function showDevice(
  hwid: string,
  { app, json }: { readonly app: string; readonly json?: boolean },
): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    const device = await readDevice(db, { appId, hwid })
    const ledger = await readLedger(db, { appId, hwid })
    process.stdout.write(`${json ? JSON.stringify({ ...device, ledger }) : wordsOf(device, ledger)}\n`)
  })
}

function wordsOf(
  { addresses, tags, ...device }: Awaited<ReturnType<typeof readDevice>>,
  ledger: Awaited<ReturnType<typeof readLedger>>,
): string {
  return [
    ...Object.entries(device).map(([name, value]) => `${name.padEnd(16)} ${textOf(value)}`),
    `${'tags'.padEnd(16)} ${JSON.stringify(tags)}`,
    'addresses',
    ...addresses.map(
      it =>
        `  …${it.addressEnd} ${it.provider} ${it.kind} ${it.state} since ${it.since}${it.reason === null ? '' : `: ${it.reason}`}`,
    ),
    'ledger',
    ...ledger.map(
      it => `  ${it.at} …${it.addressEnd} ${it.event}${it.reason === null ? '' : `: ${it.reason}`}`,
    ),
  ].join('\n')
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '–'
  return typeof value === 'string' ? value : JSON.stringify(value)
}
