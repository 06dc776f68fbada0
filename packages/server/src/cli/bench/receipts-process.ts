/** The process that calls, of `roost bench receipts`: its calls are made before the clock starts. */
import { DeviceLoad } from './device-load.ts'
import { percentile } from './figures.ts'
import { type ReceiptCallOptions, receiptCallsOf } from './receipts-calls.ts'

export interface ReceiptOrder extends Omit<ReceiptCallOptions, 'host'> {
  readonly url: string
  readonly connections: number
  /** Receipts a second; as fast as they are taken when absent. */
  readonly perSecond?: number
  readonly withinMs: number
}

export type ReceiptReport =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done'
      readonly calls: number
      readonly refused: number
      readonly lost: number
      readonly seconds: number
      readonly p50Ms: number
      readonly p99Ms: number
      readonly cpuSeconds: number
      readonly firstRefusal?: string | undefined
    }
  | { readonly fault: string }

/** `go`: the calls that were made ready are to be made now. */
let prepared: { readonly order: ReceiptOrder; readonly calls: string[] } | undefined

async function onOrder(order: ReceiptOrder | { readonly go: true }): Promise<ReceiptReport> {
  if (!('go' in order)) {
    prepared = { order, calls: receiptCallsOf({ ...order, host: new URL(order.url).host }) }
    return { kind: 'ready' }
  }
  if (prepared === undefined) throw new Error('there are no calls to make')
  return run(prepared.order, prepared.calls)
}

async function run(order: ReceiptOrder, calls: readonly string[]): Promise<ReceiptReport> {
  const { hostname, port } = new URL(order.url)
  const cpu = process.cpuUsage()
  const result = await new DeviceLoad({
    host: hostname,
    port: Number(port),
    connections: order.connections,
    count: calls.length,
    withinMs: order.withinMs,
    requestOf: n => calls[n] ?? '',
    ...(order.perSecond !== undefined && { perSecond: order.perSecond / order.batch }),
  }).run()
  const { user, system } = process.cpuUsage(cpu)
  return {
    kind: 'done',
    calls: result.answered,
    refused: result.refused,
    lost: result.lost,
    seconds: result.seconds,
    p50Ms: percentile(result.latenciesMs, 0.5),
    p99Ms: percentile(result.latenciesMs, 0.99),
    cpuSeconds: (user + system) / 1e6,
    firstRefusal: result.firstRefusal,
  }
}

process.on('message', (order: ReceiptOrder | { readonly go: true }) => {
  void onOrder(order)
    .catch((error: Error): ReceiptReport => ({ fault: error.message }))
    .then(report => process.send?.(report))
})
process.on('disconnect', () => process.exit())
