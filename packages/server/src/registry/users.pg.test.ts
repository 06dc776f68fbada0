/** Merging and logging out users, at once and again, over REST and the device protocol. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { TestClock } from '../../test/roost.ts'

let database: TestDatabase
let server: BareServer
let other: BareServer
let app: Access
beforeAll(async () => {
  database = await cloneDatabase()
  const clock = new TestClock()
  server = await startBare({ databaseUrl: database.url, clock })
  other = await startBare({ databaseUrl: database.url, clock })
  app = await server.createApp()
})
afterAll(async () => {
  await other.close()
  await server.close()
  await database.drop()
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

describe('mergeUser of a device', () => {
  const mergeUser = (hwid: string, fields: Record<string, unknown>) =>
    server.device(app, 'mergeUser', { hwid, ...fields })

  test('takes other devices along only if it belonged to the former user itself', async () => {
    const [mine, ...others] = await devicesOf('victim', 3)
    const [stranger] = await devicesOf('stranger', 1)
    await mergeUser(stranger as string, { oldUserId: 'victim', newUserId: 'thief', merge: true })
    expect(await usersOf([mine as string, ...others])).toEqual(['victim'])
    await mergeUser(mine as string, { oldUserId: 'victim', newUserId: 'renamed', merge: true })
    expect(await usersOf([mine as string, ...others])).toEqual(['renamed'])
  })

  test('of a visitor gives the device alone to the new user, and back to nobody', async () => {
    const hwid = 'visitor-who-signs-up'
    await mergeUser(hwid, { oldUserId: hwid, newUserId: 'signed up', merge: true })
    expect(await userOf(hwid)).toBe('signed up')
    await mergeUser(hwid, { oldUserId: 'signed up', newUserId: hwid, merge: true })
    expect(await userOf(hwid)).toBe(null)
  })
})
