/** Servers that did not say for a while that they live: dead ones, and those that were without their database. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse } from '../../test/call.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

const serverOf = async (hwid: string) => {
  const { rows } = await roost.server.db.query<{ server: string | null }>(
    'select server from live_presence where hwid = $1',
    [hwid],
  )
  return rows[0]?.server
}
const beats = async () =>
  (
    await roost.server.db.query<{ id: string; isFresh: boolean }>(
      `select id, beat_at > clock_timestamp() - interval '1 minute' as "isFresh" from live_server`,
    )
  ).rows

test('after an outage in which all of them were silent, none ends what is connected to another', async () => {
  const other = await roost.another({ roles: ['api'] })
  try {
    const [here, there] = [await roost.phone('ios'), await roost.phone('android')]
    await house.live({ hwid: here.hwid })
    await house.live({ hwid: there.hwid }, other.url)
    const before = [await serverOf(here.hwid), await serverOf(there.hwid)]
    expect(new Set(before).size).toBe(2)
    await roost.server.db.query("update live_server set beat_at = beat_at - interval '1 hour'")
    while (!(await beats()).every(it => it.isFresh)) await tick()
    expect([await serverOf(here.hwid), await serverOf(there.hwid)]).toEqual(before)
  } finally {
    await other.close()
  }
})

test('what was connected to one that was killed is ended by one that lives', async () => {
  const [phone, kept] = [await roost.phone('ios'), await roost.phone('android')]
  await house.live({ hwid: phone.hwid })
  await house.live({ hwid: kept.hwid })
  const killed = randomUUID()
  const { db } = roost.server
  await db.query("insert into live_server values ($1, clock_timestamp() - interval '1 hour')", [killed])
  await db.query('update live_presence set server = $2 where hwid = $1', [phone.hwid, killed])
  while ((await serverOf(phone.hwid)) !== null) await tick()
  expect(await serverOf(kept.hwid)).not.toBeNull()
  while ((await beats()).some(it => it.id === killed)) await tick()
})
