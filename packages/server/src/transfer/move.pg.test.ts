/** A whole base, moved: exported, imported into an empty app, and sent to. */
import { randomBytes } from 'node:crypto'
import { generateVapidKeys } from '@roost/gateways'
import type { ImportView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(async () => {
  await roost.close()
})

const VAPID = {
  gateway: 'webpush',
  kind: 'vapid',
  ...generateVapidKeys(),
  subject: 'mailto:push@example.com',
}
const authorization = `Bearer ${SERVER_TOKEN}`

async function newApp(): Promise<string> {
  const { body } = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Moved' })
  expect((await roost.rest('POST', `/v1/apps/${body.code}/credentials`, VAPID)).status).toBe(201)
  return body.code
}

async function exported(app: string, format: string): Promise<string> {
  const path = `/v1/apps/${app}/device-export?format=${format}&tokens=full`
  return (await fetch(`${roost.url}${path}`, { headers: { authorization } })).text()
}

async function importInto(app: string, format: string, text: string): Promise<ImportView> {
  const begun = await roost.rest<ImportView>('POST', `/v1/apps/${app}/imports`, { mapping: 'roost', format })
  const answer = await fetch(
    `${roost.url}/v1/apps/${app}/imports/${begun.body.id}/parts?offset=0&final=true`,
    { method: 'PUT', headers: { authorization, 'content-type': 'text/csv' }, body: text },
  )
  return (await answer.json()) as ImportView
}

test.each(['csv', 'ndjson'])(
  'as %s a base comes back as it was, and its browsers are reached with their old key',
  async format => {
    await roost.rest('POST', `/v1/apps/${roost.app}/credentials`, VAPID)
    const browser = await roost.phone('web', { tags: { note: 'a "b", c\nd', n: 1.5, list: ['x', 'y'] } })
    const apple = (hwid: string, fields: Record<string, unknown>) =>
      roost.device('registerDevice', {
        hwid,
        device_type: 1,
        push_token: randomBytes(32).toString('hex'),
        ...fields,
      })
    await apple(`calls-${format}`, {
      voip_push_token: randomBytes(32).toString('hex'),
      gateway: 'sandbox',
      userId: 'anna',
      tags: { '12': '007', yes: true },
      timezone: 3600,
    })
    await apple(`denied-${format}`, {})
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/denied-${format}`, {
      permission: 'denied',
      country: 'CH',
    })
    await roost.device('applicationOpen', { hwid: `no-token-${format}`, device_type: 3 })
    roost.clock.advance(1000)

    const text = await exported(roost.app, format)
    expect(text).toContain('denied')
    const app = await newApp()
    const view = await importInto(app, format, text)
    expect(view).toMatchObject({ state: 'done', refused: 0, older: 0 })
    expect(await exported(app, format)).toBe(text)

    const before = browser.shown.length
    const sent = await roost.rest<{ id: string }>('POST', `/v1/apps/${app}/messages`, {
      to: { devices: [browser.hwid, `denied-${format}`] },
      content: { title: 'Still here' },
    })
    await expect
      .poll(
        async () =>
          (await roost.rest<{ state: string }>('GET', `/v1/apps/${app}/messages/${sent.body.id}`)).body,
      )
      .toMatchObject({ state: 'done', counts: { accepted: 1 } })
    expect(browser.shown).toHaveLength(before + 1)
  },
)

test('a badge that no call of a device could have set is left behind, and its device comes along', async () => {
  const app = await newApp()
  const rows = [3_000_000_000, -1, 7].map(badge =>
    JSON.stringify({ hwid: `badge-${badge}`, record: { badge } }),
  )
  expect(await importInto(app, 'ndjson', rows.join('\n'))).toMatchObject({ state: 'done' })
  const badgeOf = async (hwid: string) =>
    (await roost.rest<{ record: { badge?: number } }>('GET', `/v1/apps/${app}/devices/${hwid}`)).body.record
      .badge
  expect(await badgeOf('badge-3000000000')).toBeUndefined()
  expect(await badgeOf('badge--1')).toBeUndefined()
  expect(await badgeOf('badge-7')).toBe(7)
})
