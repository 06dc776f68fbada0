/** GET /v1/apps/{app}/segments/{segment}/members and …/segments/uses. */
import type { SegmentMembers, SegmentUse } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  app = await server.createApp()
})
afterAll(() => server.close())

const path = (rest: string) => `/v1/apps/${app.app}/segments${rest}`

async function create(segment: object): Promise<string> {
  return (await server.rest<{ id: string }>('POST', path(''), segment)).body.id
}

async function register(hwid: string, tier: string): Promise<void> {
  const push_token = Buffer.from(hwid).toString('hex').padEnd(64, '0')
  await server.device(app, 'registerDevice', { hwid, device_type: 1, push_token })
  await server.device(app, 'setTags', { hwid, tags: { tier } })
}

async function page(id: string, asked: string): Promise<SegmentMembers> {
  const { status, body } = await server.rest<SegmentMembers>('GET', path(`/${id}/members${asked}`))
  expect(status).toBe(200)
  return body
}

/** All, in pages of two. */
async function membersOf(id: string): Promise<string[]> {
  const names: string[] = []
  let after = ''
  for (;;) {
    const { devices, next } = await page(id, `?limit=2${after}`)
    expect(devices.length).toBeLessThanOrEqual(2)
    names.push(...devices.map(it => it.hwid))
    if (next === null) return names
    after = `&after=${encodeURIComponent(next)}`
  }
}

test('the members of a segment are read page by page, each once', async () => {
  const gold = Array.from({ length: 7 }, (_, n) => `gold.${n}`)
  for (const hwid of gold) await register(hwid, 'gold')
  await register('silver', 'silver')
  const id = await create({ name: 'Gold', condition: { tag: 'tier', op: 'eq', value: 'gold' } })
  expect((await membersOf(id)).sort()).toEqual(gold)
})

test('a member tells whether it has an address that can be ended', async () => {
  await register('kept', 'told')
  await register('ended', 'told')
  await server.device(app, 'unregisterDevice', { hwid: 'ended' })
  const id = await create({ name: 'Told', condition: { tag: 'tier', op: 'eq', value: 'told' } })
  const { devices } = await page(id, '')
  expect(Object.fromEntries(devices.map(it => [it.hwid, it.hasAddress]))).toEqual({
    kept: true,
    ended: false,
  })
  expect(devices[0]).toMatchObject({ platform: 'ios', userId: null, lastSeenAt: expect.any(String) })
})

test('a place that no page has given is refused, and so is another app’s segment', async () => {
  const id = await create({ name: 'Refused', condition: { field: 'hwid', op: 'set' } })
  expect((await server.rest('GET', path(`/${id}/members?after=x`))).status).toBe(400)
  const other = await server.createApp()
  const answer = await server.rest('GET', `/v1/apps/${other.app}/segments/${id}/members`)
  expect(answer.status).toBe(404)
})

test('what names a segment is listed with its name', async () => {
  const used = await create({ name: 'Used', condition: { field: 'hwid', op: 'set' } })
  const user = await create({ name: 'User of it', condition: { not: { segment: used } } })
  const sendAt = new Date(Date.now() + 86_400_000).toISOString()
  const content = { title: 'Hello' }
  const message = { to: { segment: used }, content, sendAt }
  const sent = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/messages`, message)
  const { body } = await server.rest<{ uses: SegmentUse[] }>('GET', path('/uses'))
  expect(body.uses.filter(it => it.segment === used)).toEqual([
    { segment: used, kind: 'message', id: sent.body.id, name: 'Hello' },
    { segment: used, kind: 'segment', id: user, name: 'User of it' },
  ])
})
