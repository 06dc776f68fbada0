/** Self-checks against the whole server: what devices hand in, what the server adds, what is kept and who gets to see it. */
import { randomBytes } from 'node:crypto'
import type { InvitationView, MadeInvitation, SelfCheckFinding, TakenSelfCheck } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../test/bare.ts'
import type { TestDevice } from '../registry/test-devices.ts'

const ANDROID = 3
const FINDING: SelfCheckFinding = { code: 'permission_denied', verdict: 'bad', values: { state: 'denied' } }

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ environment: { ROOST_TRUSTED_PROXIES: '127.0.0.0/8' } })
  app = await server.createApp()
})
afterAll(() => server.close())

const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`
const apps = (rest: string) => `/v1/apps/${app.app}/${rest}`

interface HandIn {
  readonly hwid: string
  readonly address?: string
  readonly clockOffMs?: number
  readonly findings?: readonly unknown[]
  readonly token?: string
  readonly more?: object
  readonly ip?: string
}

async function handIn({ hwid, address, clockOffMs = 0, ...given }: HandIn) {
  const response = await fetch(`${server.url}${apps(`devices/${encodeURIComponent(hwid)}/self-check`)}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      authorization: given.token ?? `Token ${app.deviceToken}`,
      ...(given.ip && { 'x-forwarded-for': given.ip }),
    },
    body: JSON.stringify({
      sdkVersion: '0.1.0',
      clock: server.clock.now() + clockOffMs,
      ...(address === undefined ? {} : { address }),
      findings: given.findings ?? [FINDING],
      ...given.more,
    }),
  })
  return { status: response.status, body: (await response.json()) as TakenSelfCheck & { code?: string } }
}

const codesOf = ({ body }: { readonly body: TakenSelfCheck }) => body.findings.map(it => it.code)

async function register(hwid: string, token = name('token')): Promise<string> {
  const answer = await server.device(app, 'registerDevice', {
    hwid,
    device_type: ANDROID,
    push_token: token,
  })
  expect(answer.body.status_code).toBe(200)
  return token
}

const testDevices = async () =>
  (await server.rest<{ testDevices: TestDevice[] }>('GET', apps('test-devices'))).body.testDevices

async function makeTestDevice(hwid: string): Promise<void> {
  expect((await server.rest('POST', apps('test-devices'), { hwid, name: 'Desk' })).status).toBe(201)
}

const keptOf = async (hwid: string) => (await testDevices()).find(it => it.hwid === hwid)?.selfCheck

describe('what the server finds', () => {
  test('a device whose address is the one that is sent to is in order', async () => {
    const hwid = name('hwid')
    const address = await register(hwid)
    expect(await handIn({ hwid, address })).toMatchObject({
      status: 200,
      body: {
        findings: [
          { code: 'device_registered', verdict: 'good', remedy: null },
          { code: 'clock_right', verdict: 'good', remedy: null },
        ],
      },
    })
  })

  test('a device that was never seen is told so, and does not come to be by it', async () => {
    const hwid = name('hwid')
    expect(await handIn({ hwid })).toMatchObject({
      body: { findings: [{ code: 'device_unknown', verdict: 'bad', remedy: expect.any(String) }, {}] },
    })
    expect((await server.rest('GET', apps(`devices/${hwid}`))).status).toBe(404)
  })

  test('another address than the one that is sent to is told, and so is having none', async () => {
    const hwid = name('hwid')
    await register(hwid)
    expect(codesOf(await handIn({ hwid, address: 'a token of the past' }))).toContain('device_other_address')
    expect(codesOf(await handIn({ hwid }))).toContain('device_other_address')
    await server.device(app, 'unregisterDevice', { hwid })
    expect(codesOf(await handIn({ hwid }))).toContain('device_without_address')
  })

  test('an address that has ended is told with its reason, to whom names it alone', async () => {
    const hwid = name('hwid')
    const address = await register(hwid)
    await server.device(app, 'unregisterDevice', { hwid })
    expect((await handIn({ hwid, address })).body.findings[0]).toMatchObject({
      code: 'device_address_ended',
      values: { reason: 'unregistered' },
    })
    expect((await handIn({ hwid, address: 'guessed' })).body.findings[0]).toMatchObject({
      code: 'device_without_address',
      values: {},
    })
  })

  test('R26: an address that is not sent to since its device may show nothing is told', async () => {
    const hwid = name('hwid')
    const address = await register(hwid)
    await server.device(app, 'applicationOpen', { hwid, device_type: ANDROID, permission: 'denied' })
    expect(codesOf(await handIn({ hwid, address }))).toContain('device_opted_out')
  })

  test.each([
    [3_600_000, 'clock_off', 3600],
    [-86_400_000, 'clock_off', -86_400],
    [30_000, 'clock_right', undefined],
  ] as const)('a clock that is off by %d ms is %s', async (clockOffMs, code, seconds) => {
    const { body } = await handIn({ hwid: name('hwid'), clockOffMs })
    expect(body.findings[1]).toMatchObject({ code, values: seconds === undefined ? {} : { seconds } })
  })
})

describe('what is kept', () => {
  test('the latest of a test device, with what the server found', async () => {
    const hwid = name('hwid')
    const address = await register(hwid)
    await makeTestDevice(hwid)
    expect(await keptOf(hwid)).toBeNull()
    expect((await handIn({ hwid, findings: [] })).body.isKept).toBe(true)
    await handIn({ hwid, address })
    expect(await keptOf(hwid)).toEqual({
      at: expect.stringMatching(/^2\d{3}-.*Z$/),
      sdkVersion: '0.1.0',
      findings: [
        FINDING,
        { code: 'device_registered', verdict: 'good', values: {} },
        { code: 'clock_right', verdict: 'good', values: {} },
      ],
    })
  })

  test('of no other device anything', async () => {
    const hwid = name('hwid')
    await register(hwid)
    expect((await handIn({ hwid })).body.isKept).toBe(false)
    const { rows } = await server.db.query(
      'select from test_device where hwid = $1 and self_check is not null',
      [hwid],
    )
    expect(rows).toEqual([])
  })

  test('of a phone that an invitation leads, whether or not it came to be a test device', async () => {
    const made = (await server.rest<MadeInvitation>('POST', apps('test-devices/invitations'), {})).body
    const hwid = name('hwid')
    const taken = await fetch(`${server.url}/v1/test-invitations/take`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: new URL(made.link).hash.slice(1), hwid, application: app.app }),
    })
    expect(taken.status).toBe(200)
    const read = async () =>
      (await server.rest<InvitationView>('GET', apps(`test-devices/invitations/${made.id}`))).body
    expect((await read()).selfCheck).toBeNull()
    expect((await handIn({ hwid })).body.isKept).toBe(true)
    expect((await read()).selfCheck?.findings.map(it => it.code)).toEqual([
      'permission_denied',
      'device_unknown',
      'clock_right',
    ])
  })

  test('goes with its device when that is erased, and is given out to who asks for it', async () => {
    const hwid = name('hwid')
    await register(hwid)
    await makeTestDevice(hwid)
    const values = { script: `https://shop.example/${hwid}.js` }
    await handIn({ hwid, findings: [{ code: 'worker_running', verdict: 'good', values }] })
    const data = await server.rest('POST', apps('personal-data'), { hwid })
    expect(JSON.stringify(data.body)).toContain(values.script)
    expect((await server.rest('DELETE', apps(`devices/${hwid}`))).status).toBe(200)
    expect(await keptOf(hwid)).toBeUndefined()
    const { rows } = await server.db.query('select from test_device where strpos(self_check::text, $1) > 0', [
      hwid,
    ])
    expect(rows).toEqual([])
  })
})

describe('who may hand it in', () => {
  test('whoever has the device token of the app, and nobody else', async () => {
    const hwid = name('hwid')
    const other = await server.createApp()
    expect((await handIn({ hwid, token: '' })).status).toBe(401)
    for (const token of ['Token made-up', `Token ${other.deviceToken}`])
      expect((await handIn({ hwid, token })).status, token).toBe(403)
  })

  test('as often as a client may call', async () => {
    const limited = await server.another({
      environment: { ROOST_CALLS_PER_CLIENT: '20', ROOST_TRUSTED_PROXIES: '127.0.0.0/8' },
    })
    const statuses: number[] = []
    for (let i = 0; i < 30; i++) {
      const response = await fetch(`${limited.url}${apps('devices/x/self-check')}`, {
        method: 'PUT',
        headers: { 'x-forwarded-for': '203.0.113.7', authorization: 'Token made-up' },
      })
      statuses.push(response.status)
    }
    await limited.close()
    expect(statuses[0]).toBe(403)
    expect(statuses.at(-1)).toBe(429)
  })

  test('what is too much or in another form is refused, and nothing of it is kept', async () => {
    const hwid = name('hwid')
    await register(hwid)
    await makeTestDevice(hwid)
    const finding = (change: object) => [{ ...FINDING, ...change }]
    const tooMany = Array.from({ length: 41 }, () => FINDING)
    for (const findings of [
      finding({ code: '<b>Call this number</b>' }),
      finding({ verdict: 'fine' }),
      finding({ values: { nested: { a: 1 } } }),
      finding({ values: { long: 'x'.repeat(257) } }),
      finding({ remedy: 'Call this number' }),
      tooMany,
    ])
      expect(await handIn({ hwid, findings }), JSON.stringify(findings).slice(0, 80)).toMatchObject({
        status: 400,
        body: { code: 'input_invalid' },
      })
    const large = await handIn({ hwid, more: { padding: 'x'.repeat(9000) } })
    expect(large.status).toBe(413)
    expect(await keptOf(hwid)).toBeNull()
  })

  test('from the pages of any site, without credentials', async () => {
    const preflight = await fetch(`${server.url}${apps('devices/x/self-check')}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://shop.example',
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull()
  })
})
