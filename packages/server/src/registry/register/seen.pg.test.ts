/** R15: what counts as a sign of life: calls of the device, and nothing that others say of it. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'
import { addBulkRequest, runBulkRequests } from '../bulk/requests.ts'

let server: BareServer
let app: Access
let appId: number
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id ?? 0
})
afterAll(() => server.close())

const DAY_MS = 24 * 60 * 60_000
const newToken = () => randomBytes(32).toString('hex')
const pathOf = (hwid: string) => `/v1/apps/${app.app}/devices/${hwid}`
const runBulk = async (request: Parameters<typeof addBulkRequest>[1]) => {
  await addBulkRequest(server.db, request)
  await runBulkRequests({ db: server.db, allowPrivateEndpoints: false }, server.clock.now())
}
const asked = () => ({ appId, at: server.clock.now() })

/** A day after its device has registered. Tells whether the device was seen then. */
async function isSeenAfter(hwid: string, act: (token: string) => Promise<unknown>): Promise<boolean> {
  const token = newToken()
  await server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: token, userId: 'anna' })
  const { lastSeenAt } = await server.view(app, hwid)
  server.clock.advance(DAY_MS)
  await act(token)
  return (await server.view(app, hwid)).lastSeenAt !== lastSeenAt
}

test.each<[string, (hwid: string, token: string) => Promise<unknown>]>([
  ['PATCH', hwid => server.rest('PATCH', pathOf(hwid), { tags: { plan: 'pro' }, userId: 'berta' })],
  [
    'PUT-same',
    (hwid, pushToken) => server.rest('PUT', pathOf(hwid), { platform: 'ios', pushToken, userId: 'anna' }),
  ],
  ['PUT-new', hwid => server.rest('PUT', pathOf(hwid), { platform: 'ios', pushToken: newToken() })],
  ['unregister', hwid => server.rest('POST', `${pathOf(hwid)}/unregister`)],
  [
    'bulkSetTags',
    hwid =>
      runBulk({
        ...asked(),
        kind: 'tags',
        entries: [{ target: { hwid }, tags: { plan: 'pro' }, listOperator: 'set' }],
      }),
  ],
  [
    'bulkRegisterDevice',
    hwid =>
      runBulk({
        ...asked(),
        kind: 'register',
        entries: [{ call: { hwid, device_type: 1, push_token: newToken() }, listOperator: 'set' }],
      }),
  ],
])('R15: %s of a back end is no sign of life of the device', async (name, act) => {
  expect(await isSeenAfter(`told-${name}`, token => act(`told-${name}`, token))).toBe(false)
})

test.each<[string, (hwid: string, token: string) => Promise<unknown>]>([
  ['setTags', hwid => server.device(app, 'setTags', { hwid, tags: { plan: 'pro' } })],
  [
    'registerDevice',
    (hwid, push_token) => server.device(app, 'registerDevice', { hwid, device_type: 1, push_token }),
  ],
  [
    'opens',
    hwid =>
      fetch(`${server.url}${pathOf(hwid)}/opens`, {
        method: 'POST',
        headers: { authorization: `Bearer ${SERVER_TOKEN}` },
      }),
  ],
])('R15: %s is a sign of life, whoever passes it on', async (name, act) => {
  expect(await isSeenAfter(`seen-${name}`, token => act(`seen-${name}`, token))).toBe(true)
})

test('R15: a device that is silent for a month is dormant, also when its back end tags it', async () => {
  const other = await server.createApp()
  const hwid = 'tagged-daily'
  await server.device(other, 'registerDevice', { hwid, device_type: 1, push_token: newToken() })
  server.clock.advance(31 * DAY_MS)
  await server.rest('PATCH', `/v1/apps/${other.app}/devices/${hwid}`, { tags: { plan: 'pro' } })
  const { body } = await server.rest('GET', `/v1/apps/${other.app}/stats/devices`)
  expect(body).toMatchObject({ dormant: 1 })
})
