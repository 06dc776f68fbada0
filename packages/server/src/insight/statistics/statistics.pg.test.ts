/** Statistics through the HTTP API: what is told of messages, receipts and the base adds up to what happened, once. */
import type { BaseNumbers, Coverage, DeliveryNumbers } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { untilHeldUp } from '../../../test/held-up.ts'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../../test/roost.ts'
import { codeOf } from '../../messages/code.ts'
import { hashOf } from '../receipts.ts'
import { gather } from './gather.ts'
import { rollUp } from './job.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const CONTENT = { title: 'Hello' }

let roost: TestRoost
beforeEach(async () => {
  roost = await startRoost()
})
afterEach(() => roost.close())

const rolled = () => rollUp(roost.server.db, roost.clock.now())

/**
 * Until all is counted that was committed by now: transactions of other databases of the same PostgreSQL, which belong to
 * other tests, hold the mark back as long as they run.
 */
async function count(): Promise<void> {
  const { db } = roost.server
  const now = (await db.query<{ xid: number }>('select pg_current_xact_id()::text::bigint as xid')).rows[0]
    ?.xid
  const isPast = async () => {
    await rolled()
    const { rows } = await db.query('select from stat_mark where xid > $1', [now])
    return rows.length > 0
  }
  await expect.poll(isPast).toBe(true)
}
const dateOf = (at: number) => new Date(at).toISOString().slice(0, 10)

type Row<Numbers> = Numbers & { readonly at: string; readonly gateway: string | null }

async function deliveries(query = '') {
  const { status, body } = await roost.rest<{
    rows: Row<DeliveryNumbers>[]
    totals: DeliveryNumbers
    timeZone: string
    asOf: string
  }>('GET', `/v1/apps/${roost.app}/stats/deliveries?${query}`)
  expect([status, body]).toEqual([200, body])
  return body
}

async function base(query = '') {
  const path = `/v1/apps/${roost.app}/stats/base?${query}`
  return (await roost.rest<{ rows: Row<BaseNumbers>[] }>('GET', path)).body.rows
}

const sumOf = <Name extends keyof BaseNumbers>(rows: readonly BaseNumbers[], name: Name) =>
  rows.reduce((total, it) => total + (it[name] ?? 0), 0)

/** The simulated phones tell of deliveries by themselves. */
async function untilDelivered(id: string, delivered: number) {
  await roost.until(id, it => it.counts.delivered === delivered)
}

const open = (phone: Phone, id: string) => phone.openNotification(hashOf(id))

test('a campaign is counted by outcome, gateway and receipt, for the app, itself and what it belongs to', async () => {
  const ios = await Promise.all([1, 2, 3].map(() => roost.phone('ios')))
  const android = await roost.phone('android')
  const [gone] = ios as [Phone]
  gone.uninstall()
  const message = { to: { all: true }, content: CONTENT, campaign: 'spring' } as const
  const { id } = await roost.sendAndSettle(message)
  await untilDelivered(id, 3)
  await open(android, id)
  await count()
  const expected = { sent: 4, accepted: 3, dead: 1, failed: 0, delivered: 3, opened: 1, openedShare: 0.3333 }
  for (const of of ['', `message=${id}`, 'campaign=spring'])
    expect((await deliveries(of)).totals).toMatchObject(expected)
  expect((await deliveries('campaign=autumn')).totals).toMatchObject({
    sent: 0,
    opened: 0,
    openedShare: null,
  })
  const split = (await deliveries('split=gateway&by=total')).rows
  expect(split).toMatchObject([
    { gateway: 'apns', accepted: 2, dead: 1, delivered: 2, opened: 0 },
    { gateway: 'fcm', accepted: 1, dead: 0, delivered: 1, opened: 1 },
  ])
  const failures = await roost.rest('GET', `/v1/apps/${roost.app}/stats/failures?message=${id}`)
  expect(failures.body).toEqual({
    failures: [{ outcome: 'dead', reason: 'Unregistered', gateway: 'apns', count: 1 }],
    isToldApart: true,
  })
  const messages = await roost.rest('GET', `/v1/apps/${roost.app}/stats/messages`)
  expect(messages.body).toMatchObject({ messages: [{ id, campaign: 'spring', title: 'Hello', ...expected }] })
  const campaigns = await roost.rest('GET', `/v1/apps/${roost.app}/stats/campaigns`)
  expect(campaigns.body).toMatchObject({ campaigns: [{ campaign: 'spring', ...expected }] })
})

test('what is skipped is counted with its reason and not as sent', async () => {
  const phone = await roost.phone('ios')
  const { id } = await roost.sendAndSettle({
    to: { devices: [phone.hwid, 'nobody'] },
    content: { title: 'Hi {{ tags.Name }}', onMissing: 'skip' },
  })
  await count()
  const { totals } = await deliveries()
  expect(totals).toMatchObject({ sent: 0, accepted: 0, skipped: 2 })
  // It is no campaign, so it is told by its own counts alone.
  expect((await deliveries(`message=${id}`)).totals.skipped).toBe(0)
  const { body } = await roost.rest<{ failures: unknown[] }>('GET', `/v1/apps/${roost.app}/stats/failures`)
  expect(body.failures).toContainEqual({
    outcome: 'skipped',
    reason: 'variable_missing',
    gateway: 'apns',
    count: 1,
  })
})

test('the pushes of uninstall tracking are in no number of messages', async () => {
  const phone = await roost.phone('ios')
  const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid, 'nobody'] }, content: CONTENT })
  await roost.server.db.query("update message set knock = '{}' where id = $1", [id])
  await open(phone, id)
  await count()
  expect((await deliveries()).totals).toMatchObject({ accepted: 0, skipped: 0, opened: 0 })
})

test('however often the job runs, and at two servers at once, nothing counts twice', async () => {
  const phones = await Promise.all([1, 2, 3, 4, 5].map(() => roost.phone('android')))
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  await untilDelivered(id, 5)
  await Promise.all([rolled(), rolled(), rolled()])
  await Promise.all(phones.map(it => open(it, id)))
  await Promise.all(phones.map(it => open(it, id)))
  await Promise.all([rolled(), rolled()])
  await count()
  expect((await deliveries()).totals).toMatchObject({ accepted: 5, delivered: 5, opened: 5 })
  const rows = await base()
  expect([sumOf(rows, 'installs'), sumOf(rows, 'registrations')]).toEqual([5, 5])
})

test('a run that breaks off half-way has counted nothing, and the next one all of it', async () => {
  await roost.phone('ios')
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  await untilDelivered(id, 1)
  const gathered = async () => {
    await gather(roost.server.db, roost.clock.now())
    return (await roost.server.db.query("select from stat_tally where metric = 'accepted'")).rows.length
  }
  await expect.poll(gathered).toBe(1)
  await roost.server.db.query(
    'alter table stat_day add constraint broken check (metric <> $$accepted$$) not valid',
  )
  await expect(rolled()).rejects.toThrow('broken')
  await roost.server.db.query('alter table stat_day drop constraint broken')
  await count()
  await count()
  expect((await deliveries()).totals).toMatchObject({ accepted: 1, delivered: 1 })
})

test('a mark that another process has moved on meanwhile is not taken back, or the same would count twice', async () => {
  const { db } = roost.server
  await roost.phone('ios')
  const [older, other] = [await db.connection(), await db.connection()]
  await older.query('begin')
  await older.query('select pg_current_xact_id()')
  await other.query('begin')
  await other.query("select xid from stat_mark where source = 'base' for update")
  const waiting = gather(db, roost.clock.now()) // its first snapshot knows of the older one
  await untilHeldUp(db)
  await older.query('commit')
  const { rows } = await other.query<{ xid: string }>(
    `update stat_mark set xid = pg_snapshot_xmin(pg_current_snapshot())::text::bigint where source = 'base'
     returning xid::text`,
  )
  await other.query('commit')
  for (const it of [older, other]) it.release()
  await waiting
  const after = await db.query<{ xid: number }>("select xid from stat_mark where source = 'base'")
  expect(after.rows[0]?.xid).toBeGreaterThanOrEqual(Number(rows[0]?.xid))
})

test('after a move by dump and restore what was counted is not counted again, and what was not is', async () => {
  const { db } = roost.server
  const before = await roost.phone('ios')
  await count()
  await roost.phone('ios')
  // What pg_dump brings to a new server: numbers that lie far ahead there; the second phone came after the last run.
  const ahead = '1000000'
  await db.query(
    `update ledger set xid = (xid::text::bigint + ${ahead} + case when hwid = $1 then 0 else 100000 end)::text::xid8`,
    [before.hwid],
  )
  await db.query(`update stat_mark set xid = xid + ${ahead} + 50000 where source = 'base'`)
  await count()
  await roost.phone('ios')
  await count()
  expect(sumOf(await base(), 'registrations')).toBe(3)
  // Where the new numbers come to the old ones.
  await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${before.hwid}`)
  const { rows } = await db.query(
    'select from ledger where xid > pg_snapshot_xmax(pg_current_snapshot()) limit 1',
  )
  expect(rows).toEqual([])
  await count()
  expect(sumOf(await base(), 'registrations')).toBe(3)
})

test('what is committed after a run had passed its moment is counted by the next', async () => {
  await roost.phone('ios')
  await count()
  const slow = await roost.server.db.connection()
  await slow.query('begin')
  await slow.query(
    `insert into ledger (bucket, app_id, hwid, at, event, provider, environment, kind, address_end, generation)
     select bucket, app_id, hwid, at, 'restored', provider, environment, kind, address_end, 2 from ledger`,
  )
  await roost.phone('android') // a later transaction, which is committed before
  await rolled()
  expect(sumOf(await base(), 'restored')).toBe(0)
  await slow.query('commit')
  slow.release()
  await count()
  await count()
  const rows = await base()
  expect([sumOf(rows, 'restored'), sumOf(rows, 'registrations')]).toEqual([1, 2])
})

describe('late receipts', () => {
  test('are added to the hour in which they happened', async () => {
    const phone = await roost.phone('ios')
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
    await untilDelivered(id, 1)
    await count()
    const sentAt = roost.clock.now()
    roost.clock.advance(3 * DAY_MS)
    const hash = hashOf(id)
    await roost.device('pushStat', { hwid: phone.hwid, hash, age: (3 * DAY_MS - HOUR_MS) / 1000 })
    await count()
    const rows = (await deliveries('by=hour')).rows.filter(it => it.opened > 0)
    const opened = new Date(sentAt + HOUR_MS).toISOString()
    expect(rows.map(it => it.at)).toEqual([`${opened.slice(0, 13)}:00Z`])
    const days = (await deliveries('by=day')).rows
    expect(days).toHaveLength(30)
    expect(days.filter(it => it.opened > 0).map(it => it.at)).toEqual([opened.slice(0, 10)])
  })

  test('belong to the day of the time zone that the app has', async () => {
    await roost.rest('PATCH', `/v1/apps/${roost.app}`, { timeZone: 'Asia/Kolkata' })
    const phone = await roost.phone('ios')
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
    await untilDelivered(id, 1)
    // An hour before and half an hour after the next midnight in India, which is at 18:30 UTC.
    const now = roost.clock.now()
    const toMidnight = (DAY_MS - ((now + 5.5 * HOUR_MS) % DAY_MS)) % DAY_MS
    roost.clock.advance(toMidnight + 2 * DAY_MS)
    const midnight = now + toMidnight + 2 * DAY_MS
    const ago = (at: number) => ({ age: Math.round((roost.clock.now() - at) / 1000) })
    const receipt = {
      hash: hashOf(id),
      receipts: [{ kind: 'dismissed', hash: hashOf(id) }],
      hwid: phone.hwid,
    }
    await roost.device('pushStat', { ...receipt, ...ago(midnight - HOUR_MS) })
    await roost.device('postReceipts', { ...receipt, ...ago(midnight - HOUR_MS / 2 - 1000) })
    roost.clock.advance(HOUR_MS)
    const landed = [{ kind: 'landed', hash: hashOf(id) }]
    await roost.device('postReceipts', { ...receipt, receipts: landed, ...ago(midnight + HOUR_MS / 2) })
    await count()
    const { rows, timeZone } = await deliveries('by=day')
    expect(timeZone).toBe('Asia/Kolkata')
    const local = dateOf(midnight + 5.5 * HOUR_MS)
    const before = dateOf(midnight + 5.5 * HOUR_MS - DAY_MS)
    expect(rows.find(it => it.landed > 0)?.at).toBe(local)
    expect(rows.filter(it => it.opened + it.dismissed > 0)).toMatchObject([
      { at: before, opened: 1, dismissed: 1 },
    ])
    const hours = (await deliveries(`by=hour&from=${before}&to=${local}`)).rows
    expect(hours).toHaveLength(48)
    expect(hours.every(it => it.at.endsWith(':30Z'))).toBe(true)
  })
})

describe('what is erased', () => {
  test('stays counted, whether it was counted before or not', async () => {
    const [early, late] = [await roost.phone('ios'), await roost.phone('ios')]
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
    await untilDelivered(id, 2)
    await roost.sendAndSettle({
      to: { devices: [early.hwid, late.hwid] },
      content: { title: 'Hi {{ tags.Name }}', onMissing: 'skip' },
    })
    await count()
    await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${early.hwid}`)
    await late.unregister()
    const fresh = await roost.phone('android')
    await roost.sendAndSettle({ to: { devices: [late.hwid] }, content: CONTENT })
    for (const { hwid } of [late, fresh]) await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${hwid}`)
    await count()
    await count()
    const rows = await base()
    expect(sumOf(rows, 'installs')).toBe(3)
    expect(sumOf(rows, 'registrations')).toBe(3)
    expect(sumOf(rows, 'unregistrations')).toBe(1)
    expect((await deliveries()).totals).toMatchObject({ accepted: 2, delivered: 2, skipped: 3 })
  })
})

describe('the base', () => {
  test('is told by day: installs, opens, registrations, unregistrations, deaths, what came back', async () => {
    const ios = await roost.phone('ios')
    const android = await roost.phone('android')
    const first = roost.clock.now()
    await android.unregister()
    roost.clock.advance(DAY_MS)
    await android.open()
    ios.uninstall()
    await roost.sendAndSettle({ to: { devices: [ios.hwid] }, content: CONTENT })
    await roost.device('applicationOpen', { hwid: android.hwid, device_type: 3 })
    const opened = async () => {
      await count()
      return sumOf(await base(), 'opens')
    }
    await expect.poll(opened).toBe(4)
    roost.clock.advance(DAY_MS)
    await count()
    const rows = (await base()).filter(it => it.at >= dateOf(first))
    expect(rows[0]).toMatchObject({
      installs: 2,
      registrations: 2,
      unregistrations: 1,
      restored: 0,
      deaths: 0,
    })
    expect(rows[1]).toMatchObject({
      installs: 0,
      registrations: 0,
      restored: 1,
      deaths: 1,
      devices: 2,
      reachable: 1,
    })
    const [, split] = (await base('split=gateway')).filter(it => it.at === rows[1]?.at)
    expect(split).toMatchObject({ gateway: 'fcm', devices: 1, reachable: 1, restored: 1 })
    const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/stats/removals`)
    expect(body).toMatchObject({
      removals: expect.arrayContaining([
        { event: 'dead', reason: 'Unregistered', gateway: 'apns', count: 1 },
        { event: 'unregistered', reason: 'asked_by_device', gateway: 'fcm', count: 1 },
      ]),
    })
  })

  test('an uninstall counts on the day on which its address died, though it is concluded later', async () => {
    await roost.phone('ios')
    const diedAt = new Date(roost.clock.now() - 2 * DAY_MS)
    await roost.server.db.query(
      `insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation, evidence)
       select bucket, app_id, hwid, at, 'uninstalled', 'Unregistered', provider, environment, kind, address_end, 2,
              jsonb_build_object('diedAt', $1::timestamptz)
         from ledger`,
      [diedAt],
    )
    await count()
    const told = (await base()).filter(it => it.uninstalls > 0)
    expect(told).toMatchObject([{ at: dateOf(diedAt.getTime()), uninstalls: 1 }])
  })

  test('the day before an app was made has no devices', async () => {
    await roost.phone('ios')
    await count()
    const yesterday = dateOf(roost.clock.now() - DAY_MS)
    expect((await base()).find(it => it.at === yesterday)).toMatchObject({ devices: null, reachable: null })
  })

  test('an app is as old as the clock says by which its devices come, so a month can be played', async () => {
    const yesterday = dateOf(roost.clock.now() - DAY_MS)
    roost.clock.advance(-3 * DAY_MS)
    const { code } = (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Played' })).body
    roost.clock.advance(3 * DAY_MS)
    await count()
    const answer = await roost.rest<{ rows: Row<BaseNumbers>[] }>('GET', `/v1/apps/${code}/stats/base`)
    expect(answer.body.rows.find(it => it.at === yesterday)?.devices).toBe(0)
  })

  test('the end of a day is counted once, by the first run after midnight', async () => {
    await roost.phone('ios')
    roost.clock.advance(DAY_MS)
    await count()
    const yesterday = dateOf(roost.clock.now() - DAY_MS)
    const devicesOf = async () => (await base()).find(it => it.at === yesterday)?.devices
    expect(await devicesOf()).toBe(1)
    await roost.phone('ios')
    await count()
    expect(await devicesOf()).toBe(1)
  })

  test('a base that has changed since midnight is not told as that of yesterday: its day stays without a number', async () => {
    await roost.phone('ios')
    roost.clock.advance(DAY_MS)
    toHour(3)
    await roost.phone('ios')
    await count()
    const yesterday = dateOf(roost.clock.now() - DAY_MS)
    expect((await base()).find(it => it.at === yesterday)).toMatchObject({ devices: null, reachable: null })
  })

  test('within an hour after midnight it is, though phones have come meanwhile', async () => {
    await roost.phone('ios')
    roost.clock.advance(DAY_MS)
    toHour(0.9)
    await roost.phone('ios')
    await count()
    const yesterday = dateOf(roost.clock.now() - DAY_MS)
    expect((await base()).find(it => it.at === yesterday)).toMatchObject({ devices: 2, reachable: 2 })
  })

  test('days on which the server was off are told, since nothing can have changed', async () => {
    await roost.phone('ios')
    roost.clock.advance(DAY_MS)
    await count()
    const { hwid } = await roost.phone('ios')
    roost.clock.advance(4 * DAY_MS)
    await count()
    const devicesOf = async () => (await base()).map(it => it.devices).filter(it => it !== null)
    expect(await devicesOf()).toEqual([1, 2, 2, 2, 2])
    await roost.rest('DELETE', `/v1/apps/${roost.app}/devices/${hwid}`)
    roost.clock.advance(2 * DAY_MS)
    await count()
    expect((await devicesOf()).length).toBeGreaterThan(5)
  })
})

/** Of the next day at which it is that hour (UTC); the clock never goes back. */
function toHour(hour: number): void {
  const now = roost.clock.now()
  const ahead = (Math.floor(now / DAY_MS) * DAY_MS + hour * HOUR_MS - now + DAY_MS) % DAY_MS
  roost.clock.advance(ahead)
}

test('how long it took is told by stage, also by the key of a push', async () => {
  const phone = await roost.phone('web')
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  await untilDelivered(id, 1)
  const key = phone.shown[0]?.push?.payload?.rk
  expect(key).toMatch(/^\w+\.[\w-]{22}$/)
  roost.clock.advance(HOUR_MS)
  await roost.device('pushStat', { hwid: phone.hwid, hash: hashOf(id), receipt_key: key })
  await count()
  const { body } = await roost.rest<{ stages: { stage: string; count: number; p50Ms: number }[] }>(
    'GET',
    `/v1/apps/${roost.app}/stats/latency?message=${id}`,
  )
  expect(body.stages.map(it => [it.stage, it.count])).toEqual([
    ['planned', 1],
    ['accepted', 1],
    ['received', 1],
    ['opened', 1],
  ])
  const received = body.stages[2]?.p50Ms as number
  expect(received).toBeLessThan(20_000)
  const opened = body.stages[3]?.p50Ms as number
  expect(opened).toBeGreaterThan(HOUR_MS * 0.99)
  expect(opened).toBeLessThan(HOUR_MS * 1.25)
  expect((await deliveries()).totals).toMatchObject({
    delivered: 1,
    deliveredSigned: 0,
    opened: 1,
    openedSigned: 1,
  })
})

test('coverage tells of how many that a gateway took a campaign for anything is heard', async () => {
  const phones = await Promise.all(Array.from({ length: 4 }, () => roost.phone('android')))
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  await untilDelivered(id, 4)
  await roost.server.db.query('delete from receipt where hwid = $1', [phones[0]?.hwid])
  await roost.phone('android') // it came later
  roost.clock.advance(DAY_MS + HOUR_MS)
  const { body } = await roost.rest<Coverage>('GET', `/v1/apps/${roost.app}/stats/coverage`)
  expect(body).toMatchObject({ messages: [id], devices: 4, heardOf: 3, share: 0.75 })
  expect(body.findings[0]).toBe('receipts are seen from 75 % of devices')
})

test('a message is told by platform and language, of those whom a gateway took it for', async () => {
  const of = async (platform: 'ios' | 'android', language: string) => roost.phone(platform, { language })
  const gone = await of('ios', 'pt')
  const read = await of('ios', 'pt-BR')
  await of('android', 'en_US')
  gone.uninstall()
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  await untilDelivered(id, 2)
  await of('android', 'en') // it came later
  await open(read, id)
  const groups = await roost.rest('GET', `/v1/apps/${roost.app}/stats/groups?message=${id}`)
  expect(groups.body).toEqual({
    part: 1,
    groups: [
      { platform: 'android', language: 'en', accepted: 1, delivered: 1, opened: 0 },
      { platform: 'ios', language: 'pt', accepted: 1, delivered: 1, opened: 1 },
    ],
  })
})

test('tables come as CSV, and what a spreadsheet would take for a formula is made harmless', async () => {
  await roost.phone('ios')
  await roost.sendAndSettle({ to: { all: true }, content: CONTENT, campaign: '=1+1' })
  await count()
  const table = async (path: string) => {
    const headers = { authorization: `Bearer ${SERVER_TOKEN}` }
    const answer = await fetch(`${roost.url}/v1/apps/${roost.app}/stats/${path}`, { headers })
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    return (await answer.text()).split('\n')
  }
  const [head, ...rows] = await table('deliveries?format=csv')
  expect(head).toMatch(/^at,gateway,sent,accepted,/)
  expect(rows).toHaveLength(31) // a line for each day, and the end of the last one
  expect((await table('campaigns?format=csv'))[1]).toMatch(/^=1\+1,1,1,/)
  expect((await table('campaigns?format=spreadsheet'))[1]).toMatch(/^'=1\+1,1,1,/)
  expect((await table('devices?format=csv'))[1]).toMatch(/^ios,1,1,/)
  expect((await table('coverage?format=csv')).join('')).toBe('') // nothing is a day old
})

test('a message that there is not, or is of another app, has no numbers', async () => {
  const other = (await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })).body.code
  await roost.phone('ios')
  const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT })
  for (const list of ['deliveries', 'failures', 'latency']) {
    const ask = (app: string, message: string) =>
      roost.rest('GET', `/v1/apps/${app}/stats/${list}?message=${message}`)
    expect(await ask(other, id)).toMatchObject({ status: 404, body: { code: 'message_unknown' } })
    expect((await ask(roost.app, '01939c3e-0000-7000-8000-000000000000')).status).toBe(404)
    expect((await ask(roost.app, id)).status).toBe(200)
  }
})

test.each([
  ['from=2026-02-31', 'a day that is not'],
  ['from=2026-03-02&to=2026-03-01', 'an end before the beginning'],
  ['from=0000-01-01&to=0000-01-02', 'a year that no calendar has'],
  ['from=9999-12-01&to=9999-12-31', 'a year that nobody will see'],
  ['by=hour&from=2026-01-01&to=2026-06-01', 'too many hours'],
  ['by=week', 'another step'],
  ['fom=2026-01-01', 'a slip in a name'],
])('%s is refused: %s', async query => {
  expect((await roost.rest('GET', `/v1/apps/${roost.app}/stats/deliveries?${query}`)).status).toBe(400)
})

describe('the compatible calls', () => {
  const ask = async (method: string, fields: object) => {
    const asked = await roost.device(method, { auth: SERVER_TOKEN, ...fields })
    const results = await roost.device('getResults', {
      auth: SERVER_TOKEN,
      request_id: asked.body.response?.request_id,
    })
    return results.body.response as unknown as {
      formatter: string
      rows: { datetime: string; action: string; count: number; platform?: number }[]
    }
  }

  test('tell of an app, a campaign, and of a message by platform', async () => {
    const phones = [await roost.phone('ios'), await roost.phone('android')]
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: CONTENT, campaign: 'spring' })
    await untilDelivered(id, 2)
    await open(phones[1] as Phone, id)
    await count()
    const today = dateOf(roost.clock.now())
    const app = await ask('getAppStats', {})
    expect(app.formatter).toBe('daily')
    const of = (action: string) => app.rows.find(it => it.action === action)
    expect(of('message_send')).toEqual({ datetime: `${today} 00:00:00`, action: 'message_send', count: 2 })
    expect(['application_install', 'device_register', 'message_open'].map(it => of(it)?.count)).toEqual([
      2, 2, 1,
    ])
    const hours = await ask('getCampaignStats', { campaign: 'spring', datefrom: today, dateto: today })
    expect(hours.formatter).toBe('hourly')
    expect(hours.rows.reduce((sum, it) => sum + it.count, 0)).toBe(5)
    const { rows } = await ask('getMsgPlatformsStats', { message: codeOf(id), platforms: [3] })
    expect(new Set(rows.map(it => it.platform))).toEqual(new Set([3]))
    expect(rows.reduce((sum, it) => sum + it.count, 0)).toBe(3)
  })

  test('a request_id of none of them is refused', async () => {
    const answer = await roost.device('getResults', {
      auth: SERVER_TOKEN,
      request_id: 's.nonsense',
    })
    expect(answer.body.status_code).toBe(210)
  })
})
