/** The feed of removals, and taking removals back. Over the HTTP API and the stand-ins. */
import type { Removal, UndoPreview, UndoView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'
import { unregisterDevices } from '../registry/bulk/unregister.ts'
import { endExpired } from './aging.ts'
import { finishUndos } from './undo.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())
beforeEach(() => roost.clock.advance(HOUR_MS))

const hello = (...hwids: string[]) => ({ to: { devices: hwids }, content: { title: 'Hello' } })
const stateOf = async (phone: Phone) => (await roost.view(phone.hwid)).addresses[0]?.state

interface Feed {
  readonly removals: Removal[]
  readonly next: string
  readonly hasMore: boolean
}

async function feed(query = ''): Promise<Feed> {
  return (await roost.rest<Feed>('GET', `/v1/apps/${roost.app}/removals${query}`)).body
}

/** The feed stops below the oldest transaction that runs, and the server's own come and go. */
async function feedOf(count: number, query: string): Promise<Feed> {
  const read = await feed(query)
  if (read.removals.length >= count) return read
  await tick()
  return feedOf(count, query)
}

async function undo<T = UndoView>(filter: object) {
  return roost.rest<T>('POST', `/v1/apps/${roost.app}/removals/undo`, filter)
}

/** Waits for its end. The job goes on with it within a minute; here it is called sooner. */
async function ended({ id }: UndoView): Promise<UndoView> {
  await finishUndos(roost.server.db, roost.clock.now())
  const { body } = await roost.rest<UndoView>('GET', `/v1/apps/${roost.app}/removals/undo/${id}`)
  if (body.state === 'done') return body
  await tick()
  return ended(body)
}

/** Google calls it dead, and is wrong. */
async function wronglyDead(): Promise<{ phone: Phone; messageId: string }> {
  const phone = await roost.phone('android')
  // Or the guard would hold what comes next (R16).
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
  const { id } = await roost.sendAndSettle(hello(phone.hwid))
  expect(await stateOf(phone)).toBe('dead')
  return { phone, messageId: id }
}

test('removals are read in order and page by page, by event, reason and time, and what comes later is behind `next`', async () => {
  const start = await feed('?limit=1000')
  const { phone, messageId } = await wronglyDead()
  await phone.register()
  await phone.unregister()
  const from = `?after=${start.next}`
  const all = await feedOf(2, from)
  expect(all.removals).toMatchObject([
    { hwid: phone.hwid, event: 'dead', reason: 'UNREGISTERED', provider: 'fcm', messageId },
    { hwid: phone.hwid, event: 'unregistered', reason: 'asked_by_device', messageId: null },
  ])
  expect(all.removals[0]?.addressEnd).toBe(phone.token?.slice(-8))
  const first = await feed(`${from}&limit=1`)
  expect(first).toEqual({ removals: all.removals.slice(0, 1), next: all.removals[0]?.id, hasMore: true })
  expect((await feed(`?after=${first.next}`)).removals).toEqual(all.removals.slice(1))
  expect(await feed(`?after=${all.next}`)).toEqual({ removals: [], next: all.next, hasMore: false })
  expect((await feed(`${from}&reason=UNREGISTERED,Unregistered`)).removals).toEqual(all.removals.slice(0, 1))
  expect((await feed(`${from}&event=unregistered`)).removals).toEqual(all.removals.slice(1))
  expect((await feed(`${from}&to=2020-01-01T00:00:00Z`)).removals).toEqual([])
})

test('a place that the feed has not given, and an event that is none, are refused', async () => {
  for (const query of ['?after=nowhere', '?event=died', '?from=yesterday'])
    expect(await roost.rest('GET', `/v1/apps/${roost.app}/removals${query}`)).toMatchObject({ status: 400 })
})

test("R32: deaths are counted by the gateway's own reason", async () => {
  const phone = await roost.phone('ios')
  roost.clock.advance(HOUR_MS)
  roost.simulator.apns.killToken(phone.token as string)
  await roost.sendAndSettle(hello(phone.hwid))
  const { body } = await roost.rest<{ counts: object[] }>('GET', `/v1/apps/${roost.app}/removals/counts`)
  expect(body.counts).toContainEqual({
    day: new Date(roost.clock.now()).toISOString().slice(0, 10),
    provider: 'apns',
    event: 'dead',
    reason: 'Unregistered',
    count: 1,
  })
})

test('removals are counted by the days of the app’s time zone, as the statistics are', async () => {
  const { rest, app } = roost
  for (const timeZone of ['Pacific/Kiritimati', 'Pacific/Niue']) {
    expect((await rest('PATCH', `/v1/apps/${app}`, { timeZone })).status).toBe(200)
    const { phone } = await wronglyDead()
    const [death] = (await roost.ledger(phone.hwid)).filter(it => it.event === 'dead')
    const day = new Intl.DateTimeFormat('sv-SE', { timeZone }).format(new Date(death?.at ?? ''))
    const path = `/v1/apps/${app}/removals/counts?from=${death?.at}`
    expect((await rest('GET', path)).body).toMatchObject({
      timeZone,
      counts: [{ day, event: 'dead', count: 1 }],
    })
    roost.clock.advance(HOUR_MS)
  }
  await rest('PATCH', `/v1/apps/${app}`, { timeZone: 'UTC' })
})

test('the deaths of a message are counted first and then taken back, and the devices are reached again', async () => {
  const { phone, messageId } = await wronglyDead()
  const other = await wronglyDead()
  const preview = await undo<UndoPreview>({ messageId, dryRun: true })
  expect(preview).toMatchObject({
    status: 200,
    body: { matched: 1, restorable: 1, byReason: [{ reason: 'UNREGISTERED', provider: 'fcm' }] },
  })
  expect(await stateOf(phone)).toBe('dead')
  const done = await undo({ messageId })
  expect(done).toMatchObject({ status: 200, body: { state: 'done', matched: 1, restored: 1 } })
  const path = `/v1/apps/${roost.app}/removals/undo`
  expect((await roost.rest('GET', `${path}/${done.body.id}`)).body).toEqual(done.body)
  expect((await roost.rest<{ undos: UndoView[] }>('GET', path)).body.undos[0]).toEqual(done.body)
  expect(await stateOf(phone)).toBe('active')
  expect(await stateOf(other.phone)).toBe('dead')
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual([
    'registered',
    'dead',
    'removal_undone',
  ])
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
  expect((await undo({ messageId })).body, 'a second time').toMatchObject({ matched: 1, restored: 0 })
})

test('removals are taken back by reason and time', async () => {
  const before = await wronglyDead()
  roost.clock.advance(HOUR_MS)
  const from = new Date(roost.clock.now()).toISOString()
  const [dead, mismatched] = [await wronglyDead(), await roost.phone('android')]
  roost.simulator.fcm.faults.answerFor(mismatched.token as string, { form: 'sender_id_mismatch' }, 1)
  await roost.sendAndSettle(hello(mismatched.hwid))
  expect(await stateOf(mismatched)).toBe('quarantined')
  expect((await undo({ reasons: ['SENDER_ID_MISMATCH'] })).body).toMatchObject({ restored: 1 })
  expect([await stateOf(mismatched), await stateOf(dead.phone)]).toEqual(['active', 'dead'])
  expect((await undo({ from })).body).toMatchObject({ restored: 1 })
  expect([await stateOf(before.phone), await stateOf(dead.phone)]).toEqual(['dead', 'active'])
})

test('R29: a web subscription that has passed its own end is not promised to come back, and does not', async () => {
  const phone = await roost.phone('web')
  await roost.server.db.query(
    `update address set keys = keys || jsonb_build_object('expirationTime', $2::bigint) where hwid = $1`,
    [phone.hwid, roost.clock.now() + HOUR_MS],
  )
  roost.clock.advance(2 * HOUR_MS)
  await endExpired(roost.server.db, roost.clock.now())
  expect(await stateOf(phone)).toBe('dead')
  const from = new Date(roost.clock.now() - HOUR_MS).toISOString()
  const wanted = { reasons: ['expired'], from }
  expect((await undo<UndoPreview>({ ...wanted, dryRun: true })).body).toMatchObject({
    matched: 1,
    restorable: 0,
  })
  expect((await undo(wanted)).body).toMatchObject({ matched: 1, restored: 0 })
})

test('what a device did later wins over an undo', async () => {
  const [replaced, revived, taken] = [await wronglyDead(), await wronglyDead(), await wronglyDead()]
  await replaced.phone.refreshToken()
  await revived.phone.register()
  const newHolder = { hwid: 'new-holder', device_type: 3, push_token: taken.phone.token }
  expect((await roost.device('registerDevice', newHolder)).body.status_code).toBe(200)
  for (const { phone, messageId } of [replaced, revived, taken]) {
    const before = await roost.view(phone.hwid)
    expect((await undo<UndoPreview>({ messageId, dryRun: true })).body).toMatchObject({
      matched: 1,
      restorable: 0,
    })
    expect((await undo({ messageId })).body).toMatchObject({ restored: 0 })
    expect(await roost.view(phone.hwid)).toEqual(before)
  }
})

test('who asked to be left alone stays alone', async () => {
  const phone = await roost.phone('android')
  await phone.unregister()
  await undo({ from: new Date(roost.clock.now() - HOUR_MS).toISOString() })
  expect(await stateOf(phone)).toBe('dead')
})

test('a device that asks to be left alone stays alone, also when a gateway had called its address dead before', async () => {
  const { phone, messageId } = await wronglyDead()
  await phone.unregister()
  expect((await undo<UndoPreview>({ messageId, dryRun: true })).body).toMatchObject({ restorable: 0 })
  expect((await undo({ messageId })).body).toMatchObject({ restored: 0 })
  expect(await stateOf(phone)).toBe('dead')
  await phone.unregister()
  expect((await roost.ledger(phone.hwid)).map(it => it.event)).toEqual(['registered', 'dead', 'unregistered'])
})

test('a device that asks to be left alone with a newer address does not get its older one back', async () => {
  const { phone, messageId } = await wronglyDead()
  await phone.refreshToken()
  await phone.unregister()
  expect((await undo<UndoPreview>({ messageId, dryRun: true })).body).toMatchObject({ restorable: 0 })
  expect((await undo({ messageId })).body).toMatchObject({ matched: 1, restored: 0 })
})

test('what a sender unregistered by mistake comes back, but not who has asked for it as well', async () => {
  const [phone, asking] = [await roost.phone('android'), await roost.phone('android')]
  const from = new Date(roost.clock.now()).toISOString()
  const devices = [phone, asking].map(({ hwid }) => ({ hwid, hash: null }))
  await roost.server.db.transaction(tx => unregisterDevices(tx, { appId: 1, devices, at: roost.clock.now() }))
  expect(await stateOf(phone)).toBe('dead')
  await asking.unregister()
  expect((await undo({ reasons: ['asked_by_sender'], from })).body).toMatchObject({ restored: 1 })
  expect([await stateOf(phone), await stateOf(asking)]).toEqual(['active', 'dead'])
})

test('an older address does not come back over a newer one that died, too', async () => {
  const { phone, messageId } = await wronglyDead()
  await phone.refreshToken()
  roost.simulator.fcm.faults.answerFor(phone.token as string, { form: 'unregistered' }, 1)
  const newer = await roost.sendAndSettle(hello(phone.hwid))
  expect((await undo({ messageId })).body).toMatchObject({ matched: 1, restored: 0 })
  expect((await undo({ messageId: newer.id })).body).toMatchObject({ matched: 1, restored: 1 })
  const { addresses } = await roost.view(phone.hwid)
  expect(addresses.filter(it => it.state === 'active')).toHaveLength(1)
  expect((await roost.sendAndSettle(hello(phone.hwid))).counts).toMatchObject({ accepted: 1 })
})

test('a removal whose transaction is still under way when an undo begins is taken back, too', async () => {
  const phone = await roost.phone('android')
  const { db } = roost.server
  let begun: UndoView | undefined
  await db.transaction(async tx => {
    await tx.query(
      `with a as (
         update address set state = 'dead', reason = 'in_flight', generation = generation + 1 where hwid = $1 returning *
       )
       insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
       select bucket, app_id, hwid, $2, 'dead', reason, provider, environment, kind, right(address, 8), generation from a`,
      [phone.hwid, new Date(roost.clock.now())],
    )
    const { status, body } = await undo({ reasons: ['in_flight'] })
    expect(status).toBe(202)
    begun = body
  })
  const view = await ended(begun as UndoView)
  expect(view).toMatchObject({ matched: 1, restored: 1 })
  expect(await stateOf(phone)).toBe('active')
})

test('what was removed more than 30 days ago, and everything at once, is not taken back', async () => {
  const { phone, messageId } = await wronglyDead()
  expect(await undo({})).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  roost.clock.advance(31 * DAY_MS)
  const from = new Date(roost.clock.now() - 31 * DAY_MS).toISOString()
  expect(await undo({ from })).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  expect((await undo({ messageId })).body).toMatchObject({ matched: 0, restored: 0 })
  expect(await stateOf(phone)).toBe('dead')
})

test('a big undo goes on in the background, slice by slice, to its end', async () => {
  const appId = `(select id from app where code = '${roost.app}')`
  const { db } = roost.server
  await db.query(
    `insert into device (bucket, app_id, hwid, first_seen_at, last_seen_at)
     select n % 1024, ${appId}, 'bulk-' || n, now(), now() from generate_series(1, 1200) n`,
  )
  // As a mistaken clean-up of a whole base leaves it; 1200 phones would take a minute.
  await db.query(
    `with a as (
       insert into address (bucket, app_id, hwid, address_hash, provider, address, state, reason, generation,
                            first_registered_at, last_registered_at, state_since)
       select n % 1024, ${appId}, 'bulk-' || n, decode(lpad(to_hex(n), 32, '0'), 'hex'), 'fcm', 'bulk-token-' || n, 'dead',
              'mistake', 2, $1, $1, $1
         from generate_series(1, 1200) n
       returning *
     ), d as (
       insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
       select 0, app_id, address_hash, bucket, hwid from a
     )
     insert into ledger (bucket, app_id, hwid, at, event, reason, provider, environment, kind, address_end, generation)
     select bucket, app_id, hwid, $1, 'dead', 'mistake', provider, environment, kind, right(address, 8), 2 from a`,
    [new Date(roost.clock.now())],
  )
  const begun = await undo({ reasons: ['mistake'] })
  expect(begun).toMatchObject({
    status: 202,
    body: { state: 'running', total: 1200, matched: 500, restored: 500 },
  })
  const path = `/v1/apps/${roost.app}/removals/undo/${begun.body.id}`
  let view = begun.body
  while (view.state === 'running') {
    await tick()
    view = (await roost.rest<UndoView>('GET', path)).body
  }
  expect(view).toMatchObject({ matched: 1200, restored: 1200 })
  const { rows } = await db.query("select state, count(*) from address where hwid like 'bulk-%' group by 1")
  expect(rows).toEqual([{ state: 'active', count: 1200 }])
})
