/**
 * `npm run bench -- webpush`: how many Web Push messages are encrypted a second with 0, 1, 2, … threads, and how many
 * the whole client sends to a plain HTTP/2 server on the same machine.
 *
 * Rounds are interleaved (each number of threads once, then again), so that a busy minute of the machine touches all of
 * them, and medians are quoted. The last line is one line of JSON.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startPeer } from './peer.mjs'
import { summarize, tableOf } from './report.mjs'

const CORES = availableParallelism()

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '20000' },
    bytes: { type: 'string', default: '1000' },
    threads: { type: 'string', default: threadsToTry().join(',') },
    json: { type: 'boolean', default: false },
  },
})
const say = (/** @type {string} */ text) => given.json || console.log(text)
const rounds = Number(given.rounds)
const threads = given.threads.split(',').map(Number)
const load = { count: Number(given.count), plaintextBytes: Number(given.bytes) }

build()
// What is measured is the built tree, which is there from here on.
const { measureClient, measureEncryption } = await import('./measure.mjs')
const peer = await startPeer()
say(`${rounds} rounds of ${load.count} messages, ${load.plaintextBytes} bytes each; ${CORES} cores`)
say(`Node ${process.versions.node}, OpenSSL ${process.versions.openssl}`)
const encryption = await runRounds('encryption', count => measureEncryption({ ...load, threads: count }))
const client = await runRounds('whole client', count => measureClient({ ...load, threads: count, peer }))
await peer.stop()
tell()

/** 0 is the calling thread; then 1, 2, 4, … and all cores. */
function threadsToTry() {
  const powers = [0, 1, 2, 4, 8, 16].filter(count => count <= CORES)
  return [...new Set([...powers, Math.min(CORES, 8)])].sort((a, b) => a - b)
}

/**
 * @param {string} what
 * @param {(threads: number) => Promise<import('./report.mjs').Result>} measure
 */
async function runRounds(what, measure) {
  /** @type {import('./report.mjs').Result[][]} */
  const results = threads.map(() => [])
  for (let round = 1; round <= rounds; round++) {
    for (const [i, count] of threads.entries()) results[i]?.push(await measure(count))
    const figures = threads.map((count, i) => `${count}: ${Math.round(results[i]?.at(-1)?.perSecond ?? 0)}/s`)
    say(`${what}, round ${round}: ${figures.join(', ')}`)
  }
  return threads.map((count, i) => ({ threads: count, ...summarize(results[i] ?? []) }))
}

function tell() {
  say(`\nencryption alone\n${tableOf(encryption)}`)
  say(`\nthe whole client, to an HTTP/2 server on the same cores\n${tableOf(client)}`)
  say(
    `\nload average at the end: ${loadavg()
      .map(it => it.toFixed(2))
      .join(' ')}\n`,
  )
  console.log(JSON.stringify({ cores: CORES, encryption, client }))
}

function build() {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const tsc = ['node_modules/typescript/bin/tsc', '-b', 'packages/gateways']
  const { status } = spawnSync(process.execPath, tsc, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(1)
}
