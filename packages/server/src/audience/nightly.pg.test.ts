/** Nightly segments: their hours, and what becomes of a computation that is broken off or fails. */
import type { SegmentView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'
import { cleanSnapshots, computeSegments } from './nightly.ts'

let server: BareServer
let app: string
beforeAll(async () => {
  server = await startBare({ roles: ['api'] }) // what is computed is computed here
  const access = await server.createApp()
  app = access.app
  for (let i = 0; i < 30; i++)
    await server.device(access, 'setTags', { hwid: `d${i}`, tags: { odd: i % 2 === 1 } })
})
afterAll(() => server.close())

const HOUR_MS = 3_600_000
const condition = { tag: 'odd', op: 'eq', value: true }

async function nightly(name: string, hour: number, asked: object = condition): Promise<string> {
  const body = { name, mode: 'nightly', hour, condition: asked }
  const id = (await server.rest<{ id: string }>('POST', `/v1/apps/${app}/segments`, body)).body.id
  await computeSegments(server.db, server.clock.now())
  expect((await read(id)).nightly?.snapshot?.members).toBe(15)
  return id
}
const read = async (id: string) =>
  (await server.rest<SegmentView>('GET', `/v1/apps/${app}/segments/${id}`)).body
const members = async () =>
  (await server.db.query<{ count: number }>('select count(*) as count from segment_member')).rows[0]?.count

test('its hour is of the time zone of the app, and follows it', async () => {
  const id = await nightly('hours', 4)
  const hourOfNextRun = async (timeZone: string) => {
    await server.rest('PATCH', `/v1/apps/${app}`, { timeZone })
    const next = Date.parse((await read(id)).nightly?.nextRunAt ?? '')
    expect(next - server.clock.now()).toBeGreaterThan(0)
    expect(next - server.clock.now()).toBeLessThanOrEqual(25 * HOUR_MS)
    return new Intl.DateTimeFormat('en', {
      timeZone,
      hour: 'numeric',
      minute: 'numeric',
      hourCycle: 'h23',
    }).format(next)
  }
  expect(await hourOfNextRun('Asia/Kolkata')).toBe('04:00')
  expect(await hourOfNextRun('America/New_York')).toBe('04:00')
  expect((await server.rest('PATCH', `/v1/apps/${app}`, { timeZone: 'Mars/Olympus' })).status).toBe(400)
})

test('it is computed when its hour has come, and what was of the night before goes an hour later', async () => {
  const id = await nightly('due', 5)
  const before = await read(id)
  const next = Date.parse(before.nightly?.nextRunAt ?? '')
  expect(await computeSegments(server.db, next - 1)).toMatchObject({ failed: 0 })
  expect((await read(id)).nightly?.snapshot?.computedAt).toBe(before.nightly?.snapshot?.computedAt)
  await computeSegments(server.db, next)
  const after = await read(id)
  expect(Date.parse(after.nightly?.snapshot?.computedAt ?? '')).toBe(next)
  expect(Date.parse(after.nightly?.nextRunAt ?? '')).toBeGreaterThan(next)
  const both = (await members()) ?? 0
  expect(await cleanSnapshots(server.db, next + HOUR_MS / 2)).toBe(0)
  expect(await cleanSnapshots(server.db, next + 2 * HOUR_MS)).toBeGreaterThan(0)
  expect(await members()).toBeLessThan(both)
  expect((await read(id)).nightly?.snapshot?.members).toBe(15)
})

test('what a dead process has computed stays, and another one goes on behind it', async () => {
  const id = await nightly('broken off', 6)
  const at = Date.parse((await read(id)).nightly?.nextRunAt ?? '')
  let steps = 0
  await computeSegments(server.db, at, () => ++steps > 3)
  const { nightly: running } = await read(id)
  expect(running?.running?.progress).toBeGreaterThan(0)
  expect(running?.running?.progress).toBeLessThan(1)
  expect(running?.snapshot).not.toBeNull()
  await computeSegments(server.db, at)
  expect((await read(id)).nightly).toMatchObject({ running: null, snapshot: { members: 15 } })
})

test('one that fails says why, keeps who was in it, and is run again when asked', async () => {
  const id = await nightly('failing', 7)
  await server.db.query(
    `insert into segment_snapshot (segment_id, app_id, condition, state, started_at)
     select id, app_id, '{"and": 7}', 'computing', now() from segment where id = $1`,
    [id],
  )
  await computeSegments(server.db, server.clock.now())
  expect((await read(id)).nightly).toMatchObject({
    snapshot: { members: 15 },
    failure: { error: expect.any(String) },
  })
  await server.rest('POST', `/v1/apps/${app}/segments/${id}/compute`)
  await computeSegments(server.db, server.clock.now())
  expect((await read(id)).nightly?.failure).toBeNull()
})

test('one that names another one asks all buckets for the same members of it, also when that is computed meanwhile', async () => {
  const inner = await nightly('inner', 8)
  const outer = await nightly('outer', 9, { segment: inner })
  const at = Date.parse((await read(outer)).nightly?.nextRunAt ?? '')
  await server.db.query('update segment set next_run_at = null where id <> $1', [outer])
  let steps = 0
  await computeSegments(server.db, at, () => ++steps > 32) // half of it
  expect((await read(outer)).nightly?.running).not.toBeNull()
  // The inner one is another one at once, as if it had been computed in between.
  await server.db.query(
    `with other as (
       insert into segment_snapshot (segment_id, app_id, condition, state, buckets_done, started_at, finished_at)
       select id, app_id, condition, 'done', 1024, now(), now() from segment where id = $1 returning id)
     update segment set snapshot_id = (select id from other) where id = $1`,
    [inner],
  )
  await computeSegments(server.db, at)
  expect((await read(outer)).nightly).toMatchObject({ running: null, snapshot: { members: 15 } })
})

test('one whose condition makes no sense any more fails with the place, and keeps who was in it', async () => {
  await server.rest('PUT', `/v1/apps/${app}/tags/later`, { type: 'string' })
  const id = await nightly('senseless', 10, { or: [condition, { tag: 'later', op: 'eq', value: 'soon' }] })
  await server.db.query("update tag_definition set type = 'integer' where name = 'later'")
  await computeSegments(server.db, Date.parse((await read(id)).nightly?.nextRunAt ?? ''))
  expect((await read(id)).nightly).toMatchObject({
    snapshot: { members: 15 },
    failure: { error: expect.stringContaining('condition.or[1]: tag "later" is of type integer') },
  })
})
