/** Messages to single devices: they are many, so they are told apart nowhere but in their own counts, and counted in all that adds up. */
import type { DeliveryNumbers } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../test/roost.ts'
import { rollUp } from './job.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

async function totals(query: string): Promise<DeliveryNumbers> {
  const path = `/v1/apps/${roost.app}/stats/deliveries?${query}`
  return (await roost.rest<{ totals: DeliveryNumbers }>('GET', path)).body.totals
}

test('the days of the app and of its campaign have a message to one device, with its receipts', async () => {
  const phone = await roost.phone('ios')
  const to = { devices: [phone.hwid, 'nobody'] }
  const { id, lane } = await roost.sendAndSettle({ to, content: { title: 'Yours' }, campaign: 'orders' })
  expect(lane).toBe('transactional')
  await roost.until(id, it => it.counts.delivered === 1)
  const counted = { accepted: 1, skipped: 1, delivered: 1 }
  // transactions of other tests hold the mark back as long as they run
  await expect
    .poll(async () => {
      await rollUp(roost.server.db, roost.clock.now())
      return totals('by=day')
    })
    .toMatchObject(counted)
  expect(await totals('by=day&campaign=orders')).toMatchObject(counted)
  expect(await totals(`by=day&message=${id}`)).toMatchObject({ accepted: 0, skipped: 0, delivered: 0 })
})

test('asked for alone, a message to one device is said not to be told apart, and a campaign to be', async () => {
  const phone = await roost.phone('ios')
  const content = { title: 'Yours' }
  const single = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content })
  const campaign = await roost.sendAndSettle({ to: { all: true }, content })
  for (const list of ['deliveries', 'failures', 'latency']) {
    const of = async (query: string) =>
      (await roost.rest<object>('GET', `/v1/apps/${roost.app}/stats/${list}?${query}`)).body
    expect(await of(`message=${single.id}`)).toMatchObject({ isToldApart: false })
    expect(await of(`message=${campaign.id}`)).toMatchObject({ isToldApart: true })
    expect(await of('')).not.toHaveProperty('isToldApart')
  }
})
