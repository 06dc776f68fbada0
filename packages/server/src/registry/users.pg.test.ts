/** Merging and logging out users, at once and again, over REST and the device protocol. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'

let server: BareServer
let other: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  other = await server.another()
  app = await server.createApp()
})
afterAll(async () => {
  await other.close()
  await server.close()
})

let count = 0
async function devicesOf(userId: string, number: number): Promise<string[]> {
  const hwids = Array.from({ length: number }, () => `of-${++count}`)
  await Promise.all(hwids.map(hwid => server.device(app, 'registerUser', { hwid, userId })))
  return hwids
}
const userOf = async (hwid: string) => (await server.view(app, hwid)).userId
const usersOf = async (hwids: readonly string[]) => [...new Set(await Promise.all(hwids.map(userOf)))]
const merge = async (from: string, into: string, at = server) =>
  (await at.rest<{ devices: number }>('POST', `/v1/apps/${app.app}/users/${from}/merge`, { into })).body

describe('merging users', () => {
  test('moves all devices, once, however often and from wherever it is asked for', async () => {
    const hwids = await devicesOf('anna-1', 30)
    const done = await Promise.all([server, other, server, other].map(at => merge('anna-1', 'anna', at)))
    expect(done.reduce((sum, it) => sum + it.devices, 0)).toBe(30)
    expect(await usersOf(hwids)).toEqual(['anna'])
  })

  test('into itself, and of nobody, changes nothing', async () => {
    const hwids = await devicesOf('same', 2)
    expect(await merge('same', 'same')).toEqual({ devices: 0 })
    expect(await merge('nobody', 'same')).toEqual({ devices: 0 })
    expect(await usersOf(hwids)).toEqual(['same'])
  })

  test('into each other at once loses no device, and neither waits for the other for ever', async () => {
    const hwids = [...(await devicesOf('left', 20)), ...(await devicesOf('right', 20))]
    await Promise.all([merge('left', 'right'), merge('right', 'left', other)])
    for (const user of await usersOf(hwids)) expect(['left', 'right']).toContain(user)
  })

  test('beside logins and logouts leaves each device with the last word about it', async () => {
    const hwids = await devicesOf('before', 20)
    const [stay, leave, change] = [hwids.slice(0, 8), hwids.slice(8, 14), hwids.slice(14)]
    await Promise.all([
      merge('before', 'after'),
      ...leave.map(hwid => server.device(app, 'registerUser', { hwid, userId: hwid })),
      ...change.map(hwid => other.device(app, 'registerUser', { hwid, userId: 'third' })),
    ])
    expect(await usersOf(stay)).toEqual(['after'])
    expect(await usersOf(leave)).toEqual([null])
    expect(await usersOf(change)).toEqual(['third'])
  })
})

describe('a call that is not about the user', () => {
  test.each([
    ['setTags', { tags: { plan: 'gold' } }],
    ['applicationOpen', {}],
    ['postEvent', { event: 'bought' }],
    ['setBadge', { badge: 1 }],
  ])('%s names the user of a new device, changes no known one, and says so (R25)', async (method, fields) => {
    const answer = async (hwid: string, userId: string) =>
      (await server.device(app, method, { hwid, userId, ...fields })).body.response as {
        ignored?: string[]
      } | null
    const fresh = `aside-new-${method}`
    expect((await answer(fresh, 'ida'))?.ignored).toBe(undefined)
    expect(await userOf(fresh)).toBe('ida')
    expect((await answer(fresh, 'ida'))?.ignored).toBe(undefined)
    expect((await answer(fresh, 'jon'))?.ignored).toEqual(['userId'])
    expect(await userOf(fresh)).toBe('ida')
    const visitor = `aside-visitor-${method}`
    await server.device(app, 'registerDevice', { hwid: visitor, device_type: 1 })
    expect((await answer(visitor, visitor))?.ignored).toBe(undefined)
    expect((await answer(visitor, 'ida'))?.ignored).toEqual(['userId'])
    expect(await userOf(visitor)).toBe(null)
  })
})

describe('mergeUser of a device', () => {
  const mergeUser = (hwid: string, fields: Record<string, unknown>) =>
    server.device(app, 'mergeUser', { hwid, ...fields })

  test('takes along only the devices that came to the former user no earlier than it did', async () => {
    const [earlier] = await devicesOf('owner', 1)
    const [mine] = await devicesOf('owner', 1)
    const later = await devicesOf('owner', 2)
    await mergeUser(mine as string, { oldUserId: 'owner', newUserId: 'renamed', merge: true })
    expect(await usersOf([mine as string, ...later])).toEqual(['renamed'])
    expect(await userOf(earlier as string)).toBe('owner')
    await mergeUser(earlier as string, { oldUserId: 'owner', newUserId: 'renamed', merge: true })
    expect(await userOf(earlier as string)).toBe('renamed')
  })

  test('takes nobody along when a stranger asks for it, also one who has claimed the name just before', async () => {
    const victims = await devicesOf('victim', 3)
    const [stranger] = await devicesOf('stranger', 1)
    const theft = { oldUserId: 'victim', newUserId: 'thief', merge: true }
    await mergeUser(stranger as string, theft)
    expect(await usersOf(victims)).toEqual(['victim'])
    await server.device(app, 'registerUser', { hwid: stranger, userId: 'victim' })
    await mergeUser(stranger as string, theft)
    expect(await usersOf(victims)).toEqual(['victim'])
    expect(await userOf(stranger as string)).toBe('thief')
  })

  test.each([
    ['takes a hundred along at most', 101, 100],
    ['takes nobody along from a name of more than a thousand, which is no person', 1000, 0],
  ])('%s', async (_rule, others, taken) => {
    const [user, into] = [`crowd of ${others}`, `into of ${others}`]
    const [first] = await devicesOf(user, 1)
    await server.db.query(
      `insert into device (bucket, app_id, hwid, user_id, first_seen_at, last_seen_at)
       select i % 1024, a.id, $2 || i, $2, now(), now()
         from generate_series(1, $3::integer) i cross join (select id from app where code = $1) a`,
      [app.app, user, others],
    )
    await mergeUser(first as string, { oldUserId: user, newUserId: into, merge: true })
    const { rowCount } = await server.db.query('select from device where user_id = $1', [into])
    expect(rowCount).toBe(1 + taken)
  })

  test('of devices from before the coming was noted takes those of the same user along', async () => {
    const [mine, ...others] = await devicesOf('old base', 3)
    await server.db.query("update device set user_since = null where user_id = 'old base'")
    await mergeUser(mine as string, { oldUserId: 'old base', newUserId: 'new base', merge: true })
    expect(await usersOf([mine as string, ...others])).toEqual(['new base'])
  })

  test('of a visitor gives the device alone to the new user, and back to nobody', async () => {
    const hwid = 'visitor-who-signs-up'
    await mergeUser(hwid, { oldUserId: hwid, newUserId: 'signed up', merge: true })
    expect(await userOf(hwid)).toBe('signed up')
    await mergeUser(hwid, { oldUserId: 'signed up', newUserId: hwid, merge: true })
    expect(await userOf(hwid)).toBe(null)
  })
})

test('of a name that everybody is given, a thousand devices are told, and that there are more', async () => {
  await server.db.query(
    `insert into device (bucket, app_id, hwid, user_id, first_seen_at, last_seen_at)
     select i % 1024, a.id, 'guest-' || i, 'guest', now(), now()
       from generate_series(1, 1001) i cross join (select id from app where code = $1) a`,
    [app.app],
  )
  const read = async () =>
    (await server.rest<{ devices: unknown[]; hasMore: boolean }>('GET', `/v1/apps/${app.app}/users/guest`))
      .body
  const guests = await read()
  expect([guests.devices.length, guests.hasMore]).toEqual([1000, true])
  await server.db.query("delete from device where hwid = 'guest-1'")
  const all = await read()
  expect([all.devices.length, all.hasMore]).toEqual([1000, false])
})
