/**
 * `npm run bench -- gateway`: the engine beside Node's own HTTP/2 client, two APNs libraries and h2load, against the
 * same server, in turn, all on the same core.
 *
 * Rounds are interleaved (each client once, then again), so that a busy minute of the machine touches all of them, and
 * medians are quoted. The last line is one line of JSON.
 */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installPeers, PEERS } from '../../scripts/peers.mjs'
import { runH2load } from './h2load.mjs'
import { ratiosOf, summarize, tableOf } from './report.mjs'
import { startServer } from './server.mjs'

/** Requests in a round: a second or more of work for each. */
const COUNTS = { roost: 300_000, h2load: 300_000, 'node-http2': 50_000, 'node-apn': 30_000, apns2: 15_000 }
const MEMORY_RUN = { count: 1_000_000, connections: 4 }
const CLIENT_CORE = '0'
const SERVER_CORE = availableParallelism() > 1 ? '1' : '0'

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '4' },
    streams: { type: 'string', default: '250' },
    'body-bytes': { type: 'string', default: '200' },
    only: { type: 'string', default: Object.keys(COUNTS).join(',') },
    json: { type: 'boolean', default: false },
  },
})
const say = (/** @type {string} */ text) => given.json || console.log(text)

/** @typedef {keyof typeof COUNTS} Name */
const names = /** @type {Name[]} */ (given.only.split(','))
for (const name of names)
  if (!(name in COUNTS)) stop(`no client ${name}; there are ${Object.keys(COUNTS).join(', ')}`)
requireTools()
build()

const server = await startServer(SERVER_CORE)
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const common = {
  port: server.port,
  caPem: server.caPem,
  connections: Number(given.connections),
  streams: Number(given.streams),
  bodyBytes: Number(given['body-bytes']),
  keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  peers: names.some(name => name === 'apns2' || name === 'node-apn') ? installPeers() : '',
}
const summaries = runRounds(Number(given.rounds))
const memory = names.includes('roost') ? runMemory() : undefined
server.stop()
tell()

/** @param {number} rounds */
function runRounds(rounds) {
  say(
    `${rounds} rounds, ${common.connections} connections, ${common.streams} streams each, ${common.bodyBytes}-byte bodies`,
  )
  say(`Node ${process.versions.node}; apns2 ${PEERS.apns2}, @parse/node-apn ${PEERS['@parse/node-apn']}`)
  if (SERVER_CORE === CLIENT_CORE)
    say('only one core: client and server share it, and the throughput says little')
  /** @type {Record<string, import('./report.mjs').Result[]>} */
  const results = Object.fromEntries(names.map(name => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const name of names) results[name]?.push(runOnce(name))
    say(
      `round ${round}: ${names.map(name => `${name} ${results[name]?.at(-1)?.cpuMicros.toFixed(2)} µs`).join(', ')}`,
    )
  }
  return Object.fromEntries(names.map(name => [name, summarize(results[name] ?? [])]))
}

/** @param {Name} name */
function runOnce(name) {
  const count = COUNTS[name]
  const job = { ...common, count, warmUp: Math.round(count / 5) }
  return name === 'h2load' ? runH2load(job, CLIENT_CORE) : runProcess(name, job)
}

function runMemory() {
  const { peakRssMb, rssMbAtQuarters, failed } = runProcess('roost', { ...common, ...MEMORY_RUN, warmUp: 1 })
  return { ...MEMORY_RUN, failed, peakRssMb: Math.round(peakRssMb), rssMbAtQuarters }
}

/** @param {string} name @param {import('./requests.mjs').Job} job @returns {import('./report.mjs').Result} */
function runProcess(name, job) {
  const client = fileURLToPath(new URL(`clients/${name}.mjs`, import.meta.url))
  const command = ['-c', CLIENT_CORE, process.execPath, client, JSON.stringify(job)]
  const { status, stdout, stderr } = spawnSync('taskset', command, { encoding: 'utf8' })
  if (status !== 0) stop(`${name} ended with ${status}:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

function tell() {
  say(`\n${tableOf(summaries)}`)
  const ratios = ratiosOf(summaries)
  if (memory !== undefined)
    say(
      `\nmemory: ${memory.count.toLocaleString('en')} requests, peak ${memory.peakRssMb} MB; MB at 25/50/75/100 %: ${memory.rssMbAtQuarters?.join(', ')}`,
    )
  say(
    `load average at the end: ${loadavg()
      .map(it => it.toFixed(2))
      .join(' ')}\n`,
  )
  console.log(JSON.stringify({ clients: summaries, memory, ...ratios }))
}

function requireTools() {
  const packages = {
    nghttpd: 'nghttp2-server',
    h2load: 'nghttp2-client',
    openssl: 'openssl',
    taskset: 'util-linux',
  }
  const missing = Object.entries(packages).filter(
    ([tool]) => spawnSync(tool, ['--version']).error !== undefined,
  )
  if (missing.length === 0) return
  stop(
    `missing: ${missing.map(([tool]) => tool).join(', ')}; on Debian: apt-get install ${missing.map(([, name]) => name).join(' ')}`,
  )
}

function build() {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-b', 'packages/http2'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  )
  if (status !== 0) process.exit(1)
}

/** @param {string} text @returns {never} */
function stop(text) {
  console.error(text)
  process.exit(1)
}
