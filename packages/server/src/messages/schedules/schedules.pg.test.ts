/** Messages that recur: each run one message, on any number of servers, whatever happened meanwhile. */
import type { MessageSummary, NewSchedule, ScheduleView } from '@roost/protocol'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import type { RunningServer } from '../../main.ts'

let roost: TestRoost
let senders: RunningServer[]
const startSenders = async () => {
  senders = [await roost.another({ roles: ['send'] }), await roost.another({ roles: ['send'] })]
}
const stopSenders = () => Promise.all(senders.map(it => it.close()))
beforeAll(async () => {
  roost = await startRoost({ roles: ['api'] })
  await startSenders()
})
afterAll(async () => {
  await stopSenders()
  await roost.close()
})

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const made: string[] = []
let names = 0
afterEach(async () => {
  for (const id of made.splice(0)) await remove(id)
})

const remove = (id: string) =>
  fetch(`${roost.url}${path(id)}`, { method: 'DELETE', headers: { authorization: `Bearer ${SERVER_TOKEN}` } })
const path = (id = '') => `/v1/apps/${roost.app}/schedules${id && `/${id}`}`

/** An hour from now, to the minute; the same minute of each hour. */
function hourly(): { readonly cron: string; readonly minute: number } {
  const minute = new Date(roost.clock.now()).getUTCMinutes()
  return { cron: `${minute} * * * *`, minute }
}

async function schedule(fields: Partial<NewSchedule> = {}): Promise<ScheduleView> {
  const answer = await roost.rest<ScheduleView>('POST', path(), {
    name: `Every hour ${names++}`,
    cron: hourly().cron,
    timeZone: 'UTC',
    message: { to: { all: true }, content: { title: 'Ping' } },
    ...fields,
  })
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  made.push(answer.body.id)
  return answer.body
}

const read = async (id: string) => (await roost.rest<ScheduleView>('GET', path(id))).body
const messagesOf = async (id: string) =>
  (await roost.rest<{ messages: MessageSummary[] }>('GET', `${path(id)}/messages`)).body.messages

/** Waits until the schedule is as wanted. */
async function until(id: string, isWanted: (schedule: ScheduleView) => boolean): Promise<ScheduleView> {
  for (const end = Date.now() + 45_000; Date.now() < end; await tick()) {
    const view = await read(id)
    if (isWanted(view)) return view
  }
  throw new Error(`schedule ${id} did not come to be as wanted`)
}

function advanceTo(time: string | null): void {
  roost.clock.advance(Date.parse(time ?? '') - roost.clock.now())
}

test('each run is a message of its own, which names its schedule', async () => {
  const phone = await roost.phone('ios')
  const { id, nextRunAt, nextRuns } = await schedule()
  expect(nextRuns).toHaveLength(5)
  advanceTo(nextRunAt)
  const once = await until(id, it => it.lastMessageId !== null)
  expect(once).toMatchObject({ state: 'active', nextRunAt: nextRuns[1], lastFault: null })
  const first = await roost.settle(once.lastMessageId as string)
  expect(first).toMatchObject({ schedule: id, counts: { targeted: 1, accepted: 1 } })
  advanceTo(once.nextRunAt)
  const twice = await until(id, it => it.lastMessageId !== once.lastMessageId)
  await roost.settle(twice.lastMessageId as string)
  expect((await messagesOf(id)).map(it => it.id)).toEqual([twice.lastMessageId, once.lastMessageId])
  expect(phone.shown).toHaveLength(2)
})

test('two servers that find many schedules due at once make one message for each', async () => {
  const schedules = await Promise.all(Array.from({ length: 20 }, () => schedule()))
  advanceTo(schedules[0]?.nextRunAt ?? null)
  for (const { id } of schedules) await until(id, it => it.lastMessageId !== null)
  for (const { id } of schedules) expect(await messagesOf(id)).toHaveLength(1)
})

test('of runs that were missed one is made up for, or none', async () => {
  const one = await schedule({ missed: 'one' })
  const none = await schedule({ missed: 'none' })
  await stopSenders()
  roost.clock.advance(3 * DAY_MS + 10 * 60_000)
  await startSenders()
  const isOn = (it: ScheduleView) => Date.parse(it.nextRunAt ?? '') > roost.clock.now()
  expect((await until(one.id, isOn)).lastMessageId).not.toBeNull()
  expect((await until(none.id, isOn)).lastMessageId).toBeNull()
  expect(await messagesOf(one.id)).toHaveLength(1)
  expect(await messagesOf(none.id)).toHaveLength(0)
})

test('a run of a few minutes ago was not missed', async () => {
  const { id, nextRunAt } = await schedule({ missed: 'none' })
  roost.clock.advance(Date.parse(nextRunAt ?? '') - roost.clock.now() + 4 * 60_000)
  expect((await until(id, it => it.lastRunAt !== null)).lastMessageId).not.toBeNull()
})

test('a paused schedule makes none, and does not make up for them when it is resumed', async () => {
  const { id } = await schedule()
  const paused = await roost.rest<ScheduleView>('POST', `${path(id)}/pause`)
  expect(paused.body).toMatchObject({ state: 'paused', nextRunAt: null, nextRuns: [] })
  roost.clock.advance(5 * HOUR_MS)
  const resumed = await roost.rest<ScheduleView>('POST', `${path(id)}/resume`)
  expect(Date.parse(resumed.body.nextRunAt ?? '')).toBeGreaterThan(roost.clock.now())
  advanceTo(resumed.body.nextRunAt)
  await until(id, it => it.lastMessageId !== null)
  expect(await messagesOf(id)).toHaveLength(1)
})

test('a change is for the runs to come, and the next one is asked for anew', async () => {
  const { id, name, nextRunAt } = await schedule()
  const { body } = await roost.rest<ScheduleView>('PATCH', path(id), {
    cron: '0 0 1 1 *',
    message: { to: { condition: { tag: 'x', op: 'eq', value: '1' } }, content: { title: 'Happy new year' } },
  })
  expect(body).toMatchObject({
    cron: '0 0 1 1 *',
    name,
    message: { content: { title: 'Happy new year' } },
  })
  expect(body.nextRunAt).toMatch(/-01-01T00:00:00.000Z$/)
  expect(body.nextRunAt).not.toBe(nextRunAt)
})

test('a run that is due and not made yet is made, whatever is changed at that moment', async () => {
  const { cron } = hourly() // of one minute, however long it takes to make the three
  const schedules = [
    await schedule({ cron }),
    await schedule({ cron, timeZone: null }),
    await schedule({ cron }),
  ] as const
  const [worded, moved, retimed] = schedules
  await stopSenders()
  advanceTo(worded.nextRunAt)
  const message = { to: { all: true }, content: { title: 'Pong' } } as const
  await roost.rest('PATCH', path(worded.id), { name: 'Renamed', message })
  await roost.rest('PATCH', `/v1/apps/${roost.app}`, { timeZone: 'Asia/Kolkata' })
  const { body } = await roost.rest<ScheduleView>('PATCH', path(retimed.id), { cron: '0 0 1 1 *' })
  expect(body.nextRunAt).toMatch(/-01-01T00:00:00.000Z$/)
  await startSenders()
  await roost.rest('PATCH', `/v1/apps/${roost.app}`, { timeZone: 'UTC' })
  for (const { id, nextRunAt } of [worded, moved]) {
    const ran = await until(id, it => it.lastMessageId !== null)
    expect(await messagesOf(id)).toMatchObject([{ title: id === worded.id ? 'Pong' : 'Ping' }])
    expect(Date.parse(ran.nextRunAt ?? '')).toBeGreaterThan(Date.parse(nextRunAt ?? ''))
  }
  expect((await read(retimed.id)).lastMessageId).toBeNull()
})

test('a clock that was set back makes no run twice, and holds up no other schedule', async () => {
  const { id, nextRunAt } = await schedule()
  advanceTo(nextRunAt)
  const { lastMessageId } = await until(id, it => it.lastMessageId !== null)
  await stopSenders()
  roost.clock.advance(-60_000)
  await roost.rest('POST', `${path(id)}/pause`)
  const { body } = await roost.rest<ScheduleView>('POST', `${path(id)}/resume`)
  expect(body.nextRunAt).toBe(nextRunAt)
  const other = await schedule({ cron: `${new Date(nextRunAt ?? '').getUTCMinutes()} * * * *` })
  await startSenders()
  roost.clock.advance(60_000)
  await until(other.id, it => it.lastMessageId !== null)
  expect(await until(id, it => it.nextRunAt !== nextRunAt)).toMatchObject({ lastMessageId, lastFault: null })
  expect(await messagesOf(id)).toHaveLength(1)
})

test('a schedule without a zone follows the app when that moves', async () => {
  const { id } = await schedule({ cron: '0 9 * * *', timeZone: null })
  const move = (timeZone: string) => roost.rest('PATCH', `/v1/apps/${roost.app}`, { timeZone })
  await move('Asia/Tokyo')
  expect((await read(id)).nextRunAt).toMatch(/T00:00:00.000Z$/)
  await move('UTC')
  expect((await read(id)).nextRunAt).toMatch(/T09:00:00.000Z$/)
})

test('by local time each run is a message by the clock of each device', async () => {
  const { id, nextRunAt } = await schedule({
    cron: '0 9 * * *',
    timeZone: null,
    localTime: { passed: 'skip' },
    message: { to: { condition: { tag: 'here', op: 'eq', value: 'yes' } }, content: { title: 'Morning' } },
  })
  expect(nextRunAt).toMatch(/T19:00:00.000Z$/)
  const phone = await roost.phone('ios', { tags: { here: 'yes' } })
  advanceTo(nextRunAt)
  const run = await until(id, it => it.lastMessageId !== null)
  const day = new Date(Date.parse(nextRunAt ?? '') + DAY_MS).toISOString().slice(0, 10)
  const message = await roost.until(run.lastMessageId as string, it => it.slots.length === 1)
  expect(message).toMatchObject({
    localTime: { at: `${day}T09:00`, passed: 'skip' },
    counts: { targeted: 0 },
  })
  roost.clock.advance(14 * HOUR_MS)
  await roost.settle(message.id)
  expect(phone.shown).toHaveLength(1)
})

test('what keeps a run from making its message is told, and the next one tries again', async () => {
  const rules = (categories: string[]) => roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { categories })
  await rules(['offers'])
  const { id, nextRunAt } = await schedule({
    message: { to: { all: true }, content: { title: 'Sale' }, rules: { category: 'offers' } },
  })
  await rules([])
  advanceTo(nextRunAt)
  const failed = await until(id, it => it.lastFault !== null)
  expect(failed).toMatchObject({
    lastMessageId: null,
    lastFault: expect.stringContaining('no category "offers"'),
  })
  await rules(['offers'])
  advanceTo(failed.nextRunAt)
  expect(await until(id, it => it.lastMessageId !== null)).toMatchObject({ lastFault: null })
})

test('a person who is erased is taken out of whom it is for', async () => {
  const phone = await roost.phone('ios')
  const { id } = await schedule({
    message: {
      to: { condition: { field: 'hwid', op: 'in', value: [phone.hwid, 'another'] } },
      content: { title: 'Ping' },
    },
  })
  const erased = await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${phone.hwid}`)
  expect(erased.status).toBe(200)
  expect((await read(id)).message).toMatchObject({
    to: { condition: { field: 'hwid', op: 'in', value: ['another'] } },
  })
})

test('a segment that a schedule names is not deleted', async () => {
  const { body: segment } = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/segments`, {
    name: 'Readers',
    mode: 'live',
    condition: { tag: 'reads', op: 'eq', value: 'yes' },
  })
  const { id } = await schedule({ message: { to: { segment: 'readers' }, content: { title: 'News' } } })
  expect((await read(id)).message).toMatchObject({ to: { segment: segment.id } })
  const refused = await roost.rest('DELETE', `/v1/apps/${roost.app}/segments/${segment.id}`)
  expect(refused).toMatchObject({ status: 409, body: { code: 'segment_in_use' } })
})

const WITH_REST = {
  variants: ['A', 'B'].map(name => ({ name, percent: 10, content: { title: name } })),
  winner: { afterSeconds: 3600 },
}

test.each<[string, object, string, number?]>([
  ['times that are none', { cron: '0 9 * *' }, 'body/cron'],
  ['a zone beside local time', { timeZone: 'UTC', localTime: {} }, 'body/timeZone'],
  [
    'content that can not be sent',
    { message: { to: { all: true }, content: { title: '{{ nothing.here }}' } } },
    '"nothing" is unknown',
  ],
  [
    'one date for the inboxes of all',
    { message: { to: { all: true }, content: { title: 'x' }, inbox: { until: '2030-01-01T00:00:00Z' } } },
    'until',
  ],
  [
    'local time and a test for a winner, which no run could have',
    { localTime: {}, message: { to: { all: true }, content: { title: 'x' }, experiment: WITH_REST } },
    'body/message/experiment/winner',
  ],
  [
    'a segment that there is not',
    { message: { to: { segment: 'Nobody knows' }, content: { title: 'x' } } },
    'body/message/to/segment',
    404,
  ],
  [
    'a template that has no end, at its place',
    { message: { to: { all: true }, content: { title: '{{ no' } } },
    'body/message/content',
  ],
])('a schedule is refused with %s', async (_what, fields, place, status = 400) => {
  const answer = await roost.rest('POST', path(), {
    name: 'x',
    cron: '0 9 * * *',
    message: { to: { all: true }, content: { title: 'x' } },
    ...fields,
  })
  expect(answer).toMatchObject({
    status,
    body: {
      code: status === 404 ? 'segment_unknown' : 'input_invalid',
      detail: expect.stringContaining(place),
    },
  })
})

test('a change is refused what the runs would be refused', async () => {
  const { id } = await schedule({
    timeZone: null,
    message: { to: { all: true }, content: { title: 'x' }, experiment: WITH_REST },
  })
  const answer = await roost.rest('PATCH', path(id), { localTime: {} })
  expect(answer).toMatchObject({
    status: 400,
    body: { detail: expect.stringContaining('body/message/experiment/winner') },
  })
  expect((await read(id)).localTime).toBeNull()
})

test('a name is that of one schedule, so a request that is repeated makes no second one', async () => {
  const { id, name } = await schedule()
  const again = schedule({ name: name.toUpperCase() })
  await expect(again).rejects.toThrow('schedule_name_taken')
  await expect(again).rejects.toThrow(id)
  const other = await schedule()
  const renamed = await roost.rest('PATCH', path(other.id), { name })
  expect(renamed).toMatchObject({ status: 409, body: { code: 'schedule_name_taken' } })
  expect(await roost.rest('PATCH', path(id), { name: name.toUpperCase() })).toMatchObject({ status: 200 })
})

test('a schedule that can not be run tells why, holds up no other, and is tried again', async () => {
  const { cron } = hourly()
  const [broken, sound] = [await schedule({ cron }), await schedule({ cron })]
  const { db } = roost.server
  await db.query(`update schedule set message = '{}' where id = $1`, [broken.id])
  advanceTo(broken.nextRunAt)
  await until(sound.id, it => it.lastMessageId !== null)
  const failed = await until(broken.id, it => it.lastFault !== null)
  expect(failed).toMatchObject({ nextRunAt: broken.nextRunAt, lastMessageId: null })
  await db.query('update schedule set message = (select message from schedule where id = $2) where id = $1', [
    broken.id,
    sound.id,
  ])
  roost.clock.advance(60_000)
  expect(await until(broken.id, it => it.lastMessageId !== null)).toMatchObject({ lastFault: null })
  expect(await messagesOf(broken.id)).toHaveLength(1)
})

test('a deleted schedule runs no more, and its messages stay', async () => {
  const { id, nextRunAt } = await schedule()
  advanceTo(nextRunAt)
  const { lastMessageId } = await until(id, it => it.lastMessageId !== null)
  const gone = await remove(id)
  expect(gone.status).toBe(204)
  expect((await roost.rest('GET', path(id))).status).toBe(404)
  expect((await roost.settle(lastMessageId as string)).schedule).toBe(id)
})
