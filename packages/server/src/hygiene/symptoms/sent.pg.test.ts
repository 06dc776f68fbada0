/** Alerts of what a server meets while it sends, against the stand-ins: a quota that is too small, and a base that dies. */
import type { AlertView } from '@roost/protocol'
import { expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { watchSymptoms } from './watch.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

const watch = (roost: TestRoost) => watchSymptoms(roost.server.db, roost.clock.now())
const openAlerts = async (roost: TestRoost) =>
  (await roost.rest<{ alerts: AlertView[] }>('GET', `/v1/apps/${roost.app}/alerts?state=open`)).body.alerts
const phonesOf = (roost: TestRoost, kind: 'ios' | 'android', count: number) =>
  Promise.all(Array.from({ length: count }, () => roost.phone(kind)))
const toAll = { to: { all: true }, content: { title: 'Hello' } } as const

/** Until the server has used up what the clock's minute allows: its batch waits for a pace that opens later, so nobody takes it before the clock goes on. */
async function untilPaced({ server, clock }: TestRoost): Promise<void> {
  const { rows } = await server.db.query(
    "select from batch b join pace p on p.name = b.paced_by where b.state = 'waiting' and p.open_at > $1",
    [new Date(clock.now())],
  )
  if (rows.length > 0) return
  await tick()
  return untilPaced({ server, clock } as TestRoost)
}

test('a campaign that the quota of its project holds up for ten minutes opens an alert, which closes when it is done', async () => {
  const roost = await startRoost({ environment: { ROOST_FCM_MESSAGES_PER_MINUTE: '10' } })
  await phonesOf(roost, 'android', 110)
  const id = await roost.send(toAll)
  for (let minute = 0; minute < 12; minute++) {
    await untilPaced(roost)
    await watch(roost)
    expect((await openAlerts(roost)).length).toBe(minute < 10 ? 0 : 1)
    roost.clock.advance(MINUTE_MS)
  }
  const { body } = await roost.rest<{ state: string }>('GET', `/v1/apps/${roost.app}/messages/${id}`)
  expect(body.state).toBe('sending')
  const [alert] = await openAlerts(roost)
  expect(alert).toMatchObject({ kind: 'quota', data: { quota: expect.stringMatching(/^fcm:/), messages: 1 } })
  await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  await roost.until(id, message => message.state === 'cancelled')
  roost.clock.advance(11 * MINUTE_MS)
  await watch(roost)
  expect(await openAlerts(roost)).toEqual([])
  await roost.close()
})

test('a base of which a quarter dies within a day, while nobody did all week, opens an alert; an old death rate is none', async () => {
  const roost = await startRoost()
  const phones = await phonesOf(roost, 'ios', 100)
  for (let day = 0; day < 3; day++) {
    expect((await roost.sendAndSettle(toAll)).counts).toMatchObject({ accepted: 100 })
    await watch(roost)
    roost.clock.advance(DAY_MS)
  }
  for (const phone of phones.slice(0, 25)) roost.simulator.apns.killToken(phone.token as string)
  roost.clock.advance(MINUTE_MS)
  const { counts } = await roost.sendAndSettle(toAll)
  expect(counts).toMatchObject({ dead: 25, accepted: 75 })
  await watch(roost)
  expect(await openAlerts(roost)).toMatchObject([
    { kind: 'death_rate', data: { deaths: 25, results: 100, habitDeaths: 0, habitResults: 300 } },
  ])
  roost.clock.advance(DAY_MS + MINUTE_MS)
  await watch(roost)
  expect(await openAlerts(roost)).toEqual([])
  await roost.close()
})
