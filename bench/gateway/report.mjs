/** The table, and the ratios that it comes to. */

/**
 * @typedef {{ accepted: number, failed: number, perSecond: number, cpuMicros: number, processCpuSeconds: number,
 *   peakRssMb: number, rssMbAtQuarters?: number[] }} Result
 */

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return /** @type {number} */ (sorted[middle])
  return /** @type {number} */ (sorted[middle - 1] + /** @type {number} */ (sorted[middle])) / 2
}

/** The medians of all rounds of one client; failures are added up. @param {Result[]} rounds */
export function summarize(rounds) {
  const of = (/** @type {(result: Result) => number} */ field) => median(rounds.map(field))
  return {
    rounds: rounds.length,
    failed: rounds.reduce((sum, it) => sum + it.failed, 0),
    perSecond: Math.round(of(it => it.perSecond)),
    cpuMicros: round(of(it => it.cpuMicros)),
    processCpuSeconds: round(of(it => it.processCpuSeconds)),
    peakRssMb: Math.round(Math.max(...rounds.map(it => it.peakRssMb))),
  }
}

/** @param {Record<string, ReturnType<typeof summarize>>} summaries */
export function ratiosOf(summaries) {
  const { roost, h2load, ...peers } = summaries
  if (roost === undefined) return {}
  const cpu = Object.entries(peers).map(([name, it]) => [name, round(it.cpuMicros / roost.cpuMicros)])
  return {
    cpuTimesOurs: Object.fromEntries(cpu),
    throughputOfH2load: h2load === undefined ? null : round(roost.perSecond / h2load.perSecond),
  }
}

/** @param {Record<string, ReturnType<typeof summarize>>} summaries */
export function tableOf(summaries) {
  const ours = summaries.roost
  const head = ['client', 'CPU µs/request', '× ours', 'requests/s', 'peak MB', 'failed']
  const rows = Object.entries(summaries).map(([name, it]) => [
    name,
    it.cpuMicros.toFixed(2),
    ours === undefined ? '' : (it.cpuMicros / ours.cpuMicros).toFixed(1),
    it.perSecond.toLocaleString('en'),
    Number.isNaN(it.peakRssMb) ? '' : String(it.peakRssMb),
    String(it.failed),
  ])
  const widths = head.map((_, i) =>
    Math.max(...[head, ...rows].map(row => /** @type {string} */ (row[i]).length)),
  )
  const line = (/** @type {string[]} */ row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return [head, ...rows].map(line).join('\n')
}

/** @param {number} value */
function round(value) {
  return Number(value.toFixed(2))
}
