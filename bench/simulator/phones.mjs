/**
 * `npm run bench -- simulator phones`: the memory of half a million virtual phones in one process.
 *
 * First a mixed crowd is installed (their tokens issued, no server told), then, in a process of its own, one of iPhones
 * alone, each of which is pushed to once over HTTP/2; a push of each is shown and its receipt lost. The last line is one
 * line of JSON.
 */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createCrowd, seededRandom, startSimulator } from '@roost/simulator'

const BUNDLE_ID = 'com.example.app'
const VAPID_KEY = Buffer.alloc(65, 4).toString('base64url')
/** Nobody listens there: nothing is told to a server. */
const NOWHERE = { baseUrl: 'http://127.0.0.1:9', app: 'ABCDE-12345', deviceToken: 'none' }
/** Of the mixed crowd; a browser's keys take time to make. */
const SHARES = { ios: 58, android: 34, hms: 2, web: 6 }

const { values: given } = parseArgs({
  args: process.argv.slice(process.argv.indexOf('phones') + 1),
  options: {
    phones: { type: 'string', default: '500000' },
    part: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const count = Number(given.phones)
const say = (/** @type {string} */ text) => given.json || console.log(text)

if (given.part !== undefined) process.send?.(await (given.part === 'mixed' ? mixed() : iphones()))
else await measure()
process.exit()

async function measure() {
  const { installed } = await inProcess('mixed')
  say(`${count.toLocaleString('en')} phones of four kinds installed: ${installed} MB resident`)
  const pushed = await inProcess('iphones')
  say(
    `${count.toLocaleString('en')} iPhones installed: ${pushed.installed} MB; after a push to each: ${pushed.pushed} MB, ` +
      `peak ${pushed.peak} MB, ${pushed.shown.toLocaleString('en')} shown`,
  )
  console.log(JSON.stringify({ phones: count, mixedMb: installed, ...pushed }))
}

/** @param {string} part @returns {Promise<any>} */
async function inProcess(part) {
  const child = fork(fileURLToPath(import.meta.url), ['phones', '--phones', given.phones, '--part', part])
  const [answer] = await once(child, 'message')
  return answer
}

async function mixed() {
  const simulator = await startSimulator({ random: seededRandom(42) })
  const { projectId } = await simulator.fcm.createProject()
  const { appId } = simulator.hms.createApp()
  const crowd = crowdOf(simulator, [
    { platform: { kind: 'ios', bundleId: BUNDLE_ID }, weight: SHARES.ios },
    { platform: { kind: 'android', projectId }, weight: SHARES.android },
    { platform: { kind: 'hms', appId }, weight: SHARES.hms },
    { platform: { kind: 'web', applicationServerKey: VAPID_KEY }, weight: SHARES.web },
  ])
  await crowd.install()
  return { installed: rssMb() }
}

async function iphones() {
  const simulator = await startSimulator({ random: seededRandom(42) })
  const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const crowd = crowdOf(simulator, [{ platform: { kind: 'ios', bundleId: BUNDLE_ID }, weight: 1 }])
  await crowd.install()
  const installed = rssMb()
  await pushToEach(simulator, key, crowd)
  const { shown } = crowd.counts()
  const { tokens } = simulator.acceptedFor('campaign')
  if (shown !== count || tokens.size !== count)
    throw new Error(`of ${count} pushes ${tokens.size} were accepted and ${shown} shown`)
  const peak = Math.round((process.resourceUsage().maxRSS * 1024) / 1e6)
  return { installed, pushed: rssMb(), peak, shown }
}

/**
 * @param {import('@roost/simulator').Simulator} simulator
 * @param {import('@roost/simulator').CrowdShare[]} mix
 */
function crowdOf(simulator, mix) {
  const receipts = { lossRate: 1 }
  return createCrowd({ simulator, roost: NOWHERE, count, mix, random: seededRandom(42), receipts })
}

/**
 * @param {import('@roost/simulator').Simulator} simulator
 * @param {import('@roost/simulator').TeamKey} key
 * @param {import('@roost/simulator').Crowd} crowd
 */
async function pushToEach(simulator, key, crowd) {
  const folder = mkdtempSync(join(tmpdir(), 'roost-bench-'))
  const names = Buffer.alloc(32 * count)
  for (const { number, token } of crowd.phones) names.write(token ?? '', 32 * number, 'hex')
  writeFileSync(join(folder, 'tokens'), names)
  const job = {
    ...{ origin: simulator.urls.apnsProduction, caPem: simulator.caPem, key, folder },
    ...{ load: 'campaign', hash: 'campaign', connections: 4, streams: 250, bodyBytes: 200 },
  }
  const client = fileURLToPath(new URL('client.mjs', import.meta.url))
  const child = spawn(process.execPath, [client, JSON.stringify(job)], { stdio: ['ignore', 'ignore', 2] })
  const [code] = await once(child, 'exit')
  rmSync(folder, { recursive: true, force: true })
  if (code !== 0) throw new Error(`the client ended with ${code}`)
}

function rssMb() {
  return Math.round(process.memoryUsage.rss() / 1e6)
}
