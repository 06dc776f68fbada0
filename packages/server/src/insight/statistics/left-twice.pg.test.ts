/** An address leaves the base once: a device that asks to be left alone after a gateway had called it dead is no second loss. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../test/roost.ts'
import { countAll } from '../../../test/statistics.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

interface Totals {
  readonly registrations: number
  readonly deaths: number
  readonly unregistrations: number
}

async function totals(): Promise<Totals> {
  await countAll(roost)
  const path = `/v1/apps/${roost.app}/stats/base?by=total`
  const { rows } = (await roost.rest<{ rows: Totals[] }>('GET', path)).body
  return rows[0] as Totals
}

/** What `act` adds to the app's totals. */
async function added(act: () => Promise<void>): Promise<Totals> {
  const before = await totals()
  await act()
  const after = await totals()
  return {
    registrations: after.registrations - before.registrations,
    deaths: after.deaths - before.deaths,
    unregistrations: after.unregistrations - before.unregistrations,
  }
}

test('what a gateway has called dead is no unregistration when its device unregisters after that, and stays left alone', async () => {
  const counted = await added(async () => {
    const phone = await roost.phone('web')
    phone.losePermission() // which ends the subscription
    await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
    await phone.open() // and tells the server that it is unregistered
    expect((await roost.ledger(phone.hwid)).map(({ event, evidence }) => [event, evidence])).toEqual([
      ['registered', null],
      ['dead', expect.anything()],
      ['unregistered', { formerState: 'dead' }],
    ])
  })
  expect(counted).toEqual({ registrations: 1, deaths: 1, unregistrations: 0 })
})

test('what was alive by then is one', async () => {
  const counted = await added(async () => {
    const phone = await roost.phone('ios')
    await phone.unregister()
    await phone.unregister()
  })
  expect(counted).toEqual({ registrations: 1, deaths: 0, unregistrations: 1 })
})
