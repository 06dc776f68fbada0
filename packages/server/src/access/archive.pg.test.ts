/** Archiving an app and taking it back, against the whole server: nothing is sent by it, nothing is lost by it. */
import type { ScheduleView, TriggerView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { ageAddresses } from '../hygiene/aging.ts'
import { openDays } from '../hygiene/uninstalls/days.ts'

const DAY_MS = 86_400_000

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const path = (rest = '') => `/v1/apps/${roost.app}${rest}`
const archive = async () => expect((await roost.rest('POST', path('/archive'))).status).toBe(200)
const unarchive = async () => expect((await roost.rest('POST', path('/unarchive'))).status).toBe(200)
const message = { to: { all: true }, content: { title: 'Hello' } } as const
const refusal = { status: 409, body: { code: 'app_archived' } }

describe('an archived app', () => {
  test('takes no registration and sends nothing, and says why; taken back it does both', async () => {
    const phone = await roost.phone('ios', { hwid: 'kept' })
    await archive()
    expect((await roost.rest('GET', path())).body.archivedAt).toEqual(expect.any(String))
    expect(await roost.rest('POST', path('/messages'), message)).toMatchObject(refusal)
    expect(await roost.rest('PUT', path('/devices/new'), { platform: 'ios' })).toMatchObject(refusal)
    const auth = { auth: 'test-server-token-of-enough-length' }
    const old = await roost.device('createMessage', { ...auth, notifications: [{ content: 'x' }] })
    expect(old.body).toMatchObject({ status_code: 409, status_message: expect.stringContaining('archived') })
    const bulk = { ...auth, devices: [{ hwid: 'new', platform: 1 }] }
    expect((await roost.device('bulkRegisterDevice', bulk)).body.status_code).toBe(409)
    const registered = await roost.device('registerDevice', {
      hwid: 'new',
      device_type: 1,
      push_token: 'ab'.repeat(32),
    })
    expect(registered).toMatchObject({
      status: 409,
      body: { status_message: expect.stringContaining('is archived') },
    })
    expect((await roost.rest('GET', path('/devices/new'))).status).toBe(404)
    await unarchive()
    const toIt = { ...message, to: { devices: ['kept'] } }
    expect((await roost.sendAndSettle(toIt)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect((await roost.device('applicationOpen', { hwid: 'new' })).body.status_code).toBe(200)
    phone.close()
  })

  test('lets devices unregister and log out, so that nobody gets a push afterwards that is not theirs', async () => {
    await roost.phone('ios', { hwid: 'leaves' })
    await roost.phone('ios', { hwid: 'changes', userId: 'former' })
    await archive()
    expect((await roost.device('unregisterDevice', { hwid: 'leaves' })).body.status_code).toBe(200)
    const logout = { hwid: 'changes', userId: 'changes' }
    expect((await roost.device('registerUser', logout)).body.status_code).toBe(200)
    const calls = ['/users/former/logout', '/devices/leaves/unregister', '/erasures', '/receipts'] as const
    const bodies = { '/erasures': { hwid: 'changes-not' }, '/receipts': { receipts: [] } } as const
    for (const call of calls) {
      const { body } = await roost.rest('POST', path(call), call in bodies ? bodies[call as '/erasures'] : {})
      expect(body.code, call).not.toBe('app_archived')
    }
    expect(await roost.rest('POST', path('/devices/new/events'), { event: 'x' })).toMatchObject(refusal)
    await unarchive()
    expect((await roost.view('leaves')).addresses[0]?.state).not.toBe('active')
    expect((await roost.view('changes')).userId).toBeNull()
    const { counts } = await roost.sendAndSettle({ to: { users: ['former'] }, content: { title: 'Yours' } })
    expect(counts.accepted).toBe(0)
  })

  test('has all that was under way paused, and it stays so when the app is taken back', async () => {
    const later = await roost.send({ ...message, sendAt: new Date(roost.clock.now() + DAY_MS).toISOString() })
    const schedule = { name: 'Daily', cron: '0 9 * * *', message }
    const { id } = (await roost.rest<{ id: string }>('POST', path('/schedules'), schedule)).body
    const trigger = { name: 'Welcome', event: 'came', message: { content: { title: 'Hi' } } }
    const made = (await roost.rest<{ id: string }>('POST', path('/triggers'), trigger)).body
    await archive()
    expect(await roost.rest('POST', path(`/schedules/${id}/resume`))).toMatchObject(refusal)
    expect(await roost.rest('POST', path(`/messages/${later}/resume`))).toMatchObject(refusal)
    await unarchive()
    roost.clock.advance(2 * DAY_MS)
    expect((await roost.rest('GET', path(`/messages/${later}`))).body.state).toBe('paused')
    const { body } = await roost.rest<ScheduleView>('GET', path(`/schedules/${id}`))
    expect([body.state, body.lastRunAt]).toEqual(['paused', null])
    expect((await roost.rest<TriggerView>('GET', path(`/triggers/${made.id}`))).body.state).toBe('paused')
    expect((await roost.rest('POST', path(`/messages/${later}/resume`))).status).toBe(200)
    await roost.settle(later)
  })

  test('is one on all servers at once', async () => {
    const second = await roost.another({ roles: ['api'] })
    const open = async () =>
      (
        await fetch(`${second.url}/json/1.3/applicationOpen`, {
          method: 'POST',
          headers: { authorization: `Token ${roost.deviceToken}` },
          body: JSON.stringify({ request: { application: roost.app, hwid: 'kept' } }),
        })
      ).status
    expect(await open()).toBe(200)
    roost.clock.stand() // by itself it would be believed for five seconds more
    try {
      await archive()
      while ((await open()) !== 409) await tick()
    } finally {
      roost.clock.run()
    }
    await unarchive()
    await second.close()
  })

  test('has no message that slipped in while it was being archived', async () => {
    const sendAt = new Date(roost.clock.now() + DAY_MS).toISOString()
    const calls = Array.from({ length: 60 }, () =>
      roost.rest('POST', path('/messages'), { ...message, sendAt }),
    )
    await Promise.race(calls) // the others are in the middle of it
    await archive()
    const statuses = (await Promise.all(calls)).map(it => it.status)
    expect(statuses).toContain(202)
    expect(statuses.filter(it => it !== 202 && it !== 409)).toEqual([])
    const { rows } = await roost.server.db.query(
      "select from message m join app on app.id = m.app_id where app.code = $1 and m.state in ('scheduled', 'sending')",
      [roost.app],
    )
    expect(rows).toHaveLength(0)
    await unarchive()
  })

  test('loses nobody for a silence in which nobody could be heard', async () => {
    await roost.phone('ios', { hwid: 'silent' })
    await roost.rest('PATCH', path('/address-policy'), { removeInactive: true, inactiveDays: 90 })
    const stateOf = async () => (await roost.view('silent')).addresses[0]?.state
    await archive()
    roost.clock.advance(500 * DAY_MS)
    await ageAddresses(roost.server.db, roost.clock.now())
    expect(await stateOf()).toBe('active')
    await unarchive()
    await ageAddresses(roost.server.db, roost.clock.now() + 89 * DAY_MS)
    expect(await stateOf()).toBe('active')
    await ageAddresses(roost.server.db, roost.clock.now() + 91 * DAY_MS)
    expect(await stateOf()).toBe('dead')
  })

  test('is not knocked at', async () => {
    expect((await roost.rest('PUT', path('/uninstall-tracking'), { enabled: true })).status).toBe(200)
    await archive()
    const tomorrow = roost.clock.now() + DAY_MS
    expect(await openDays(roost.server.db, tomorrow)).toBe(0)
    await unarchive()
    expect(await openDays(roost.server.db, tomorrow)).toBe(1)
  })
})
