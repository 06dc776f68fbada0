/** Integration health against the real server: shares that add up, least versions, environments, errors, and how far a sample is off. */
import { randomBytes } from 'node:crypto'
import type { Integration } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const newToken = () => randomBytes(32).toString('hex')
const read = async (of = app) =>
  (await server.rest<Integration>('GET', `/v1/apps/${of.app}/integration`)).body

test('a small base is counted whole: versions, environments, and errors with what to do', async () => {
  const register = (i: number, fields: object) =>
    server.device(app, 'registerDevice', { hwid: `phone-${i}`, device_type: 1, ...fields })
  for (let i = 0; i < 6; i++)
    await register(i, { push_token: newToken(), v: '6.1', extension_version: '2.3' })
  for (let i = 6; i < 8; i++)
    await register(i, { push_token: newToken(), v: '5.0', extension_version: '2.2', gateway: 'sandbox' })
  await register(8, { v: '5.0', registration_error: { code: '3000', message: 'no valid aps-environment' } })
  await register(9, {})
  const health = await read()
  expect(health).toMatchObject({ devices: 10, errorPercent: 0, sample: { isExact: true, devices: 10 } })
  expect(health.versions[0]).toEqual({
    platform: 'ios',
    sdkVersion: '6.1',
    extensionVersion: '2.3',
    devices: 6,
    share: 0.6,
    error: 0,
  })
  expect(health.versions.reduce((sum, it) => sum + it.devices, 0)).toBe(10)
  expect(health.environments).toMatchObject([
    { gateway: 'apns', environment: 'production', addresses: 6, share: 0.75 },
    { gateway: 'apns', environment: 'sandbox', addresses: 2, share: 0.25 },
  ])
  expect(health.registrationErrors).toMatchObject([
    {
      code: '3000',
      devices: 1,
      message: 'no valid aps-environment',
      remedy: expect.stringContaining('entitlement'),
    },
  ])
  expect(health.receipts).toMatchObject({
    share: null,
    findings: [expect.stringContaining('nothing is known yet')],
  })
  expect(health.features.find(it => it.feature === 'rich_push')).toMatchObject({
    minimum: null,
    devices: 8,
    share: 0.8,
    silent: 2,
    tooOld: 0,
  })
})

test('a least version tells who is too old, until it is taken back', async () => {
  const path = `/v1/apps/${app.app}/integration`
  const richPush = ({ features }: Integration) => features.find(it => it.feature === 'rich_push')
  const set = await server.rest<Integration>('PATCH', path, { minimums: { rich_push: '2.3' } })
  expect(richPush(set.body)).toMatchObject({ minimum: '2.3', devices: 6, tooOld: 2, silent: 2 })
  expect(richPush(await read())).toMatchObject({ minimum: '2.3' })
  const taken = await server.rest<Integration>('PATCH', path, { minimums: { rich_push: null } })
  expect(richPush(taken.body)).toMatchObject({ minimum: null, tooOld: 0 })
  for (const minimums of [{ rich_push: 'newest' }, { warp: '1' }])
    expect((await server.rest('PATCH', path, { minimums })).body).toMatchObject({ code: 'input_invalid' })
})

test('an app without devices says so', async () => {
  const health = await read(await server.createApp())
  expect(health).toMatchObject({ devices: 0, versions: [], environments: [], registrationErrors: [] })
  expect(health.features.every(it => it.devices === 0 && it.share === 0)).toBe(true)
})

test('a bigger base is told from some of its buckets, and is off by no more than it says in 19 of 20 readings', async () => {
  const big = await server.createApp()
  await server.db.query(
    `insert into device (bucket, app_id, hwid, platform, record, first_seen_at, last_seen_at)
     select abs(hashtext(i::text)) % 1024, a.id, 'big-' || i, 'android',
            jsonb_build_object('sdkVersion', case when abs(hashtext('v' || i)) % 10 < 3 then '7' else '6' end), now(), now()
       from generate_series(1, 60000) i cross join (select id from app where code = $1) a`,
    [big.app],
  )
  await server.db.query('vacuum analyze device')
  const { rows } = await server.db.query<{ real: number }>(
    `select avg((record ->> 'sdkVersion' = '7')::integer)::float8 as real from device where hwid like 'big-%'`,
  )
  const real = rows[0]?.real ?? 0
  let right = 0
  for (let i = 0; i < 20; i++) {
    const health = await read(big)
    expect(health.sample.isExact).toBe(false)
    expect(health.sample.devices).toBeLessThan(30_000)
    const { share = 0, error = 0 } = health.versions.find(it => it.sdkVersion === '7') ?? {}
    expect(error).toBeGreaterThan(0)
    if (Math.abs(share - real) <= error) right++
  }
  // 19 are to be expected; fewer than 13 come in one of ten million runs.
  expect(right).toBeGreaterThanOrEqual(13)
})
