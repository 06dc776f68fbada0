/** h2load, the C client that comes with nghttp2: how much throughput one core has to give. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AUTHORIZATION, allTokens, apnsIdOf, bodyOf, pathOf, TOPIC } from './requests.mjs'

/**
 * Its headers are the same for all requests, the apns-id too: it can't count.
 * @param {import('./requests.mjs').Job} job
 * @param {string} core
 */
export function runH2load(job, core) {
  const folder = mkdtempSync(join(tmpdir(), 'roost-bench-'))
  const [body, addresses] = [join(folder, 'body'), join(folder, 'addresses')]
  writeFileSync(body, bodyOf(job.bodyBytes))
  writeFileSync(
    addresses,
    allTokens()
      .map((_, i) => `https://127.0.0.1:${job.port}${pathOf(i)}\n`)
      .join(''),
  )
  const headers = [`apns-topic: ${TOPIC}`, 'apns-push-type: alert', 'apns-priority: 10']
  headers.push(`apns-id: ${apnsIdOf(1)}`, `authorization: ${AUTHORIZATION}`)
  const size = [
    '-n',
    job.count,
    '-c',
    job.connections,
    '-m',
    job.streams,
    '-t',
    1,
    '-d',
    body,
    '-i',
    addresses,
  ]
  const given = [...size.map(String), ...headers.flatMap(it => ['-H', it])]
  // `times` tells the CPU of the children, which Node does not.
  const { stdout } = spawnSync('sh', ['-c', 'taskset -c "$0" h2load "$@"; times', core, ...given], {
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true })
  return readReport(stdout, job.count)
}

/** @param {string} text @param {number} count */
function readReport(text, count) {
  const accepted = Number(/status codes: (\d+) 2xx/.exec(text)?.[1])
  const perSecond = Number(/, ([\d.]+) req\/s/.exec(text)?.[1])
  const [, user, system] = /(\S+) (\S+)\s*$/.exec(text) ?? []
  const seconds = secondsOf(user) + secondsOf(system)
  const cpuMicros = (seconds * 1e6) / count
  return {
    accepted,
    failed: count - accepted,
    perSecond,
    cpuMicros,
    processCpuSeconds: seconds,
    peakRssMb: Number.NaN,
  }
}

/** "1m2.5s" @param {string | undefined} text */
function secondsOf(text) {
  const [, minutes, seconds] = /^(\d+)m([\d.]+)s$/.exec(text ?? '') ?? []
  return Number(minutes) * 60 + Number(seconds)
}
