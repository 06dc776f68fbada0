/** What is handed to devices before it is a row: nothing of it may be lost, and each has it once. */
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveDevice, liveDevices } from '../../test/live-client.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
/** It waits for acknowledgements as long as they take. */
let waiting: TestRoost
beforeAll(async () => {
  roost = await startRoost()
  waiting = await startRoost({ patienceMs: 3_600_000 })
})
afterAll(async () => {
  await roost.close()
  await waiting.close()
})

const opened = liveDevices()

const WAIT_MS = 60_000
const patient = { route: 'online-first', pushAfterSeconds: WAIT_MS / 1000 } as const
const content = { title: 'Hello' }

async function live({ url, app, deviceToken }: TestRoost, hwid: string): Promise<LiveDevice> {
  return opened.connect(url, { app, deviceToken, hwid })
}

/** Devices that are connected, and whom a campaign of the test is for. */
async function group(house: TestRoost, count: number) {
  const phones = await Promise.all(Array.from({ length: count }, () => house.phone('ios')))
  const devices = await Promise.all(phones.map(it => live(house, it.hwid)))
  const condition = { field: 'hwid' as const, op: 'in' as const, value: phones.map(it => it.hwid) }
  return { phones, devices, to: { condition } }
}

async function acknowledge(device: LiveDevice): Promise<number> {
  const { seq } = await device.next('message')
  device.say({ type: 'ack', seqs: [seq] })
  return seq
}

const shownOn = (phones: readonly Phone[]) => phones.map(it => it.shown.length)
const messagesOn = (device: LiveDevice) => device.frames.filter(it => it.type === 'message')

/** Their frames are kept, and they wait for their push. */
const untilKept = (id: string) =>
  roost.until(id, it => it.retrying.some(({ reason }) => reason === 'live_channel'))

describe('a campaign to devices that are connected where it is dispatched', () => {
  test('is settled when they acknowledge, without waiting for the time of its push', async () => {
    const { phones, devices, to } = await group(waiting, 3)
    const id = await waiting.send({ to, content, ...patient })
    const seqs = await Promise.all(devices.map(acknowledge))
    expect(await Promise.all(devices.map(it => it.next('acked')))).toEqual(
      seqs.map(seq => ({ type: 'acked', seqs: [seq] })),
    )
    const { counts } = await waiting.settle(id) // the clock stands still
    expect(counts).toMatchObject({ targeted: 3, accepted: 3, uncertain: 0, pending: 0 })
    expect(shownOn(phones)).toEqual([0, 0, 0])
    expect(devices.map(it => messagesOn(it).length)).toEqual([1, 1, 1])
  })

  test('keeps the frames of those who do not, and the push comes in time with the same id', async () => {
    const { phones, devices, to } = await group(roost, 2)
    const [quick, mute] = devices as [LiveDevice, LiveDevice]
    const id = await roost.send({ to, content, ...patient })
    await acknowledge(quick)
    const frame = await mute.next('message')
    await quick.next('acked')
    await untilKept(id)
    expect(shownOn(phones)).toEqual([0, 0])
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2, possibleDuplicates: 0 })
    expect(phones[1]?.shown.map(it => it.push.messageId)).toEqual([frame.id])
    expect(phones[0]?.shown).toEqual([])
  })

  test('takes a device at its word that acknowledges late', async () => {
    const { phones, devices, to } = await group(roost, 2)
    const [quick, slow] = devices as [LiveDevice, LiveDevice]
    const id = await roost.send({ to, content, ...patient })
    await acknowledge(quick)
    await untilKept(id)
    const seq = await acknowledge(slow)
    expect(await slow.next('acked')).toEqual({ type: 'acked', seqs: [seq] })
    await quick.next('acked')
    roost.clock.advance(WAIT_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect(shownOn(phones)).toEqual([0, 0])
  })

  test('comes again with its number to a device that has lost its connection before it was kept', async () => {
    const { phones, devices, to } = await group(waiting, 1)
    const [first] = devices as [LiveDevice]
    const id = await waiting.send({ to, content, ...patient })
    const { seq } = await first.next('message')
    await first.drop() // nobody waits for it any more
    const second = await live(waiting, phones[0]?.hwid ?? '')
    expect(await acknowledge(second)).toBe(seq)
    await second.next('acked')
    waiting.clock.advance(WAIT_MS)
    expect((await waiting.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(shownOn(phones)).toEqual([0])
    expect(messagesOn(second)).toHaveLength(1)
  })

  test('leaves no faster than it may', async () => {
    const { devices, to } = await group(waiting, 4)
    const id = await waiting.send({ to, content, ...patient, sendRate: 1 })
    const heard = () => devices.filter(it => messagesOn(it).length > 0)
    for (let second = 1; second <= 4; second++) {
      while (heard().length < second) await tick()
      const news = heard().filter(it => it.frames.every(({ type }) => type !== 'acked'))
      expect(news).toHaveLength(1)
      await acknowledge(news[0] as LiveDevice)
      await news[0]?.next('acked')
      await waiting.until(id, it => it.counts.accepted === second)
      waiting.clock.advance(1000)
    }
    expect((await waiting.settle(id)).counts).toMatchObject({ targeted: 4, accepted: 4 })
  })
})

/** Sessions that wait to write a frame that was handed over. */
const KEEPING = `from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and query like '%overriding system value%'`

/** Not asked in the transaction that holds them up: that would be told the same again and again. */
async function untilKeeping({ server: { db } }: TestRoost): Promise<void> {
  while ((await db.query(`select ${KEEPING}`)).rowCount === 0) await tick()
}

test('of a chunk whose frames the database loses on their way nothing is sent twice, over no road', async () => {
  const { phones, devices } = await group(waiting, 1)
  const [device] = devices as [LiveDevice]
  const away = await waiting.phone('ios')
  const value = [away.hwid, ...phones.map(it => it.hwid)]
  const to = { condition: { field: 'hwid' as const, op: 'in' as const, value } }
  const id = await waiting.send({ to, content, ...patient })
  const { seq } = await device.next('message')
  const rolledBack = waiting.server.db.transaction(async tx => {
    await tx.query(
      `insert into live_frame (bucket, message_id, hwid, app_id, delivery_id, made_at, expires_at)
       select bucket, $1, hwid, app_id, $1, now(), now() from live_presence where hwid = $2`,
      [id, phones[0]?.hwid],
    )
    device.say({ type: 'ack', seqs: [seq] })
    await untilKeeping(waiting)
    while (away.shown.length === 0) await tick()
    expect(device.frames.some(it => it.type === 'acked')).toBe(false)
    await waiting.server.db.query(`select pg_terminate_backend(pid) ${KEEPING}`)
    throw new Error('it was never there')
  })
  await expect(rolledBack).rejects.toThrow('it was never there')
  await device.next('acked')
  const { counts } = await waiting.settle(id)
  expect(counts).toMatchObject({ targeted: 2, accepted: 2, possibleDuplicates: 0 })
  expect([messagesOn(device).length, ...shownOn([away, ...phones])]).toEqual([1, 1, 0])
  expect(away.repeats).toBe(0)
})

test('a message to one device is written to its socket before anything is stored of it', async () => {
  const { phones, devices } = await group(roost, 1)
  const [device] = devices as [LiveDevice]
  const to = { devices: phones.map(it => it.hwid) }
  const id = await roost.server.db.transaction(async tx => {
    await tx.query('lock table live_frame in exclusive mode')
    const sent = await roost.send({ to, content, ...patient })
    await acknowledge(device)
    await untilKeeping(roost)
    expect(device.frames.some(it => it.type === 'acked')).toBe(false)
    return sent
  })
  await device.next('acked')
  roost.clock.advance(WAIT_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect(messagesOn(device)).toHaveLength(1)
})
