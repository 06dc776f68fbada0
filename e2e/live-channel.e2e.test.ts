/** `kill -9` between a frame and its acknowledgement: the push follows after the next start, with the same id, and the books balance. */
import type { MessageView, UserPresence } from '@roost/protocol'
import { createPhone, startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectLive } from '../packages/server/test/live-client.ts'
import { eventually } from './support/eventually.ts'
import { type RoostServer, startRoostServer } from './support/roost-server.ts'

const BUNDLE_ID = 'com.example.live'
const WITHIN_MS = 60_000

let simulator: Awaited<ReturnType<typeof startSimulator>>
let server: RoostServer

beforeAll(async () => {
  simulator = await startSimulator()
  server = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
})
afterAll(async () => {
  await server?.close()
  await simulator?.close()
})

test('what was acknowledged before the kill is not pushed, what was not is pushed with the id of its frame', async () => {
  const { code: app, deviceToken } = await server.rest<{ code: string; deviceToken: string }>(
    'POST',
    '/v1/apps',
    { name: 'Live' },
  )
  const credential = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  await server.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'apns', kind: 'p8', ...credential })
  const roost = { baseUrl: server.baseUrl, app, deviceToken }
  const phones = ['talker', 'mute'].map(userId =>
    createPhone({ simulator, roost, platform: { kind: 'ios', bundleId: BUNDLE_ID }, userId }),
  )
  for (const phone of phones) await phone.open()
  const devices = await Promise.all(
    phones.map(({ hwid }, i) =>
      connectLive(server.baseUrl, { app, deviceToken, hwid, userId: i === 0 ? 'talker' : 'mute' }),
    ),
  )
  const [talker, mute] = devices as [(typeof devices)[0], (typeof devices)[0]]

  const { id } = await server.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, {
    to: { users: ['talker', 'mute'] },
    content: { title: 'Hello' },
    route: 'online-first',
    pushAfterSeconds: 15, // the frames and the acknowledgement come before, however busy the machine is
  })
  const [had, lost] = await Promise.all([talker.next('message'), mute.next('message')])
  talker.say({ type: 'ack', seqs: [had.seq] })
  await talker.next('acked')
  await server.kill()
  await Promise.all(devices.map(it => it.closed))
  await server.startAgain()

  const { value: done } = await eventually({
    what: 'the message at its end',
    read: () => server.rest<MessageView>('GET', `/v1/apps/${app}/messages/${id}`),
    until: message => message.state === 'done',
    withinMs: WITHIN_MS,
  })
  expect(done.counts).toMatchObject({
    targeted: 2,
    accepted: 2,
    failed: 0,
    skipped: 0,
    uncertain: 0,
    pending: 0,
  })
  expect(phones.map(it => it.shown.map(({ push }) => push.messageId))).toEqual([[], [lost.id]])
  // A server that says nothing for fifteen seconds is dead, and nobody is connected to it.
  await eventually({
    what: 'the device offline',
    read: () => server.rest<UserPresence>('GET', `/v1/apps/${app}/users/talker/presence`),
    until: presence => presence.state === 'offline',
    withinMs: WITHIN_MS,
  })
  for (const phone of phones) phone.close()
})
