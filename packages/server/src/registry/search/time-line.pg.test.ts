/** The time line of a device against the whole server: real registrations, messages, gateways' answers and receipts. */
import type { TimeLine, TimeLineEntry } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

async function read(hwid: string, query = ''): Promise<TimeLine> {
  const path = `/v1/apps/${roost.app}/devices/${encodeURIComponent(hwid)}/time-line${query}`
  const { status, body } = await roost.rest<TimeLine>('GET', path)
  expect(status).toBe(200)
  return body
}

const wordsOf = (entries: readonly TimeLineEntry[]) => entries.map(it => `${it.kind} ${it.what}`)
const CONTENT = { title: 'Hello' }

test('all that happened to a device is told, newest first, messages with the reason why not', async () => {
  const phone = await roost.phone('ios', { userId: 'ann' })
  const { hwid } = phone
  roost.clock.advance(HOUR_MS)
  await roost.device('postEvent', { hwid, event: 'bought', attributes: { price: 3 } })
  roost.clock.advance(HOUR_MS)
  const taken = await roost.sendAndSettle({ to: { devices: [hwid] }, content: CONTENT })
  roost.clock.advance(HOUR_MS)
  await roost.device('pushStat', { hwid, hash: taken.id.replaceAll('-', '') })
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.faults.answerFor(phone.token as string, { reason: 'Unregistered' })
  const refused = await roost.sendAndSettle({ to: { devices: [hwid] }, content: CONTENT })
  const { entries, next } = await read(hwid)
  expect(next).toBeNull()
  const times = entries.map(it => Date.parse(it.at))
  expect(times).toEqual([...times].sort((a, b) => b - a))
  expect(wordsOf(entries)).toEqual(
    expect.arrayContaining([
      'registration first_seen',
      'registration last_seen',
      'login logged_in',
      'token registered',
      'token dead',
      'event bought',
      'message accepted',
      'message dead',
      'receipt opened',
    ]),
  )
  expect(entries.find(it => it.what === 'accepted')).toMatchObject({
    messageId: taken.id,
    data: { gateway: 'apns', title: CONTENT.title },
  })
  expect(entries.find(it => it.kind === 'message' && it.what === 'dead')).toMatchObject({
    messageId: refused.id,
    reason: 'Unregistered',
  })
  expect(entries.find(it => it.kind === 'event')?.data).toMatchObject({ count: 1, attributes: { price: 3 } })
})

test('a message is taken by its gateway before the device says that it has it, however late its chunk is booked', async () => {
  const phone = await roost.phone('android')
  const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: CONTENT })
  await phone.settled()
  const hash = id.replaceAll('-', '')
  // as of a chunk that waited for others
  await roost.server.db.query("update acceptance set at = at + interval '1 second' where message_id = $1", [
    id,
  ])
  await roost.device('pushStat', { hwid: phone.hwid, hash })
  const { entries } = await read(phone.hwid)
  const told = entries.filter(it => it.messageId === id).map(it => it.what)
  expect(told).toEqual(['opened', 'delivered', 'accepted'])
})

test('pages by the cursor hold each entry once, in the order of one page that holds all', async () => {
  const { hwid } = await roost.phone('android')
  for (let i = 0; i < 5; i++) {
    await roost.device('postEvent', { hwid, event: `event-${i}` })
    await roost.sendAndSettle({ to: { devices: [hwid] }, content: CONTENT })
  }
  const whole = (await read(hwid)).entries
  expect(whole.length).toBeGreaterThan(12)
  const paged: TimeLineEntry[] = []
  let after = ''
  for (let pages = 0; pages < 30; pages++) {
    const { entries, next } = await read(hwid, `?limit=2${after === '' ? '' : `&after=${after}`}`)
    paged.push(...entries)
    if (next === null) break
    after = next
  }
  expect(paged).toEqual(whole)
})

test('in a crowd, a message is told of those alone whom a gateway took it for', async () => {
  const phones = await Promise.all(Array.from({ length: 12 }, () => roost.phone('ios')))
  const meant = phones.slice(0, 6).map(it => it.hwid)
  const { id } = await roost.sendAndSettle({ to: { devices: meant }, content: CONTENT })
  for (const { hwid } of phones) {
    const isTold = (await read(hwid)).entries.some(it => it.messageId === id && it.what === 'accepted')
    expect([hwid, isTold]).toEqual([hwid, meant.includes(hwid)])
  }
})

test('a device that logged out, and a system that gave no token, are told', async () => {
  const hwid = 'logs-out'
  await roost.device('registerDevice', {
    hwid,
    device_type: 3,
    userId: 'ben',
    registration_error: { code: 'SERVICE_NOT_AVAILABLE' },
  })
  await roost.device('registerUser', { hwid, userId: hwid })
  const { entries } = await read(hwid)
  expect(wordsOf(entries)).toContain('login logged_out')
  expect(entries.find(it => it.kind === 'refused_token')).toMatchObject({ reason: 'SERVICE_NOT_AVAILABLE' })
})

test('a device on which nobody ever logged in has logged nobody out', async () => {
  const { hwid } = await roost.phone('web')
  expect(wordsOf((await read(hwid)).entries).filter(it => it.startsWith('login'))).toEqual([])
})

test('a device that there is not is told so, and so is a cursor that was never given', async () => {
  const path = `/v1/apps/${roost.app}/devices`
  expect((await roost.rest('GET', `${path}/a-slip/time-line`)).body).toMatchObject({ code: 'device_unknown' })
  const { hwid } = await roost.phone('web')
  expect((await roost.rest('GET', `${path}/${hwid}/time-line?after=xyz`)).body).toMatchObject({
    code: 'input_invalid',
  })
})
