/** Finding the device that has a push token: what people who help others have in hand is a token, or the end of one. */
import { createECDH, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../../test/bare.ts'
import { findTokenHolders, hashesOfToken } from '../../../registry/token-holders.ts'
import type { Queryable } from '../../../store/database.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

interface Found {
  readonly hwid: string
  readonly state: string
  readonly address: {
    readonly state: string
    readonly kind: string
    readonly addressEnd: string
    readonly since: string
  }
}

const search = (query: Record<string, string>, of = app) =>
  server.rest<{ devices: Found[]; detail?: string }>(
    'GET',
    `/v1/apps/${of.app}/devices?${new URLSearchParams(query)}`,
  )
const find = async (token: string, of = app): Promise<Found[]> => {
  const answer = await search({ token }, of)
  expect(answer).toMatchObject({ status: 200 })
  return answer.body.devices
}
const hwidsOf = async (token: string) => (await find(token)).map(it => it.hwid)

const newHwid = () => `holder-${randomUUID()}`
const appleToken = () => randomBytes(32).toString('hex')
async function register(fields: Record<string, unknown>, hwid = newHwid()): Promise<string> {
  const { body } = await server.device(app, 'registerDevice', { hwid, ...fields })
  expect(body, body.status_message).toMatchObject({ status_code: 200 })
  return hwid
}

test('a whole token finds its device, of each gateway and kind', async () => {
  const tokens = [appleToken(), appleToken(), appleToken(), appleToken()]
  const apple = await register({
    device_type: 1,
    push_token: tokens[0],
    voip_push_token: tokens[1],
    gateway: 'sandbox',
  })
  const mac = await register({ device_type: 7, push_token: tokens[2] })
  await server.device(app, 'setActivityPushToStartToken', {
    hwid: mac,
    activity_push_to_start_token: tokens[3],
  })
  const android = await register({ device_type: 3, push_token: 'fcm:Token_of-Android' })
  const huawei = await register({ device_type: 17, push_token: 'hms-token-of-huawei' })
  const endpoint = `https://push.example.com/wpush/v2/${randomUUID()}`
  const web = await register({
    device_type: 11,
    push_token: endpoint,
    public_key: createECDH('prime256v1').generateKeys().toString('base64'),
    auth_token: randomBytes(16).toString('base64'),
  })
  const pairs: [string | undefined, string][] = [
    [tokens[0], apple],
    [tokens[1], apple],
    [tokens[2], mac],
    [tokens[3], mac],
    ['fcm:Token_of-Android', android],
    ['hms-token-of-huawei', huawei],
    [endpoint, web],
  ]
  for (const [token = '', hwid] of pairs) {
    expect(await find(token)).toEqual([
      expect.objectContaining({
        hwid,
        state: 'active',
        address: expect.objectContaining({
          state: 'active',
          addressEnd: token.slice(-8),
          since: expect.any(String),
        }),
      }),
    ])
  }
})

test('R7: Apple’s are found as any log writes them, others byte for byte', async () => {
  const token = appleToken()
  const hwid = await register({ device_type: 1, push_token: token })
  expect(await hwidsOf(` <${token.toUpperCase().replace(/(.{8})/g, '$1 ')}> `)).toEqual([hwid])
  expect(await hwidsOf(token.slice(-8).toUpperCase())).toEqual([hwid])
  await register({ device_type: 3, push_token: `Exact:${hwid}` })
  expect(await hwidsOf(`exact:${hwid}`)).toEqual([])
})

test('the whole of a token finds it and its end does, also of one activity; wildcards are characters like others', async () => {
  const [token, ride] = [appleToken(), randomBytes(60).toString('hex')]
  const hwid = await register({ device_type: 1, push_token: token })
  await server.device(app, 'setActivityToken', { hwid, activity_id: 'ride', activity_token: ride })
  expect(await hwidsOf(token.slice(-6))).toEqual([hwid])
  expect(await find(ride.slice(-32))).toMatchObject([{ hwid, address: { kind: 'liveactivity:ride' } }])
  expect(await find(ride.toUpperCase())).toMatchObject([{ hwid, address: { kind: 'liveactivity:ride' } }])
  for (const wild of ['%%%%%%', '______', String.raw`\\\\\\`]) expect(await hwidsOf(wild)).toEqual([])
})

test('a token that went over to another device finds both, its holder first', async () => {
  const token = appleToken()
  const former = await register({ device_type: 1, push_token: token })
  const holder = await register({ device_type: 1, push_token: token })
  for (const text of [token, token.slice(-12)])
    expect(await find(text)).toMatchObject([
      { hwid: holder, address: { state: 'active' } },
      { hwid: former, address: { state: 'moved' } },
    ])
})

test('a token that is over still tells whose it was', async () => {
  const token = appleToken()
  const hwid = await register({ device_type: 1, push_token: token })
  await server.device(app, 'unregisterDevice', { hwid })
  expect(await find(token)).toMatchObject([{ hwid, state: 'unregistered', address: { state: 'dead' } }])
  await server.device(app, 'deleteDevice', { hwid })
  expect(await find(token)).toEqual([])
})

test('the devices of other apps are not found', async () => {
  const token = appleToken()
  await register({ device_type: 1, push_token: token })
  const other = await server.createApp()
  for (const text of [token, token.slice(-8)]) expect(await find(text, other)).toEqual([])
})

test('as many are answered as were asked for', async () => {
  const end = randomBytes(8).toString('hex')
  for (let i = 0; i < 3; i++)
    await register({ device_type: 1, push_token: randomBytes(24).toString('hex') + end })
  expect((await search({ token: end, limit: '2' })).body.devices).toHaveLength(2)
  expect(await find(end)).toHaveLength(3)
})

test.each<[string, Record<string, string>]>([
  ['five characters', { token: 'abcde' }],
  ['blanks', { token: '        ' }],
  ['4097 characters', { token: 'a'.repeat(4097) }],
  ['a search beside it', { token: 'abcdefgh', search: 'x' }],
  ['a state beside it', { token: 'abcdefgh', state: 'active' }],
])('%s are refused by name, and a token is not quoted', async (_what, query) => {
  const answer = await search(query)
  expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  expect(answer.body.detail).toContain('token')
  expect(answer.body.detail).not.toContain('abcd')
})

test('the token is in no log', async () => {
  const token = appleToken()
  await register({ device_type: 1, push_token: token })
  await find(token)
  expect(server.logged()).not.toContain(token)
})

test('without a server token nobody asks', async () => {
  const response = await fetch(`${server.url}/v1/apps/${app.app}/devices?token=${appleToken()}`, {
    headers: { authorization: `Token ${app.deviceToken}` },
  })
  expect(response.status).toBe(401)
})

test('a whole token is looked up by keys, however many addresses there are', async () => {
  const token = appleToken()
  await register({ device_type: 1, push_token: token })
  await server.db.query(
    `insert into device (bucket, app_id, hwid, first_seen_at, last_seen_at)
     select n % 1024, id, 'crowd-' || n, now(), now() from app, generate_series(1, 20000) n where code = $1`,
    [app.app],
  )
  await server.db.query(
    `insert into address (bucket, app_id, hwid, address_hash, provider, address, state, first_registered_at,
                          last_registered_at, state_since)
     select bucket, app_id, hwid, sha256(hwid::bytea), 'fcm', 'token-' || hwid, 'active', now(), now(), now()
       from device where hwid like 'crowd-%'`,
  )
  await server.db.query(
    `insert into address_directory (address_bucket, app_id, address_hash, bucket, hwid)
     select bucket, app_id, address_hash, bucket, hwid from address where hwid like 'crowd-%'`,
  )
  await server.db.query('analyze device, address, address_directory')
  const plansOf = async (text: string) => {
    const plans: string[] = []
    const watched: Queryable = {
      query: async (sql, values) => {
        const { rows } = await server.db.query(`explain (format json) ${sql}`, values)
        plans.push(JSON.stringify(rows))
        return server.db.query(sql, values)
      },
    }
    const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
    await findTokenHolders(watched, { appId: rows[0]?.id ?? 0, token: text, limit: 50 })
    return plans
  }
  expect(hashesOfToken(token)).toHaveLength(9)
  for (const text of [token, appleToken(), `fcm:${'x'.repeat(140)}`]) {
    const plans = await plansOf(text)
    expect(plans.length).toBeGreaterThan(0)
    for (const plan of plans) expect(plan).not.toContain('Seq Scan')
  }
  // So that the words above are the ones that PostgreSQL has for it.
  const whole = await server.db.query("explain (format json) select from address where provider = 'fcm'")
  expect(JSON.stringify(whole.rows)).toContain('Seq Scan')
})
