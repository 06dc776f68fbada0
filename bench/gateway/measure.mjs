/**
 * Around each client, in a process of its own: warm-up, then the load between two looks at the CPU clock.
 *
 * `cpuMicros` is user and system time of the whole process during the load, with garbage collection and TLS;
 * `processCpuSeconds` is that of its whole life. The line of JSON on stdout is the result.
 */

/**
 * @typedef {import('./requests.mjs').Job} Job
 * @typedef {{ sendAll(count: number, progress: (done: number) => void): Promise<number>, close(): unknown }} Client
 *   `sendAll` resolves to the number accepted once every request has ended; it tells how many have, now and then
 */

/** @param {(job: Job) => Promise<Client>} open */
export async function runClient(open) {
  /** @type {Job} */
  const job = JSON.parse(process.argv[2] ?? '')
  const client = await open(job)
  await client.sendAll(job.warmUp, () => undefined)
  const rss = watchMemory(job.count)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const accepted = await client.sendAll(job.count, rss.progress)
  const seconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  const whole = process.cpuUsage()
  const result = {
    accepted,
    failed: job.count - accepted,
    perSecond: job.count / seconds,
    cpuMicros: (cpu.user + cpu.system) / job.count,
    processCpuSeconds: (whole.user + whole.system) / 1e6,
    peakRssMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
    rssMbAtQuarters: rss.quarters,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}

/** @param {number} count */
function watchMemory(count) {
  /** @type {number[]} */
  const quarters = []
  /** @param {number} done */
  const progress = done => {
    while (quarters.length < 4 && done * 4 >= count * (quarters.length + 1))
      quarters.push(Math.round(process.memoryUsage.rss() / 1e6))
  }
  return { quarters, progress }
}

/**
 * Keeps `width` calls of `send` under way until `count` were made.
 * @param {number} count
 * @param {number} width
 * @param {(n: number) => Promise<number>} send resolves to how many were accepted
 * @param {number} [step] requests that one call stands for
 */
export async function keepInFlight(count, width, send, step = 1) {
  let next = 0
  let accepted = 0
  const lane = async () => {
    while (next < count) {
      const n = next
      next += step
      // Not `accepted += await …`: that reads the sum before the wait.
      const more = await send(n)
      accepted += more
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, width) }, lane))
  return accepted
}
