/** The processes of devices of `roost bench live`, as the measurement sees them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Child } from './bench-processes.ts'
import type { LiveOrder, LiveReport } from './live-process.ts'

export type Devices = Child<LiveOrder, LiveReport>

export const WITHIN_MS = 120_000

export type Arrival = Extract<LiveReport, { readonly arrived: string }>

/** Resolves when the process looks out for it; `arrived` when all have it. */
export async function watch(
  child: Devices,
  title: string,
  count: number,
): Promise<{ readonly arrived: Promise<Arrival> }> {
  const isArrival = (report: LiveReport) => 'arrived' in report && report.arrived === title
  const arrived = withinTime(
    `"${title}" has not come to all`,
    child.ask({ do: 'watch', title, count }, isArrival),
  )
  arrived.catch(() => undefined) // it is told to who waits for it
  await child.ask({ do: 'answer' }, report => 'ready' in report)
  return { arrived: arrived.then(it => only(it, 'arrived')) }
}

async function withinTime<T>(fault: string, work: Promise<T>): Promise<T> {
  const late = new AbortController()
  const timeout = delay(WITHIN_MS, undefined, late).then(() => {
    throw new Error(`${fault} after ${WITHIN_MS / 1000} s`)
  })
  timeout.catch(() => undefined)
  try {
    return await Promise.race([work, timeout])
  } finally {
    late.abort()
  }
}

/** Milliseconds with their fractions, by the clock that all processes of a machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}

/** Throws what went wrong instead. */
export function only<Kind extends string>(
  report: LiveReport,
  _kind: Kind,
): Extract<LiveReport, Readonly<Record<Kind, unknown>>> {
  if ('fault' in report) throw new Error(`the devices failed: ${report.fault}`)
  return report as Extract<LiveReport, Readonly<Record<Kind, unknown>>>
}
