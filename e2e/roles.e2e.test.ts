/**
 * Several processes on one database: one takes the calls, two send. One of these is killed in the middle of a campaign, and that
 * changes only how long it takes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MessageView } from '@roost/protocol'
import { createCrowd, startSimulator } from '@roost/simulator'
import { afterEach, expect, test } from 'vitest'
import { startEmbeddedPostgres } from '../packages/server/src/store/embedded.ts'
import { eventually } from './support/eventually.ts'
import { startRoostServer } from './support/roost-server.ts'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))
const PHONES = 4000
const BUNDLE_ID = 'com.example.roles'
/** What the dead sender may have sent and not yet committed: six batches with a chunk of 500 each. */
const REPEATS_AT_MOST = 6 * 500
const WITHIN_MS = 90_000

const opened: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function startSender(environment: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--roles', 'send'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  opened.push(() => end(child, 'SIGTERM'))
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  await eventually({
    what: 'a sender',
    read: () => output,
    until: text => text.includes('Roost is running: send'),
    withinMs: WITHIN_MS,
  })
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

test('kill -9 of one of two senders in the middle of a campaign loses nobody, and the message ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  opened.push(() => rm(folder, { recursive: true, force: true }))
  const database = await startEmbeddedPostgres({ dataDirectory: join(folder, 'database') })
  opened.push(() => database.stop())
  const simulator = await startSimulator()
  opened.push(() => simulator.close())
  await writeFile(join(folder, 'ca.pem'), simulator.caPem)
  const environment = {
    ...simulator.environment(),
    ROOST_DATABASE_URL: database.url,
    ROOST_SECRET: 'the same secret for all processes of a test',
  }
  const api = await startRoostServer({ environment, caPem: simulator.caPem, roles: 'api' })
  opened.push(() => api.close())
  const forSenders = { ...environment, ROOST_DATA_DIR: folder, ROOST_EXTRA_CA: join(folder, 'ca.pem') }
  const killed = await startSender(forSenders)
  await startSender(forSenders)

  const { code: app, deviceToken } = await api.rest<{ code: string; deviceToken: string }>(
    'POST',
    '/v1/apps',
    {
      name: 'Roles',
    },
  )
  const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await api.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'apns', kind: 'p8', ...key })
  const crowd = createCrowd({
    simulator,
    roost: { baseUrl: api.baseUrl, app, deviceToken },
    count: PHONES,
    mix: [{ platform: { kind: 'ios', bundleId: BUNDLE_ID }, weight: 1 }],
  })
  opened.push(async () => crowd.close())
  await crowd.register()
  simulator.apns.faults.setLatency(100, 200)
  // Two campaigns, so that both senders have a batch.
  const ids: string[] = []
  for (const title of ['One', 'Two']) {
    const message = { to: { all: true }, content: { title } }
    ids.push((await api.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, message)).id)
  }
  const acceptances = () => ids.map(id => simulator.acceptedFor(id.replaceAll('-', '')).acceptances)
  await eventually({
    what: 'a part of both',
    read: acceptances,
    until: counts => counts.every(it => it > 0),
    withinMs: WITHIN_MS,
  })
  await end(killed, 'SIGKILL')
  expect(Math.min(...acceptances())).toBeLessThan(PHONES)
  for (const id of ids) {
    const { value: done } = await eventually({
      what: 'the message at its end',
      read: () => api.rest<MessageView>('GET', `/v1/apps/${app}/messages/${id}`),
      until: message => message.state === 'done',
      withinMs: WITHIN_MS,
    })
    expect(done.counts).toMatchObject({
      targeted: PHONES,
      accepted: PHONES,
      failed: 0,
      skipped: 0,
      uncertain: 0,
      pending: 0,
    })
    const { acceptances: count, tokens } = simulator.acceptedFor(id.replaceAll('-', ''))
    expect(tokens.size).toBe(PHONES)
    expect(count - PHONES).toBeLessThanOrEqual(REPEATS_AT_MOST)
  }
  expect(crowd.phones.filter(phone => phone.shownCount !== 2)).toHaveLength(0)
})
