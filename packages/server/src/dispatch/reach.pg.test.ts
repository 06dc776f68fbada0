/** Who is reached: R26 permission, R25 users who come and go, and the devices of a user that a sender picks. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost } from '../../test/roost.ts'

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

test('R26: a device that opts out while its delivery waits is told as such, not as one that is gone', async () => {
  const phone = await roost.phone('android')
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unavailable' }, 1)
  roost.clock.stand() // its next try is due after a second
  onTestFinished(() => roost.clock.run())
  const id = await roost.send({ to: { devices: [phone.hwid] }, content })
  await roost.until(id, message => message.retrying.length > 0)
  await roost.device('applicationOpen', { hwid: phone.hwid, notificationTypes: 0 })
  roost.clock.run()
  roost.clock.advance(60_000)
  expect((await roost.settle(id)).counts).toMatchObject({ accepted: 0, skipped: 1 })
  expect(await exceptionsOf(id)).toEqual([{ hwid: phone.hwid, reason: 'no_permission' }])
  expect(phone.shown).toEqual([])
})

describe('R25: an account switch', () => {
  test('stops what is scheduled for the former user, by name and by condition', async () => {
    const phone = await roost.phone('android', { userId: 'scheduled' })
    const sendAt = new Date(roost.clock.now() + 60_000).toISOString()
    const ids = [
      await roost.send({ to: { users: ['scheduled'] }, content, sendAt }),
      await roost.send({
        to: { condition: { field: 'userId', op: 'eq', value: 'scheduled' } },
        content,
        sendAt,
      }),
    ]
    await phone.logIn('somebody else')
    roost.clock.advance(61_000)
    for (const id of ids) expect((await roost.settle(id)).counts.accepted).toBe(0)
    expect(phone.shown).toEqual([])
  })

  test('stops what is held for the former user until a credential is mended', async () => {
    const phone = await roost.phone('ios', { userId: 'held' })
    roost.simulator.apns.faults.answerEverything({ status: 403, reason: 'InvalidProviderToken' })
    const id = await roost.send({ to: { users: ['held'] }, content })
    await roost.until(id, message => message.held.length > 0)
    await phone.logIn('next')
    roost.simulator.apns.faults.clear()
    const upload = {
      gateway: 'apns',
      kind: 'p8',
      ...roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }),
    }
    expect((await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, upload)).status).toBe(201)
    expect((await roost.settle(id)).counts).toMatchObject({ accepted: 0, skipped: 1 })
    expect(await exceptionsOf(id)).toEqual([{ hwid: phone.hwid, reason: 'no_longer_meant' }])
    expect(phone.shown).toEqual([])
  })

  test.each(['setTags', 'applicationOpen', 'postEvent', 'setBadge', 'unregisterDevice'])(
    'is not undone by a %s of before that comes late',
    async method => {
      const { hwid } = await roost.phone('android', { userId: 'gone' })
      await roost.device('registerUser', { hwid, userId: hwid })
      const late = { hwid, userId: 'gone', tags: { a: 1 }, event: 'Opened', badge: 1 }
      expect((await roost.device(method, late)).body.status_code).toBe(200)
      expect((await roost.view(hwid)).userId).toBe(null)
      await roost.device('registerUser', { hwid, userId: 'came back' })
      await roost.device(method, late)
      expect((await roost.view(hwid)).userId).toBe('came back')
    },
  )

  test('needs no call of its own when the device is new', async () => {
    await roost.device('setTags', { hwid: 'first seen by its tags', userId: 'early', tags: { a: 1 } })
    expect((await roost.view('first seen by its tags')).userId).toBe('early')
  })

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

  test.each(['ios', 'android', 'web'] as const)(
    'finds in the payload of an %s push whom it is for',
    async kind => {
      const userId = `"Zoë" on ${kind}`
      const phone = await roost.phone(kind, { userId, tags: { person: userId } })
      const visitor = await roost.phone(kind, { tags: { person: userId } })
      await roost.sendAndSettle({ to: { users: [userId] }, content })
      expect(phone.shown.at(-1)?.push?.payload).toMatchObject({ ru: userId })
      await roost.sendAndSettle({ to: { devices: [visitor.hwid] }, content })
      expect(visitor.shown.at(-1)?.push?.payload).not.toHaveProperty('ru')
    },
  )

  test('finds it in a push to a browser unless the message is for all and of nobody', async () => {
    const phone = await roost.phone('web', { userId: 'reader', tags: { paper: 'daily' } })
    const ofLast = () => phone.shown.at(-1)?.push?.payload
    await roost.sendAndSettle({ to: { condition: { tag: 'paper', op: 'eq', value: 'daily' } }, content })
    expect(ofLast()).toMatchObject({ ru: 'reader' })
    await roost.sendAndSettle({ to: { all: true }, content: { title: 'For all' } })
    expect(ofLast()).toMatchObject({ header: 'For all' })
    expect(ofLast()).not.toHaveProperty('ru')
    await roost.sendAndSettle({ to: { all: true }, content: { title: 'For {{ user.id }}' } })
    expect(ofLast()).toMatchObject({ header: 'For reader', ru: 'reader' })
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

  test('the latest is the one that its person used last, whatever a back end says of the others', async () => {
    const old = await roost.phone('android', { userId: 'reader' })
    roost.clock.advance(60_000)
    const used = await roost.phone('android', { userId: 'reader' })
    roost.clock.advance(60_000)
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${old.hwid}`, { tags: { tier: 'gold' } })
    const to = { users: ['reader'], userDevices: 'latest' as const }
    expect((await roost.sendAndSettle({ to, content })).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect([old, used].map(it => it.shown.length)).toEqual([0, 1])
    await roost.device('applicationOpen', { hwid: old.hwid })
    await roost.sendAndSettle({ to, content })
    expect([old, used].map(it => it.shown.length)).toEqual([1, 1])
  })

  test('that belong to nobody, visitors, are an audience of their own', async () => {
    const tags = { group: 'visitors' }
    const [visitor, leaver, known] = [
      await roost.phone('android', { tags }),
      await roost.phone('android', { tags, userId: 'leaver of the group' }),
      await roost.phone('ios', { tags, userId: 'known' }),
    ]
    await roost.device('registerUser', { hwid: leaver.hwid, userId: leaver.hwid })
    const isVisitor = { field: 'userId', op: 'unset' } as const
    const condition = { and: [{ tag: 'group', op: 'eq' as const, value: 'visitors' }, isVisitor] }
    expect((await roost.sendAndSettle({ to: { condition }, content })).counts).toMatchObject({ accepted: 2 })
    expect([visitor, leaver, known].map(it => it.shown.length)).toEqual([1, 1, 0])
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
