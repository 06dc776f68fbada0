/** Rates that several servers keep together. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { Seal } from '../credentials/seal.ts'
import { Senders } from '../credentials/senders.ts'
import type { RunningServer } from '../main.ts'
import { giveBack, paceOfMessage, paceOfQuota, takeSlice } from './pace.ts'

const FCM_PER_MINUTE = 600

let roost: TestRoost
let another: RunningServer
beforeAll(async () => {
  roost = await startRoost({ environment: { ROOST_FCM_MESSAGES_PER_MINUTE: `${FCM_PER_MINUTE}` } })
  another = await roost.another()
})
afterAll(async () => {
  await another.close()
  await roost.close()
})

const SECOND_MS = 1000
const T0 = Date.UTC(2030, 0, 1)

/** What two servers are granted that ask at each of these times, one after the other. */
async function grantedAt(times: readonly number[], pace: ReturnType<typeof paceOfMessage>): Promise<number> {
  let granted = 0
  for (const at of times)
    for (const { db } of [roost.server, another])
      granted += (await takeSlice(db, { paces: [pace], wanted: 500, at })).count
  return granted
}

const everyMs = (ms: number, count: number) => Array.from({ length: count }, (_, i) => T0 + i * ms)

test('two servers that ask again and again are granted the rate together, and neither more nor less', async () => {
  expect(await grantedAt(everyMs(250, 41), paceOfMessage('rate', 500))).toBe(5000)
})

test('a rate below one slice is kept, too', async () => {
  expect(await grantedAt(everyMs(100, 101), paceOfMessage('slow', 3))).toBe(30)
})

test('after a pause not more than one second is made up for', async () => {
  const pace = paceOfMessage('paused', 100)
  await grantedAt([T0], pace)
  expect(await grantedAt([T0 + 60 * SECOND_MS], pace)).toBe(100)
})

test('a quota is kept in its first minute, burst included', async () => {
  expect(await grantedAt(everyMs(500, 120), paceOfQuota('minute', 6000))).toBeLessThanOrEqual(6000)
  expect(await grantedAt([T0 + 60 * SECOND_MS], paceOfQuota('minute', 6000))).toBeGreaterThan(0)
})

test('what was not used is given back', async () => {
  const pace = paceOfMessage('returned', 100)
  await grantedAt([T0], pace)
  const { count } = await takeSlice(another.db, { paces: [pace], wanted: 100, at: T0 + SECOND_MS })
  await giveBack(another.db, [pace], count - 40)
  expect(await grantedAt([T0 + SECOND_MS], pace)).toBe(60)
})

test('a pace that refuses its turn costs the others nothing', async () => {
  const open = paceOfMessage('open', 100)
  const shut = paceOfMessage('shut', 1)
  await grantedAt([T0], open)
  const at = T0 + SECOND_MS / 2
  expect(await takeSlice(another.db, { paces: [open, shut], wanted: 500, at })).toMatchObject({
    count: 0,
    refusedBy: shut.name,
    notBefore: at + SECOND_MS,
  })
  expect(await grantedAt([at], open)).toBe(50)
})

test('a clock that was set back by a day stops nothing for longer than a minute', async () => {
  const pace = paceOfMessage('clock', 100)
  await grantedAt([T0], pace)
  const back = T0 - 24 * 3600 * SECOND_MS
  await grantedAt([back], pace)
  expect(await grantedAt([back + 62 * SECOND_MS], pace)).toBeGreaterThan(0)
})

async function sendTimed(kind: 'ios' | 'android', count: number, sendRate?: number) {
  const userId = `paced ${kind} ${count}`
  await Promise.all(Array.from({ length: count }, () => roost.phone(kind, { userId })))
  const begunAt = Date.now()
  const { counts } = await roost.sendAndSettle({
    to: { users: [userId] },
    content: { title: 'Hello' },
    ...(sendRate !== undefined && { sendRate }),
  })
  return { counts, seconds: (Date.now() - begunAt) / SECOND_MS }
}

test('sendRate: a message leaves no faster than it may, from two servers, and reaches everybody once', async () => {
  const sending = sendTimed('ios', 80, 40)
  const { counts, seconds } = await sending
  expect(counts).toMatchObject({ targeted: 80, accepted: 80 })
  expect(seconds).toBeGreaterThanOrEqual(1.9)
})

test('while a message waits for its rate no batch of it is leased, and another message leaves', async () => {
  const phone = await roost.phone('ios')
  const slow = await roost.send({ to: { all: true }, content: { title: 'Slow' }, sendRate: 1 })
  const quick = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'Quick' } })
  expect(quick.counts).toMatchObject({ accepted: 1 })
  await untilPaced(slow)
})

/** Given back, and waiting for its pace alone. */
async function untilPaced(id: string): Promise<void> {
  const { rows } = await roost.server.db.query(
    `select from batch where message_id = $1 and leased_by is null and paced_by is not null and state = 'waiting'`,
    [id],
  )
  if (rows.length > 0) return
  await tick()
  await untilPaced(id)
}

test('a credential may have a quota of its own, which all servers keep', async () => {
  const { serviceAccount, projectId } = await roost.simulator.fcm.createProject()
  const { body } = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Own quota' })
  const upload = { gateway: 'fcm', kind: 'service-account', serviceAccount, messagesPerMinute: 120 }
  const path = `/v1/apps/${body.code}/credentials`
  expect((await roost.rest('POST', path, { ...upload, messagesPerMinute: 9 })).status).toBe(400)
  expect((await roost.rest('POST', path, upload)).status).toBe(201)
  const { db } = another
  const { rows } = await db.query<{ id: number }>('select id from app where code = $1', [body.code])
  const senders = new Senders({
    seal: new Seal('a secret that opens nothing here'),
    clock: roost.clock,
    urls: {},
    allowPrivateEndpoints: false,
  })
  const { quota } = await senders.open(db, { appId: rows[0]?.id ?? 0, provider: 'fcm' })
  await senders.close()
  expect(quota).toEqual({ name: `fcm:${projectId}`, perMinute: 120 })
})

test("a Firebase project's quota is kept by two servers together", async () => {
  const { counts, seconds } = await sendTimed('android', 30)
  expect(counts).toMatchObject({ targeted: 30, accepted: 30 })
  expect(seconds).toBeGreaterThanOrEqual(20 / ((FCM_PER_MINUTE - FCM_PER_MINUTE / 60) / 60))
})
