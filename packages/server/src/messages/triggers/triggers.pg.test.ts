/** Triggers by way of the whole server: events over the device protocol and REST, phones that get what they ask for. */
import type { MessageView, NewTrigger, TriggerView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { slotOf } from '../experiments/parts.ts'
import { dropOldTriggered } from './cleaning.ts'
import { noteOccasions } from './occasions.ts'
import { TIMES_A_DAY, takeOccasions } from './rounds.ts'

let roost: TestRoost

beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const WITHIN_MS = 45_000
let names = 0
const newName = (what: string) => `${what} ${names++}`

const path = (rest = '') => `/v1/apps/${roost.app}/triggers${rest}`

async function createTrigger(input: Partial<NewTrigger> & Pick<NewTrigger, 'event'>): Promise<string> {
  const { status, body } = await roost.rest<TriggerView>('POST', path(), {
    name: newName('A trigger'),
    message: { content: { title: 'You left something' } },
    ...input,
  })
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body.id
}

const read = async (id: string) => (await roost.rest<TriggerView>('GET', path(`/${id}`))).body

async function until(
  id: string,
  isWanted: (counts: TriggerView['counts']) => boolean,
): Promise<TriggerView['counts']> {
  for (const end = Date.now() + WITHIN_MS; Date.now() < end; await tick()) {
    const { counts } = await read(id)
    if (isWanted(counts)) return counts
  }
  throw new Error(`trigger ${id} is not as wanted: ${JSON.stringify((await read(id)).counts)}`)
}

async function post(
  { hwid }: { readonly hwid: string },
  event: string,
  attributes?: Record<string, unknown>,
): Promise<void> {
  const { body } = await roost.device('postEvent', { hwid, event, attributes })
  expect(body.status_code).toBe(200)
}

const titlesOf = (phone: Phone) => phone.shown.map(it => it.title)

async function messagesOf(id: string): Promise<MessageView[]> {
  const { rows } = await roost.server.db.query<{ id: string }>(
    'select message_id as id from trigger_round where trigger_id = $1 order by times',
    [id],
  )
  return Promise.all(
    rows.map(
      async row => (await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${row.id}`)).body,
    ),
  )
}

function sumOf({ targeted, accepted, dead, failed, skipped, uncertain, pending }: MessageView['counts']) {
  return { targeted, sum: accepted + dead + failed + skipped + uncertain + pending }
}

describe('an event', () => {
  test('sends the message of its trigger to the device that posted it, with its attributes, once', async () => {
    const event = newName('shipped')
    const content = { title: 'Order {{ event.order }} is on its way' }
    const id = await createTrigger({ event, message: { content } })
    const [phone, other] = [await roost.phone('ios'), await roost.phone('android')]
    await post(phone, event, { order: 'A7' })
    const counts = await until(id, it => it.accepted === 1)
    expect(counts).toMatchObject({ targeted: 1, pending: 0, waiting: 0 })
    expect(titlesOf(phone)).toEqual(['Order A7 is on its way'])
    expect(titlesOf(other)).toEqual([])
    expect((await messagesOf(id))[0]).toMatchObject({ to: { trigger: id }, counts: { targeted: 1 } })
  })

  test('over REST does the same as one over the device protocol', async () => {
    const event = newName('shipped')
    const id = await createTrigger({ event })
    const phone = await roost.phone('web')
    const answer = await roost
      .rest('POST', `/v1/apps/${roost.app}/devices/${phone.hwid}/events`, {
        name: event,
      })
      .catch(() => ({ status: 204 })) // an empty answer is no JSON
    expect(answer.status).toBe(204)
    await until(id, it => it.accepted === 1)
    expect(titlesOf(phone)).toEqual(['You left something'])
  })

  test('makes a message that has every field as its trigger asks for it, and is transactional where that asks for no lane', async () => {
    const phone = await roost.phone('ios')
    const asked: NewTrigger['message'] = {
      content: { title: 'As asked' },
      ttlSeconds: 600,
      priority: 'normal',
      collapseKey: 'one',
      rules: { kind: 'marketing', category: 'offers' },
      route: 'online-first',
      pushAfterSeconds: 7,
      lane: 'campaign',
      campaign: 'spring',
      experiment: {
        variants: [
          { name: 'A', percent: 50, content: { title: 'A' } },
          { name: 'B', percent: 50, content: { title: 'B' } },
        ],
      },
    }
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { categories: ['offers'] })
    const [all, least] = [newName('all'), newName('least')]
    const ids = [
      await createTrigger({ event: all, message: asked }),
      await createTrigger({ event: least, message: { content: { title: 'Least' } } }),
    ]
    for (const event of [all, least]) await post(phone, event)
    for (const id of ids) await until(id, it => it.accepted === 1)
    const [made, plain] = (await Promise.all(ids.map(messagesOf))).flat()
    const { experiment, ...fields } = asked
    expect(made).toMatchObject(fields)
    expect(made?.experiment?.variants.map(it => it.name)).toEqual(['A', 'B'])
    expect(plain).toMatchObject({ lane: 'transactional', route: 'push', priority: 'high', campaign: null })
  })

  test('that comes again sends again, and each of them is another push', async () => {
    const event = newName('called')
    const id = await createTrigger({ event, message: { content: { title: 'Call {{ event.n }}' } } })
    const phone = await roost.phone('ios')
    for (const n of [1, 2, 3]) await post(phone, event, { n })
    const counts = await until(id, it => it.accepted === 3)
    expect(counts).toMatchObject({ targeted: 3 })
    expect(titlesOf(phone).sort()).toEqual(['Call 1', 'Call 2', 'Call 3'])
    expect(new Set(phone.shown.map(it => it.hash)).size).toBe(3)
    expect(phone.repeats).toBe(0)
  })

  test('of many devices makes one message, and a batch for each gateway', async () => {
    const event = newName('opened')
    const delaySeconds = 60
    const id = await createTrigger({ event, delaySeconds })
    const kinds = ['ios', 'android', 'ios', 'android', 'ios', 'ios'] as const
    const phones = await Promise.all(kinds.map(kind => roost.phone(kind)))
    for (const phone of phones) await post(phone, event)
    roost.clock.advance(delaySeconds * 1000)
    await until(id, it => it.accepted === phones.length)
    const [message, ...others] = await messagesOf(id)
    expect(others).toEqual([])
    expect(message?.counts).toMatchObject({ targeted: 6, accepted: 6, pending: 0 })
    const { rows } = await roost.server.db.query<{ count: number }>(
      'select count(*)::integer as count from batch where message_id = $1',
      [message?.id],
    )
    expect(rows[0]?.count).toBe(2)
  })

  test('whose attributes are not as asked sends nothing', async () => {
    const event = newName('viewed')
    const where = {
      and: [
        { attribute: 'price', op: 'gte', value: 10 },
        { not: { attribute: 'category', op: 'in', value: ['books'] } },
      ],
    } as const
    const id = await createTrigger({ event, where, message: { content: { title: '{{ event.name }}' } } })
    const phone = await roost.phone('ios')
    await post(phone, event, { name: 'cheap', price: 9 })
    await post(phone, event, { name: 'text', price: '12' })
    await post(phone, event, { name: 'book', price: 12, category: 'books' })
    await post(phone, event)
    await post(phone, event, { name: 'lamp', price: 12, category: 'home' })
    const counts = await until(id, it => it.accepted === 1)
    expect(counts.targeted).toBe(1)
    expect(titlesOf(phone)).toEqual(['lamp'])
  })

  test('without an attribute that the content names takes its default, or is skipped with a word about it', async () => {
    const event = newName('bought')
    const content = {
      title: 'Thanks for {{ event.item }}, {{ event.name }}',
      defaults: { 'event.name': 'you' },
    }
    const id = await createTrigger({ event, message: { content } })
    const phone = await roost.phone('ios')
    await post(phone, event, { item: 'a lamp' })
    await post(phone, event, { name: 'Ada' })
    const counts = await until(id, it => it.accepted + it.skipped === 2)
    expect(counts).toMatchObject({ accepted: 1, skipped: 1 })
    expect(titlesOf(phone)).toEqual(['Thanks for a lamp, you'])
  })

  test('of a device without address or permission is counted, and targets nobody', async () => {
    const event = newName('opened')
    const id = await createTrigger({ event })
    await post({ hwid: newName('nobody') }, event)
    const counts = await until(id, it => it.unsent.unreachable === 1)
    expect(counts).toMatchObject({ targeted: 0, waiting: 0 })
  })

  test('is heard by every trigger of its name, and by none of another app', async () => {
    const event = newName('heard')
    const ids = [await createTrigger({ event }), await createTrigger({ event })]
    const { body } = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })
    const strange = await roost.rest<TriggerView>('POST', `/v1/apps/${body.code}/triggers`, {
      name: 'strange',
      event,
      message: { content: { title: 'x' } },
    })
    const phone = await roost.phone('ios')
    await post(phone, event)
    for (const id of ids) await until(id, it => it.accepted === 1)
    const { counts } = (
      await roost.rest<TriggerView>('GET', `/v1/apps/${body.code}/triggers/${strange.body.id}`)
    ).body
    expect(counts).toMatchObject({ targeted: 0, waiting: 0 })
  })
})

describe('a trigger with a delay', () => {
  const delaySeconds = 3600

  test('sends when it is due, and not before', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event, delaySeconds })
    const phone = await roost.phone('ios')
    await post(phone, event)
    expect((await read(id)).counts).toMatchObject({ waiting: 1, targeted: 0 })
    roost.clock.advance(HOUR_MS - 30_000)
    expect(await takeOccasions(roost.server.db, roost.clock.now())).toBe(false)
    roost.clock.advance(31_000)
    await until(id, it => it.accepted === 1)
    expect(phone.shownCount).toBe(1)
  })

  test('sends nothing after an event that cancels it, and counts that', async () => {
    const [event, bought] = [newName('cart'), newName('bought')]
    const id = await createTrigger({ event, delaySeconds, cancelledBy: [bought] })
    const [phone, other] = [await roost.phone('ios'), await roost.phone('android')]
    await post(phone, event)
    await post(other, event)
    await post(phone, bought)
    const counts = await until(id, it => it.unsent.cancelled === 1)
    expect(counts).toMatchObject({ waiting: 1 })
    roost.clock.advance(HOUR_MS + 1000)
    await until(id, it => it.accepted === 1)
    expect([phone.shownCount, other.shownCount]).toEqual([0, 1])
  })

  test('is cancelled by an event of another device of the same user', async () => {
    const [event, bought] = [newName('cart'), newName('bought')]
    const userId = newName('user')
    const id = await createTrigger({ event, delaySeconds, cancelledBy: [bought] })
    const [phone, browser] = [await roost.phone('ios', { userId }), await roost.phone('web', { userId })]
    await post(phone, event)
    await post(browser, bought)
    await until(id, it => it.unsent.cancelled === 1)
    roost.clock.advance(HOUR_MS + 1000)
    expect(phone.shownCount).toBe(0)
  })

  test('starts anew with an event after the one that cancelled it', async () => {
    const [event, bought] = [newName('cart'), newName('bought')]
    const id = await createTrigger({ event, delaySeconds, cancelledBy: [bought] })
    const phone = await roost.phone('ios')
    for (const name of [event, bought, event]) await post(phone, name)
    roost.clock.advance(HOUR_MS + 1000)
    await until(id, it => it.accepted === 1 && it.unsent.cancelled === 1)
    expect(phone.shownCount).toBe(1)
  })

  test('takes the place of a former one that waits, where the delay is to begin anew', async () => {
    const event = newName('cart')
    const content = { title: 'Still want {{ event.item }}?' }
    const id = await createTrigger({ event, delaySeconds, restartsDelay: true, message: { content } })
    const [phone, other] = [await roost.phone('ios', { userId: newName('user') }), await roost.phone('ios')]
    for (const it of [phone, other]) await post(it, event, { item: 'the lamp' })
    roost.clock.advance(HOUR_MS / 2)
    await post(phone, event, { item: 'the chair' })
    expect((await read(id)).counts.waiting).toBe(2)
    roost.clock.advance(HOUR_MS / 2 + 1000)
    await until(id, it => it.accepted === 1)
    expect([titlesOf(phone), titlesOf(other)]).toEqual([[], ['Still want the lamp?']])
    roost.clock.advance(HOUR_MS / 2)
    const counts = await until(id, it => it.accepted === 2)
    expect(counts).toMatchObject({ targeted: 2, waiting: 0 })
    expect(titlesOf(phone)).toEqual(['Still want the chair?'])
  })

  test('of a user takes the place of what another device of theirs began, and not of what another user did', async () => {
    const event = newName('cart')
    const [ofUser, ofDevice] = [
      await createTrigger({ event, delaySeconds, restartsDelay: true, to: 'user' }),
      await createTrigger({ event, delaySeconds, restartsDelay: true }),
    ]
    const userId = newName('user')
    const phones = [await roost.phone('ios', { userId }), await roost.phone('android', { userId })] as const
    await Promise.all(phones.map(phone => post(phone, event)))
    const waiting = async (id: string) => (await read(id)).counts.waiting
    expect([await waiting(ofUser), await waiting(ofDevice)]).toEqual([1, 2])
    await phones[0].logIn(newName('guest'))
    await post(phones[0], event)
    await phones[0].logIn(userId)
    roost.clock.advance(HOUR_MS + 1000)
    for (const id of [ofUser, ofDevice])
      expect(await until(id, it => it.waiting === 0 && it.accepted === 2)).toMatchObject({ targeted: 2 })
    expect(phones.map(it => it.shownCount)).toEqual([2, 2])
  })

  test('asks its condition when it is due, not when the event comes', async () => {
    const event = newName('cart')
    const condition = { tag: 'Plan', op: 'eq', value: 'free' } as const
    const id = await createTrigger({ event, delaySeconds, condition })
    const [stays, leaves] = [
      await roost.phone('ios', { tags: { Plan: 'free' } }),
      await roost.phone('ios', { tags: { Plan: 'free' } }),
    ]
    for (const phone of [stays, leaves]) await post(phone, event)
    await leaves.setTags({ Plan: 'paid' })
    roost.clock.advance(HOUR_MS + 1000)
    const counts = await until(id, it => it.accepted === 1)
    expect(counts).toMatchObject({ targeted: 1, unsent: { notInAudience: 1 } })
    expect([stays.shownCount, leaves.shownCount]).toEqual([1, 0])
  })

  test('R25: sends nothing of the former user to a device whose user has changed or logged out', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event, delaySeconds })
    const phones = await Promise.all(
      ['one', 'two', 'three', 'four'].map(name => roost.phone('ios', { userId: newName(name) })),
    )
    const [changed, out, back, same] = phones as [Phone, Phone, Phone, Phone]
    for (const phone of phones) await post(phone, event)
    await changed.logIn(newName('somebody else'))
    await out.logOut()
    const { userId } = back
    await back.logOut()
    await back.logIn(userId as string)
    roost.clock.advance(HOUR_MS + 1000)
    const counts = await until(id, it => it.accepted === 2)
    expect(counts).toMatchObject({ targeted: 2, unsent: { noLongerMeant: 2 } })
    expect(phones.map(it => it.shownCount)).toEqual([0, 0, 1, 1])
    expect(same.shownCount).toBe(1)
  })

  test('R25: what a visitor did is sent to who has logged in on the device since', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event, delaySeconds })
    const phone = await roost.phone('ios')
    await post(phone, event)
    await phone.logIn(newName('user'))
    roost.clock.advance(HOUR_MS + 1000)
    await until(id, it => it.accepted === 1)
    expect(phone.shownCount).toBe(1)
  })

  test.each(['by its device', 'over REST'] as const)(
    'R25: goes with the user who is merged into another one %s, and not with a device that alone goes over',
    async way => {
      const event = newName('cart')
      const id = await createTrigger({ event, delaySeconds })
      const [from, into] = [newName('former'), newName('present')]
      const phones = [
        await roost.phone('ios', { userId: from }),
        await roost.phone('android', { userId: from }),
      ]
      const alone = await roost.phone('ios', { userId: newName('third') })
      for (const phone of [...phones, alone]) await post(phone, event)
      const mergeOf = (phone: Phone | undefined, oldUserId: string | null | undefined, merge: boolean) =>
        roost.device('mergeUser', { hwid: phone?.hwid, oldUserId, newUserId: into, merge })
      await mergeOf(alone, alone.userId, false)
      if (way === 'by its device') await mergeOf(phones[0], from, true)
      else await roost.rest('POST', `/v1/apps/${roost.app}/users/${encodeURIComponent(from)}/merge`, { into })
      roost.clock.advance(HOUR_MS + 1000)
      const counts = await until(id, it => it.accepted === 2)
      expect(counts).toMatchObject({ targeted: 2, unsent: { noLongerMeant: 1 } })
      expect([...phones, alone].map(it => it.shownCount)).toEqual([1, 1, 0])
    },
  )

  test('leaves nothing of a device that is erased, and sends it nothing when it comes back', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event, delaySeconds })
    const phone = await roost.phone('ios')
    await post(phone, event, { secret: 'word' })
    await roost.device('deleteDevice', { hwid: phone.hwid })
    expect((await read(id)).counts.waiting).toBe(0)
    await phone.open()
    roost.clock.advance(HOUR_MS + 1000)
    expect(await takeOccasions(roost.server.db, roost.clock.now())).toBe(false)
    expect(phone.shownCount).toBe(0)
  })

  test('to all devices of the user sends to those that the user has when it is due', async () => {
    const event = newName('cart')
    const userId = newName('user')
    const id = await createTrigger({ event, delaySeconds, to: 'user' })
    const [phone, tablet, given] = [
      await roost.phone('ios', { userId }),
      await roost.phone('android', { userId }),
      await roost.phone('ios', { userId }),
    ]
    const visitor = await roost.phone('ios')
    await post(phone, event)
    await post(visitor, event)
    await given.logIn(newName('somebody else'))
    const bought = await roost.phone('web', { userId })
    roost.clock.advance(HOUR_MS + 1000)
    await until(id, it => it.accepted === 4)
    const counts = [phone, tablet, given, bought, visitor].map(it => it.shownCount)
    expect(counts).toEqual([1, 1, 0, 1, 1])
  })
})

describe('what waits for the end of quiet hours', () => {
  test('is cancelled by an event all the same, and keeps its attributes when it is not', async () => {
    const [event, bought] = [newName('cart'), newName('bought')]
    const time = (ms: number) => new Date(roost.clock.now() + ms).toISOString().slice(11, 16)
    const rules = { quietHours: { from: time(-HOUR_MS), to: time(2 * HOUR_MS) } }
    const content = { title: 'Still want {{ event.item }}?' }
    const id = await createTrigger({ event, cancelledBy: [bought], message: { content, rules } })
    const [buyer, other] = [await roost.phone('ios'), await roost.phone('ios')]
    await post(buyer, event, { item: 'the lamp' })
    await post(other, event, { item: 'the chair' })
    await until(id, it => it.targeted === 2)
    await post(buyer, bought)
    roost.clock.advance(2 * HOUR_MS + 120_000)
    const counts = await until(id, it => it.pending === 0)
    expect(counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
    expect([titlesOf(buyer), titlesOf(other)]).toEqual([[], ['Still want the chair?']])
    const [message] = await messagesOf(id)
    const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${message?.id}/exceptions`)
    expect(body.exceptions).toEqual([
      { outcome: 'skipped', reason: 'cancelled_by_event', gateway: 'apns', count: 1 },
    ])
  })

  test('R25: of a visitor is for who had logged in when it was due, and for nobody who comes after', async () => {
    const event = newName('cart')
    const time = (ms: number) => new Date(roost.clock.now() + ms).toISOString().slice(11, 16)
    const rules = { quietHours: { from: time(-HOUR_MS), to: time(4 * HOUR_MS) } }
    const message = { content: { title: 'x' }, rules }
    const id = await createTrigger({ event, delaySeconds: 3600, message })
    const [phone, still] = [await roost.phone('ios'), await roost.phone('ios')]
    for (const it of [phone, still]) await post(it, event)
    await phone.logIn(newName('one'))
    roost.clock.advance(HOUR_MS + 1000)
    await until(id, it => it.targeted === 2)
    await phone.logIn(newName('other'))
    await still.logIn(newName('third'))
    roost.clock.advance(3 * HOUR_MS + 120_000)
    expect(await until(id, it => it.pending === 0)).toMatchObject({ skipped: 1, accepted: 1 })
    expect([phone, still].map(it => it.shownCount)).toEqual([0, 1])
  })

  test('R25: goes with a user who is merged into another one', async () => {
    const event = newName('cart')
    const time = (ms: number) => new Date(roost.clock.now() + ms).toISOString().slice(11, 16)
    const rules = { quietHours: { from: time(-HOUR_MS), to: time(2 * HOUR_MS) } }
    const id = await createTrigger({ event, message: { content: { title: 'x' }, rules } })
    const userId = newName('former')
    const phone = await roost.phone('ios', { userId })
    await post(phone, event)
    await until(id, it => it.targeted === 1)
    const merge = `/v1/apps/${roost.app}/users/${encodeURIComponent(userId)}/merge`
    await roost.rest('POST', merge, { into: newName('present') })
    roost.clock.advance(2 * HOUR_MS + 120_000)
    expect(await until(id, it => it.pending === 0)).toMatchObject({ accepted: 1, skipped: 0 })
    expect(phone.shownCount).toBe(1)
  })

  test('R25: is not for who logs in on the device meanwhile', async () => {
    const event = newName('cart')
    const time = (ms: number) => new Date(roost.clock.now() + ms).toISOString().slice(11, 16)
    const rules = { quietHours: { from: time(-HOUR_MS), to: time(2 * HOUR_MS) } }
    const id = await createTrigger({ event, message: { content: { title: 'x' }, rules } })
    const phone = await roost.phone('ios', { userId: newName('one') })
    await post(phone, event)
    await until(id, it => it.targeted === 1)
    await phone.logIn(newName('other'))
    roost.clock.advance(2 * HOUR_MS + 120_000)
    expect(await until(id, it => it.pending === 0)).toMatchObject({ skipped: 1, accepted: 0 })
    expect(phone.shownCount).toBe(0)
  })
})

describe('once in so many days', () => {
  test('a device is taken, and then not until they are over', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event, oncePerDays: 7 })
    const phone = await roost.phone('ios')
    await post(phone, event)
    await until(id, it => it.accepted === 1)
    await post(phone, event)
    await until(id, it => it.unsent.tooOften === 1)
    roost.clock.advance(7 * DAY_MS)
    await post(phone, event)
    await until(id, it => it.accepted === 2)
    expect(phone.shownCount).toBe(2)
  })

  test('also holds for events that come at once, and for all devices of a user', async () => {
    const event = newName('cart')
    const userId = newName('user')
    const id = await createTrigger({ event, oncePerDays: 1, to: 'user', delaySeconds: 60 })
    const [phone, tablet] = [await roost.phone('ios', { userId }), await roost.phone('android', { userId })]
    await Promise.all([post(phone, event), post(tablet, event), post(phone, event)])
    roost.clock.advance(61_000)
    const counts = await until(id, it => it.accepted === 2 && it.waiting === 0)
    expect(counts).toMatchObject({ targeted: 2, unsent: { tooOften: 4 } })
    expect([phone.shownCount, tablet.shownCount]).toEqual([1, 1])
  })

  test(`no trigger takes a device more than ${TIMES_A_DAY} times a day`, async () => {
    const event = newName('loop')
    const id = await createTrigger({ event, delaySeconds: 60 })
    const phone = await roost.phone('ios')
    const { db } = roost.server
    const { rows } = await db.query<{ id: number }>('select id from app where code = $1', [roost.app])
    const happened = {
      appId: rows[0]?.id ?? 0,
      hwid: phone.hwid,
      name: event,
      attributes: null,
      userId: null,
    }
    const bucket = await db.query<{ bucket: number }>('select bucket from device where hwid = $1', [
      phone.hwid,
    ])
    const one = { ...happened, bucket: bucket.rows[0]?.bucket ?? 0, at: roost.clock.now() }
    await db.transaction(tx =>
      noteOccasions(
        tx,
        Array.from({ length: TIMES_A_DAY + 3 }, () => one),
      ),
    )
    roost.clock.advance(61_000)
    const counts = await until(id, it => it.accepted === TIMES_A_DAY)
    expect(counts).toMatchObject({ targeted: TIMES_A_DAY, unsent: { tooOften: 3 } })
  })
})

describe('control', () => {
  test('paused: events start nothing, what waits goes on when it is resumed', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event, delaySeconds: 60 })
    const [early, late] = [await roost.phone('ios'), await roost.phone('ios')]
    await post(early, event)
    expect((await roost.rest<TriggerView>('POST', path(`/${id}/pause`))).body.state).toBe('paused')
    await post(late, event)
    roost.clock.advance(120_000)
    expect(await takeOccasions(roost.server.db, roost.clock.now())).toBe(false)
    expect((await read(id)).counts).toMatchObject({ waiting: 1, targeted: 0 })
    await roost.rest('POST', path(`/${id}/resume`))
    await until(id, it => it.accepted === 1)
    expect([early.shownCount, late.shownCount]).toEqual([1, 0])
  })

  test('paused for longer than the message lives, it drops what has expired and says so', async () => {
    const event = newName('cart')
    const message = { content: { title: 'x' }, ttlSeconds: 3600 }
    const id = await createTrigger({ event, delaySeconds: 60, message })
    const phone = await roost.phone('ios')
    await post(phone, event)
    await roost.rest('POST', path(`/${id}/pause`))
    roost.clock.advance(2 * HOUR_MS)
    await roost.rest('POST', path(`/${id}/resume`))
    expect(await until(id, it => it.unsent.expired === 1)).toMatchObject({ targeted: 0, waiting: 0 })
  })

  test('a cancelling event also counts while it is paused', async () => {
    const [event, bought] = [newName('cart'), newName('bought')]
    const id = await createTrigger({ event, delaySeconds: 60, cancelledBy: [bought] })
    const phone = await roost.phone('ios')
    await post(phone, event)
    await roost.rest('POST', path(`/${id}/pause`))
    await post(phone, bought)
    await roost.rest('POST', path(`/${id}/resume`))
    roost.clock.advance(61_000)
    await until(id, it => it.unsent.cancelled === 1)
    expect(phone.shownCount).toBe(0)
  })

  test('changed: what is not due yet is sent as it is then, and null takes away', async () => {
    const [event, bought] = [newName('cart'), newName('bought')]
    const id = await createTrigger({ event, delaySeconds: 60, cancelledBy: [bought], oncePerDays: 3 })
    const phone = await roost.phone('ios')
    await post(phone, event)
    const { status, body } = await roost.rest<TriggerView>('PATCH', path(`/${id}`), {
      message: { content: { title: 'Mended' } },
      cancelledBy: null,
      oncePerDays: null,
    })
    expect([status, body.version, body.cancelledBy, body.oncePerDays]).toEqual([200, 2, [], null])
    await post(phone, bought)
    roost.clock.advance(61_000)
    await until(id, it => it.accepted === 1)
    expect(titlesOf(phone)).toEqual(['Mended'])
  })

  test('deleted: what waits is dropped, what is queued is cancelled, and its message ends', async () => {
    const event = newName('cart')
    const time = (ms: number) => new Date(roost.clock.now() + ms).toISOString().slice(11, 16)
    const rules = { quietHours: { from: time(-HOUR_MS), to: time(2 * HOUR_MS) } }
    const id = await createTrigger({ event, message: { content: { title: 'x' }, rules } })
    const phone = await roost.phone('ios')
    await post(phone, event)
    await until(id, it => it.targeted === 1)
    const [message] = await messagesOf(id)
    await roost.rest('DELETE', path(`/${id}`)).catch(() => undefined) // an empty answer is no JSON
    expect((await roost.rest('GET', path(`/${id}`))).body).toMatchObject({ code: 'trigger_unknown' })
    await post(phone, event)
    const ended = await roost.until(message?.id ?? '', it => it.finishedAt !== null)
    expect(ended).toMatchObject({ state: 'cancelled', counts: { targeted: 1, skipped: 1, pending: 0 } })
    roost.clock.advance(3 * HOUR_MS)
    expect(phone.shownCount).toBe(0)
  })

  test('a round whose day is over ends, and the next day has another one', async () => {
    const event = newName('daily')
    const id = await createTrigger({ event })
    const phone = await roost.phone('ios')
    await post(phone, event)
    await until(id, it => it.accepted === 1)
    const [first] = await messagesOf(id)
    expect(first?.state).toBe('sending')
    roost.clock.advance(DAY_MS + 2 * HOUR_MS)
    await roost.settle(first?.id ?? '')
    await post(phone, event)
    const counts = await until(id, it => it.accepted === 2)
    const messages = await messagesOf(id)
    expect(messages).toHaveLength(2)
    for (const message of messages) expect(sumOf(message.counts)).toEqual({ targeted: 1, sum: 1 })
    expect(counts).toMatchObject({ targeted: 2, pending: 0 })
  })

  test('a message of it that is cancelled by hand gets no more, and another one takes its place', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event })
    const [one, other] = [await roost.phone('ios'), await roost.phone('ios')]
    await post(one, event)
    await until(id, it => it.accepted === 1)
    const [message] = await messagesOf(id)
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${message?.id}/cancel`)
    await post(other, event)
    await until(id, it => it.accepted === 2)
    expect(other.shownCount).toBe(1)
  })
})

describe('is refused', () => {
  const create = (more: Record<string, unknown>) =>
    roost.rest<{ code: string; detail: string }>('POST', path(), {
      name: 'x',
      event: 'cart',
      message: { content: { title: 'x' } },
      ...more,
    })

  test.each([
    ['a variable that no event gives', { message: { content: { title: '{{ evnt.x }}' } } }, 'evnt'],
    ['an event that would cancel itself', { cancelledBy: ['cart'] }, '"cart" is the event that starts it'],
    ['a delay that begins anew, of which there is none', { restartsDelay: true }, 'body/restartsDelay'],
    [
      'a question that asks nothing',
      { where: {} },
      'body/where: it must be a comparison {"attribute","op","value"}, or one of and, or, not',
    ],
    [
      'a part that asks nothing',
      { where: { and: [{ not: {} }] } },
      'body/where/and/0/not: it must be a comp',
    ],
    ['a comparison of nothing', { where: { op: 'eq', value: 1 } }, 'body/where/attribute: it is missing'],
    ['a comparison without a value', { where: { attribute: 'price', op: 'gte' } }, 'body/where'],
    ['a comparison with none of a list', { where: { attribute: 'x', op: 'nin', value: [] } }, 'at least one'],
    [
      'a span upside down',
      { where: { attribute: 'x', op: 'between', value: [9, 1] } },
      'smaller value: [1,9]',
    ],
    ['a span of two types', { where: { attribute: 'x', op: 'between', value: [1, '9'] } }, 'two numbers'],
    [
      'content that can not be sent, at its place',
      { message: { content: { title: '{{ no' } } },
      'body/message/content',
    ],
    ['a field that is not there', { sendAt: '2030-01-01T00:00:00Z' }, 'sendAt'],
    ['an inbox, which it has none of', { message: { content: { title: 'x' }, inbox: {} } }, 'inbox'],
  ])('%s', async (_, more, word) => {
    const { status, body } = await create(more)
    expect([status, body.code]).toEqual([400, 'input_invalid'])
    expect(body.detail).toContain(word)
  })

  test('a condition with a segment that is not there', async () => {
    const { body } = await create({ condition: { segment: '0190a5a0-0000-7000-8000-000000000000' } })
    expect(body.code).toBe('condition_invalid')
  })

  test('a variable of an event in a message that no event sends', async () => {
    const answer = await roost.rest('POST', `/v1/apps/${roost.app}/messages`, {
      to: { all: true },
      content: { title: '{{ event.x }}' },
    })
    expect(answer.body).toMatchObject({ code: 'input_invalid' })
  })
})

describe('a name', () => {
  const withName = (name: string) => ({
    name,
    event: newName('named'),
    message: { content: { title: 'x' } },
  })
  const make = (name: string) => roost.rest<TriggerView & { detail: string }>('POST', path(), withName(name))

  test('is that of one trigger, so a request that is repeated makes no second one', async () => {
    const name = newName('Cart')
    const answers = await Promise.all([make(name), make(name.toUpperCase()), make(` ${name} `)])
    expect(answers.map(it => it.status).sort()).toEqual([201, 409, 409])
    const id = answers.find(it => it.status === 201)?.body.id
    for (const { body } of answers.filter(it => it.status === 409))
      expect(body).toMatchObject({ code: 'trigger_name_taken', detail: expect.stringContaining(id ?? '-') })
  })

  test('of another trigger is not taken by a change, its own is', async () => {
    const [first, second] = [newName('Cart'), newName('Cart')]
    await make(first)
    const { id } = (await make(second)).body
    const rename = (name: string) => roost.rest('PATCH', path(`/${id}`), { name })
    expect(await rename(first)).toMatchObject({ status: 409, body: { code: 'trigger_name_taken' } })
    expect(await rename(second.toUpperCase())).toMatchObject({ status: 200 })
    expect((await read(id)).name).toBe(second.toUpperCase())
  })

  test('is free again when its trigger is deleted', async () => {
    const name = newName('Cart')
    const { id } = (await make(name)).body
    await roost.rest('DELETE', path(`/${id}`)).catch(() => undefined) // an empty answer is no JSON
    expect(await make(name)).toMatchObject({ status: 201 })
  })
})

test('a trigger that can not be taken tells why, holds up no other, and is tried again', async () => {
  const [bad, good] = [newName('bad'), newName('good')]
  const [broken, sound] = [await createTrigger({ event: bad }), await createTrigger({ event: good })]
  const setCondition = (sql: string) =>
    roost.server.db.query(`update trigger set definition = ${sql} where id = $1`, [broken])
  await setCondition(`jsonb_set(definition, '{condition}', '{"and": null}')`)
  const phone = await roost.phone('ios')
  await post(phone, bad)
  await post(phone, good)
  await until(sound, it => it.accepted === 1)
  expect((await read(sound)).lastFault).toBeNull()
  expect(await read(broken)).toMatchObject({
    lastFault: expect.stringContaining('internal: '),
    counts: { waiting: 1, targeted: 0 },
  })
  await setCondition("definition - 'condition'")
  roost.clock.advance(60_000)
  await until(broken, it => it.accepted === 1)
  for (const end = Date.now() + WITHIN_MS; (await read(broken)).lastFault !== null; await tick())
    expect(Date.now()).toBeLessThan(end)
})

test('a segment and a list that a trigger names can not be deleted', async () => {
  const base = `/v1/apps/${roost.app}`
  const condition = { field: 'platform', op: 'eq', value: 'ios' }
  const segment = (
    await roost.rest<{ id: string }>('POST', `${base}/segments`, { name: 'phones', condition })
  ).body.id
  const list = (
    await roost.rest<{ id: string }>('POST', `${base}/lists`, { name: 'l', kind: 'devices', ids: ['a'] })
  ).body.id
  const id = await createTrigger({ event: newName('x'), condition: { or: [{ segment }, { list }] } })
  const codeOf = async (path: string) => (await roost.rest<{ code: string }>('DELETE', path)).body.code
  expect(await codeOf(`${base}/segments/${segment}`)).toBe('segment_in_use')
  expect(await codeOf(`${base}/lists/${list}`)).toBe('list_in_use')
  await roost.rest('DELETE', path(`/${id}`)).catch(() => undefined) // an empty answer is no JSON
  expect(await codeOf(`${base}/segments/${segment}`).catch(() => 'gone')).toBe('gone')
})

test('what a device got is forgotten when nobody asks for it any more', async () => {
  const event = newName('cart')
  const kept = await createTrigger({ event, oncePerDays: 30 })
  const forgotten = await createTrigger({ event })
  const phone = await roost.phone('ios')
  await post(phone, event)
  for (const id of [kept, forgotten]) await until(id, it => it.accepted === 1)
  await dropOldTriggered(roost.server.db, roost.clock.now() + 20 * DAY_MS)
  const { rows } = await roost.server.db.query<{ id: string }>(
    'select trigger_id as id from trigger_device where hwid = $1',
    [phone.hwid],
  )
  expect(rows.map(it => it.id)).toEqual([kept])
})

describe('with two servers', () => {
  test('each event is sent once, whoever takes it, and the counts are right', async () => {
    const event = newName('shared')
    const id = await createTrigger({ event, delaySeconds: 60 })
    const phones = await Promise.all(Array.from({ length: 30 }, () => roost.phone('ios')))
    for (const _ of [1, 2]) await Promise.all(phones.map(phone => post(phone, event)))
    const second = await roost.another()
    try {
      roost.clock.advance(61_000)
      const at = roost.clock.now()
      const all = Array.from({ length: 6 }, (_, i) =>
        takeOccasions(i % 2 === 0 ? roost.server.db : second.db, at),
      )
      await Promise.all(all)
      const counts = await until(id, it => it.accepted === 60)
      expect(counts).toMatchObject({ targeted: 60, pending: 0, waiting: 0 })
      expect(phones.map(it => it.shownCount)).toEqual(phones.map(() => 2))
      expect(phones.every(it => it.repeats === 0)).toBe(true)
    } finally {
      await second.close()
    }
  })
})

/** Backends that wait for a lock while they run such a statement. On another connection: a transaction sees them as at its first look. */
async function waitingFor(statement: string): Promise<number[]> {
  const { rows } = await roost.server.db.query<{ pid: number }>(
    `select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and strpos(query, $1) > 0`,
    [statement],
  )
  return rows.map(it => it.pid)
}

/** As when their server dies. */
async function endThoseWaitingFor(statement: string): Promise<void> {
  let pids: number[] = []
  while (pids.length === 0) {
    await tick()
    pids = await waitingFor(statement)
  }
  for (const pid of pids) await roost.server.db.query('select pg_terminate_backend($1)', [pid])
}

describe('nothing is lost or doubled', () => {
  test('when the server that takes what is due dies before it has committed', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event })
    const phone = await roost.phone('ios')
    await roost.server.db.transaction(async tx => {
      await tx.query('lock table delivery_queue in exclusive mode')
      await post(phone, event)
      await endThoseWaitingFor('insert into delivery_queue')
      const { rows } = await tx.query('select from trigger_occasion where trigger_id = $1', [id])
      expect(rows).toHaveLength(1)
    })
    expect(await until(id, it => it.accepted === 1)).toMatchObject({ targeted: 1, waiting: 0 })
    expect([phone.shownCount, phone.repeats]).toEqual([1, 0])
  })

  test('when the event came to a server that does not send, and none that sends was there', async () => {
    const receiving = await startRoost({ roles: ['api'] })
    try {
      const event = newName('cart')
      const made = await receiving.rest<TriggerView>('POST', `/v1/apps/${receiving.app}/triggers`, {
        name: 'x',
        event,
        message: { content: { title: 'x' } },
      })
      const phone = await receiving.phone('ios')
      await receiving.device('postEvent', { hwid: phone.hwid, event })
      const sender = await receiving.another({ roles: ['send'] })
      const counts = async () =>
        (await receiving.rest<TriggerView>('GET', `/v1/apps/${receiving.app}/triggers/${made.body.id}`)).body
          .counts
      try {
        while ((await counts()).accepted === 0) await tick()
      } finally {
        await sender.close()
      }
      expect(await counts()).toMatchObject({ targeted: 1, accepted: 1 })
      expect(phone.shownCount).toBe(1)
    } finally {
      await receiving.close()
    }
  })

  test('when the event itself is not stored: then no message is sent either', async () => {
    const event = newName('cart')
    const id = await createTrigger({ event })
    const phone = await roost.phone('ios')
    await roost.server.db.transaction(async tx => {
      await tx.query('lock table trigger_occasion in exclusive mode')
      const posted = roost.device('postEvent', { hwid: phone.hwid, event })
      await endThoseWaitingFor('insert into trigger_occasion')
      expect((await posted).status).toBe(503)
    })
    const { rows } = await roost.server.db.query('select from device_event where name = $1', [event])
    expect(rows).toHaveLength(0)
    expect((await read(id)).counts).toMatchObject({ waiting: 0, targeted: 0 })
  })
})

test('events that can not be stored hold up one connection, and all that has nothing to do with them goes on', async () => {
  const event = newName('stuck')
  const phones = await Promise.all(Array.from({ length: 20 }, () => roost.phone('ios')))
  const posted: Promise<void>[] = []
  await roost.server.db.transaction(async tx => {
    await tx.query('lock table device_event in exclusive mode')
    for (const phone of phones) posted.push(post(phone, event))
    while ((await waitingFor('insert into device_event')).length === 0) await tick()
    const tagged = await Promise.all(
      phones.map(({ hwid }) => roost.device('setTags', { hwid, tags: { a: 1 } })),
    )
    expect(tagged.map(it => it.status)).toEqual(phones.map(() => 200))
    expect(await waitingFor('insert into device_event')).toHaveLength(1)
  })
  await Promise.all(posted)
})

test('its counts stay what they are when rounds that are over are added up, and go on with later ones', async () => {
  const event = newName('folded')
  const id = await createTrigger({ event })
  const phone = await roost.phone('ios')
  const foldedOf = async () =>
    (
      await roost.server.db.query('select from trigger_round where trigger_id = $1 and counts is not null', [
        id,
      ])
    ).rowCount
  await post(phone, event)
  await until(id, it => it.accepted === 1)
  roost.clock.advance(DAY_MS + HOUR_MS) // a round takes stragglers for an hour after its day
  const [{ id: messageId } = { id: '' }] = await messagesOf(id)
  await roost.settle(messageId)
  const before = (await read(id)).counts
  await dropOldTriggered(roost.server.db, roost.clock.now())
  expect(await foldedOf()).toBe(0) // a day has to pass, in which something may still be booked
  roost.clock.advance(DAY_MS + HOUR_MS)
  await dropOldTriggered(roost.server.db, roost.clock.now())
  expect(await foldedOf()).toBe(1)
  expect((await read(id)).counts).toEqual(before)
  await post(phone, event)
  expect(await until(id, it => it.accepted === 2)).toMatchObject({ targeted: 2, skipped: 0 })
})

describe('an experiment', () => {
  const variants = ['A', 'B'].map(name => ({ name, percent: 40, content: { title: name } }))
  const message = { content: { title: 'of nobody' }, experiment: { variants, controlPercent: 20 } }

  test('parts people by the trigger: each gets one variant on all days, which is counted over all of them', async () => {
    const event = newName('parted')
    const id = await createTrigger({ event, message })
    const phones = await Promise.all(Array.from({ length: 12 }, () => roost.phone('ios')))
    const titleOf = ({ hwid }: Phone) => {
      const slot = slotOf(id, hwid)
      return slot < 2000 ? 'control' : slot < 6000 ? 'A' : 'B'
    }
    const having = (title: string) => phones.filter(it => titleOf(it) === title)
    for (const days of [1, 2]) {
      for (const phone of phones) await post(phone, event)
      const counts = await until(id, it => it.targeted === 12 * days && it.pending === 0)
      expect(counts.skipped).toBe(days * having('control').length)
      for (const phone of phones)
        expect(titlesOf(phone)).toEqual(
          titleOf(phone) === 'control' ? [] : Array.from({ length: days }, () => titleOf(phone)),
        )
      roost.clock.advance(DAY_MS)
    }
    const [opener] = having('A').concat(having('B')) as [Phone]
    await roost.device('pushStat', { hwid: opener.hwid, hash: opener.shown[0]?.hash })
    const opened = (title: string) => (titleOf(opener) === title ? 1 : 0)
    expect((await read(id)).experiment).toMatchObject({
      variants: ['A', 'B'].map(name => ({
        name,
        percent: 40,
        accepted: 2 * having(name).length,
        failed: 0,
        opened: opened(name),
      })),
      control: { percent: 20, skipped: 2 * having('control').length },
    })
  })

  test('keeps counting a variant by its name when the trigger is changed, and a trigger without one has none', async () => {
    const event = newName('renamed')
    const id = await createTrigger({ event, message })
    const phone = await roost.phone('ios')
    await post(phone, event)
    const { accepted, skipped } = await until(id, it => it.targeted === 1 && it.pending === 0)
    const experiment = { variants: ['B', 'C'].map(name => ({ name, percent: 50, content: { title: name } })) }
    await roost.rest('PATCH', path(`/${id}`), { message: { ...message, experiment } })
    const before = slotOf(id, phone.hwid) < 2000 ? 'control' : slotOf(id, phone.hwid) < 6000 ? 'A' : 'B'
    expect((await read(id)).experiment).toMatchObject({
      variants: [
        { name: 'B', accepted: before === 'B' ? accepted : 0 },
        { name: 'C', accepted: 0 },
      ],
      control: { percent: 0, skipped },
    })
    await roost.rest('PATCH', path(`/${id}`), { message: { content: { title: 'plain' } } })
    expect((await read(id)).experiment).toBeNull()
  })

  test('has no rest that could wait for a winner', async () => {
    const experiment = { variants: variants.map(it => ({ ...it, percent: 10 })), winner: {} }
    const { status, body } = await roost.rest('POST', path(), {
      name: newName('rest'),
      event: 'x',
      message: { ...message, experiment },
    })
    expect([status, body.detail]).toEqual([400, expect.stringContaining('body/message/experiment/winner')])
  })
})
