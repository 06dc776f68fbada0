/** The stand-in under measurement, in a process of its own; its parent asks, it answers. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startSimulator } from '@roost/simulator'

const BUNDLE_ID = 'com.example.app'

/** @type {import('@roost/simulator').Simulator} */
let simulator
let cpu = process.cpuUsage()

/** @type {Record<string, (question: any) => Promise<object> | object>} */
const ANSWERS = { start, begin, end, stop }

process.on('message', question => {
  void answer(/** @type {{ kind: string }} */ (question))
})

/** @param {{ kind: string }} question */
async function answer(question) {
  process.send?.(await ANSWERS[question.kind]?.(question))
}

/** @param {{ tokens: number, folder: string }} question */
async function start({ tokens, folder }) {
  simulator = await startSimulator()
  const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const names = Buffer.alloc(32 * tokens)
  for (let i = 0; i < tokens; i++)
    names.write(simulator.apns.issueToken({ bundleId: BUNDLE_ID }), 32 * i, 'hex')
  writeFileSync(join(folder, 'tokens'), names)
  return { origin: simulator.urls.apnsProduction, caPem: simulator.caPem, key, rssMb: rssMb() }
}

function begin() {
  cpu = process.cpuUsage()
  return {}
}

/** @param {{ hash: string }} question */
function end({ hash }) {
  const { user, system } = process.cpuUsage(cpu)
  const { acceptances, tokens } = simulator.acceptedFor(hash)
  return { cpuMicros: user + system, acceptances, tokens: tokens.size, rssMb: rssMb() }
}

async function stop() {
  await simulator.close()
  setImmediate(() => process.disconnect())
  return { peakRssMb: Math.round((process.resourceUsage().maxRSS * 1024) / 1e6) }
}

function rssMb() {
  return Math.round(process.memoryUsage.rss() / 1e6)
}
