/** R16: what an alert that holds deaths tells of, and when: incidents, rests, and its end. */
import type { AlertView, MessageView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
// Neither the window nor the norm of one test is that of the next.
beforeEach(() => roost.clock.advance(9 * 24 * HOUR_MS))

let crowds = 0

async function crowdOf(count: number) {
  const userId = `crowd-${++crowds}`
  const phones: Phone[] = []
  for (let i = 0; i < count; i++) phones.push(await roost.phone('android', { userId }))
  roost.clock.advance(HOUR_MS) // so that a death now is later than the registration
  const send = () => roost.sendAndSettle({ to: { users: [userId] }, content: { title: 'Hello' } })
  return { phones, send }
}

/** Google calls them dead once, and is wrong. */
function callDead(phones: readonly Phone[]): void {
  for (const phone of phones)
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
}

async function openAlerts(): Promise<AlertView[]> {
  const path = `/v1/apps/${roost.app}/alerts?state=open`
  return (await roost.rest<{ alerts: AlertView[] }>('GET', path)).body.alerts
}

const decide = (id: string | undefined, verb: 'release' | 'forget' | 'close') =>
  roost.rest('POST', `/v1/apps/${roost.app}/alerts/${id}/${verb}`)

/** What webhooks are told of an alert, oldest first. */
async function toldOf(alertId: string | undefined): Promise<{ window: { deadUntimed: number } }[]> {
  const { rows } = await roost.server.db.query<{ data: { window: { deadUntimed: number } } }>(
    `select data from webhook_event where type = 'base.deaths_held' and data ->> 'alertId' = $1 order by id`,
    [alertId],
  )
  return rows.map(it => it.data)
}

test('R16: another incident joins the alert that still holds deaths, and is told of with its own figures', async () => {
  const crowd = await crowdOf(60)
  callDead(crowd.phones.slice(0, 20))
  await crowd.send()
  const [alert] = await openAlerts()
  expect(await toldOf(alert?.id)).toHaveLength(1)
  roost.clock.advance(3 * 24 * HOUR_MS)
  callDead(crowd.phones.slice(0, 30))
  await crowd.send()
  const open = await openAlerts()
  expect(open).toMatchObject([{ id: alert?.id, held: 30, data: { window: { deadUntimed: 30 } } }])
  expect((await toldOf(alert?.id)).map(it => it.window.deadUntimed)).toEqual([20, 30])
  await decide(alert?.id, 'forget')
})

test('R16: an outage that goes on for hours is told of once', async () => {
  const crowd = await crowdOf(36)
  for (let minutes = 0; minutes < 180; minutes += 45) {
    callDead(crowd.phones.slice(0, 12))
    await crowd.send()
    roost.clock.advance(45 * MINUTE_MS)
  }
  const [alert] = await openAlerts()
  expect(await toldOf(alert?.id)).toHaveLength(1)
  await decide(alert?.id, 'forget')
})

test('R16: an alert of which nothing is left can be closed, one that holds deaths has to be decided on', async () => {
  const crowd = await crowdOf(30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  const id = (await openAlerts())[0]?.id
  expect(await decide(id, 'close')).toMatchObject({
    status: 400,
    body: { code: 'input_invalid', detail: 'this alert holds 10 deaths: release or forget them' },
  })
  await crowd.send()
  expect(await decide(id, 'close')).toMatchObject({ status: 200, body: { state: 'closed', held: 0 } })
  expect(await openAlerts()).toEqual([])
})

test('R16: a message tells how many of its deaths were held, beside those that ended addresses', async () => {
  const crowd = await crowdOf(36)
  callDead(crowd.phones.slice(0, 12))
  const { id } = await crowd.send()
  const read = async () =>
    (await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)).body.counts
  expect(await read()).toMatchObject({ accepted: 24, dead: 12, deadHeld: 12 })
  await decide((await openAlerts())[0]?.id, 'release')
  expect(await read(), 'what the gateway said, whatever is decided').toMatchObject({ dead: 12, deadHeld: 12 })
  roost.clock.advance(9 * 24 * HOUR_MS)
  const single = await roost.phone('android')
  roost.clock.advance(HOUR_MS)
  single.uninstall()
  const dead = await roost.sendAndSettle({ to: { devices: [single.hwid] }, content: { title: 'Hello' } })
  expect(dead.counts).toMatchObject({ dead: 1, deadHeld: 0 })
})
