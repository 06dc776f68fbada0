/** Uninstall tracking over the HTTP API and the stand-ins: who is knocked at, when, and what is said of those that died. */
import type {
  AlertView,
  ConclusionCount,
  DoubtView,
  KnockDay,
  KnockPreview,
  Removal,
  UninstallTracking,
} from '@roost/protocol'
import type { Phone, PhonePlatform } from '@roost/simulator'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BUNDLE_ID, startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { trackUninstalls } from './job.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let roost: TestRoost
beforeEach(async () => {
  // Without jobs of its own, so that none comes in between.
  roost = await startRoost({ roles: ['api', 'send'] })
  toDayOfTurn(6)
  toHour(12)
})
afterEach(() => roost.close())

const path = (rest: string) => `/v1/apps/${roost.app}/${rest}`
const get = async <T>(rest: string) => (await roost.rest<T>('GET', path(rest))).body
/** As the job does each minute, at the time to which the test has moved the clock. */
const work = () => trackUninstalls(roost.server.db, roost.clock.now())

/** On to when the clock of UTC shows this hour for the next time. */
function toHour(hour: number): void {
  const now = roost.clock.now()
  const today = Math.floor(now / DAY_MS) * DAY_MS + hour * HOUR_MS
  roost.clock.advance((today > now ? today : today + DAY_MS) - now)
}

/** Times of a day come round after 24 days: on to one that is followed by some on which nobody is asked at midnight. */
function toDayOfTurn(day: number): void {
  const today = Math.floor(roost.clock.now() / DAY_MS) % 24
  roost.clock.advance(((day - today + 24) % 24) * DAY_MS)
}

async function track(wanted: Partial<UninstallTracking>): Promise<void> {
  expect((await roost.rest('PUT', path('uninstall-tracking'), { enabled: true, ...wanted })).status).toBe(200)
}

const days = async () => (await get<{ days: KnockDay[] }>('uninstall-tracking/days')).days
const conclusions = async () =>
  (await get<{ conclusions: ConclusionCount[] }>('uninstall-tracking/days')).conclusions

/** Nothing that is due waits, nothing is in hand. */
async function untilAtRest(): Promise<KnockDay> {
  const BUSY = `select from batch b join message m on m.id = b.message_id
                 where b.state <> 'done' and (b.state = 'sending' or b.state = 'waiting' and b.due_at <= $1 or m.state = 'cancelled')`
  for (;;) {
    const { rowCount } = await roost.server.db.query(BUSY, [new Date(roost.clock.now())])
    if (rowCount === 0) return (await days())[0] as KnockDay
    await tick()
  }
}

/** A whole day, from its first minute to shortly before its end. */
async function passDay(): Promise<KnockDay> {
  toHour(0)
  await work()
  toHour(23.7)
  await work()
  return untilAtRest()
}

const pushesTo = (phone: Phone, token = phone.token as string) => roost.simulator.pushes({ token })
const feed = async () => (await get<{ removals: Removal[] }>('removals')).removals
const told = async (phone: Phone) => (await roost.ledger(phone.hwid)).map(it => it.event)
const doubtOf = async (phone: Phone) =>
  (await get<{ doubt: DoubtView | null }>(`devices/${encodeURIComponent(phone.hwid)}`)).doubt

async function phones(kind: PhonePlatform['kind'], count: number): Promise<Phone[]> {
  return Promise.all(Array.from({ length: count }, () => roost.phone(kind)))
}

/** As many as are asked in four parts of a day. */
const CROWD = 256

/** Spread over the buckets by their names. */
async function crowd(): Promise<void> {
  for (let i = 0; i < CROWD; i += 32)
    await Promise.all(
      Array.from({ length: 32 }, (_, k) => roost.phone('android', { hwid: `crowd-${i + k}` })),
    )
}

test('tracking is off by default, and on it looks where there is doubt', async () => {
  expect(await get('uninstall-tracking')).toEqual({ enabled: false, mode: 'doubt', quietDays: 30 })
  await roost.phone('android')
  expect(await work()).toBeUndefined()
  await track({})
  expect(await get('uninstall-tracking')).toEqual({ enabled: true, mode: 'doubt', quietDays: 30 })
})

test('daily: each iPhone and Android phone gets one silent push, with permission or without, and nobody else does', async () => {
  const [ios, denied] = await phones('ios', 2)
  const [android] = await phones('android', 1)
  const others = [await roost.phone('web'), await roost.phone('hms')]
  denied?.losePermission()
  await denied?.open()
  await track({ mode: 'daily' })
  expect(await passDay()).toMatchObject({ mode: 'daily', pushed: 3, accepted: 3, dead: 0, cutOff: 0 })
  for (const phone of [ios, denied, android]) expect(pushesTo(phone as Phone)).toHaveLength(1)
  for (const phone of others) expect(pushesTo(phone)).toEqual([])
})

test('a knock keeps to what the gateways ask of background pushes, and is not stored', async () => {
  const ios = await roost.phone('ios')
  const android = await roost.phone('android')
  ios.goOffline()
  await track({ mode: 'daily' })
  await passDay()
  const [toApple] = pushesTo(ios)
  expect(toApple?.headers).toMatchObject({
    'apns-push-type': 'background',
    'apns-priority': '5',
    'apns-expiration': '0',
    'apns-topic': BUNDLE_ID,
  })
  expect(toApple?.payload).toEqual({ aps: { 'content-available': 1 } })
  expect(roost.simulator.held(ios.token as string)).toEqual([])
  const [toGoogle] = pushesTo(android)
  expect(toGoogle).toMatchObject({ ttlSeconds: 0, payload: { silent: '1' }, hash: undefined })
})

test('a knock shows nothing, asks for no receipt, is none of the messages, and takes no place of a cap', async () => {
  const fleet = [await roost.phone('ios'), await roost.phone('android')]
  await roost.rest('PATCH', path('rules'), { cap: { messages: 1, days: 1 } })
  await track({ mode: 'daily' })
  const day = await passDay()
  for (const phone of fleet) {
    expect(phone.shown).toEqual([])
    await phone.settled()
  }
  expect((await roost.server.db.query('select from receipt')).rowCount).toBe(0)
  expect(await get('messages')).toMatchObject({ messages: [] })
  expect((await roost.server.db.query('select from device_cap')).rowCount).toBe(0)
  const campaign = await roost.sendAndSettle({ to: { all: true }, content: { title: 'Hello' } })
  expect(campaign.counts).toMatchObject({ targeted: 2, accepted: 2 })
  expect((await get<{ messages: { id: string }[] }>('messages')).messages.map(it => it.id)).toEqual([
    campaign.id,
  ])
  expect(await get(`messages/${day.messageId}`)).toMatchObject({ counts: { accepted: 2, delivered: 0 } })
})

test('knocks are spread over the day by bucket', async () => {
  await crowd()
  await track({ mode: 'daily' })
  toHour(0)
  await work()
  const pushed: number[] = []
  for (const hour of [5.8, 11.7, 17.55, 23.7]) {
    toHour(hour)
    pushed.push((await untilAtRest()).pushed)
  }
  const parts = pushed.map((it, i) => it - (pushed[i - 1] ?? 0))
  expect(pushed.at(-1)).toBe(CROWD)
  for (const part of parts) {
    expect(part).toBeGreaterThan(CROWD / 6)
    expect(part).toBeLessThan(CROWD / 3)
  }
})

test('nobody is knocked at twice a day by two servers that begin it at once, stop and start again', async () => {
  const fleet = await phones('android', 12)
  await track({ mode: 'daily' })
  toHour(0)
  let second = await roost.another()
  await Promise.all([work(), trackUninstalls(second.db, roost.clock.now()), work()])
  for (const hour of [8, 16, 23.7]) {
    toHour(hour)
    await second.close()
    second = await roost.another()
    await Promise.all([work(), trackUninstalls(second.db, roost.clock.now())])
    await untilAtRest()
  }
  expect(await days()).toMatchObject([{ pushed: 12, accepted: 12 }])
  for (const phone of fleet) expect(pushesTo(phone)).toHaveLength(1)
  await passDay()
  expect(await days()).toMatchObject([{ pushed: 12 }, { pushed: 12 }])
  for (const phone of fleet) expect(pushesTo(phone)).toHaveLength(2)
  await second.close()
})

test('switched off it stops where it is, and on again on the same day it waits for the next one', async () => {
  await crowd()
  await track({ mode: 'daily' })
  toHour(0)
  await work()
  toHour(12)
  await untilAtRest()
  await track({ enabled: false, mode: 'daily' })
  const half = await untilAtRest()
  expect(half.closedAt).not.toBeNull()
  expect(half.pushed).toBeGreaterThan(CROWD / 6)
  expect(half.cutOff).toBeGreaterThan(CROWD / 6)
  expect(half.pushed + half.cutOff).toBe(CROWD)
  await track({ mode: 'daily' })
  toHour(23.7)
  await work()
  expect(await untilAtRest()).toMatchObject({ pushed: half.pushed })
  expect(await passDay()).toMatchObject({ pushed: CROWD })
})

test('switched on at noon it does not make up for the morning', async () => {
  await crowd()
  await track({ mode: 'daily' })
  await work()
  // One part of the day may be due just now.
  expect((await untilAtRest()).pushed).toBeLessThan(CROWD / 3)
  toHour(23.7)
  const { pushed } = await untilAtRest()
  expect(pushed).toBeGreaterThan(CROWD / 6)
  expect(pushed).toBeLessThan((5 * CROWD) / 6)
})

test('a day on which nobody is knocked at, since their time had passed when it was switched on, says so', async () => {
  toHour(0)
  toDayOfTurn(0) // few are asked in one part, at midnight on this day
  await roost.phone('ios')
  toHour(14)
  await track({ mode: 'daily' })
  await work()
  expect(await untilAtRest()).toMatchObject({ pushed: 0, cutOff: 0, isPartial: true })
  toDayOfTurn(2)
  expect(await passDay()).toMatchObject({ pushed: 1, isPartial: false })
})

test('R17: a paused credential holds the knocks, and what it held ends with the day', async () => {
  const fleet = await phones('ios', 8)
  const { credentials } = await get<{
    credentials: { id: string; gateway: string; settings: { keyId: string } }[]
  }>('credentials')
  const slot = credentials.find(it => it.gateway === 'apns')
  roost.simulator.apns.revokeKey(slot?.settings.keyId as string)
  await track({ mode: 'daily' })
  toHour(0)
  await work()
  toHour(23.7)
  await untilAtRest()
  toHour(23.9)
  await work()
  expect(await untilAtRest()).toMatchObject({ pushed: 0, dead: 0, closedAt: expect.any(String) })
  toHour(3)
  await roost.rest('PUT', path(`credentials/${slot?.id}`), {
    gateway: 'apns',
    kind: 'p8',
    ...roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }),
  })
  await untilAtRest()
  for (const phone of fleet) expect(pushesTo(phone)).toEqual([])
  expect(await passDay()).toMatchObject({ pushed: 8, accepted: 8 })
  for (const phone of fleet) expect(pushesTo(phone)).toHaveLength(1)
  for (const phone of fleet)
    expect((await roost.view(phone.hwid)).addresses).toMatchObject([{ state: 'active' }])
})

test('R32: who does not come back within a day is uninstalled, who comes back is replaced, and the feed says so after the day', async () => {
  const [gone, back, apple] = [...(await phones('android', 2)), ...(await phones('ios', 1))] as [
    Phone,
    Phone,
    Phone,
  ]
  await track({ mode: 'daily' })
  const [goneToken, backToken] = [gone.token, back.token]
  toHour(0)
  await work()
  for (const phone of [gone, back, apple]) phone.uninstall()
  toHour(23.7)
  expect(await untilAtRest()).toMatchObject({ pushed: 3, accepted: 0, dead: 3 })
  for (const phone of [gone, back, apple]) expect(await told(phone)).toEqual(['registered', 'dead'])
  // It waits for transactions that were begun before.
  await expect.poll(async () => (await feed()).map(it => it.event)).toEqual(['dead', 'dead', 'dead'])
  expect(await doubtOf(gone)).toMatchObject({ confidence: 0.9, reasons: [{ reason: 'dead' }] })

  roost.clock.advance(23 * HOUR_MS)
  await work()
  expect(await conclusions()).toEqual([])
  await back.comeBack()
  roost.clock.advance(2 * HOUR_MS)
  await work()
  await work()
  expect(await told(gone)).toEqual(['registered', 'dead', 'uninstalled'])
  expect(await told(apple)).toEqual(['registered', 'dead', 'uninstalled'])
  expect(await told(back)).toEqual(['registered', 'dead', 'restored', 'replaced'])
  const counted = await conclusions()
  expect(counted.map(({ provider, uninstalled, replaced }) => ({ provider, uninstalled, replaced }))).toEqual(
    [
      { provider: 'apns', uninstalled: 1, replaced: 0 },
      { provider: 'fcm', uninstalled: 1, replaced: 1 },
    ],
  )
  await expect
    .poll(async () =>
      (await feed())
        .slice(3)
        .map(it => [it.hwid, it.event, it.reason, it.addressEnd])
        .sort(),
    )
    .toEqual(
      [
        [gone.hwid, 'uninstalled', 'UNREGISTERED', goneToken?.slice(-8)],
        [apple.hwid, 'uninstalled', 'Unregistered', expect.any(String)],
        [back.hwid, 'replaced', 'UNREGISTERED', backToken?.slice(-8)],
      ].sort(),
    )
  const { removals } = await get<{ removals: Removal[] }>('removals?event=uninstalled')
  expect(removals).toHaveLength(2)
  expect(await doubtOf(gone)).toMatchObject({ confidence: 0.98, reasons: [{ reason: 'uninstalled' }] })
  expect(await doubtOf(back)).toMatchObject({ confidence: 0, reasons: [] })
})

test("Apple's late 410 is found by the knocks of later days, and the day that is told is the one on which it was found", async () => {
  roost.simulator.apns.configure({ fuzzyDeath: { minDelayMs: 36 * HOUR_MS, maxDelayMs: 37 * HOUR_MS } })
  const phone = await roost.phone('ios')
  await track({ mode: 'daily' })
  phone.uninstall()
  const dead: number[] = []
  for (let day = 1; day <= 3; day++) dead.push((await passDay()).dead)
  expect(dead).toEqual([0, 0, 1])
  const found = (await days())[0]?.day
  roost.clock.advance(25 * HOUR_MS)
  await work()
  expect(await conclusions()).toEqual([{ day: found, provider: 'apns', uninstalled: 1, replaced: 0 }])
})

test('R32: what a campaign finds dead is concluded like what a knock finds; what was registered again with the same token is replaced', async () => {
  const [gone, same] = (await phones('android', 2)) as [Phone, Phone]
  await track({ mode: 'doubt' })
  roost.simulator.fcm.faults.answerFor(same.token as string, { form: 'unregistered' }, 1)
  gone.uninstall()
  await roost.sendAndSettle({ to: { all: true }, content: { title: 'Hello' } })
  await same.register()
  roost.clock.advance(25 * HOUR_MS)
  await work()
  expect(await told(gone)).toEqual(['registered', 'dead', 'uninstalled'])
  expect(await told(same)).toEqual(['registered', 'dead', 'restored', 'replaced'])
})

test('R32: nothing is concluded of what was taken back, of who asked to be left alone, and without tracking', async () => {
  const [undone, asked] = (await phones('android', 2)) as [Phone, Phone]
  undone.uninstall()
  await track({})
  await roost.sendAndSettle({ to: { devices: [undone.hwid] }, content: { title: 'Hello' } })
  await asked.unregister()
  await roost.rest('POST', path('removals/undo'), { reasons: ['UNREGISTERED'] })
  await expect.poll(() => told(undone)).toEqual(['registered', 'dead', 'removal_undone'])
  roost.clock.advance(25 * HOUR_MS)
  await work()
  expect(await conclusions()).toEqual([])
  await track({ enabled: false })
  await roost.sendAndSettle({ to: { devices: [undone.hwid] }, content: { title: 'Hello' } })
  roost.clock.advance(25 * HOUR_MS)
  await work()
  expect(await conclusions()).toEqual([])
})

test('R16: the mass-failure guard holds deaths by knocks as it does any', async () => {
  const fleet = await phones('android', 36)
  for (const phone of fleet.slice(0, 12))
    roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
  await track({ mode: 'daily' })
  expect(await passDay()).toMatchObject({ pushed: 36, accepted: 24, dead: 12, deadHeld: 12 })
  const { alerts } = await get<{ alerts: AlertView[] }>('alerts?state=open')
  expect(alerts).toMatchObject([{ kind: 'deaths_held', held: 12 }])
  roost.clock.advance(25 * HOUR_MS)
  await work()
  expect(await conclusions()).toEqual([])
})

test('R16: deaths among those in doubt have a norm of their own, which campaigns do not lower', async () => {
  const [doubtful, used] = [await phones('android', 24), await phones('android', 40)]
  const useAll = async () => {
    for (const phone of used) await phone.start()
  }
  await track({ quietDays: 3 })
  roost.clock.advance(3 * DAY_MS)
  await useAll()
  for (const phone of doubtful.slice(0, 12)) phone.uninstall()
  expect(await passDay()).toMatchObject({ pushed: 24, accepted: 12, dead: 12, deadHeld: 12 })
  const { alerts } = await get<{ alerts: AlertView[] }>('alerts?state=open')
  expect(alerts).toMatchObject([{ kind: 'deaths_held', data: { part: 'doubt' } }])
  expect((await roost.rest('POST', path(`alerts/${alerts[0]?.id}/release`))).body).toMatchObject({
    changed: 12,
  })
  const toUsed = { devices: used.map(it => it.hwid) }
  for (let i = 0; i < 6; i++) await roost.sendAndSettle({ to: toUsed, content: { title: 'Hello' } })
  roost.clock.advance(DAY_MS)
  await useAll()
  for (const phone of doubtful.slice(12, 22)) phone.uninstall()
  expect(await passDay()).toMatchObject({ pushed: 12, accepted: 2, dead: 10, deadHeld: 0 })
})

test('an erased device is knocked at no more, and nothing is concluded of it', async () => {
  const [early, late] = (await phones('android', 2)) as [Phone, Phone]
  const [earlyToken, lateToken] = [early.token as string, late.token as string]
  await track({ mode: 'daily' })
  toHour(0)
  await work()
  await roost.rest('POST', path('erasures'), { hwid: early.hwid })
  late.uninstall()
  toHour(23.7)
  expect(await untilAtRest()).toMatchObject({ pushed: 1, dead: 1 })
  expect(pushesTo(early, earlyToken)).toEqual([])
  await roost.rest('POST', path('erasures'), { hwid: late.hwid })
  roost.clock.advance(25 * HOUR_MS)
  await work()
  expect(await conclusions()).toEqual([])
  expect((await roost.server.db.query('select from ledger')).rowCount).toBe(0)
  expect(lateToken).not.toBe(earlyToken)
})

test('doubt: quiet longer than its habit, suspect, or without an answer where it used to give some; others are left alone', async () => {
  const [used, rare, habit, unanswered, suspect] = (await phones('ios', 5)) as [
    Phone,
    Phone,
    Phone,
    Phone,
    Phone,
  ]
  await track({ quietDays: 20 })
  /** A day: the app is used by some, and a campaign comes to all. */
  const day = async (users: readonly Phone[]) => {
    roost.clock.advance(DAY_MS)
    for (const phone of users) await phone.start()
    await roost.sendAndSettle({ to: { devices: users.map(it => it.hwid) }, content: { title: 'Hello' } })
    await Promise.all(users.map(it => it.settled()))
  }
  await roost.sendAndSettle({ to: { devices: [suspect.hwid] }, content: { title: 'Hello' } })
  for (let i = 0; i < 5; i++) await day([used, habit, unanswered])
  // Its phone is off from now on: the campaigns are accepted, and stay without an answer.
  unanswered.goOffline()
  for (let i = 0; i < 3; i++) {
    await roost.sendAndSettle({
      to: { condition: { field: 'hwid', op: 'in', value: [unanswered.hwid, used.hwid] } },
      content: { title: 'Offer' },
    })
    await used.settled()
  }
  roost.simulator.apns.faults.answerFor(suspect.token as string, { status: 400, reason: 'BadDeviceToken' }, 1)
  await roost.sendAndSettle({ to: { devices: [suspect.hwid] }, content: { title: 'Hello' } })
  await suspect.start()
  await day([used])
  roost.clock.advance(2 * DAY_MS)
  await used.start()
  toHour(0)
  await work()

  expect(await doubtOf(used)).toMatchObject({ confidence: 0, reasons: [] })
  expect(await doubtOf(rare)).toMatchObject({ confidence: 0, reasons: [], quietDays: 20 })
  expect((await doubtOf(habit))?.confidence).toBeCloseTo(0.35, 1)
  expect(await doubtOf(habit)).toMatchObject({
    reasons: [{ reason: 'quiet' }],
    quietDays: 3,
  })
  expect(await doubtOf(unanswered)).toMatchObject({
    reasons: [{ reason: 'unanswered' }, { reason: 'quiet' }],
  })
  expect((await doubtOf(unanswered))?.confidence).toBeGreaterThan(0.7)
  expect(await doubtOf(suspect)).toMatchObject({ confidence: 0.5, reasons: [{ reason: 'suspect' }] })
  expect(await get<KnockPreview>('uninstall-tracking/preview')).toEqual({
    mode: 'doubt',
    knocks: 3,
    of: 5,
    isEstimate: false,
  })
  expect(await get('uninstall-tracking/preview?mode=daily')).toMatchObject({ knocks: 5, of: 5 })
  const likely = { field: 'doubt', op: 'gte', value: 0.5 }
  const { body } = await roost.rest<{ id: string }>('POST', path('segments'), {
    name: 'likely gone',
    condition: likely,
  })
  expect(await get(`segments/${body.id}/size?exact=true`)).toMatchObject({ exact: 2 })
  expect(
    (await roost.rest('POST', path('segments'), { name: 'no', condition: { ...likely, value: 2 } })).status,
  ).toBe(400)

  const before = [used, rare].map(it => pushesTo(it).length)
  toHour(23.7)
  expect(await untilAtRest()).toMatchObject({ mode: 'doubt', pushed: 3, accepted: 3 })
  expect([used, rare].map(it => pushesTo(it).length)).toEqual(before)
})

test('doubt: daily for a week, then once a week', async () => {
  await roost.phone('ios')
  await track({ quietDays: 3 })
  const knockedOn: number[] = []
  for (let day = 1; day <= 22; day++) {
    roost.clock.advance(DAY_MS)
    const { knocks } = await get<KnockPreview>('uninstall-tracking/preview')
    if (knocks > 0) knockedOn.push(day)
  }
  expect(knockedOn).toEqual([3, 4, 5, 6, 7, 8, 9, 14, 21])
})

test('doubt: at Google a knock that was taken speaks for the app being there', async () => {
  const [ios, android] = [await roost.phone('ios'), await roost.phone('android')]
  await track({ quietDays: 3 })
  roost.clock.advance(3 * DAY_MS)
  expect(await passDay()).toMatchObject({ pushed: 2, accepted: 2 })
  const before = await doubtOf(android)
  toHour(1)
  await work()
  const [apple, google] = [await doubtOf(ios), await doubtOf(android)]
  expect(before?.confidence).toBeGreaterThanOrEqual(0.3)
  expect(apple?.confidence).toBeGreaterThanOrEqual(0.3)
  expect(google?.confidence).toBeLessThan(0.15)
  expect(google?.reasons).toMatchObject([{ reason: 'quiet' }])
})

test('where there is no credential nothing is written down of any device', async () => {
  const { code } = (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Bare' })).body
  await roost.rest('PUT', `/v1/apps/${code}/devices/one`, { platform: 'android', pushToken: 'an:fcm-token' })
  await roost.rest('PUT', `/v1/apps/${code}/uninstall-tracking`, { enabled: true, mode: 'daily' })
  toHour(0)
  await work()
  toHour(23.7)
  await untilAtRest()
  const days = await roost.rest('GET', `/v1/apps/${code}/uninstall-tracking/days`)
  expect(days.body).toMatchObject({ days: expect.arrayContaining([expect.objectContaining({ pushed: 0 })]) })
  expect((await roost.server.db.query('select from delivery_exception')).rowCount).toBe(0)
})

test('the record of the job says what a day came to, and what was concluded', async () => {
  const [stays, gone] = (await phones('android', 2)) as [Phone, Phone]
  await track({ mode: 'daily' })
  toHour(0)
  expect(await work()).toMatch(/begun/)
  gone.uninstall()
  toHour(23.7)
  await untilAtRest()
  toHour(23.9)
  expect(await work()).toBe('1 ended: 2 pushed, 1 accepted, 1 dead')
  await track({ enabled: false })
  roost.clock.advance(25 * HOUR_MS)
  expect(await work()).toBe('1 uninstalled, 0 replaced')
  expect(pushesTo(stays)).toHaveLength(1)
})

test('a browser and a device without an address are in no doubt', async () => {
  const web = await roost.phone('web')
  await roost.rest('PUT', path('devices/without'), { platform: 'android' })
  expect(await doubtOf(web)).toBeNull()
  expect(await get('devices/without')).toMatchObject({ doubt: null })
})

test('after 30 days of a day nothing is kept but its counts', async () => {
  await roost.phone('android')
  await track({ mode: 'daily' })
  const { day, messageId } = await passDay()
  await track({ enabled: false })
  roost.clock.advance(32 * DAY_MS)
  await work()
  expect(await days()).toMatchObject([{ day, pushed: 1, accepted: 1 }])
  for (const table of ['batch', 'acceptance', 'delivery_exception'])
    expect(
      (await roost.server.db.query(`select from ${table} where message_id = $1`, [messageId])).rowCount,
    ).toBe(0)
  expect((await roost.rest('GET', path(`messages/${messageId}`))).status).toBe(404)
})
