/** The devices of a person are found without reading the base. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { devicesOfPerson } from './person-devices.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

test('by the index of users, also where most devices carry one name and all others come before them', async () => {
  for (const [hwids, user] of [
    ['visitor-', null],
    ['guest-', 'guest'],
  ])
    await server.db.query(
      `insert into device (bucket, app_id, hwid, user_id, first_seen_at, last_seen_at)
       select i % 1024, a.id, $2 || i, $3, now(), now() from generate_series(1, 10000) i cross join app a where a.code = $1`,
      [app.app, hwids, user],
    )
  await server.db.query('analyze device')
  const { rows } = await server.db.query<Record<string, string>>(
    `explain select d.hwid from (select distinct id, user_id from (values ($1::integer, $2::text)) v (id, user_id)) p
      cross join lateral (${devicesOfPerson('p.id', 'p.user_id')}) d`,
    [1, 'guest'],
  )
  const plan = rows.map(it => it['QUERY PLAN']).join('\n')
  expect(plan).toContain('device_of_user')
  expect(plan).not.toContain('Seq Scan')
})
