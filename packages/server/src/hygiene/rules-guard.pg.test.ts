/** R16 and R14: when too much dies at once nothing does. Over the HTTP API and the stand-ins. */
import type { AlertView } from '@roost/protocol'
import type { Phone, PhonePlatform } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { settleDecisions } from './guard.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
// Neither the window nor the norm of one test is that of the next.
beforeEach(() => roost.clock.advance(9 * DAY_MS))

let crowds = 0

interface Crowd {
  readonly phones: readonly Phone[]
  send(): Promise<Record<string, number>>
  /** How many addresses are in each state. */
  states(): Promise<Record<string, number>>
}

async function crowdOf(kind: PhonePlatform['kind'], count: number): Promise<Crowd> {
  const userId = `crowd-${++crowds}`
  const phones: Phone[] = []
  for (let i = 0; i < count; i++) phones.push(await roost.phone(kind, { userId }))
  roost.clock.advance(60 * MINUTE_MS) // so that a death now is later than the registration
  return {
    phones,
    send: async () => {
      const { counts } = await roost.sendAndSettle({ to: { users: [userId] }, content: { title: 'Hello' } })
      return { ...counts }
    },
    states: async () => {
      const states: Record<string, number> = {}
      for (const phone of phones) {
        const state = (await roost.view(phone.hwid)).addresses[0]?.state ?? 'none'
        states[state] = (states[state] ?? 0) + 1
      }
      return states
    },
  }
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

async function decide(id: string, verb: 'release' | 'forget' | 'close') {
  return roost.rest('POST', `/v1/apps/${roost.app}/alerts/${id}/${verb}`)
}

test('R16: when a gateway suddenly calls a third of the devices dead none dies, and who is accepted again is not doubted any more', async () => {
  const crowd = await crowdOf('android', 36)
  callDead(crowd.phones.slice(0, 12))
  expect(await crowd.send()).toMatchObject({ targeted: 36, accepted: 24, dead: 12 })
  expect(await crowd.states()).toEqual({ active: 24, suspect: 12 })
  const [alert] = await openAlerts()
  expect(alert).toMatchObject({
    kind: 'deaths_held',
    held: 12,
    data: { cause: 'many_deaths', window: { accepted: 24, deadUntimed: 12 } },
  })
  const { rows } = await roost.server.db.query<{ data: object }>(
    "select data from webhook_event where type = 'base.deaths_held'",
  )
  expect(rows).toMatchObject([{ data: { alertId: alert?.id, cause: 'many_deaths' } }])

  expect(await crowd.send()).toMatchObject({ accepted: 36 })
  expect(await crowd.states()).toEqual({ active: 36 })
  expect((await openAlerts())[0]?.held).toBe(0)
  expect(await decide(alert?.id as string, 'forget')).toMatchObject({ status: 200, body: { changed: 0 } })
})

test('R16: held deaths that are released are deaths, with those that come after them in the same campaign', async () => {
  const crowd = await crowdOf('android', 30)
  for (const phone of crowd.phones.slice(0, 10)) phone.uninstall()
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 20, suspect: 10 })
  const id = (await openAlerts())[0]?.id as string
  expect(await decide(id, 'release')).toMatchObject({ status: 200, body: { changed: 10 } })
  expect(await crowd.states()).toEqual({ active: 20, dead: 10 })
  expect((await roost.ledger(crowd.phones[0]?.hwid as string)).map(it => it.event)).toEqual([
    'registered',
    'suspect',
    'dead',
  ])
  for (const phone of crowd.phones.slice(10, 20)) phone.uninstall()
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 10, dead: 20 })
  expect(await decide(id, 'release'), 'a second time').toMatchObject({ status: 200, body: { changed: 0 } })
})

test('R16: held deaths that are forgotten leave the addresses alive', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  const id = (await openAlerts())[0]?.id as string
  expect(await decide(id, 'forget')).toMatchObject({ body: { changed: 10 } })
  expect(await crowd.states()).toEqual({ active: 30 })
  expect(await openAlerts()).toEqual([])
})

test('R16, R6: a device that registers while its death is held is alive, whatever is decided', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  await crowd.phones[0]?.register()
  const id = (await openAlerts())[0]?.id as string
  expect(await decide(id, 'release')).toMatchObject({ body: { changed: 9 } })
  expect(await crowd.states()).toEqual({ active: 21, dead: 9 })
})

test('R16: a death that is heard again when all is well otherwise ends the address', async () => {
  const crowd = await crowdOf('android', 30)
  for (const phone of crowd.phones.slice(0, 10)) phone.uninstall()
  await crowd.send()
  roost.clock.advance(11 * MINUTE_MS)
  const hwid = crowd.phones[0]?.hwid as string
  await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title: 'Hello' } })
  expect((await roost.view(hwid)).addresses).toMatchObject([{ state: 'dead', reason: 'UNREGISTERED' }])
  await decide((await openAlerts())[0]?.id as string, 'forget')
})

test('R16: a base of which as many die every week is cleaned as ever', async () => {
  const crowd = await crowdOf('android', 40)
  for (const phone of crowd.phones.slice(0, 10)) phone.uninstall()
  await crowd.send()
  await decide((await openAlerts())[0]?.id as string, 'release')
  roost.clock.advance(2 * DAY_MS)
  for (const phone of crowd.phones.slice(10, 20)) phone.uninstall()
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 20, dead: 20 })
  expect(await openAlerts()).toEqual([])
})

test('R16: Apple says when a token died, so many of them at once are believed', async () => {
  const crowd = await crowdOf('ios', 24)
  for (const phone of crowd.phones.slice(0, 16)) roost.simulator.apns.killToken(phone.token as string)
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 8, dead: 16 })
  expect(await openAlerts()).toEqual([])
})

test('R16: when nothing at all is accepted even deaths with a time are held', async () => {
  const crowd = await crowdOf('ios', 12)
  for (const phone of crowd.phones) roost.simulator.apns.killToken(phone.token as string)
  await crowd.send()
  expect(await crowd.states()).toEqual({ suspect: 12 })
  const [alert] = await openAlerts()
  expect(alert).toMatchObject({ data: { cause: 'nothing_accepted', part: 'production' } })
  await decide(alert?.id as string, 'forget')
})

test('R16: what one environment says holds no death of the other one', async () => {
  const crowd = await crowdOf('android', 30)
  const phone = await roost.phone('ios')
  roost.clock.advance(60 * MINUTE_MS)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  roost.simulator.apns.killToken(phone.token as string)
  await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'dead' }])
  await decide((await openAlerts())[0]?.id as string, 'forget')
})

test('R16: an outage that lasts does not become the norm: what was held does not count until it is released', async () => {
  const crowd = await crowdOf('android', 36)
  callDead(crowd.phones.slice(0, 12))
  await crowd.send()
  for (const from of [12, 24]) {
    roost.clock.advance(11 * MINUTE_MS)
    callDead(crowd.phones.slice(from, from + 12))
    await crowd.send()
    expect(await crowd.states()).toEqual({ active: 24, suspect: 12 })
  }
  await decide((await openAlerts())[0]?.id as string, 'forget')
})

test('R16: what died in the last seven days is added up once a minute, not for each chunk', async () => {
  const crowd = await crowdOf('android', 40)
  callDead(crowd.phones.slice(0, 1))
  await crowd.send()
  const aWeekOfDeaths = `
    insert into gateway_tally (app_id, credential_id, part, at, accepted, mismatched, dead, dead_untimed)
    select app_id, credential_id, part, at - interval '2 days', 500, 0, 0, 500
      from gateway_tally where dead_untimed > 0 order by at desc limit 1`
  const { rowCount } = await roost.server.db.query(aWeekOfDeaths)
  expect(rowCount).toBe(1)
  callDead(crowd.phones.slice(1, 25))
  await crowd.send()
  expect(await crowd.states(), 'within the minute').toEqual({ active: 15, dead: 1, suspect: 24 })
  await decide((await openAlerts())[0]?.id as string, 'forget')
  roost.clock.advance(MINUTE_MS)
  callDead(crowd.phones.slice(1, 25))
  await crowd.send()
  expect(await crowd.states(), 'after it').toEqual({ active: 15, dead: 25 })
})

test('R16: an app of five devices loses none when all of them are called dead', async () => {
  const crowd = await crowdOf('android', 5)
  callDead(crowd.phones)
  await crowd.send()
  expect(await crowd.states()).toEqual({ suspect: 5 })
  const [alert] = await openAlerts()
  expect(alert).toMatchObject({ held: 5, data: { cause: 'nothing_accepted' } })
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 5 })
  await decide(alert?.id as string, 'forget')
})

test('R16: who sends little is guarded, too: from the tenth death in a row that nothing was accepted between', async () => {
  const crowd = await crowdOf('android', 12)
  callDead(crowd.phones)
  for (const { hwid } of crowd.phones) {
    roost.clock.advance(20 * MINUTE_MS)
    await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title: 'Hello' } })
  }
  expect(await crowd.states()).toEqual({ dead: 9, suspect: 3 })
  await decide((await openAlerts())[0]?.id as string, 'forget')
})

test('R16: a release is no leave for worse: when nothing is accepted any more, that is held again', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  await decide((await openAlerts())[0]?.id as string, 'release')
  roost.clock.advance(11 * MINUTE_MS)
  callDead(crowd.phones.slice(10))
  await crowd.send()
  expect(await crowd.states()).toEqual({ dead: 10, suspect: 20 })
  await decide((await openAlerts())[0]?.id as string, 'forget')
})

test('R16: of two people who decide otherwise at once one is refused, and nothing is mixed', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  const id = (await openAlerts())[0]?.id as string
  const answers = await Promise.all([decide(id, 'release'), decide(id, 'forget')])
  expect(answers.map(it => it.status).sort()).toEqual([200, 409])
  expect(answers.find(it => it.status === 409)?.body).toMatchObject({ code: 'alert_decided' })
  const isReleased = answers[0]?.status === 200
  expect(await crowd.states()).toEqual(isReleased ? { active: 20, dead: 10 } : { active: 30 })
})

test('R16: a decision that a crash cut off is carried to its end by the job, as is what was held while it was made', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  const id = (await openAlerts())[0]?.id as string
  const { db } = roost.server
  const at = roost.clock.now()
  await db.query("update alert set state = 'released', closed_at = $2, closed_by = 'her' where id = $1", [
    id,
    new Date(at),
  ])
  const changed = await settleDecisions(db, at)
  expect(changed, 'the rest is done by the job of the running server').toBeLessThanOrEqual(10)
  expect(await crowd.states()).toEqual({ active: 20, dead: 10 })
  expect((await roost.ledger(crowd.phones[0]?.hwid as string)).at(-1)).toMatchObject({
    evidence: { by: 'her' },
  })
})

test('R16: a death that is held is held by the alert, whatever doubt there was before', async () => {
  const crowd = await crowdOf('ios', 12)
  await crowd.send()
  const [doubted] = crowd.phones
  roost.simulator.apns.faults.answerFor(
    doubted?.token as string,
    { status: 400, reason: 'BadDeviceToken' },
    1,
  )
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 11, suspect: 1 })
  roost.clock.advance(60 * MINUTE_MS)
  for (const phone of crowd.phones) roost.simulator.apns.killToken(phone.token as string)
  await crowd.send()
  const [alert] = await openAlerts()
  expect(alert).toMatchObject({ held: 12 })
  expect(await decide(alert?.id as string, 'release')).toMatchObject({ body: { changed: 12 } })
  expect(await crowd.states()).toEqual({ dead: 12 })
})

test('R16: deaths that were released by mistake come back by the message that met them', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  const { id: messageId } = await roost.sendAndSettle({
    to: { devices: crowd.phones.map(it => it.hwid) },
    content: { title: 'Hello' },
  })
  await decide((await openAlerts())[0]?.id as string, 'release')
  expect(await crowd.states()).toEqual({ active: 20, dead: 10 })
  const undo = await roost.rest('POST', `/v1/apps/${roost.app}/removals/undo`, { messageId })
  expect(undo.body).toMatchObject({ restored: 10 })
  expect(await crowd.states()).toEqual({ active: 30 })
})

test('R16: an alert that holds nothing any more closes after a day, so that the next incident is told of', async () => {
  const crowd = await crowdOf('android', 30)
  callDead(crowd.phones.slice(0, 10))
  await crowd.send()
  await crowd.send()
  const id = (await openAlerts())[0]?.id as string
  await settleDecisions(roost.server.db, roost.clock.now() + 20 * 60 * MINUTE_MS)
  expect((await openAlerts()).map(it => it.id)).toEqual([id])
  await settleDecisions(roost.server.db, roost.clock.now() + 25 * 60 * MINUTE_MS)
  expect(await openAlerts()).toEqual([])
})

test('R14: more than one in a hundred addresses of another project raise an alert, and end none', async () => {
  const crowd = await crowdOf('android', 60)
  for (const phone of crowd.phones.slice(0, 10))
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'sender_id_mismatch' }, 1)
  await crowd.send()
  expect(await crowd.states()).toEqual({ active: 50, quarantined: 10 })
  const [alert] = await openAlerts()
  expect(alert).toMatchObject({ kind: 'wrong_credential', held: 0 })
  const id = alert?.id as string
  expect(await decide(id, 'release')).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  expect(await decide(id, 'close')).toMatchObject({ status: 200, body: { state: 'closed' } })
})

test('an alert that this app does not have is unknown', async () => {
  const path = `/v1/apps/${roost.app}/alerts/0190163d-8694-739b-aea5-966c26f8ad91`
  expect(await roost.rest('GET', path)).toMatchObject({ status: 404, body: { code: 'alert_unknown' } })
  expect(await roost.rest('POST', `${path}/release`)).toMatchObject({ status: 404 })
})
