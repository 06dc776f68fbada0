/** The push tester on a real server: what each gateway says comes back whole and in words, and the base stays as it was. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateVapidKeys } from '@roost/gateways'
import type { CredentialView, NewPushTest, PushTestResult } from '@roost/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Access, startBare } from '../../test/bare.ts'
import { type Answer, BUNDLE_ID, startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
let folder: string
beforeAll(async () => {
  roost = await startRoost()
  folder = await mkdtemp(join(tmpdir(), 'roost-push-test-'))
})
afterAll(async () => {
  await roost.close()
  await rm(folder, { recursive: true, force: true })
})
afterEach(() => {
  const { apns, fcm, webPush, hms } = roost.simulator
  for (const gateway of [apns, fcm, webPush, hms]) gateway.faults.clear()
})

type Input = Omit<NewPushTest, 'notification' | 'validateOnly' | 'credential'> & {
  readonly credential: object
  readonly notification?: object
  readonly validateOnly?: boolean
}

async function attempt(input: Input): Promise<Answer<PushTestResult & { code?: string; detail?: string }>> {
  return roost.rest('POST', `/v1/apps/${roost.app}/push-test`, {
    notification: { title: 'Hello', body: 'There you are' },
    ...input,
  })
}

async function tried(input: Input): Promise<PushTestResult> {
  const { status, body } = await attempt(input)
  expect(status, JSON.stringify(body)).toBe(200)
  return body
}

const upload = async (input: object): Promise<string> =>
  (await roost.rest<CredentialView>('POST', `/v1/apps/${roost.app}/credentials`, input)).body.id

const stored = async (gateway: string): Promise<string> => {
  const path = `/v1/apps/${roost.app}/credentials`
  const { body } = await roost.rest<{ credentials: CredentialView[] }>('GET', path)
  return body.credentials.find(it => it.gateway === gateway)?.id ?? ''
}

/** Everything that a push could have changed. */
async function base(): Promise<unknown> {
  const tables = ['address', 'ledger', 'message', 'delivery_queue', 'batch', 'credential', 'credential_pause']
  return Promise.all(
    tables.map(async it => (await roost.server.db.query(`select * from ${it} order by 1, 2, 3`)).rows),
  )
}

describe('APNs with a key', () => {
  const key = () => roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const inline = (team = key()) => ({ inline: { gateway: 'apns', kind: 'p8', ...team } })
  const token = (environment: 'production' | 'sandbox' = 'production') =>
    roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment })

  test('a stored one: what was sent and answered comes back whole, the token that names the team does not', async () => {
    const id = await stored('apns')
    const device = token()
    const result = await tried({ credential: { id }, address: { provider: 'apns', token: device } })
    expect(result).toMatchObject({
      gateway: 'apns',
      environment: 'production',
      outcome: { kind: 'accepted', reason: null, gatewayMessageId: result.deliveryId },
      hint: null,
    })
    expect(result.meaning).toContain('Apple has taken the push')
    const [exchange] = result.exchanges
    expect(exchange?.request).toMatchObject({
      method: 'POST',
      url: `${roost.simulator.urls.apnsProduction}/3/device/${device}`,
      headers: { 'apns-topic': BUNDLE_ID, 'apns-push-type': 'alert', 'apns-id': result.deliveryId },
    })
    expect(exchange?.request.headers.authorization).toMatch(/^bearer …[\w-]{4}$/)
    expect(JSON.parse(exchange?.request.body ?? '')).toMatchObject({ aps: { alert: { title: 'Hello' } } })
    expect(exchange?.response?.status).toBe(200)
    expect(exchange?.latencyMs).toBeGreaterThan(0)
  })

  test('two tests of a stored key show Apple one and the same token: it takes no new one within 20 minutes', async () => {
    const id = await stored('apns')
    const ends = []
    for (const address of [token(), token()]) {
      const { exchanges } = await tried({ credential: { id }, address: { provider: 'apns', token: address } })
      ends.push(exchanges[0]?.request.headers.authorization)
    }
    expect(ends[0]).toBe(ends[1])
  })

  test('a key that is given and never stored sends, too', async () => {
    const before = await base()
    const result = await tried({ credential: inline(), address: { provider: 'apns', token: token() } })
    expect(result.outcome.kind).toBe('accepted')
    expect(await base()).toEqual(before)
  })

  test('a token with spaces and brackets, as old debuggers print it, is read', async () => {
    const printed = `<${token()
      .replace(/(.{8})/g, '$1 ')
      .trim()}>`
    const result = await tried({ credential: inline(), address: { provider: 'apns', token: printed } })
    expect(result.outcome.kind).toBe('accepted')
  })

  test('a token of the sandbox at production is told as that, and what to do', async () => {
    const address = { provider: 'apns', token: token('sandbox') } as const
    const wrong = await tried({ credential: inline(), address })
    expect(wrong.outcome).toMatchObject({ kind: 'address_mismatch', reason: 'BadDeviceToken' })
    expect(wrong.meaning).toContain('Xcode has sandbox tokens')
    const right = await tried({ credential: inline(), address: { ...address, environment: 'sandbox' } })
    expect(right).toMatchObject({ environment: 'sandbox', outcome: { kind: 'accepted' } })
  })

  test('a token of a deleted app is dead, since when Apple says', async () => {
    const device = token()
    roost.simulator.apns.killToken(device)
    const result = await tried({ credential: inline(), address: { provider: 'apns', token: device } })
    expect(result.outcome).toMatchObject({ kind: 'address_dead', since: expect.stringMatching(/^\d{4}-/) })
    expect(result.exchanges.at(-1)?.response).toMatchObject({ status: 410 })
  })

  test('a revoked key is refused, and both requests that it cost are shown', async () => {
    const team = key()
    roost.simulator.apns.revokeKey(team.keyId)
    const result = await tried({ credential: inline(team), address: { provider: 'apns', token: token() } })
    expect(result.outcome).toMatchObject({ kind: 'credential_fault', reason: 'InvalidProviderToken' })
    expect(result.exchanges.map(it => it.response?.status)).toEqual([403, 403])
    expect(result.remedy).toContain('Compare key id')
  })

  test('options of APNs are sent as they are given', async () => {
    const result = await tried({
      credential: inline(),
      address: { provider: 'apns', token: token() },
      notification: { title: 'Hi', collapseKey: 'k', ttlSeconds: 0, apns: { aps: { 'thread-id': 't' } } },
    })
    const { headers, body } = result.exchanges[0]?.request ?? { headers: {}, body: '{}' }
    expect(headers).toMatchObject({ 'apns-collapse-id': 'k', 'apns-expiration': '0' })
    expect(JSON.parse(body)).toMatchObject({ aps: { 'thread-id': 't' } })
  })

  test('a notification with nothing in it goes as a silent push', async () => {
    const address = { provider: 'apns', token: token() } as const
    const result = await tried({ credential: inline(), address, notification: {} })
    expect(result.exchanges[0]?.request.headers).toMatchObject({ 'apns-push-type': 'background' })
    expect(result.outcome.kind).toBe('accepted')
  })

  test('a voip address takes a voip push to the topic for calls', async () => {
    const device = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
    const address = { provider: 'apns', token: device, kind: 'voip' } as const
    const result = await tried({ credential: inline(), address })
    expect(result.exchanges[0]?.request.headers).toMatchObject({
      'apns-push-type': 'voip',
      'apns-topic': `${BUNDLE_ID}.voip`,
    })
    expect(result.outcome.kind).toBe('accepted')
  })

  test('what can’t be sent at all is told without an exchange', async () => {
    const result = await tried({
      credential: inline(),
      address: { provider: 'apns', token: token() },
      notification: { title: 'Hi', data: { long: 'x'.repeat(6000) } },
    })
    expect(result).toMatchObject({ outcome: { kind: 'message_fault' }, exchanges: [] })
    expect(result.outcome.reason).toContain('payload_too_large')
  })
})

describe('APNs with a certificate', () => {
  async function p12(options: { readonly environments?: readonly ('production' | 'sandbox')[] } = {}) {
    const made = await roost.simulator.apns.createCertificate({ bundleId: BUNDLE_ID, ...options })
    const [cert, key, out] = ['cert.pem', 'key.pem', 'push.p12'].map(it => join(folder, it)) as [
      string,
      string,
      string,
    ]
    await Promise.all([writeFile(cert, made.certPem), writeFile(key, made.keyPem)])
    const args = [
      'pkcs12',
      '-export',
      '-legacy',
      '-in',
      cert,
      '-inkey',
      key,
      '-out',
      out,
      '-passout',
      'pass:secret',
    ]
    execFileSync('openssl', args)
    const file = (await readFile(out)).toString('base64')
    return { made, inline: { gateway: 'apns', kind: 'p12', p12: file, password: 'secret' } }
  }
  const token = () => roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID })

  test('of a legacy .p12 the handshake shows who we are, and no header does', async () => {
    const { inline } = await p12()
    const result = await tried({ credential: { inline }, address: { provider: 'apns', token: token() } })
    expect(result.outcome.kind).toBe('accepted')
    expect(result.exchanges[0]?.request.hasClientCertificate).toBe(true)
    expect(result.exchanges[0]?.request.headers).not.toHaveProperty('authorization')
  })

  test('of the other environment it is refused before anything leaves', async () => {
    const { inline } = await p12({ environments: ['sandbox'] })
    const result = await tried({ credential: { inline }, address: { provider: 'apns', token: token() } })
    expect(result).toMatchObject({
      outcome: { kind: 'credential_fault', reason: 'certificate_not_for_production' },
      exchanges: [],
    })
    expect(result.remedy).toContain('Sandbox & Production')
  })

  test('with another password it is no credential, in words, and the password is not repeated', async () => {
    const { inline } = await p12()
    const address = { provider: 'apns', token: token() } as const
    const { status, body } = await attempt({
      credential: { inline: { ...inline, password: 'wr0ng-one' } },
      address,
    })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'credential_invalid', detail: expect.stringMatching(/password/i) })
    expect(JSON.stringify(body)).not.toContain('wr0ng-one')
  })
})

describe('FCM', () => {
  const project = () => roost.simulator.fcm.createProject()
  const inlineOf = (serviceAccount: object) => ({
    inline: { gateway: 'fcm', kind: 'service-account', serviceAccount },
  })

  test('the sign-in is told without what it carries, and the message is shown', async () => {
    const { projectId, serviceAccount } = await project()
    const token = roost.simulator.fcm.issueToken({ projectId })
    const result = await tried({ credential: inlineOf(serviceAccount), address: { provider: 'fcm', token } })
    const [signIn, send] = result.exchanges
    expect(result.outcome).toMatchObject({
      kind: 'accepted',
      gatewayMessageId: expect.stringContaining('messages/'),
    })
    expect(signIn?.request.body).toMatch(/^\(not shown/)
    expect(signIn?.response?.body).toMatch(/^\(not shown/)
    expect(send?.request.url).toBe(`${roost.simulator.urls.fcm}/v1/projects/${projectId}/messages:send`)
    expect(JSON.parse(send?.request.body ?? '')).toMatchObject({ message: { token } })
    expect(JSON.stringify(result)).not.toContain('eyJ')
  })

  test('with validateOnly Google checks and delivers nothing', async () => {
    const { projectId, serviceAccount } = await project()
    const token = roost.simulator.fcm.issueToken({ projectId })
    const got: unknown[] = []
    roost.simulator.listen(token, push => got.push(push))
    const input = { credential: inlineOf(serviceAccount), address: { provider: 'fcm', token } } as const
    const result = await tried({ ...input, validateOnly: true })
    expect(JSON.parse(result.exchanges.at(-1)?.request.body ?? '')).toMatchObject({ validate_only: true })
    expect(result.outcome.kind).toBe('accepted')
    expect(result.meaning).toContain('Nothing was delivered')
    expect(got).toEqual([])
    await tried(input)
    expect(got).toHaveLength(1)
  })

  test('a token of an uninstalled app is dead, one of another project is told as that', async () => {
    const { projectId, serviceAccount } = await project()
    const other = await project()
    const gone = roost.simulator.fcm.issueToken({ projectId })
    const foreign = roost.simulator.fcm.issueToken({ projectId: other.projectId })
    roost.simulator.fcm.killToken(gone)
    const credential = inlineOf(serviceAccount)
    const dead = await tried({ credential, address: { provider: 'fcm', token: gone } })
    expect(dead.outcome).toMatchObject({ kind: 'address_dead', reason: 'UNREGISTERED' })
    const mismatch = await tried({ credential, address: { provider: 'fcm', token: foreign } })
    expect(mismatch.outcome).toMatchObject({ kind: 'address_mismatch', reason: 'SENDER_ID_MISMATCH' })
    expect(mismatch.remedy).toContain('google-services.json')
  })

  test('a service account that was deleted can’t sign in, and that is said', async () => {
    const { projectId, serviceAccount } = await project()
    roost.simulator.fcm.deleteServiceAccount(serviceAccount)
    const token = roost.simulator.fcm.issueToken({ projectId })
    const result = await tried({ credential: inlineOf(serviceAccount), address: { provider: 'fcm', token } })
    expect(result.outcome.kind).toBe('credential_fault')
    expect(result.meaning).toContain('Signing in failed')
    expect(result.exchanges).toHaveLength(1)
  })
})

describe('Web Push', () => {
  const keys = generateVapidKeys()
  const credential = {
    inline: { gateway: 'webpush', kind: 'vapid', ...keys, subject: 'mailto:push@example.com' },
  }

  function subscribe(applicationServerKey = keys.publicKey) {
    const made = roost.simulator.webPush.createSubscription({ applicationServerKey })
    const { endpoint, p256dh, auth } = made
    return { endpoint, p256dh, auth }
  }

  test('a living subscription is accepted, and its body told by its length', async () => {
    const subscription = subscribe()
    const result = await tried({ credential, address: { provider: 'webpush', subscription } })
    expect(result.outcome.kind).toBe('accepted')
    expect(result.exchanges[0]?.request).toMatchObject({ url: subscription.endpoint, method: 'POST' })
    expect(result.exchanges[0]?.request.body).toMatch(/^\(\d+ bytes that are no text\)$/)
    expect(result.exchanges[0]?.response?.status).toBe(201)
  })

  test('without a key pair nothing is sent: one that is made now fits no subscription', async () => {
    const { status, body } = await attempt({
      credential: { inline: { gateway: 'webpush', kind: 'vapid' } },
      address: { provider: 'webpush', subscription: subscribe() },
    })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'credential_invalid', detail: expect.stringContaining('key pair') })
  })

  test('one that has ended is dead, one of another key is told as that', async () => {
    const gone = subscribe()
    roost.simulator.webPush.dropSubscription(gone.endpoint)
    const dead = await tried({ credential, address: { provider: 'webpush', subscription: gone } })
    expect(dead.outcome.kind).toBe('address_dead')
    const other = subscribe(generateVapidKeys().publicKey)
    const mismatch = await tried({ credential, address: { provider: 'webpush', subscription: other } })
    expect(mismatch.outcome).toMatchObject({ kind: 'address_mismatch', reason: 'vapid_key_mismatch' })
  })

  test('half a subscription is refused in words', async () => {
    const subscription = { ...subscribe(), auth: 'AAAA' }
    const { status, body } = await attempt({ credential, address: { provider: 'webpush', subscription } })
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'address_malformed', detail: expect.stringContaining('16 bytes') })
  })
})

describe('HMS', () => {
  const inlineOf = (app: { appId: string; clientId: string; clientSecret: string }) => {
    const { appId, clientId, clientSecret } = app
    return { inline: { gateway: 'hms', kind: 'client', appId, clientId, clientSecret } }
  }

  test('is accepted with its sign-in hidden; a wrong secret and a dead token are told', async () => {
    const app = roost.simulator.hms.createApp()
    const token = roost.simulator.hms.issueToken({ appId: app.appId })
    const address = { provider: 'hms', token } as const
    const good = await tried({ credential: inlineOf(app), address })
    expect(good.outcome.kind).toBe('accepted')
    expect(JSON.stringify(good)).not.toContain(app.clientSecret)
    const wrong = await tried({ credential: inlineOf({ ...app, clientSecret: 'not-this-one' }), address })
    expect(wrong.outcome.kind).toBe('credential_fault')
    expect(JSON.stringify(wrong)).not.toContain('not-this-one')
    roost.simulator.hms.killToken(token)
    const dead = await tried({ credential: inlineOf(app), address })
    expect(dead.outcome).toMatchObject({
      kind: 'address_mismatch',
      reason: expect.stringContaining('80300007'),
    })
  })
})

describe('a device of the app', () => {
  test('is named by its hwid, its address is not shown whole, and its death in a test changes nothing', async () => {
    const phone = await roost.phone('ios')
    const [row] = (
      await roost.server.db.query<{ address: string }>('select address from address where hwid = $1', [
        phone.hwid,
      ])
    ).rows
    roost.simulator.apns.killToken(row?.address ?? '')
    const before = await base()
    const { body } = await attempt({
      credential: { id: await stored('apns') },
      address: { hwid: phone.hwid },
    })
    expect(body.outcome.kind).toBe('address_dead')
    expect(body.exchanges[0]?.request.url).toMatch(/\/3\/device\/….{4}$/)
    expect(JSON.stringify(body)).not.toContain(row?.address)
    expect(await base()).toEqual(before)
    expect((await roost.view(phone.hwid)).addresses[0]?.state).toBe('active')
  })

  test('that has no address at this gateway, or is none, is told by name', async () => {
    const phone = await roost.phone('android')
    for (const hwid of [phone.hwid, 'nobody']) {
      const { status, body } = await attempt({ credential: { id: await stored('apns') }, address: { hwid } })
      expect(status).toBe(404)
      expect(body).toMatchObject({ code: 'device_unknown', detail: expect.stringContaining(hwid) })
    }
  })
})

describe('a paused credential', () => {
  const pause = (id: string, part = '') =>
    roost.server.db.query(
      `insert into credential_pause (credential_id, version, part, reason, at)
       select id, version, $2, 'InvalidProviderToken', now() from credential where id = $1`,
      [id, part],
    )
  const pausesOf = async (id: string) =>
    (
      await roost.server.db.query(
        'select from credential_pause p join credential c on c.id = p.credential_id and c.version = p.version where c.id = $1',
        [id],
      )
    ).rowCount

  test('is tested all the same and stays paused; when it works again the hint says what resumes it', async () => {
    const team = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const id = await upload({ gateway: 'apns', kind: 'p8', ...team })
    await pause(id)
    const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const address = { provider: 'apns', token } as const
    const result = await tried({ credential: { id }, address })
    expect(result.outcome.kind).toBe('accepted')
    expect(result.hint).toMatch(/paused \(InvalidProviderToken\).*has just taken it.*POST .*\/check/)
    expect(await pausesOf(id)).toBe(1)
    await roost.rest('POST', `/v1/apps/${roost.app}/credentials/${id}/check`)
    expect(await pausesOf(id)).toBe(0)
  })

  test('that the gateway still refuses has no hint', async () => {
    const team = roost.simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const id = await upload({ gateway: 'apns', kind: 'p8', ...team })
    await pause(id)
    roost.simulator.apns.revokeKey(team.keyId)
    const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    const result = await tried({ credential: { id }, address: { provider: 'apns', token } })
    expect(result).toMatchObject({ outcome: { kind: 'credential_fault' }, hint: null })
  })

  test('for one push service is resumed by its own content, which the hint says', async () => {
    const keys = generateVapidKeys()
    const id = await upload({ gateway: 'webpush', kind: 'vapid', ...keys })
    const { endpoint, p256dh, auth } = roost.simulator.webPush.createSubscription({
      applicationServerKey: keys.publicKey,
    })
    const subscription = { endpoint, p256dh, auth }
    await pause(id, 'https://another.example.com')
    const address = { provider: 'webpush', subscription } as const
    expect((await tried({ credential: { id }, address })).hint).toBeNull()
    await pause(id, new URL(endpoint).origin)
    expect((await tried({ credential: { id }, address })).hint).toMatch(/PUT .* without keys/)
    const path = `/v1/apps/${roost.app}/credentials/${id}`
    expect((await roost.rest('PUT', path, { gateway: 'webpush', kind: 'vapid' })).status).toBe(200)
    expect(await pausesOf(id)).toBe(0)
  })
})

describe('is refused', () => {
  const address = { provider: 'apns', token: 'ab'.repeat(32) } as const

  test.each<[string, () => Promise<Input>, number, RegExp]>([
    [
      'a credential of another app',
      async () => ({ credential: { id: '01a2009f-1296-75e7-9766-7c8167240643' }, address }),
      404,
      /no credential 01a2009f/,
    ],
    [
      'an address of another gateway',
      async () => ({ credential: { id: await stored('fcm') }, address }),
      400,
      /provider is apns, and the credential is for fcm/,
    ],
    [
      'a subscription for APNs',
      async () => ({
        credential: { id: await stored('apns') },
        address: { provider: 'apns', subscription: { endpoint: 'https://x', p256dh: 'x', auth: 'x' } },
      }),
      400,
      /takes a token/,
    ],
    [
      'a dry run at APNs, which would deliver',
      async () => ({ credential: { id: await stored('apns') }, address, validateOnly: true }),
      400,
      /can't check without delivering/,
    ],
    [
      'a key that is none',
      async () => ({
        credential: {
          inline: {
            gateway: 'apns',
            kind: 'p8',
            keyId: 'ABCDE12345',
            teamId: 'TEAM123456',
            bundleId: 'com.example.app',
            p8: 'garbage',
          },
        },
        address,
      }),
      400,
      /not a PEM file/,
    ],
    [
      'an option that APNs does not have',
      async () => ({
        credential: { id: await stored('apns') },
        address,
        notification: { apns: { pushTyp: 'x' } },
      }),
      400,
      /pushTyp/,
    ],
  ])('%s', async (_what, input, status, words) => {
    const answer = await attempt(await input())
    expect(answer.status).toBe(status)
    expect(answer.body.detail).toMatch(words)
  })

  test('a call without a server token', async () => {
    const response = await fetch(`${roost.url}/v1/apps/${roost.app}/push-test`, {
      method: 'POST',
      headers: { authorization: `Bearer ${roost.deviceToken}`, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(response.status).toBe(401)
  })
})

test('nothing that a tester saw is in the log: no token, no key, no endpoint', async () => {
  const { projectId, serviceAccount } = await roost.simulator.fcm.createProject()
  const token = roost.simulator.fcm.issueToken({ projectId })
  const credential = { inline: { gateway: 'fcm', kind: 'service-account', serviceAccount } }
  await tried({ credential, address: { provider: 'fcm', token } })
  expect(roost.logged()).toContain('/push-test')
  expect(roost.logged()).not.toContain(token)
  expect(roost.logged()).not.toContain(serviceAccount.private_key.slice(40, 80))
})

describe('on a server whose gateways can’t be reached, and that takes no private endpoints', () => {
  let access: Access
  let bare: Awaited<ReturnType<typeof startBare>>
  beforeAll(async () => {
    bare = await startBare()
    access = await bare.createApp()
  })
  afterAll(() => bare.close())
  const attemptThere = (input: object) =>
    bare.rest<PushTestResult>('POST', `/v1/apps/${access.app}/push-test`, input)

  test.each(['apns', 'fcm', 'hms'] as const)(
    '%s is told as not reached, at once, with what to look at',
    async gateway => {
      const { apns, fcm, hms } = roost.simulator
      const made = {
        apns: async () => ({ kind: 'p8', ...apns.createTeamKey({ bundleId: BUNDLE_ID }) }),
        fcm: async () => ({
          kind: 'service-account',
          serviceAccount: (await fcm.createProject()).serviceAccount,
        }),
        hms: async () => {
          const { appId, clientId, clientSecret } = hms.createApp()
          return { kind: 'client', appId, clientId, clientSecret }
        },
      }
      const { body } = await attemptThere({
        credential: { inline: { gateway, ...(await made[gateway]()) } },
        address: { provider: gateway, token: 'ab'.repeat(32) },
        notification: { title: 'Hello' },
      })
      expect(['not_sent', 'retry']).toContain(body.outcome.kind)
      expect(body.outcome.reason).toContain('could not connect')
      expect(body.exchanges[0]).toMatchObject({ response: null, failure: { kind: 'not_sent' } })
      expect(body.remedy).toMatch(/port 443/)
    },
  )

  test('a subscription inside our own network is not connected to', async () => {
    const keys = generateVapidKeys()
    const { endpoint, p256dh, auth } = roost.simulator.webPush.createSubscription({
      applicationServerKey: keys.publicKey,
    })
    const { body } = await attemptThere({
      credential: { inline: { gateway: 'webpush', kind: 'vapid', ...keys } },
      address: { provider: 'webpush', subscription: { endpoint, p256dh, auth } },
      notification: { title: 'Hello' },
    })
    expect(body.outcome).toMatchObject({
      kind: 'address_mismatch',
      reason: expect.stringMatching(/^endpoint_refused/),
    })
    expect(body.exchanges).toEqual([])
    // A name that resolves to one is refused at the connect.
    const named = await attemptThere({
      credential: { inline: { gateway: 'webpush', kind: 'vapid', ...keys } },
      address: { provider: 'webpush', subscription: { endpoint: 'https://localhost/x', p256dh, auth } },
      notification: { title: 'Hello' },
    })
    expect(named.body.outcome).toMatchObject({ reason: 'endpoint_refused: not a public address' })
  })
})
