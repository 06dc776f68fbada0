/** What is looked for is found: deaths among those in doubt say nothing of how many die. */
import type { AlertView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { trackUninstalls } from '../uninstalls/job.ts'
import { watchSymptoms } from './watch.ts'

const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS
const PHONES = 120
const GONE = 30

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const alerts = async () => {
  await watchSymptoms(roost.server.db, roost.clock.now())
  const { body } = await roost.rest<{ alerts: AlertView[] }>('GET', `/v1/apps/${roost.app}/alerts?state=open`)
  return body.alerts
}

/** Knocks at everybody who is in doubt by then; gives back how many were found dead. */
async function knock(): Promise<number> {
  const { clock, server } = roost
  clock.advance(DAY_MS - (clock.now() % DAY_MS))
  await trackUninstalls(server.db, clock.now())
  clock.advance(23.6 * HOUR_MS)
  for (;;) {
    const { rows } = await server.db.query<{ open: number; dead: number }>(
      `select count(*) filter (where b.state <> 'done')::integer as open, sum(b.dead)::integer as dead
         from knock_day k join batch b on b.message_id = k.message_id`,
    )
    if (rows[0]?.open === 0) return rows[0].dead
    await tick()
  }
}

test('the many that a search of the doubtful finds dead raise no alarm of a death rate, and as many in a campaign do', async () => {
  const toAll = { to: { all: true }, content: { title: 'Hello' } } as const
  const phones = await Promise.all(Array.from({ length: PHONES }, () => roost.phone('ios')))
  await roost.sendAndSettle(toAll)
  roost.clock.advance(4 * DAY_MS)
  for (const phone of phones.slice(0, GONE)) roost.simulator.apns.killToken(phone.token as string)
  const tracking = { enabled: true, mode: 'doubt', quietDays: 3 }
  await roost.rest('PUT', `/v1/apps/${roost.app}/uninstall-tracking`, tracking)
  expect(await knock()).toBe(GONE)
  expect(await alerts()).toEqual([])
  for (const phone of phones.slice(GONE, 2 * GONE)) roost.simulator.apns.killToken(phone.token as string)
  roost.clock.advance(60_000)
  expect((await roost.sendAndSettle(toAll)).counts).toMatchObject({ dead: GONE, accepted: PHONES - 2 * GONE })
  expect(await alerts()).toMatchObject([
    {
      kind: 'death_rate',
      data: { deaths: GONE, results: PHONES - GONE, habitDeaths: 0, habitResults: PHONES },
    },
  ])
})
