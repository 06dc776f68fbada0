/**
 * A month of a base: phones that install, open, uninstall, come back, change tokens and are lost, with messages on some days,
 * uninstall tracking and a policy for inactivity. What the server counts is held against the simulator's own book, day by day: equal
 * wherever a server can know, and where it can't (nobody tells it that an app was removed, and Apple's 410 comes days later) the
 * book's own gateway times explain the difference.
 *
 * ROOST_MONTH_PEOPLE sets its size; 2,000 by default, which takes a minute or two.
 */
import type { ConclusionCount, DeliveryNumbers, KnockDay, MessageView } from '@roost/protocol'
import type { BookDay, TokenEnd } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { baseByBook, conclusionsOf } from '../packages/server/src/cli/demo/month/by-the-book.ts'
import { appleLateDays } from '../packages/server/src/cli/demo/month/play.ts'
import { DAY_MS, type Month, openMonth } from '../packages/server/src/cli/demo/month/stage.ts'

const PEOPLE = Number(process.env.ROOST_MONTH_PEOPLE ?? 2000)
const DAYS = 30
const INACTIVE_DAYS = 14
/** Every fourth day. */
const isMessageDay = (day: number) => day % 4 === 3
/** In the future: what is told of today is today's. */
const START_MS = Math.ceil(Date.now() / DAY_MS) * DAY_MS
/** On a machine that is busy with other things. */
const WITHIN_MS = 600_000 + PEOPLE * 60

let month: Month
const messages = new Map<number, string>()

const dateOf = (day: number) => new Date(START_MS + day * DAY_MS).toISOString().slice(0, 10)
const hashOf = (id: string) => id.replaceAll('-', '')
const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, n) => total + n, 0)

interface DeviceStats {
  readonly devices: number
  readonly byPlatform: readonly { platform: string; devices: number; active: number; suspect: number }[]
}

/** How things stand in the evening, from the server's rows. */
async function expectStanding(book: BookDay): Promise<void> {
  const { devices, byPlatform } = await month.read<DeviceStats>('stats/devices?exact=true')
  const inBase = Object.fromEntries(byPlatform.map(it => [it.platform, it.active + it.suspect]))
  const { ios, android, web } = book.inBaseBy
  expect({ devices, inBase }, dateOf(book.day)).toEqual({
    devices: book.devices,
    inBase: { ios, android, web },
  })
}

/** To everybody, at noon: who gets it, and what the stand-ins counted. */
async function sendToAll(day: number): Promise<void> {
  const { inBase, optedOut } = month.life.census()
  const message = await month.send({ to: { all: true }, content: { title: `Day ${day}` } })
  messages.set(day, message.id)
  const { acceptances, tokens } = month.simulator.acceptedFor(hashOf(message.id))
  const attempts = sum(month.simulator.attemptsFor(hashOf(message.id)).values())
  expect(message.counts, dateOf(day)).toMatchObject({
    targeted: inBase - optedOut,
    accepted: acceptances,
    dead: attempts - acceptances,
    deadHeld: 0,
    failed: 0,
    skipped: 0,
    uncertain: 0,
    possibleDuplicates: 0,
  })
  expect(acceptances, 'nobody was asked twice').toBe(tokens.size)
}

beforeAll(async () => {
  const startedAt = performance.now()
  month = await openMonth({ people: PEOPLE, startMs: START_MS, days: DAYS, inactiveDays: INACTIVE_DAYS })
  for (let day = 0; day < DAYS; day++)
    await expectStanding(await month.liveDay(day, async () => isMessageDay(day) && sendToAll(day)))
  await month.conclude(DAYS)
  const seconds = (performance.now() - startedAt) / 1000
  process.stdout.write(`a month of ${PEOPLE} people in ${seconds.toFixed(0)} s\n`)
}, WITHIN_MS)
afterAll(() => month?.close())

const range = () => `from=${dateOf(0)}&to=${dateOf(DAYS - 1)}`

test('the time line of the base is that of the book, on every day and in every number', async () => {
  expect(await month.readBase(DAYS)).toEqual(baseByBook(month.life.book, START_MS))
  for (const name of ['restored', 'unregistered', 'dead', 'inactive', 'superseded', 'uninstalls'] as const)
    expect(sum(month.life.book.days.map(day => day[name])), `the month has ${name}`).toBeGreaterThan(0)
})

test('the time line of messages is what the stand-ins accepted and refused, and what phones reported', async () => {
  const { rows } = await month.read<{ rows: (DeliveryNumbers & { at: string })[] }>(
    `stats/deliveries?${range()}&by=day`,
  )
  for (const [day, id] of messages) {
    const { acceptances } = month.simulator.acceptedFor(hashOf(id))
    const attempts = sum(month.simulator.attemptsFor(hashOf(id)).values())
    const row = rows.find(it => it.at === dateOf(day))
    expect(row, dateOf(day)).toMatchObject({ accepted: acceptances, dead: attempts - acceptances })
  }
  const { posted, failed } = month.crowd.counts().receipts
  expect(failed).toBe(0)
  expect(sum(rows.map(it => it.delivered + it.opened))).toBe(posted)
  const views = await Promise.all([...messages.values()].map(id => month.read<MessageView>(`messages/${id}`)))
  expect(sum(views.map(({ counts }) => counts.delivered + counts.opened))).toBe(posted)
})

test('uninstalls are told apart from replacements by the day of the death', async () => {
  const { conclusions, days } = await month.read<{ conclusions: ConclusionCount[]; days: KnockDay[] }>(
    'uninstall-tracking/days?limit=100',
  )
  for (const { day } of month.life.book.days) {
    const told = conclusions.filter(it => it.day === dateOf(day))
    const numbers = {
      uninstalls: sum(told.map(it => it.uninstalled)),
      replaced: sum(told.map(it => it.replaced)),
    }
    expect(numbers, dateOf(day)).toEqual(conclusionsOf(month.life.book, day))
  }
  expect(sum(days.map(it => it.pushed))).toBeGreaterThan(0)
  expect(sum(days.map(it => it.failed + it.deadHeld))).toBe(0)
})

test("each death is an end in the book, with Apple's own time, and who is gone and still counted is an end that no gateway told", async () => {
  const { book } = month.life
  const dead = await month.query<{ key: string; since: string | null }>(
    `select hwid || ' ' || address_end as key, evidence ->> 'since' as since from ledger
      where event = 'dead' and reason <> 'inactive'`,
  )
  const told = book.ends.filter(end => end.wasInBase)
  const keyOf = (end: TokenEnd) => `${end.hwid} ${end.token.slice(-8)}`
  expect(dead.map(it => it.key).sort()).toEqual(told.map(keyOf).sort())
  const since = new Map(dead.map(it => [it.key, it.since]))
  const ofApple = told.filter(end => end.told?.gateway === 'apns')
  for (const end of ofApple) {
    expect(Date.parse(since.get(keyOf(end)) ?? ''), keyOf(end)).toBe(end.told?.sinceMs)
    expect(end.told?.sinceMs).toBeGreaterThanOrEqual(end.atMs)
  }
  const lateDays = appleLateDays(book)
  expect(lateDays.at(-1), 'some 410 came days later').toBeGreaterThan(2)
  process.stdout.write(`${summary(lateDays)}\n`)
})

function summary(lateDays: readonly number[]): string {
  const { book } = month.life
  const count = (name: 'uninstalls' | 'cleared' | 'lost' | 'dead' | 'inactive' | 'restored') =>
    sum(book.days.map(day => day[name]))
  const last = book.days.at(-1)
  return `${count('uninstalls')} uninstalled, ${count('cleared')} cleared, ${count('lost')} lost; found dead ${count('dead')}, inactive ${count('inactive')}, restored ${count('restored')}; at the end ${last?.inBase} in the base, ${last?.gone} of them gone unnoticed; Apple's 410 came ${lateDays[Math.floor(lateDays.length / 2)]} days late in the middle, ${lateDays.at(-1)} at most`
}
