/**
 * `npm run bench -- simulator`: what the stand-in for Apple takes on one core, and what half a million phones cost it.
 *
 * The stand-in has a core of its own, the engine's client the other. Every device token is pushed to at least once, by
 * two loads: a campaign (all bodies alike) and a personalised one (no two alike). The last line is one line of JSON.
 */
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const CLIENT_CORE = '0'
const SERVER_CORE = availableParallelism() > 1 ? '1' : '0'

if (process.argv[2] === 'phones') {
  build()
  await import('./phones.mjs')
}

const { values: given } = parseArgs({
  options: {
    tokens: { type: 'string', default: '500000' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '4' },
    streams: { type: 'string', default: '250' },
    'body-bytes': { type: 'string', default: '200' },
    profile: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const say = (/** @type {string} */ text) => given.json || console.log(text)

build()
const folder = mkdtempSync(join(tmpdir(), 'roost-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const count = Number(given.tokens)
const server = await startServer()
const ready = await ask({ kind: 'start', tokens: count, folder })
say(`${count.toLocaleString('en')} tokens issued: ${ready.rssMb} MB resident`)

/** @type {Record<string, { perSecond: number, cpuMicros: number, rssMb: number }[]>} */
const results = { campaign: [], personalised: [] }
for (let round = 0; round < Number(given.rounds); round++)
  for (const [load, runs] of Object.entries(results)) {
    runs.push(await measure(load, round))
    const { perSecond, cpuMicros, rssMb } = /** @type {typeof runs[0]} */ (runs.at(-1))
    say(
      `${load}: ${perSecond.toLocaleString('en')}/s, ${cpuMicros.toFixed(2)} µs a request, ${rssMb} MB resident`,
    )
  }
const { peakRssMb } = await ask({ kind: 'stop' })
await once(server, 'exit')
const summary = Object.fromEntries(Object.entries(results).map(([load, runs]) => [load, medianOf(runs)]))
say(`peak of the stand-in: ${peakRssMb} MB`)
console.log(JSON.stringify({ tokens: count, ...summary, peakRssMb }))

/** @param {string} load @param {number} round */
async function measure(load, round) {
  const job = {
    ...ready,
    folder,
    load,
    hash: `${load}-${round}`,
    connections: Number(given.connections),
    streams: Number(given.streams),
    bodyBytes: Number(given['body-bytes']),
  }
  await ask({ kind: 'begin' })
  const client = fileURLToPath(new URL('client.mjs', import.meta.url))
  const command = ['-c', CLIENT_CORE, process.execPath, client, JSON.stringify(job)]
  const { status, stdout, stderr } = spawnSync('taskset', command, { encoding: 'utf8' })
  if (status !== 0) stop(`the client ended with ${status}:\n${stderr}`)
  const { accepted, seconds } = JSON.parse(stdout)
  const seen = await ask({ kind: 'end', hash: job.hash })
  if (accepted !== count || seen.tokens !== count || seen.acceptances !== count)
    stop(`of ${count} pushes the client saw ${accepted} accepted, the stand-in ${JSON.stringify(seen)}`)
  return {
    perSecond: Math.round(count / seconds),
    cpuMicros: seen.cpuMicros / count,
    rssMb: seen.rssMb,
  }
}

async function startServer() {
  const profile = given.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${given.profile}`]
  const child = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), {
    execPath: 'taskset',
    execArgv: ['-c', SERVER_CORE, process.execPath, ...profile],
  })
  process.once('exit', () => child.kill())
  return child
}

/** @param {Record<string, unknown>} question @returns {Promise<any>} */
async function ask(question) {
  server.send(question)
  const [answer] = await once(server, 'message')
  return answer
}

/** @param {{ perSecond: number, cpuMicros: number, rssMb: number }[]} runs */
function medianOf(runs) {
  const sorted = runs.toSorted((a, b) => a.cpuMicros - b.cpuMicros)
  const { perSecond = 0, cpuMicros = 0, rssMb = 0 } = sorted[Math.floor((sorted.length - 1) / 2)] ?? {}
  return { perSecond, cpuMicros: Number(cpuMicros.toFixed(2)), rssMb }
}

function build() {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-b', 'packages/simulator'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  )
  if (status !== 0) process.exit(1)
}

/** @param {string} text @returns {never} */
function stop(text) {
  console.error(text)
  process.exit(1)
}
