/** The inbox over the wire: who finds what in it, in the words of the device protocol and over REST. */
import { randomBytes } from 'node:crypto'
import type { InboxView, NewInbox } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { bucketOf } from '../registry/buckets.ts'
import { sweepErasures } from '../registry/erase/erase.ts'
import { cleanInboxes } from './clean.ts'
import { fillMembers } from './members.ts'
import { countUnread } from './unread.ts'

let roost: TestRoost
beforeAll(async () => {
  // Without jobs of its own, so that none comes in between.
  roost = await startRoost({ roles: ['api', 'send'] })
})
afterAll(() => roost.close())

const DAY_MS = 24 * 3_600_000
const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`
const inboxPath = (hwid: string, rest = '') => `/v1/apps/${roost.app}/devices/${hwid}/inbox${rest}`
const inDays = (days: number) => new Date(roost.clock.now() + days * DAY_MS).toISOString()
const entriesOf = async (hwid: string) => {
  const answer = await roost.rest<InboxView>('GET', inboxPath(hwid))
  expect(answer.status).toBe(200)
  return answer.body.entries
}
const titlesOf = async (hwid: string) => (await entriesOf(hwid)).map(it => it.title)
const db = () => roost.server.db
const appId = async () =>
  (await db().query<{ id: number }>('select id from app where code = $1', [roost.app])).rows[0]?.id as number

/** A device without address and permission. */
async function silentDevice(fields: Record<string, unknown> = {}): Promise<string> {
  const hwid = name('silent')
  const said = { hwid, device_type: 1, notificationTypes: 0, ...fields }
  expect((await roost.device('registerDevice', said)).body.status_code).toBe(200)
  return hwid
}

/** As a page does it, with the device token. */
async function patch(hwid: string, id: string | undefined, state: string): Promise<void> {
  const response = await fetch(`${roost.url}${inboxPath(hwid, `/${id}`)}`, {
    method: 'PATCH',
    headers: { authorization: `Token ${roost.deviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ state }),
  })
  expect(response.status).toBe(204)
}

interface CompatInbox {
  readonly messages: Record<string, unknown>[]
  readonly next: string
  readonly deleted: string[]
  readonly new_inbox: number
}

async function compatInbox(hwid: string, fields: Record<string, unknown> = {}): Promise<CompatInbox> {
  const { body } = await roost.device('getInboxMessages', { hwid, ...fields })
  expect(body.status_code).toBe(200)
  return body.response as unknown as CompatInbox
}

/** As it was before the job came by, which it may do at any time. */
async function rewindMembers(id: string): Promise<void> {
  await db().query('delete from inbox_members where message_id = $1', [id])
  await db().query('update inbox_message set is_filled = (message_id <> $1)', [id])
}

const toAll = (title: string, inbox: NewInbox = {}) =>
  roost.sendAndSettle({ to: { all: true }, content: { title, body: 'text' }, inbox })

describe('who finds a message', () => {
  test('a campaign is in the inbox of devices with and without address, and pushed to those with one', async () => {
    const phone = await roost.phone('ios', { hwid: name('phone') })
    const silent = await silentDevice()
    const title = name('title')
    const { counts } = await toAll(title)
    expect(counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(await titlesOf(phone.hwid)).toContain(title)
    expect(await titlesOf(silent)).toContain(title)
  })

  test('a message without inbox is in none', async () => {
    const silent = await silentDevice()
    await roost.sendAndSettle({ to: { all: true }, content: { title: 'push alone' } })
    expect(await titlesOf(silent)).toEqual([])
  })

  test('a message for the inbox alone pushes nothing', async () => {
    const phone = await roost.phone('android', { hwid: name('phone') })
    const title = name('title')
    const { counts, state } = await toAll(title, { only: true })
    expect(state).toBe('done')
    expect(counts).toMatchObject({ targeted: 0, accepted: 0 })
    expect(phone.shownCount).toBe(0)
    expect(await titlesOf(phone.hwid)).toContain(title)
  })

  test('a device that comes later finds nothing of what was sent before', async () => {
    await toAll('too early')
    roost.clock.advance(1000)
    expect(await titlesOf(await silentDevice())).toEqual([])
  })

  test('a device that was named finds it, another one does not', async () => {
    const [named, other] = [await silentDevice(), await silentDevice()]
    await roost.sendAndSettle({ to: { devices: [named] }, content: { title: 'you' }, inbox: {} })
    expect(await titlesOf(named)).toEqual(['you'])
    expect(await titlesOf(other)).toEqual([])
  })

  test.each([
    ['before the members are written', false],
    ['after', true],
  ])('whom a condition met when it was sent, finds it: asked %s', async (_when, isFilled) => {
    const tag = name('tag')
    const [member, other] = [await silentDevice({ tags: { [tag]: 1 } }), await silentDevice()]
    const condition = { tag, op: 'eq' as const, value: 1 }
    await roost.sendAndSettle({ to: { condition }, content: { title: 'members' }, inbox: {} })
    if (isFilled) await fillMembers(db(), roost.clock.now())
    expect(await titlesOf(member)).toEqual(['members'])
    expect(await titlesOf(other)).toEqual([])
    // The tags of later days change nothing of it.
    await roost.device('setTags', { hwid: member, tags: { [tag]: 2 } })
    await roost.device('setTags', { hwid: other, tags: { [tag]: 1 } })
    expect(await titlesOf(member)).toEqual(['members'])
    expect(await titlesOf(other)).toEqual([])
  })
})

describe('another person on the same device', () => {
  const logIn = (hwid: string, userId: string) => roost.device('registerUser', { hwid, userId })

  test.each([
    ['the user', (_: string, user: string) => ({ users: [user] })],
    ['the device', (hwid: string) => ({ devices: [hwid] })],
    [
      'a condition',
      (_: string, user: string) => ({
        condition: { field: 'userId' as const, op: 'eq' as const, value: user },
      }),
    ],
  ])('is not shown what was sent to %s while somebody else was logged in', async (_to, target) => {
    const [anna, ben] = [name('anna'), name('ben')]
    const hwid = await silentDevice({ userId: anna })
    await roost.sendAndSettle({ to: target(hwid, anna), content: { title: 'for Anna' }, inbox: {} })
    expect(await titlesOf(hwid)).toEqual(['for Anna'])
    await logIn(hwid, ben)
    expect(await titlesOf(hwid)).toEqual([])
    expect((await compatInbox(hwid)).messages).toEqual([])
    await logIn(hwid, hwid) // nobody is logged in
    expect(await titlesOf(hwid)).toEqual([])
    await logIn(hwid, anna)
    expect(await titlesOf(hwid)).toEqual(['for Anna'])
  })

  test('is shown nothing of the former one by a call that overtakes the login', async () => {
    const anna = name('anna')
    const hwid = await silentDevice({ userId: anna })
    await roost.sendAndSettle({ to: { users: [anna] }, content: { title: 'for Anna' }, inbox: {} })
    expect((await compatInbox(hwid, { userId: name('ben') })).messages).toEqual([])
    expect((await compatInbox(hwid, { userId: anna })).messages).toHaveLength(1)
    // What clients say that know of no login.
    expect((await compatInbox(hwid, { userId: hwid })).messages).toHaveLength(1)
  })

  test('reads nothing of the former one over REST either, where the app says whom it believes to be logged in', async () => {
    roost.clock.advance(1000) // what other tests sent to all is not for this device
    const anna = name('anna')
    const hwid = await silentDevice({ userId: anna })
    for (const to of [{ all: true as const }, { users: [anna] }])
      await roost.sendAndSettle({ to, content: { title: Object.keys(to)[0] }, inbox: { only: true } })
    const readAs = async (userId: string) => {
      const query = `?userId=${encodeURIComponent(userId)}`
      const { status, body } = await roost.rest<InboxView>('GET', inboxPath(hwid, query))
      return [status, body.entries.map(it => it.title), body.unread]
    }
    expect(await readAs(name('ben'))).toEqual([200, ['all'], 1])
    for (const same of [anna, hwid, '']) expect(await readAs(same)).toEqual([200, ['users', 'all'], 2])
  })

  test.each([
    ['before anybody asks', false],
    ['by the job', true],
  ])(
    'is shown nothing of the former one when a condition is written down after the login: %s',
    async (_when, isByJob) => {
      const [anna, ben, tag] = [name('anna'), name('ben'), name('tag')]
      const [hwid, left, kept] = [
        await silentDevice({ userId: anna, tags: { [tag]: 1 } }),
        await silentDevice({ userId: anna, tags: { [tag]: 1 } }),
        await silentDevice({ userId: anna, tags: { [tag]: 1 } }),
      ]
      const condition = { tag, op: 'eq' as const, value: 1 }
      const { id } = await roost.sendAndSettle({
        to: { condition },
        content: { title: 'for Anna' },
        inbox: {},
      })
      await logIn(hwid, ben)
      await logIn(left, left) // logged out: of a device that is nobody's, whoever comes next would see it
      await rewindMembers(id)
      if (isByJob) expect(await fillMembers(db(), roost.clock.now())).toEqual({ messages: 1, leftOut: 2 })
      expect([await titlesOf(hwid), await titlesOf(left)]).toEqual([[], []])
      expect(await titlesOf(kept)).toEqual(['for Anna'])
      await logIn(left, ben)
      expect(await titlesOf(left)).toEqual([])
    },
  )

  test('who is called by the name of another device is not taken for it', async () => {
    const tag = name('tag')
    const phone = name('a')
    const named = sameBucketAs(phone)
    // Rows are written in the order of names: the person on the first has the name of the second.
    await silentDevice({ hwid: phone, userId: named, tags: { [tag]: 1 } })
    await silentDevice({ hwid: named, tags: { [tag]: 1 } })
    const condition = { tag, op: 'eq' as const, value: 1 }
    await roost.sendAndSettle({ to: { condition }, content: { title: 'two' }, inbox: {} })
    expect([await titlesOf(phone), await titlesOf(named)]).toEqual([['two'], ['two']])
    expect((await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${named}`)).status).toBe(200)
    expect(await titlesOf(phone)).toEqual(['two'])
  })

  test('does not lose what the former one did before, where that is told after the login', async () => {
    roost.clock.advance(1000) // what other tests sent to all is not for this device
    const [anna, ben] = [name('anna'), name('ben')]
    const hwid = await silentDevice({ userId: anna })
    const ids = []
    for (const to of [{ all: true as const }, { users: [anna] }])
      ids.push((await roost.sendAndSettle({ to, content: { title: 'x' }, inbox: { only: true } })).id)
    const statesOf = async () => (await entriesOf(hwid)).map(it => it.state)
    await logIn(hwid, ben)
    for (const [i, id] of ids.entries())
      await roost.device('inboxStatus', { hwid, userId: anna, hash: id.replaceAll('-', ''), status: 2 + i })
    expect(await statesOf()).toEqual(['new']) // Ben's own, of what is for all
    await logIn(hwid, anna)
    expect(await statesOf()).toEqual(['opened', 'read'])
  })

  test('stays deleted on a device that a back end has logged out and whose app does not know of it', async () => {
    roost.clock.advance(1000) // what other tests sent to all is not for this device
    const anna = name('anna')
    const hwid = await silentDevice({ userId: anna })
    const { id } = await toAll('for all', { only: true })
    await roost.rest('POST', `/v1/apps/${roost.app}/users/${anna}/logout`)
    const shown = async () => (await compatInbox(hwid, { userId: anna })).messages
    expect(await shown()).toHaveLength(1)
    await roost.device('inboxStatus', { hwid, userId: anna, hash: id.replaceAll('-', ''), status: 4 })
    expect(await shown()).toEqual([])
  })

  test('of whom the device never was marks nothing of theirs', async () => {
    const [anna, ben] = [name('anna'), name('ben')]
    const [hwid, bens] = [await silentDevice({ userId: anna }), await silentDevice({ userId: ben })]
    const to = { users: [anna, ben] }
    const { id } = await roost.sendAndSettle({ to, content: { title: 'x' }, inbox: { only: true } })
    const said = { userId: ben, hash: id.replaceAll('-', ''), status: 4 }
    await roost.device('inboxStatus', { hwid, ...said })
    expect((await entriesOf(hwid)).map(it => it.state)).toEqual(['new'])
    await logIn(hwid, ben)
    expect([await titlesOf(bens), (await entriesOf(bens))[0]?.state]).toEqual([['x'], 'new'])
    const { rowCount } = await db().query(
      'select from inbox_entry where message_id = $1 and status is not null',
      [id],
    )
    expect(rowCount).toBe(0)
  })

  test('has states of their own in what is for all', async () => {
    const hwid = await silentDevice({ userId: name('anna') })
    const id = (await toAll('for all', { only: true })).id
    await patch(hwid, id, 'deleted')
    expect(await titlesOf(hwid)).toEqual([])
    await logIn(hwid, name('ben'))
    expect(await titlesOf(hwid)).toEqual(['for all'])
  })
})

describe('the states of an entry', () => {
  const statusOf = async (hwid: string) => (await compatInbox(hwid)).messages.map(it => it.status)
  const say = (hwid: string, code: unknown, status: unknown) =>
    roost.device('inboxStatus', { hwid, inbox_code: code, status, hash: '' })

  test('only go on, however late and often they are told', async () => {
    const hwid = await silentDevice()
    await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title: 'states' }, inbox: {} })
    const [message] = (await compatInbox(hwid)).messages
    expect(await statusOf(hwid)).toEqual([1])
    await say(hwid, message?.order, 2)
    expect(await statusOf(hwid)).toEqual([2])
    await say(hwid, Number(message?.order), '3')
    await say(hwid, message?.order, 1)
    await say(hwid, message?.order, 2)
    expect(await statusOf(hwid)).toEqual([3])
    await say(hwid, message?.order, 4)
    await say(hwid, message?.order, 2)
    expect(await compatInbox(hwid)).toEqual({
      messages: [],
      next: '',
      deleted: [message?.order],
      new_inbox: 0,
    })
  })

  test('are kept of no message that the device has not, and of no made-up state', async () => {
    const [hwid, other] = [await silentDevice(), await silentDevice()]
    await roost.sendAndSettle({ to: { devices: [other] }, content: { title: 'not yours' }, inbox: {} })
    const order = (await compatInbox(other)).messages[0]?.order
    for (const [code, status] of [
      [order, 2],
      ['999999', 2],
      ['x', 2],
      [{}, 2],
      [order, 9],
      [order, 'read'],
    ])
      expect((await say(hwid, code, status)).body).toMatchObject({ status_code: 200, response: null })
    const { rows } = await db().query('select from inbox_entry where hwid = $1', [hwid])
    expect(rows).toHaveLength(0)
    expect(await statusOf(other)).toEqual([1])
  })

  test('make the unread count, for one device and for many at once', async () => {
    const [hwid, other] = [await silentDevice(), await silentDevice()]
    for (const title of ['one', 'two'])
      await roost.sendAndSettle({ to: { devices: [hwid, other] }, content: { title }, inbox: {} })
    const [newest] = await entriesOf(hwid)
    await patch(hwid, newest?.id, 'read')
    const counted = await roost.rest<InboxView>('GET', inboxPath(hwid, '?limit=0'))
    expect(counted.body).toMatchObject({ entries: [], unread: 1 })
    const query = { appId: await appId(), hwids: [hwid, other, 'nobody'], at: roost.clock.now() }
    expect(await countUnread(db(), query)).toEqual(
      new Map([
        [hwid, 1],
        [other, 2],
      ]),
    )
  })
})

describe('over the device protocol', () => {
  test('the fields have the types that clients need', async () => {
    const hwid = await silentDevice()
    const until = inDays(3)
    const content = { title: 'Title', body: 'Text', image: 'https://127.0.0.1:9/a.png', data: { k: 1 } }
    const { id } = await roost.sendAndSettle({
      to: { devices: [hwid] },
      content: { ...content, url: 'https://shop.example.com', onBadImage: 'warn' },
      inbox: { until },
    })
    const { messages } = await compatInbox(hwid, { count: 0, last_code: '', last_request_time: 0 })
    expect(messages).toEqual([
      {
        inbox_id: expect.stringMatching(/^\d+$/),
        order: messages[0]?.inbox_id,
        rt: String(Math.floor(Date.parse(until) / 1000)),
        send_date: expect.stringMatching(/^\d{10}$/),
        title: 'Title',
        text: 'Text',
        image: content.image,
        action_type: 2,
        action_params: JSON.stringify({ l: 'https://shop.example.com', u: { k: 1 } }),
        status: 1,
        hash: id.replaceAll('-', ''),
      },
    ])
  })

  test('pages hold every message once, newest first', async () => {
    const hwid = await silentDevice()
    for (const title of ['1', '2', '3'])
      await roost.sendAndSettle({ to: { devices: [hwid] }, content: { title }, inbox: {} })
    const titles = (page: CompatInbox) => page.messages.map(it => it.title)
    const first = await compatInbox(hwid, { count: 2 })
    const second = await compatInbox(hwid, { count: '2', last_code: first.next })
    expect([titles(first), titles(second), second.next]).toEqual([['3', '2'], ['1'], ''])
    const overRest = await roost.rest<InboxView>('GET', inboxPath(hwid, '?limit=2'))
    const rest = await roost.rest<InboxView>('GET', inboxPath(hwid, `?limit=2&after=${overRest.body.next}`))
    expect(rest.body.entries.map(it => it.title)).toEqual(['1'])
    expect(rest.body.next).toBeNull()
  })

  test('a device that was never seen has an empty inbox, and does not come to be', async () => {
    const hwid = name('stranger')
    expect((await compatInbox(hwid)).messages).toEqual([])
    expect((await roost.rest('GET', `/v1/apps/${roost.app}/devices/${hwid}`)).status).toBe(404)
  })
})

describe('over REST', () => {
  const get = (hwid: string, authorization: string) =>
    fetch(`${roost.url}${inboxPath(hwid)}`, {
      headers: { authorization, origin: 'https://shop.example.com' },
    })

  test('the device token of the app is enough; another one or none is not', async () => {
    const hwid = await silentDevice()
    const answer = await get(hwid, `Token ${roost.deviceToken}`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example.com')
    expect((await get(hwid, 'Token roost_device_nonsense')).status).toBe(403)
    expect((await get(hwid, `Bearer ${roost.deviceToken}`)).status).toBe(401)
    expect((await get(hwid, '')).status).toBe(401)
  })

  test('a state of a message that the inbox has not is 404', async () => {
    const hwid = await silentDevice()
    const path = inboxPath(hwid, '/01a202e8-8127-730f-89bc-a849b72f1491')
    expect(await roost.rest('PATCH', path, { state: 'read' })).toMatchObject({ status: 404 })
  })

  test.each([
    ['is over before the sending', -1],
    ['is more than a year away', 400],
  ])('a date that %s is refused', async (_what, days) => {
    const message = { to: { all: true }, content: { title: 'x' }, inbox: { until: inDays(days) } }
    const answer = await roost.rest('POST', `/v1/apps/${roost.app}/messages`, message)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(answer.body.detail).toContain('inbox/until')
  })
})

function sameBucketAs(hwid: string): string {
  for (;;) {
    const other = name('two')
    if (bucketOf(other) === bucketOf(hwid)) return other
  }
}

describe('the end of an entry', () => {
  test('is its date; a job takes away what is left of it', async () => {
    const hwid = await silentDevice({ tags: { end: 1 } })
    const inbox = { until: inDays(2) }
    for (const to of [{ devices: [hwid] }, { condition: { tag: 'end', op: 'eq' as const, value: 1 } }])
      await roost.sendAndSettle({ to, content: { title: 'ends' }, inbox })
    expect(await titlesOf(hwid)).toEqual(['ends', 'ends'])
    roost.clock.advance(2 * DAY_MS + 1000)
    expect(await titlesOf(hwid)).toEqual([])
    expect(await cleanInboxes(db(), roost.clock.now())).toBeGreaterThanOrEqual(2)
    const left = await db().query('select from inbox_entry where hwid = $1', [hwid])
    const members = await db().query(
      'select from inbox_members s where not exists (select from inbox_message i where i.message_id = s.message_id)',
    )
    expect([left.rowCount, members.rowCount]).toEqual([0, 0])
  })

  test('comes with the device: one that registers again under its name finds nothing', async () => {
    const tag = name('tag')
    const hwid = await silentDevice({ userId: name('anna'), tags: { [tag]: 1 } })
    const neighbour = await silentDevice({ tags: { [tag]: 1 } })
    const condition = { tag, op: 'eq' as const, value: 1 }
    for (const to of [{ devices: [hwid] }, { condition }])
      await roost.sendAndSettle({ to, content: { title: 'erased' }, inbox: {} })
    await fillMembers(db(), roost.clock.now())
    const size = async () =>
      (
        await db().query<{ bytes: number }>(
          'select sum(octet_length(members))::integer as bytes from inbox_members',
        )
      ).rows[0]?.bytes ?? 0
    const before = await size()
    expect((await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${hwid}`)).body).toMatchObject({
      counts: { inbox_entry: 1, inbox_members: 1 },
    })
    expect(await size()).toBe(before - 16)
    await roost.device('registerDevice', { hwid, device_type: 1, tags: { [tag]: 1 } })
    expect(await titlesOf(hwid)).toEqual([])
    expect(await titlesOf(neighbour)).toEqual(['erased'])
  })

  test('of a person comes with all their devices, also with two of one bucket', async () => {
    const anna = name('anna')
    const one = name('one')
    const two = sameBucketAs(one)
    for (const hwid of [one, two])
      await roost.device('registerDevice', { hwid, device_type: 1, userId: anna })
    const condition = { field: 'userId' as const, op: 'eq' as const, value: anna }
    const { id } = await roost.sendAndSettle({ to: { condition }, content: { title: 'erased' }, inbox: {} })
    await fillMembers(db(), roost.clock.now())
    const left = async () =>
      (
        await db().query<{ bytes: number }>(
          'select sum(octet_length(members))::integer as bytes from inbox_members where message_id = $1',
          [id],
        )
      ).rows[0]?.bytes
    expect(await left()).toBe(32)
    await roost.rest('POST', `/v1/apps/${roost.app}/erasures`, { userId: anna })
    expect(await left()).toBe(0)
  })

  test('also when a bucket was being written while its device was erased', async () => {
    const tag = name('tag')
    const hwid = await silentDevice({ tags: { [tag]: 1 } })
    const condition = { tag, op: 'eq' as const, value: 1 }
    const { id } = await roost.sendAndSettle({ to: { condition }, content: { title: 'late' }, inbox: {} })
    await fillMembers(db(), roost.clock.now())
    const { rows } = await db().query<{ members: Buffer }>(
      'select members from inbox_members where message_id = $1 and bucket = $2',
      [id, bucketOf(hwid)],
    )
    await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${hwid}`)
    // As a writer leaves it that has read the devices before.
    const write = 'update inbox_members set members = $3 where message_id = $1 and bucket = $2'
    await db().query(write, [id, bucketOf(hwid), rows[0]?.members])
    await sweepErasures(db(), roost.clock.now() + DAY_MS)
    const after = await db().query('select from inbox_members where message_id = $1 and members <> $2', [
      id,
      '',
    ])
    expect(after.rowCount).toBe(0)
  })

  test('of a person comes on the phones of others, too', async () => {
    const anna = name('anna')
    const hwid = await silentDevice({ userId: anna })
    await roost.sendAndSettle({ to: { users: [anna] }, content: { title: 'for Anna' }, inbox: {} })
    await roost.device('registerUser', { hwid, userId: name('ben') })
    const answer = await roost.rest('POST', `/v1/apps/${roost.app}/erasures`, { userId: anna })
    expect(answer.body).toMatchObject({ counts: { inbox_entry: 1 } })
    const { rows } = await db().query('select from inbox_entry where user_id = $1', [anna])
    expect(rows).toHaveLength(0)
  })
})

describe('what an entry says', () => {
  test('is in the language of the device, with its tags, by the words of its platform', async () => {
    const [german, other] = [
      await silentDevice({ language: 'de-AT', tags: { Name: 'Anna' } }),
      await silentDevice(),
    ]
    const content = {
      title: 'Hello {{ tags.Name | default: "you" }}',
      body: 'text',
      languages: { de: { title: 'Hallo {{ tags.Name }}' } },
      apns: { body: 'for iOS' },
    }
    await roost.sendAndSettle({ to: { devices: [german, other] }, content, inbox: {} })
    expect(await entriesOf(german)).toMatchObject([{ title: 'Hallo Anna', body: 'for iOS' }])
    expect((await compatInbox(other)).messages).toMatchObject([{ title: 'Hello you', text: 'for iOS' }])
  })

  test('is nothing where a variable has no value: the entry is not shown, as nothing was pushed', async () => {
    const hwid = await silentDevice()
    const content = { title: 'Hello {{ tags.Name }}' }
    await roost.sendAndSettle({ to: { devices: [hwid] }, content, inbox: {} })
    const { body } = await roost.rest<InboxView>('GET', inboxPath(hwid))
    expect(body).toEqual({ entries: [], unread: 0, next: null })
  })

  test('is counted as unread only for devices that it is shown to', async () => {
    const [known, unknown, iPhone] = [
      await silentDevice({ tags: { Name: 'Anna' } }),
      await silentDevice({ device_type: 3 }),
      await silentDevice(),
    ]
    const devices = [known, unknown, iPhone]
    for (const content of [
      { title: 'for all' },
      { title: 'Hello {{ tags.Name }}' },
      { title: 'not on iPhones', apns: { title: '' } },
    ])
      await roost.sendAndSettle({ to: { devices }, content, inbox: {} })
    const unread = await countUnread(db(), { appId: await appId(), hwids: devices, at: roost.clock.now() })
    const shown = await Promise.all(devices.map(async it => [it, (await entriesOf(it)).length] as const))
    expect(unread).toEqual(new Map(shown))
    expect([...unread.values()].sort()).toEqual([1, 2, 2])
  })
})
