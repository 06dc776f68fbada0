/** The inbox over the wire: who finds what in it, in the words of the device protocol and over REST. */
import { randomBytes } from 'node:crypto'
import type { InboxView, NewInbox } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import { cleanInboxes } from './clean.ts'
import { fillMembers } from './members.ts'
import { countUnread } from './read.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const DAY_MS = 24 * 3_600_000
const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`
const inboxPath = (hwid: string, rest = '') => `/v1/apps/${roost.app}/devices/${hwid}/inbox${rest}`
const inDays = (days: number) => new Date(roost.clock.now() + days * DAY_MS).toISOString()
const entriesOf = async (hwid: string) => {
  const answer = await roost.rest<InboxView>('GET', inboxPath(hwid))
  expect(answer.status).toBe(200)
  return answer.body.entries
}
const titlesOf = async (hwid: string) => (await entriesOf(hwid)).map(it => it.title)
const db = () => roost.server.db
const appId = async () =>
  (await db().query<{ id: number }>('select id from app where code = $1', [roost.app])).rows[0]?.id as number

/** A device without address and permission. */
async function silentDevice(fields: Record<string, unknown> = {}): Promise<string> {
  const hwid = name('silent')
  const said = { hwid, device_type: 1, notificationTypes: 0, ...fields }
  expect((await roost.device('registerDevice', said)).body.status_code).toBe(200)
  return hwid
}

interface CompatInbox {
  readonly messages: Record<string, unknown>[]
  readonly next: string
  readonly deleted: string[]
  readonly new_inbox: number
}

async function compatInbox(hwid: string, fields: Record<string, unknown> = {}): Promise<CompatInbox> {
  const { body } = await roost.device('getInboxMessages', { hwid, ...fields })
  expect(body.status_code).toBe(200)
  return body.response as unknown as CompatInbox
}

const toAll = (title: string, inbox: NewInbox = {}) =>
  roost.sendAndSettle({ to: { all: true }, content: { title, body: 'text' }, inbox })

describe('who finds a message', () => {
  test('a campaign is in the inbox of devices with and without address, and pushed to those with one', async () => {
    const phone = await roost.phone('ios', { hwid: name('phone') })
    const silent = await silentDevice()
    const title = name('title')
    const { counts } = await toAll(title)
    expect(counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(await titlesOf(phone.hwid)).toContain(title)
    expect(await titlesOf(silent)).toContain(title)
  })

  test('a message without inbox is in none', async () => {
    const silent = await silentDevice()
    await roost.sendAndSettle({ to: { all: true }, content: { title: 'push alone' } })
    expect(await titlesOf(silent)).toEqual([])
  })

  test('a message for the inbox alone pushes nothing', async () => {
    const phone = await roost.phone('android', { hwid: name('phone') })
    const title = name('title')
    const { counts, state } = await toAll(title, { only: true })
    expect(state).toBe('done')
    expect(counts).toMatchObject({ targeted: 0, accepted: 0 })
    expect(phone.shownCount).toBe(0)
    expect(await titlesOf(phone.hwid)).toContain(title)
  })

  test('a device that comes later finds nothing of what was sent before', async () => {
    await toAll('too early')
    roost.clock.advance(1000)
    expect(await titlesOf(await silentDevice())).toEqual([])
  })

  test('a device that was named finds it, another one does not', async () => {
    const [named, other] = [await silentDevice(), await silentDevice()]
    await roost.sendAndSettle({ to: { devices: [named] }, content: { title: 'you' }, inbox: {} })
    expect(await titlesOf(named)).toEqual(['you'])
    expect(await titlesOf(other)).toEqual([])
  })

  test.each([
    ['before the members are written', false],
    ['after', true],
  ])('whom a condition met when it was sent, finds it: asked %s', async (_when, isFilled) => {
    const tag = name('tag')
    const [member, other] = [await silentDevice({ tags: { [tag]: 1 } }), await silentDevice()]
    const condition = { tag, op: 'eq' as const, value: 1 }
    await roost.sendAndSettle({ to: { condition }, content: { title: 'members' }, inbox: {} })
    if (isFilled) await fillMembers(db(), roost.clock.now())
    expect(await titlesOf(member)).toEqual(['members'])
    expect(await titlesOf(other)).toEqual([])
    // The tags of later days change nothing of it.
    await roost.device('setTags', { hwid: member, tags: { [tag]: 2 } })
    await roost.device('setTags', { hwid: other, tags: { [tag]: 1 } })
    expect(await titlesOf(member)).toEqual(['members'])
    expect(await titlesOf(other)).toEqual([])
  })
})
