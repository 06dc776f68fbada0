/** The course of a message as a whole, and the rules of those who were never booked, against the real server and the stand-ins. */
import type { ReachDevices, ReachStep, ReachView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../../test/roost.ts'
import { reachPage } from '../../../cli/diagnose/page.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
  await roost.phone('ios', { hwid: 'c-good' })
  await roost.device('registerDevice', { hwid: 'c-mute', device_type: 1 })
  const gone = await roost.phone('ios', { hwid: 'c-gone' })
  await gone.unregister()
  await roost.phone('android', { hwid: 'c-denied' })
  await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/c-denied`, { permission: 'denied' })
})
afterAll(() => roost.close())

const path = (id: string) => `/v1/apps/${roost.app}/messages/${id}`

async function reachOf(id: string): Promise<ReachView> {
  return (await roost.rest<ReachView>('GET', `${path(id)}/reach`)).body
}

async function later(): Promise<string> {
  const sendAt = new Date(roost.clock.now() + HOUR_MS).toISOString()
  return roost.send({ to: { all: true }, content: { title: 'Later' }, sendAt })
}

test('a message that is not due says so as a whole', async () => {
  const reach = await reachOf(await later())
  expect(reach.state).toBe('scheduled')
  expect(reach.course).toMatchObject({
    rule: 'DX-29',
    text: expect.stringMatching(/^The message is due at \w{3} \d+, \d{4}, \d\d:\d\d UTC\.$/),
    pieces: ['The message is due at ', { at: expect.stringMatching(/^\d{4}-.*Z$/) }, '.'],
  })
  const page = reachPage(reach, { hasColors: false, timeZone: 'Asia/Tokyo' })
  expect(page).toMatch(/DX-29 The message is due at \w{3} \d+, \d{4}, \d\d:\d\d GMT\+9\./)
  expect(page).not.toContain('Nothing was lost')
})

test('a paused message says so as a whole, and how it goes on', async () => {
  const id = await later()
  await roost.rest('POST', `${path(id)}/pause`)
  const reach = await reachOf(id)
  expect(reach).toMatchObject({ state: 'paused', course: { rule: 'DX-26', text: 'The message is paused.' } })
  expect(reach.course?.remedy.steps.map(it => it.key)).toEqual(['resume_message'])
})

test('a cancelled message says so as a whole, and no loss of none is called good news', async () => {
  const id = await later()
  await roost.rest('POST', `${path(id)}/cancel`)
  const reach = await reachOf(id)
  expect(reach.course).toMatchObject({ rule: 'DX-26', text: 'The message was cancelled.' })
  const page = reachPage(reach, { hasColors: false, timeZone: 'UTC' })
  expect(page).toContain('DX-26 The message was cancelled.')
  expect(page).toContain('Nothing was booked: it was sent to nobody.')
})

test('a message that was sent has no course that stops it', async () => {
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: { title: 'Now' } })
  expect(await reachOf(id)).toMatchObject({ state: 'done', course: null })
})

test('who was never booked is listed with the rule of their address, and each such step says why', async () => {
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: { title: 'Now' } })
  const rulesAt = async (step: ReachStep) =>
    (await roost.rest<ReachDevices>('GET', `${path(id)}/reach/${step}/devices`)).body.devices.map(it => [
      it.hwid,
      it.rule,
    ])
  expect(await rulesAt('with_address')).toEqual([['c-mute', 'DX-33']])
  expect(await rulesAt('alive')).toEqual([['c-gone', 'DX-49']])
  expect(await rulesAt('permitted')).toEqual([['c-denied', 'DX-45']])
  const reach = await reachOf(id)
  expect(reach.steps.filter(it => it.cause !== null).map(it => [it.step, it.cause?.rule])).toEqual([
    ['with_address', 'DX-33'],
    ['alive', 'DX-49'],
    ['permitted', 'DX-45'],
  ])
  const lines = reachPage(reach, { hasColors: false, timeZone: 'UTC' }).split('\n')
  expect(lines).toContain('−1 Has an address: DX-33 No token')
  expect(lines).toContain('−1 May show notifications: DX-45 Notifications not allowed')
})
