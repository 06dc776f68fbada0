/** Medians of rounds, and the table of them. */

/** @typedef {{ perSecond: number, cpuMicros: number, failed: number }} Result */
/** @typedef {Result & { threads: number }} Summary */

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** Failures are added up. @param {Result[]} rounds @returns {Result} */
export function summarize(rounds) {
  return {
    perSecond: Math.round(median(rounds.map(it => it.perSecond))),
    cpuMicros: Number(median(rounds.map(it => it.cpuMicros)).toFixed(1)),
    failed: rounds.reduce((sum, it) => sum + it.failed, 0),
  }
}

/** @param {Summary[]} summaries */
export function tableOf(summaries) {
  const one = summaries.find(it => it.threads === 1)?.perSecond
  const head = ['threads', 'messages/s', '× 1 thread', 'CPU µs/message', 'failed']
  const rows = summaries.map(it => [
    it.threads === 0 ? '0 (calling thread)' : String(it.threads),
    it.perSecond.toLocaleString('en'),
    one === undefined ? '' : (it.perSecond / one).toFixed(2),
    it.cpuMicros.toFixed(1),
    String(it.failed),
  ])
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i]?.length ?? 0)))
  const line = (/** @type {string[]} */ row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')
  return [head, ...rows].map(line).join('\n')
}
