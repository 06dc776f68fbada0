/**
 * R6, R32: whatever removed an address, the next registration brings its device back, and the ledger tells that from a new
 * install: statistics count both by it. Over the HTTP API and the stand-ins.
 */
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { ageAddresses, endExpired } from './aging.ts'
import { concludeDeaths } from './uninstalls/conclusions.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
beforeEach(() => roost.clock.advance(HOUR_MS))

const path = (rest: string) => `/v1/apps/${roost.app}/${rest}`
const hello = (hwid: string) => ({ to: { devices: [hwid] }, content: { title: 'Hello' } })
const age = () => ageAddresses(roost.server.db, roost.clock.now())
async function setPolicy(change: object): Promise<void> {
  expect((await roost.rest('PATCH', path('address-policy'), change)).status).toBe(200)
}

async function bulkDone(id: string): Promise<void> {
  const { body } = await roost.rest('GET', path(`bulk-requests/${id}`))
  if (body.state === 'done') return
  await tick()
  return bulkDone(id)
}

/** Each takes the only address of a phone out of the base. */
const REMOVALS: Readonly<Record<string, (phone: Phone) => Promise<unknown>>> = {
  'its gateway called it dead': async phone => {
    await roost.sendAndSettle(hello(phone.hwid)) // or the guard would hold it (R16)
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
    await roost.sendAndSettle(hello(phone.hwid))
  },
  'it was called dead, and a day later uninstalled': async phone => {
    expect((await roost.rest('PUT', path('uninstall-tracking'), { enabled: true })).status).toBe(200)
    await roost.sendAndSettle(hello(phone.hwid))
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
    await roost.sendAndSettle(hello(phone.hwid))
    roost.clock.advance(DAY_MS + HOUR_MS)
    await concludeDeaths(roost.server.db, roost.clock.now())
    await roost.rest('PUT', path('uninstall-tracking'), { enabled: false })
    expect((await roost.ledger(phone.hwid)).at(-1)?.event).toBe('uninstalled')
  },
  'it was inactive': async () => {
    await setPolicy({ removeInactive: true })
    roost.clock.advance(91 * DAY_MS)
    await age()
    await setPolicy({ removeInactive: null })
  },
  'it was not heard of for a year': async () => {
    roost.clock.advance(366 * DAY_MS)
    await age()
  },
  'it unregistered': phone => phone.unregister(),
  'an operator unregistered it': async phone => {
    const asked = await roost.rest<{ id: string }>('POST', path('devices/bulk-unregister'), {
      devices: [{ hwid: phone.hwid }],
    })
    await bulkDone(asked.body.id)
  },
  'it was quarantined': async phone => {
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'sender_id_mismatch' }, 1)
    await roost.sendAndSettle(hello(phone.hwid))
  },
}

/** What the ledger calls the first registration after the last removal; without one, of all. */
async function returnOf(hwid: string): Promise<string | undefined> {
  const events = (await roost.ledger(hwid)).map(it => it.event)
  const removedAt = events.findLastIndex(it => ['dead', 'unregistered', 'quarantined', 'moved'].includes(it))
  return events.slice(removedAt + 1).find(it => it === 'registered' || it === 'restored')
}

const isGone = async (phone: Phone) =>
  !(await roost.view(phone.hwid)).addresses.some(it => it.state === 'active' || it.state === 'suspect')

describe.each(Object.entries(REMOVALS))('when %s', (_, remove) => {
  test('R6: the next registration of the same address is told as restored', async () => {
    const phone = await roost.phone('android')
    expect(await returnOf(phone.hwid)).toBe('registered')
    await remove(phone)
    expect(await isGone(phone)).toBe(true)
    await phone.register()
    expect(await isGone(phone)).toBe(false)
    expect(await returnOf(phone.hwid)).toBe('restored')
  })

  test('R6, R2: so is that of another address', async () => {
    const phone = await roost.phone('android')
    await remove(phone)
    phone.uninstall()
    await phone.comeBack()
    expect(await isGone(phone)).toBe(false)
    expect(await returnOf(phone.hwid)).toBe('restored')
  })

  test('R6, R27: so is it when the address was forgotten meanwhile', async () => {
    const phone = await roost.phone('android')
    await remove(phone)
    roost.clock.advance(400 * DAY_MS) // an inactive one is kept longest
    await age()
    expect((await roost.view(phone.hwid)).addresses).toEqual([])
    await phone.register()
    expect(await returnOf(phone.hwid)).toBe('restored')
  })
})

test('R6, R29: a web subscription that expired, and its browser comes back with another', async () => {
  const phone = await roost.phone('web')
  await roost.server.db.query(
    `update address set keys = keys || jsonb_build_object('expirationTime', $2::bigint) where hwid = $1`,
    [phone.hwid, roost.clock.now() + HOUR_MS],
  )
  roost.clock.advance(2 * HOUR_MS)
  await endExpired(roost.server.db, roost.clock.now())
  expect(await isGone(phone)).toBe(true)
  phone.uninstall()
  await phone.comeBack()
  expect(await returnOf(phone.hwid)).toBe('restored')
})

test('R3, R6: a device whose only address another one took comes back with its own', async () => {
  const [former, holder] = [await roost.phone('android'), await roost.phone('android')]
  await roost.device('registerDevice', { hwid: holder.hwid, device_type: 3, push_token: former.token })
  expect(await isGone(former)).toBe(true)
  former.uninstall()
  await former.comeBack()
  expect(await returnOf(former.hwid)).toBe('restored')
})

test('R6: a new install is told as registered: first with its token, later, in another kind, and after it was erased', async () => {
  const phone = await roost.phone('ios')
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual(['registered'])
  await roost.device('applicationOpen', { hwid: 'opens-first', device_type: 3 })
  await roost.device('registerDevice', {
    hwid: 'opens-first',
    device_type: 3,
    push_token: 'a-token-of-later',
  })
  expect((await roost.ledger('opens-first')).map(it => it.event)).toEqual(['registered'])
  const voip = roost.simulator.apns.issueToken({ bundleId: 'com.example.test' })
  const call = { hwid: phone.hwid, device_type: 1, push_token: phone.token, voip_push_token: voip }
  await roost.device('registerDevice', call)
  expect((await roost.ledger(phone.hwid)).map(it => [it.kind, it.event])).toEqual([
    ['alert', 'registered'],
    ['voip', 'registered'],
  ])
  await roost.rest('DELETE', path(`devices/${phone.hwid}`))
  await phone.register()
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual(['registered'])
})

test('R2, R6: a new address that takes the place of a living one is no return', async () => {
  const phone = await roost.phone('android')
  await roost.device('registerDevice', {
    hwid: phone.hwid,
    device_type: 3,
    push_token: 'another-living-token',
  })
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual([
    'registered',
    'superseded',
    'registered',
  ])
})
