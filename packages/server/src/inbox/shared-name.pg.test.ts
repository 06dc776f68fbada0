/** A name that clients give to everybody is no person: what is read on one device is not asked of, or told to, all that carry it. */
import { randomUUID } from 'node:crypto'
import type { InboxView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { bucketOf } from '../registry/buckets.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const db = () => roost.server.db
const inboxPath = (hwid: string, rest = '') => `/v1/apps/${roost.app}/devices/${hwid}/inbox${rest}`
const stateOn = async (hwid: string) =>
  (await roost.rest<InboxView>('GET', inboxPath(hwid))).body.entries.map(it => it.state)
async function say(hwid: string, id: string, state: string): Promise<void> {
  const answer = await fetch(`${roost.url}${inboxPath(hwid, `/${id}`)}`, {
    method: 'PATCH',
    headers: { authorization: `Token ${roost.deviceToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ state }),
  })
  expect(answer.status).toBe(204)
}

/** Devices of one name, the first one seen last, each connected to a server that is none of this test's, and what is in all their inboxes. */
async function devicesOf(count: number): Promise<{ hwids: string[]; id: string }> {
  const userId = `user-${randomUUID()}`
  const hwids = Array.from({ length: count }, (_, i) => `${userId}-${i}`)
  const seenAt = hwids.map((_, i) => new Date(roost.clock.now() - i * 1000))
  const rows = [roost.app, hwids.map(bucketOf), hwids, userId, seenAt]
  await db().query(
    `insert into device (bucket, app_id, hwid, user_id, first_seen_at, last_seen_at)
     select i.bucket, a.id, i.hwid, $4, i.at, i.at
       from unnest($2::smallint[], $3::text[], $5::timestamptz[]) as i (bucket, hwid, at) cross join app a where a.code = $1`,
    rows,
  )
  await db().query(
    `insert into live_presence (bucket, app_id, hwid, user_id, state, changed_at, server, session)
     select d.bucket, d.app_id, d.hwid, d.user_id, 'online', now(), gen_random_uuid(), gen_random_uuid() from device d where d.user_id = $1`,
    [userId],
  )
  const to = { users: [userId] }
  const { id } = await roost.sendAndSettle({ to, content: { title: 'Hello' }, inbox: { only: true } })
  return { hwids, id }
}

/** Whose badge is to be told anew, and is so no more. */
async function takeDue(hwids: readonly string[]): Promise<string[]> {
  const { rows } = await db().query<{ hwid: string }>(
    'update live_presence set is_unread_due = false where hwid = any($1::text[]) and is_unread_due returning hwid',
    [hwids],
  )
  return rows.map(it => it.hwid).sort()
}

test('what is read on one of the fifty devices that were seen last is read on all, and they are told', async () => {
  const { hwids, id } = await devicesOf(60)
  await say(hwids[1] as string, id, 'read')
  expect(await stateOn(hwids[0] as string)).toEqual(['read'])
  expect(await stateOn(hwids[59] as string)).toEqual(['read'])
  expect(await takeDue(hwids)).toEqual(
    hwids
      .slice(0, 50)
      .filter((_, i) => i !== 1)
      .sort(),
  )
})

test('what is read on an older one is read there alone', async () => {
  const { hwids, id } = await devicesOf(60)
  await say(hwids[59] as string, id, 'read')
  expect(await stateOn(hwids[59] as string)).toEqual(['read'])
  expect(await stateOn(hwids[0] as string)).toEqual(['new'])
})

test('of a name with more devices than a person has fifty at most are told', async () => {
  const { hwids, id } = await devicesOf(300)
  await say(hwids[0] as string, id, 'read')
  // The one that says it may be among the fifty, and is not told.
  expect([49, 50]).toContain((await takeDue(hwids)).length)
})

test('a state that is told again, or goes back, is told to no other device', async () => {
  const { hwids, id } = await devicesOf(2)
  await say(hwids[0] as string, id, 'opened')
  expect(await takeDue(hwids)).toEqual([hwids[1]])
  for (const state of ['opened', 'read']) await say(hwids[0] as string, id, state)
  expect(await takeDue(hwids)).toEqual([])
})
