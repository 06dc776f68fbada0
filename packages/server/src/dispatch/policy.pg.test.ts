/** Rules that are asked of each delivery: quiet hours, caps, categories. */
import type { AppRulesChange, MessageView, NewMessage } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import type { RunningServer } from '../main.ts'
import { takePlaces } from './caps.ts'

let roost: TestRoost
let another: RunningServer
beforeAll(async () => {
  roost = await startRoost()
  another = await roost.another()
})
afterAll(async () => {
  await another.close()
  await roost.close()
})
afterEach(() => change({ quietHours: null, cap: null, categories: [] }))

const HOUR_MS = 3_600_000
const HOUR = 3600

const change = (rules: AppRulesChange) => roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, rules)

function messageTo(phones: readonly Phone[], fields: Partial<NewMessage> = {}): NewMessage {
  return { to: { devices: phones.map(it => it.hwid) }, content: { title: 'Hello' }, ...fields }
}

async function reasonsOf({ id }: Pick<MessageView, 'id'>): Promise<Record<string, number>> {
  const { body } = await roost.rest<{ exceptions: { reason: string; count: number }[] }>(
    'GET',
    `/v1/apps/${roost.app}/messages/${id}/exceptions`,
  )
  const reasons: Record<string, number> = {}
  for (const { reason, count } of body.exceptions) reasons[reason] = (reasons[reason] ?? 0) + count
  return reasons
}

describe('quiet hours', () => {
  /** From an hour ago to an hour from now, in UTC. */
  function aroundNow() {
    const clockTime = (ms: number) => new Date(roost.clock.now() + ms).toISOString().slice(11, 16)
    return { from: clockTime(-HOUR_MS), to: clockTime(HOUR_MS) }
  }

  async function phoneIn(zone: number): Promise<Phone> {
    const phone = await roost.phone('ios')
    await roost.server.db.query('update device set timezone_seconds = $2 where hwid = $1', [phone.hwid, zone])
    return phone
  }

  test('hold back the devices whose clock is in them, and end for each of them', async () => {
    const [here, east] = [await phoneIn(0), await phoneIn(6 * HOUR)]
    await change({ quietHours: aroundNow() })
    const id = await roost.send(messageTo([here, east]))
    const held = await roost.until(id, it => it.counts.accepted === 1)
    expect(held).toMatchObject({ state: 'sending', waiting: 1, retrying: [{ reason: 'quiet_hours' }] })
    expect([here.shown.length, east.shown.length]).toEqual([0, 1])
    roost.clock.advance(HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 2, accepted: 2, skipped: 0 })
    expect([here.shown.length, east.shown.length]).toEqual([1, 1])
  })

  test('hold back devices of a campaign to all, too, and nobody is missed', async () => {
    const phones = await Promise.all(
      Array.from({ length: 5 }, () => roost.phone('android', { tags: { quiet: 'yes' } })),
    )
    const id = await roost.send({
      to: { condition: { tag: 'quiet', op: 'eq', value: 'yes' } },
      content: { title: 'Hello' },
      rules: { quietHours: aroundNow() },
    })
    await roost.until(id, it => it.waiting === phones.length)
    roost.clock.advance(2 * HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 5, accepted: 5 })
  })

  test('drop where that is asked for, and say so', async () => {
    const phone = await phoneIn(0)
    const message = await roost.sendAndSettle(
      messageTo([phone], { rules: { quietHours: { ...aroundNow(), action: 'drop' } } }),
    )
    expect(message.counts).toMatchObject({ targeted: 1, accepted: 0, skipped: 1 })
    expect(await reasonsOf(message)).toEqual({ quiet_hours: 1 })
  })

  test('skip a message that would be over when they end', async () => {
    const phone = await phoneIn(0)
    const message = await roost.sendAndSettle(
      messageTo([phone], { ttlSeconds: 60, rules: { quietHours: aroundNow() } }),
    )
    expect(await reasonsOf(message)).toEqual({ quiet_hours_until_expiry: 1 })
  })

  test.each([
    ['one that is transactional', { kind: 'transactional' }],
    ['one that asks for none', { quietHours: null }],
  ] as const)('of the app do not concern %s', async (_what, rules) => {
    const phone = await phoneIn(0)
    await change({ quietHours: aroundNow() })
    expect((await roost.sendAndSettle(messageTo([phone], { rules }))).counts).toMatchObject({ accepted: 1 })
  })
})

describe('a cap', () => {
  test('lets so many messages through in its days, and the next one when the first is old enough', async () => {
    const phone = await roost.phone('ios')
    await change({ cap: { messages: 2, days: 1 } })
    const accepted = async () => (await roost.sendAndSettle(messageTo([phone]))).counts.accepted
    expect([await accepted(), await accepted(), await accepted()]).toEqual([1, 1, 0])
    roost.clock.advance(24 * HOUR_MS + 1000)
    expect(await accepted()).toBe(1)
    expect(phone.shown).toHaveLength(3)
  })

  test('is told as the reason, and of the invariant nothing is missing', async () => {
    const phones = [await roost.phone('ios'), await roost.phone('android')]
    await change({ cap: { messages: 1, days: 7 } })
    await roost.sendAndSettle(messageTo(phones.slice(0, 1)))
    const message = await roost.sendAndSettle(messageTo(phones))
    expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1, failed: 0, dead: 0 })
    expect(await reasonsOf(message)).toEqual({ capped: 1 })
  })

  test('holds for campaigns that two servers send at once: each device gets one of them', async () => {
    const phones = await Promise.all(
      Array.from({ length: 60 }, () => roost.phone('ios', { tags: { at: 'once' } })),
    )
    await change({ cap: { messages: 1, days: 1 } })
    const campaign: NewMessage = {
      to: { condition: { tag: 'at', op: 'eq', value: 'once' } },
      content: { title: 'Hello' },
    }
    const ids = await Promise.all(Array.from({ length: 4 }, () => roost.send(campaign)))
    const messages = await Promise.all(ids.map(id => roost.settle(id)))
    expect(messages.reduce((sum, it) => sum + it.counts.accepted, 0)).toBe(60)
    expect(messages.reduce((sum, it) => sum + it.counts.skipped, 0)).toBe(180)
    expect(new Set(phones.map(it => it.shown.length))).toEqual(new Set([1]))
  })

  test('counts nothing that is transactional, and nothing that did not reach anybody', async () => {
    const phone = await roost.phone('ios')
    await change({ cap: { messages: 1, days: 1 } })
    const accepted = async (fields: Partial<NewMessage>) =>
      (await roost.sendAndSettle(messageTo([phone], fields))).counts.accepted
    expect(await accepted({ rules: { kind: 'transactional' } })).toBe(1)
    expect(await accepted({ content: { title: 'Hello {{ tags.nothing }}' } })).toBe(0)
    expect(await accepted({})).toBe(1)
    expect(await accepted({})).toBe(0)
    expect(await accepted({ rules: { kind: 'transactional' } })).toBe(1)
    expect(await accepted({ rules: { cap: null } })).toBe(1)
  })

  test('takes no place for a delivery that waited when its message was cancelled', async () => {
    const phone = await roost.phone('android')
    await change({ cap: { messages: 1, days: 1 } })
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unavailable' }, 1)
    roost.clock.stand() // its next try is due after a second
    onTestFinished(() => roost.clock.run())
    const id = await roost.send(messageTo([phone]))
    await roost.until(id, it => it.retrying.some(({ reason }) => reason !== 'planned'))
    const capped = await roost.sendAndSettle(messageTo([phone]))
    expect(await reasonsOf(capped)).toEqual({ capped: 1 })
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
    await roost.until(id, it => it.finishedAt !== null)
    roost.clock.run()
    expect((await roost.sendAndSettle(messageTo([phone]))).counts).toMatchObject({ accepted: 1 })
  })

  test('finds the place again that the same message took before its server died', async () => {
    const { db } = another
    const take = (messageId: string) =>
      takePlaces(db, {
        batch: { appId: 1, messageId },
        cap: { messages: 1, days: 1 },
        devices: [{ bucket: 1, hwid: 'crash' }],
        at: roost.clock.now(),
      })
    expect([...(await take('one'))]).toEqual(['crash'])
    expect([...(await take('one'))]).toEqual(['crash'])
    expect([...(await take('other'))]).toEqual([])
  })
})

describe('a category', () => {
  test('is not sent to a device that opted out of it by its tag, and others are', async () => {
    const phones = [await roost.phone('ios'), await roost.phone('android'), await roost.phone('ios')]
    await change({ categories: ['news', 'offers'] })
    await roost.device('setTags', { hwid: phones[0]?.hwid, tags: { optedOut: ['news', 'other'] } })
    await roost.device('setTags', { hwid: phones[1]?.hwid, tags: { optedOut: 'news' } })
    const news = await roost.sendAndSettle(messageTo(phones, { rules: { category: 'news' } }))
    expect(news.counts).toMatchObject({ targeted: 3, accepted: 1, skipped: 2 })
    expect(await reasonsOf(news)).toEqual({ category_opted_out: 2 })
    const offers = await roost.sendAndSettle(messageTo(phones, { rules: { category: 'offers' } }))
    expect(offers.counts).toMatchObject({ accepted: 3 })
  })

  test('is not sent to any device of a person who opted out on one of them', async () => {
    const [one, other] = [
      await roost.phone('ios', { userId: 'out' }),
      await roost.phone('android', { userId: 'out' }),
    ]
    await change({ categories: ['news'] })
    await roost.device('setTags', { hwid: one.hwid, tags: { optedOut: ['news'] } })
    const message = await roost.sendAndSettle(messageTo([one, other], { rules: { category: 'news' } }))
    expect(await reasonsOf(message)).toEqual({ category_opted_out: 2 })
  })

  test('that the app does not have is refused, with those that there are', async () => {
    const phone = await roost.phone('ios')
    await change({ categories: ['news'] })
    const message = messageTo([phone], { rules: { category: 'nwes' } })
    expect(await roost.rest('POST', `/v1/apps/${roost.app}/messages`, message)).toMatchObject({
      status: 400,
      body: { code: 'input_invalid', detail: expect.stringContaining('there are news') },
    })
  })
})

test('rules of an app that are not named in a change stay', async () => {
  await change({ cap: { messages: 3, days: 7 } })
  const { body } = await change({ categories: ['news'] })
  expect(body).toEqual({ quietHours: null, cap: { messages: 3, days: 7 }, categories: ['news'] })
  expect((await roost.rest('GET', `/v1/apps/${roost.app}/rules`)).body).toEqual(body)
})
