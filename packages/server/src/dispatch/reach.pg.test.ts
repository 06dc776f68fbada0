/** Who is reached: R26 permission, R25 users who come and go, and the devices of a user that a sender picks. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const content = { title: 'Hello' }
const exceptionsOf = async (id: string) =>
  (
    await roost.server.db.query<{ hwid: string; reason: string }>(
      'select hwid, reason from delivery_exception where message_id = $1 order by hwid',
      [id],
    )
  ).rows

describe('R26: a device that may show nothing', () => {
  test('is not sent to, although its gateway would take it, until it may again', async () => {
    const [muted, heard] = [
      await roost.phone('ios', { tags: { group: 'r26' } }),
      await roost.phone('ios', { tags: { group: 'r26' } }),
    ]
    const toGroup = { to: { condition: { tag: 'group', op: 'eq', value: 'r26' } }, content } as const
    await roost.device('applicationOpen', { hwid: muted.hwid, notificationTypes: 0 })
    expect((await roost.sendAndSettle(toGroup)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect([muted.shown.length, heard.shown.length]).toEqual([0, 1])
    await roost.device('applicationOpen', { hwid: muted.hwid, notificationTypes: 7 })
    expect((await roost.sendAndSettle(toGroup)).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect([muted.shown.length, heard.shown.length]).toEqual([1, 2])
  })

  test('is told as such when it is named', async () => {
    const phone = await roost.phone('android')
    await roost.device('applicationOpen', { hwid: phone.hwid, permission: 'denied' })
    const message = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content })
    expect(message.counts).toMatchObject({ targeted: 1, accepted: 0, skipped: 1 })
    expect(await exceptionsOf(message.id)).toEqual([{ hwid: phone.hwid, reason: 'no_permission' }])
    expect(phone.shown).toEqual([])
  })
})

describe('R25: an account switch', () => {
  test('reaches the user whose device it is now, and not the former one', async () => {
    const phone = await roost.phone('android', { userId: 'former' })
    await roost.device('registerUser', { hwid: phone.hwid, userId: 'later' })
    expect((await roost.sendAndSettle({ to: { users: ['former'] }, content })).counts).toMatchObject({
      accepted: 0,
    })
    expect((await roost.sendAndSettle({ to: { users: ['later'] }, content })).counts).toMatchObject({
      accepted: 1,
    })
    expect(phone.shown).toHaveLength(1)
  })

  test('a user who is logged out everywhere is reached nowhere', async () => {
    const phones = [
      await roost.phone('android', { userId: 'leaver' }),
      await roost.phone('ios', { userId: 'leaver' }),
    ]
    const path = `/v1/apps/${roost.app}/users/leaver`
    expect((await roost.rest('POST', `${path}/logout`)).body).toEqual({ devices: 2 })
    expect((await roost.rest('GET', path)).body).toMatchObject({ code: 'user_unknown' })
    expect((await roost.sendAndSettle({ to: { users: ['leaver'] }, content })).counts).toMatchObject({
      accepted: 0,
    })
    expect(phones.flatMap(it => it.shown)).toEqual([])
  })

  test('a user that was merged into another is reached under the other name alone', async () => {
    const phone = await roost.phone('android', { userId: 'alias' })
    const merge = () => roost.rest('POST', `/v1/apps/${roost.app}/users/alias/merge`, { into: 'person' })
    expect((await merge()).body).toEqual({ devices: 1 })
    expect((await merge()).body).toEqual({ devices: 0 })
    await roost.sendAndSettle({ to: { users: ['alias', 'person'] }, content })
    expect(phone.shown).toHaveLength(1)
  })
})

describe('the devices of a user', () => {
  test('are all sent to, or the latest alone, as the sender wants', async () => {
    const before = await roost.phone('android', { userId: 'owner' })
    roost.clock.advance(60_000)
    const latest = await roost.phone('ios', { userId: 'owner' })
    const other = await roost.phone('web', { userId: 'second owner' })
    const to = { users: ['owner', 'second owner'], userDevices: 'latest' as const }
    expect((await roost.sendAndSettle({ to, content })).counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect([before, latest, other].map(it => it.shown.length)).toEqual([0, 1, 1])
    await roost.sendAndSettle({ to: { ...to, userDevices: 'all' }, content })
    expect([before, latest, other].map(it => it.shown.length)).toEqual([1, 2, 2])
  })

  test('the latest is one that can be reached, if there is one', async () => {
    const reached = await roost.phone('android', { userId: 'walker' })
    roost.clock.advance(60_000)
    const muted = await roost.phone('android', { userId: 'walker' })
    await roost.device('applicationOpen', { hwid: muted.hwid, notificationTypes: 0 })
    await roost.device('applicationOpen', { hwid: 'a tablet without a token', userId: 'walker' })
    const to = { users: ['walker', 'nobody'], userDevices: 'latest' as const }
    const message = await roost.sendAndSettle({ to, content })
    expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
    expect(await exceptionsOf(message.id)).toEqual([{ hwid: 'nobody', reason: 'user_unknown' }])
    expect([reached.shown.length, muted.shown.length]).toEqual([1, 0])
  })
})
