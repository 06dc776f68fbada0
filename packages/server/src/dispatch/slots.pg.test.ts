/** Messages by the clock of each device: a batch for each slot, and everybody once. */
import type { LocalTime, MessageView, NewMessage, SlotView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import type { RunningServer } from '../main.ts'

let roost: TestRoost
let another: RunningServer
beforeAll(async () => {
  roost = await startRoost()
  another = await roost.another()
})
afterAll(async () => {
  await another.close()
  await roost.close()
})

const HOUR_MS = 3_600_000
const HOUR = 3600
let audiences = 0

/** A clock in UTC shows it after so many hours. */
function inHours(hours: number): string {
  return new Date(roost.clock.now() + hours * HOUR_MS).toISOString().slice(0, 16)
}

async function phoneAt(hours: number | null, tag: string): Promise<Phone> {
  const phone = await roost.phone('ios', { tags: { group: tag } })
  await move(phone, hours)
  return phone
}

/** As `PATCH` of the device does, which can't take its zone away. */
async function move(phone: Phone, hours: number | null): Promise<void> {
  if (hours === null)
    await roost.server.db.query('update device set timezone_seconds = null where hwid = $1', [phone.hwid])
  else
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, {
      timezoneSeconds: hours * HOUR,
    })
}

async function campaign(zones: readonly (number | null)[]): Promise<{ tag: string; phones: Phone[] }> {
  const tag = `g${audiences++}`
  return { tag, phones: await Promise.all(zones.map(it => phoneAt(it, tag))) }
}

function messageTo(tag: string, localTime: LocalTime, fields: Partial<NewMessage> = {}): NewMessage {
  return {
    to: { condition: { tag: 'group', op: 'eq', value: tag } },
    content: { title: 'Good morning' },
    localTime,
    ...fields,
  }
}

const isAheadOrOver = ({ at, waiting }: SlotView) => waiting === 0 || Date.parse(at ?? '') > roost.clock.now()
const control = (id: string, verb: string) =>
  roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/${verb}`)
/** When it has come, what was due before was looked at, too. */
const probeAt = (phone: Phone) =>
  roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'Probe' } })
const shown = (phones: readonly Phone[]) => phones.map(it => it.shown.length)
const accepted = (count: number) => (it: MessageView) => it.counts.accepted === count

describe('a message by local time', () => {
  test('comes to each device when its clock shows the time, and at once where that has passed', async () => {
    const { tag, phones } = await campaign([2, 0, -3])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, accepted(1))
    expect(shown(phones)).toEqual([1, 0, 0])
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(2))
    expect(shown(phones)).toEqual([1, 1, 0])
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 3, accepted: 3, pending: 0 })
    expect(shown(phones)).toEqual([1, 1, 1])
  })

  test('tells how many wait for which moment', async () => {
    const { tag } = await campaign([0, 0, -3])
    const at = inHours(1)
    const id = await roost.send(messageTo(tag, { at }))
    const waiting = await roost.until(id, it => it.slots.length === 2)
    const first = Date.parse(`${at}:00Z`)
    expect(waiting).toMatchObject({
      state: 'sending',
      localTime: { at },
      slots: [
        { at: new Date(first).toISOString(), devices: 2, waiting: 2 },
        { at: new Date(first + 3 * HOUR_MS).toISOString(), devices: 1, waiting: 1 },
      ],
    })
    roost.clock.advance(HOUR_MS)
    const later = await roost.until(id, accepted(2))
    expect(later.slots.map(it => it.waiting)).toEqual([0, 1])
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).slots.map(it => it.waiting)).toEqual([0, 0])
  })

  test('skips those whose hour has passed, where that is asked for, and says why', async () => {
    const { tag, phones } = await campaign([2, 0])
    const id = await roost.send(messageTo(tag, { at: inHours(1), passed: 'skip' }))
    await roost.until(id, it => it.counts.skipped === 1)
    roost.clock.advance(HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
    expect(shown(phones)).toEqual([0, 1])
    const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}/exceptions`)
    expect(body).toMatchObject({
      exceptions: [{ outcome: 'skipped', reason: 'local_time_passed', count: 1 }],
    })
  })

  test('comes on the next day to those whose hour has passed, where that is asked for', async () => {
    const { tag, phones } = await campaign([2, 0])
    const id = await roost.send(messageTo(tag, { at: inHours(1), passed: 'nextDay' }))
    await roost.until(id, it => it.slots.length === 2)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    expect(shown(phones)).toEqual([0, 1])
    roost.clock.advance(22 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect(shown(phones)).toEqual([1, 1])
  })

  test('comes to named devices by their clocks, too', async () => {
    const { phones } = await campaign([2, 0, null])
    const id = await roost.send({
      to: { devices: [...phones.map(it => it.hwid), 'nobody'] },
      content: { title: 'Good morning' },
      localTime: { at: inHours(1), otherwiseTimeZone: 'Etc/GMT+3' },
    })
    await roost.until(id, accepted(1))
    expect(shown(phones)).toEqual([1, 0, 0])
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(2))
    expect(shown(phones)).toEqual([1, 1, 0])
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 4, accepted: 3, skipped: 1 })
  })
})

describe('while a message by local time waits', () => {
  test('nothing of it is sent when it is paused, and what became due is when it is resumed', async () => {
    const { tag, phones } = await campaign([0, -3])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 2)
    await control(id, 'pause')
    roost.clock.advance(2 * HOUR_MS)
    await probeAt(phones[0] as Phone)
    expect((await roost.until(id, it => it.state === 'paused')).counts.accepted).toBe(0)
    await control(id, 'resume')
    await roost.until(id, accepted(1))
    roost.clock.advance(2 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
  })

  test('a cancel counts those to whom it has not come, in all slots', async () => {
    const { tag, phones } = await campaign([0, 0, -3, -5])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 3)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(2))
    await control(id, 'cancel')
    const over = await roost.until(id, it => it.finishedAt !== null)
    expect(over.counts).toMatchObject({ targeted: 4, accepted: 2, skipped: 2, pending: 0 })
    roost.clock.advance(6 * HOUR_MS)
    await probeAt(phones[3] as Phone)
    expect(phones[3]?.shown.map(it => it.title)).toEqual(['Probe'])
  })

  test('a cancel counts nobody twice who was heard of after some hours have passed', async () => {
    const { tag, phones } = await campaign([0, -1, -2])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 3)
    await control(id, 'pause')
    roost.clock.advance(5 * HOUR_MS)
    for (const [i, phone] of phones.entries()) await move(phone, -i)
    await control(id, 'cancel')
    const over = await roost.until(id, it => it.finishedAt !== null)
    expect(over.counts).toMatchObject({ targeted: 3, skipped: 3, pending: 0 })
  })

  test('a part that is held by a fault of ours holds up no later hour of its range, and comes to its end', async () => {
    const { tag, phones } = await campaign([0, -1])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }, { ttlSeconds: 6 * HOUR }))
    await roost.until(id, it => it.slots.length === 2)
    // As three failures in a row leave it.
    await roost.server.db.query(
      `update batch set state = 'held', held_reason = 'internal_error', failures = 3
        where id = (select id from batch where message_id = $1 order by slot_at limit 1)`,
      [id],
    )
    roost.clock.advance(2 * HOUR_MS)
    const later = await roost.until(id, accepted(1))
    expect(shown(phones)).toEqual([0, 1])
    expect(later.held).toEqual([{ gateway: 'apns', reason: 'internal_error' }])
    roost.clock.advance(6 * HOUR_MS)
    // What failed may have been sent, so it is not said that it was not.
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 1, uncertain: 1 })
  })

  test('a cancel before it is divided counts all of them', async () => {
    const { tag } = await campaign([0, -3])
    const id = await roost.send(messageTo(tag, { at: inHours(40) }))
    await control(id, 'cancel')
    expect((await roost.until(id, it => it.finishedAt !== null)).counts).toMatchObject({ targeted: 0 })
    const other = await roost.send(messageTo(tag, { at: inHours(40) }))
    // As a cancel that comes between the planning and the dividing leaves it.
    await roost.server.db.query(
      `with undivided as (
         insert into slot_range (message_id, provider, bucket_from, bucket_to, due_at) values ($1, 'apns', 0, 1023, now())
       )
       update message set state = 'cancelled', planned_at = now(), slot_of = '{"": 1}' where id = $1`,
      [other],
    )
    const over = await roost.until(other, it => it.finishedAt !== null && it.counts.targeted > 0)
    expect(over.counts).toMatchObject({ targeted: 2, skipped: 2 })
  })

  test('its trace says that it has not come to the device yet', async () => {
    const { tag, phones } = await campaign([0, -3])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 2)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    const trace = (phone?: Phone) =>
      roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${phone?.hwid}`)
    expect((await trace(phones[0])).body).toMatchObject({ outcome: 'accepted' })
    expect((await trace(phones[1])).body).toMatchObject({ outcome: 'pending' })
    await control(id, 'cancel')
  })

  test('its trace says so also before its buckets are divided into slots', async () => {
    const { tag, phones } = await campaign([0])
    const id = await roost.send(messageTo(tag, { at: inHours(40) }))
    // As a pause that comes between the planning and the dividing leaves it.
    await roost.server.db.query(
      `with undivided as (
         insert into slot_range (message_id, provider, bucket_from, bucket_to, due_at) values ($1, 'apns', 0, 1023, now())
       )
       update message set state = 'paused', planned_at = now(), slot_of = '{"": 1}' where id = $1`,
      [id],
    )
    const trace = await roost.rest(
      'GET',
      `/v1/apps/${roost.app}/messages/${id}/trace?hwid=${phones[0]?.hwid}`,
    )
    expect(trace.body).toMatchObject({ outcome: 'pending' })
    await control(id, 'cancel')
  })

  test('an address that changes hands gets it when the hour of its new device comes', async () => {
    const { tag, phones } = await campaign([0, -3])
    const [early, late] = phones as [Phone, Phone]
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 2)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    for (const [phone, hwid] of [
      [late, 'heir of one who waits'],
      [early, 'heir of one who had it'],
    ] as const) {
      await roost.device('registerDevice', {
        hwid: `${hwid} ${tag}`,
        device_type: 1,
        push_token: phone.token,
        timezone: -3 * HOUR,
        tags: { group: tag },
      })
    }
    roost.clock.advance(3 * HOUR_MS)
    await roost.settle(id)
    expect(shown(phones)).toEqual([1, 1])
  })

  test('quiet hours hold it back where its hour lies in them', async () => {
    const { tag, phones } = await campaign([0, -3])
    const at = inHours(1)
    const quietHours = { from: inHours(0).slice(11), to: inHours(2).slice(11) }
    const id = await roost.send(messageTo(tag, { at }, { rules: { quietHours } }))
    await roost.until(id, it => it.slots.length === 2)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, it => it.retrying.some(({ reason }) => reason === 'quiet_hours'))
    expect(shown(phones)).toEqual([0, 0])
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    expect(shown(phones)).toEqual([1, 0])
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
  })

  test('each part lives from its own hour on', async () => {
    const { tag, phones } = await campaign([0, -3])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }, { ttlSeconds: 600 }))
    await roost.until(id, it => it.slots.length === 2)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    await control(id, 'pause')
    roost.clock.advance(3 * HOUR_MS + 11 * 60_000)
    await control(id, 'resume')
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
    expect(shown(phones)).toEqual([1, 0])
  })
})

test('on two servers everybody gets it once, in all zones and while many move', async () => {
  const hours = Array.from({ length: 60 }, (_, i) => (i % 13) - 6)
  const { tag, phones } = await campaign(hours)
  const id = await roost.send(messageTo(tag, { at: inHours(1) }))
  await roost.until(id, it => it.slots.length > 5)
  for (let hour = 0; hour < 9; hour++) {
    roost.clock.advance(HOUR_MS)
    await roost.until(id, it => it.slots.every(isAheadOrOver))
    await Promise.all(phones.filter((_, i) => i % 9 === hour).map((it, i) => move(it, ((i * 7) % 13) - 6)))
  }
  roost.clock.advance(15 * HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 60, accepted: 60, pending: 0 })
  expect(shown(phones)).toEqual(hours.map(() => 1))
})

describe('a device that moves to another zone', () => {
  test('after it got the message does not get it again', async () => {
    const { tag, phones } = await campaign([0, -3])
    const [traveller] = phones as [Phone, Phone]
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 2)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    await move(traveller, -3)
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect(shown(phones)).toEqual([1, 1])
  })

  test('to where the hour has passed gets it with the next slot', async () => {
    const { tag, phones } = await campaign([0, -2, -5])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 3)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    await move(phones[2] as Phone, 0)
    roost.clock.advance(2 * HOUR_MS)
    expect((await roost.until(id, accepted(3))).counts).toMatchObject({ targeted: 3 })
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 3, accepted: 3 })
    expect(shown(phones)).toEqual([1, 1, 1])
  })

  test('to the last slot of all, after that was read, gets it as a straggler', async () => {
    const { tag, phones } = await campaign([0, -3])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 2)
    await move(phones[1] as Phone, 0)
    await move(phones[0] as Phone, -8)
    roost.clock.advance(HOUR_MS)
    await roost.until(id, accepted(1))
    await move(phones[0] as Phone, 0)
    roost.clock.advance(3 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect(shown(phones)).toEqual([1, 1])
  })

  test('to a zone that nobody was in gets it there', async () => {
    const { tag, phones } = await campaign([0, -1])
    const id = await roost.send(messageTo(tag, { at: inHours(1) }))
    await roost.until(id, it => it.slots.length === 2)
    await move(phones[0] as Phone, -9)
    roost.clock.advance(2 * HOUR_MS)
    await roost.until(id, it => it.slots.length === 3 && it.counts.accepted === 1)
    expect(shown(phones)).toEqual([0, 1])
    roost.clock.advance(8 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect(shown(phones)).toEqual([1, 1])
  })
})
