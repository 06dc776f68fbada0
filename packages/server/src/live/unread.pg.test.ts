/** The unread count of a user's inbox: one on all devices, told when an app is opened and when another device reads. */
import { randomUUID } from 'node:crypto'
import type { InboxView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveDevice, liveDevices } from '../../test/live-client.ts'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const opened = liveDevices()

const inboxPath = (hwid: string) => `/v1/apps/${roost.app}/devices/${hwid}/inbox`

async function live(phone: Phone, userId: string | null, url = roost.url): Promise<LiveDevice> {
  const { app, deviceToken } = roost
  return opened.connect(url, { app, deviceToken, hwid: phone.hwid, userId })
}

async function setState(phone: Phone, id: string, state: string): Promise<void> {
  const answer = await fetch(`${roost.url}${inboxPath(phone.hwid)}/${id}`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${SERVER_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ state }),
  })
  expect(answer.status).toBe(204)
}

/** A user with two phones, and what is in both inboxes. */
async function userWithTwo() {
  const userId = `user-${randomUUID()}`
  const phones = [await roost.phone('ios', { userId }), await roost.phone('ios', { userId })] as const
  const ids = []
  for (const title of ['One', 'Two']) {
    const id = await roost.send({ to: { users: [userId] }, content: { title }, inbox: { only: true } })
    await roost.settle(id)
    ids.push(id)
  }
  return { userId, phones, ids: ids as [string, string] }
}

const badgeOn = (phone: Phone) =>
  (phone.shown.at(-1)?.push.payload?.aps as { badge?: number } | undefined)?.badge
const inboxOf = async ({ hwid }: Phone) => (await roost.rest<InboxView>('GET', inboxPath(hwid))).body

describe('the unread count', () => {
  test('is told when an app is opened, and again when another device of the user reads, on whichever server', async () => {
    const { userId, phones, ids } = await userWithTwo()
    const other = await roost.another({ roles: ['api'] })
    const [here, there] = [await live(phones[0], userId), await live(phones[1], userId, other.url)]
    expect(await here.next('unread')).toEqual({ type: 'unread', count: 2 })
    expect(await there.next('unread')).toEqual({ type: 'unread', count: 2 })
    await setState(phones[0], ids[0], 'read')
    expect(await there.next('unread')).toEqual({ type: 'unread', count: 1 })
    await other.close()
    const again = await live(phones[1], userId)
    expect(await again.next('unread')).toEqual({ type: 'unread', count: 1 })
  })

  test('is one for all devices of a user, in inboxes and in badges; what is deleted on one stays on the others', async () => {
    const { phones, ids } = await userWithTwo()
    await setState(phones[0], ids[0], 'opened')
    await setState(phones[0], ids[1], 'deleted')
    const { entries, unread } = await inboxOf(phones[1])
    expect(entries.map(it => it.state)).toEqual(['opened', 'opened'])
    expect(unread).toBe(0)
    await roost.sendAndSettle({
      to: { devices: phones.map(it => it.hwid) },
      content: { title: 'Three', badge: 'unread' },
      inbox: {},
    })
    expect(phones.map(badgeOn)).toEqual([1, 1])
  })

  test('of somebody else on the same device is their own', async () => {
    const { phones, ids } = await userWithTwo()
    await setState(phones[0], ids[0], 'read')
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phones[1].hwid}`, { userId: 'another one' })
    expect((await inboxOf(phones[1])).unread).toBe(0)
    expect((await inboxOf(phones[1])).entries).toEqual([])
  })
})
