/**
 * The process that calls, of `roost bench register`: it takes runs over the channel that `fork` opens, and answers each
 * with its figures. It stays for all runs, so that none pays for the start of the program.
 */
import { registrationsOf } from './device-calls.ts'
import { DeviceLoad } from './device-load.ts'
import { percentile } from './figures.ts'

export interface LoadOrder {
  readonly url: string
  readonly app: string
  readonly deviceToken: string
  readonly first: number
  readonly count: number
  readonly isShuffled?: boolean
  readonly connections: number
  readonly perSecond?: number
  readonly withinMs: number
}

export type LoadReport =
  | {
      readonly answered: number
      readonly refused: number
      readonly lost: number
      readonly perSecond: number
      readonly p50Ms: number
      readonly p99Ms: number
      readonly maxMs: number
      /** User and system time of the calling process. */
      readonly cpuSeconds: number
      readonly seconds: number
      readonly firstRefusal?: string | undefined
    }
  | { readonly fault: string }

async function run(order: LoadOrder): Promise<LoadReport> {
  const { hostname, port, host } = new URL(order.url)
  const cpu = process.cpuUsage()
  const result = await new DeviceLoad({
    ...order,
    host: hostname,
    port: Number(port),
    requestOf: registrationsOf({ ...order, host }),
  }).run()
  const { user, system } = process.cpuUsage(cpu)
  return {
    answered: result.answered,
    refused: result.refused,
    lost: result.lost,
    perSecond: result.answered / result.seconds,
    p50Ms: percentile(result.latenciesMs, 0.5),
    p99Ms: percentile(result.latenciesMs, 0.99),
    maxMs: percentile(result.latenciesMs, 1),
    cpuSeconds: (user + system) / 1e6,
    seconds: result.seconds,
    firstRefusal: result.firstRefusal,
  }
}

process.on('message', (order: LoadOrder) => {
  void run(order)
    .catch((error: Error): LoadReport => ({ fault: error.message }))
    .then(report => process.send?.(report))
})
process.on('disconnect', () => process.exit())
