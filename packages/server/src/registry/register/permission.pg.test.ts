/** R26 where an address becomes another row. */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { applyResults } from '../../hygiene/results.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

test('R26, R12: an address that is corrected after its permission was withdrawn is still not sent to', async () => {
  const hwid = 'corrected'
  const token = randomBytes(32).toString('hex')
  await server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: token })
  await server.device(app, 'applicationOpen', { hwid, notificationTypes: 0 }) // while the send was under way
  const { rows } = await server.db.query<{ bucket: number; appId: number; hash: Buffer; generation: number }>(
    'select bucket, app_id as "appId", address_hash as hash, generation from address where hwid = $1',
    [hwid],
  )
  const held = rows[0] as NonNullable<(typeof rows)[0]>
  const at = server.clock.now()
  const result = {
    ...held,
    hwid,
    kind: 'corrected',
    sentAt: at,
    reason: 'BadDeviceToken',
    messageId: randomUUID(),
    environment: 'sandbox',
    address: { provider: 'apns', address: token },
  } as const
  await server.db.transaction(tx => applyResults(tx, [result], at))
  expect(await server.view(app, hwid)).toMatchObject({
    isOptedOut: true,
    addresses: [{ state: 'active', environment: 'sandbox' }, { state: 'superseded' }],
  })
})

test('R26: a device that takes over the address of one that was opted out is opted out, unless it has said that it may', async () => {
  const token = randomBytes(32).toString('hex')
  const register = (hwid: string, said: Record<string, unknown> = {}) =>
    server.device(app, 'registerDevice', { hwid, device_type: 1, push_token: token, ...said })
  const isOptedOut = async (hwid: string) => (await server.view(app, hwid)).isOptedOut
  await register('denies', { notificationTypes: 0 })
  await register('says-nothing')
  expect(await isOptedOut('says-nothing')).toBe(true)
  expect((await server.ledger(app, 'says-nothing')).map(it => it.event)).toContain('opted_out')
  await register('may', { notificationTypes: 7 })
  expect(await isOptedOut('may')).toBe(false)
  await register('late')
  expect(await isOptedOut('late'), 'the last holder may be sent to').toBe(false)
})

test('R26: a device stays opted out when its address goes, and when another one comes', async () => {
  const hwid = 'unregistered'
  const register = () =>
    server.device(app, 'registerDevice', {
      hwid,
      device_type: 1,
      push_token: randomBytes(32).toString('hex'),
    })
  const isOptedOut = async () => (await server.view(app, hwid)).isOptedOut
  await register()
  expect(await isOptedOut()).toBe(false)
  await server.device(app, 'applicationOpen', { hwid, notificationTypes: 0 })
  expect(await isOptedOut()).toBe(true)
  await server.device(app, 'unregisterDevice', { hwid })
  expect(await isOptedOut(), 'it may still show nothing').toBe(true)
  await register()
  expect(await isOptedOut()).toBe(true)
})
