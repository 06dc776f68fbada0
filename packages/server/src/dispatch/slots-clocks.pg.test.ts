/** Messages by the clock of each device on days on which clocks are changed, and after a time without any server. */
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import type { RunningServer } from '../main.ts'

let roost: TestRoost
let sender: RunningServer
beforeAll(async () => {
  roost = await startRoost({ roles: ['api'] })
  sender = await roost.another({ roles: ['send'] })
})
afterAll(async () => {
  await sender.close()
  await roost.close()
})

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

function advanceTo(time: string): void {
  roost.clock.advance(Date.parse(time) - roost.clock.now())
}

async function phoneIn(zone: { timeZone?: string; timezoneSeconds?: number }): Promise<Phone> {
  const phone = await roost.phone('ios')
  const answer = await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, zone)
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  return phone
}

const shown = (...phones: Phone[]) => phones.map(it => it.shown.length)

test.each([
  ['forward', '2027-03-27T12:00:00Z', '2027-03-28', 3600, '07'],
  ['back', '2027-10-30T12:00:00Z', '2027-10-31', 7200, '08'],
])(
  'a device that tells the name of its zone gets it by the new time on the day on which clocks are put %s',
  async (_way, eve, day, seconds, hourInUtc) => {
    advanceTo(eve)
    const named = await phoneIn({ timeZone: 'Europe/Berlin', timezoneSeconds: seconds })
    const moved = await phoneIn({ timeZone: 'Europe/Berlin', timezoneSeconds: 9 * 3600 })
    const id = await roost.send({
      to: { devices: [named.hwid, moved.hwid] },
      content: { title: 'Good morning' },
      localTime: { at: `${day}T09:00` },
    })
    advanceTo(`${day}T00:00:00Z`)
    await roost.until(id, it => it.counts.accepted === 1)
    expect(shown(named, moved)).toEqual([0, 1]) // its name is of a zone that it has left
    advanceTo(`${day}T${hourInUtc}:00:00Z`)
    roost.clock.advance(-1000)
    expect((await roost.until(id, it => it.slots.length === 2)).slots.at(-1)?.at).toBe(
      `${day}T${hourInUtc}:00:00.000Z`,
    )
    expect(shown(named)).toEqual([0])
    advanceTo(`${day}T${hourInUtc}:00:00Z`)
    await roost.settle(id)
    expect(shown(named)).toEqual([1])
  },
)

test('a device in a zone of another name for the same is in that zone', async () => {
  const phone = await phoneIn({ timeZone: 'asia/kolkata', timezoneSeconds: 19_800 })
  const id = await roost.send({
    to: { devices: [phone.hwid] },
    content: { title: 'Good morning' },
    localTime: { at: '2027-12-01T09:00' },
  })
  advanceTo('2027-11-30T19:00:00Z')
  expect((await roost.until(id, it => it.slots.length === 1)).slots[0]?.at).toBe('2027-12-01T03:30:00.000Z')
  advanceTo('2027-12-01T03:30:00Z')
  await roost.settle(id)
})

test('what became due while no server ran is sent when one runs again, and nobody is missed or skipped', async () => {
  const phones = await Promise.all([2, 0, -3, -6].map(it => phoneIn({ timezoneSeconds: it * 3600 })))
  const at = new Date(roost.clock.now() + 4 * HOUR_MS).toISOString().slice(0, 16)
  const id = await roost.send({
    to: { all: true },
    content: { title: 'Good morning' },
    localTime: { at, passed: 'skip' },
  })
  await roost.until(id, it => it.slots.length > 0)
  await sender.close()
  roost.clock.advance(8 * HOUR_MS)
  sender = await roost.another({ roles: ['send'] })
  await roost.until(
    id,
    it => phones.slice(0, 3).every(phone => phone.shown.length === 1) && it.state === 'sending',
  )
  expect(shown(...phones)).toEqual([1, 1, 1, 0])
  roost.clock.advance(4 * HOUR_MS)
  await roost.settle(id)
  expect(shown(...phones)).toEqual([1, 1, 1, 1])
})

test('a message whose whole beginning fell in a time without servers is for the same people', async () => {
  const phones = await Promise.all([0, -3].map(it => phoneIn({ timezoneSeconds: it * 3600 })))
  const at = new Date(roost.clock.now() + 20 * HOUR_MS).toISOString().slice(0, 16)
  await sender.close()
  const id = await roost.send({
    to: { devices: phones.map(it => it.hwid) },
    content: { title: 'Good morning' },
    localTime: { at, passed: 'skip' },
  })
  roost.clock.advance(21 * HOUR_MS)
  sender = await roost.another({ roles: ['send'] })
  await roost.until(id, it => it.counts.accepted === 1)
  roost.clock.advance(3 * HOUR_MS)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2, skipped: 0 })
})

test('quiet hours go by the name of a zone, too', async () => {
  advanceTo('2028-03-26T12:00:00Z') // summer time since this morning
  const phone = await phoneIn({ timeZone: 'Europe/Berlin', timezoneSeconds: 3600 })
  const id = await roost.send({
    to: { devices: [phone.hwid] },
    content: { title: 'Hello' },
    rules: { quietHours: { from: '13:30', to: '14:30' } },
  })
  await roost.until(id, it => it.retrying.some(({ reason }) => reason === 'quiet_hours'))
  expect(shown(phone)).toEqual([0])
  roost.clock.advance(31 * MINUTE_MS)
  await roost.settle(id)
  expect(shown(phone)).toEqual([1])
})

test('a device tells the name of its zone with any call, and nonsense counts as not said', async () => {
  const zoneAfter = async (time_zone: unknown) => {
    await roost.device('applicationOpen', { hwid: 'a traveller', device_type: 1, time_zone })
    return (await roost.view('a traveller')).record.timeZone
  }
  expect(await zoneAfter('Europe/Berlin')).toBe('Europe/Berlin')
  expect(await zoneAfter('Mars/Olympus')).toBe('Europe/Berlin')
  expect(await zoneAfter(7)).toBe('Europe/Berlin')
  expect(await zoneAfter('us/pacific')).toBe('America/Los_Angeles')
})
