/** `roost push-test` as people run it: with files alone against stand-ins, and against a running server. */
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ended, run } from './support/command.ts'
import { type RoostServer, SERVER_TOKEN, startRoostServer } from './support/roost-server.ts'

const BUNDLE_ID = 'com.example.app'

let folder: string
let simulator: Simulator
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roost-e2e-'))
  simulator = await startSimulator()
  await writeFile(join(folder, 'ca.pem'), simulator.caPem)
})
afterAll(async () => {
  await simulator.close()
  await rm(folder, { recursive: true, force: true })
})

async function file(name: string, content: string | object): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function pushTest(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const known = { ...simulator.environment(), ROOST_EXTRA_CA: join(folder, 'ca.pem'), ...environment }
  return run(['push-test', ...args], { cwd: folder, environment: known })
}

interface Result {
  readonly outcome: { readonly kind: string; readonly reason: string | null }
  readonly exchanges: readonly { readonly request: { readonly body: string; readonly url: string } }[]
}

const json = async (args: readonly string[], environment?: Record<string, string>) => {
  const ended = await pushTest([...args, '--json'], environment)
  expect(ended.err).toBe('')
  return { code: ended.code, result: JSON.parse(ended.out) as Result }
}

async function p8() {
  const { keyId, teamId, p8: text } = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const path = await file(`AuthKey_${keyId}.p8`, text)
  return { keyId, args: ['--p8', path, '--team-id', teamId, '--bundle-id', BUNDLE_ID] }
}

const apnsToken = (environment: 'production' | 'sandbox' = 'production') =>
  simulator.apns.issueToken({ bundleId: BUNDLE_ID, environment })

describe('with files alone', () => {
  test('a .p8 named as Apple names it: a page to read, and 0', async () => {
    const { args } = await p8()
    const token = apnsToken('sandbox')
    const { code, out, err } = await pushTest([...args, '--token', token, '--sandbox', '--title', 'Hello'])
    expect(err).toBe('')
    expect(code).toBe(0)
    expect(out).toContain(`POST ${simulator.urls.apnsSandbox}/3/device/${token}\n`)
    expect(out).toMatch(/ {2}authorization: bearer …[\w-]{4}\n/)
    expect(out).toContain(`  apns-topic: ${BUNDLE_ID}\n`)
    expect(out).toMatch(/"title": "Hello"/)
    expect(out).toMatch(/ {2}→ 200 in [\d.]+ ms\n/)
    expect(out).toContain('\nAccepted by the gateway\n')
    expect(out).not.toContain('[3') // colours are for terminals
  })

  test('a token of the other environment: 1, and what to do', async () => {
    const { args } = await p8()
    const { code, out } = await pushTest([...args, '--token', apnsToken('sandbox')])
    expect(code).toBe(1)
    expect(out).toContain('Refused: the address does not fit the credential (BadDeviceToken)')
    expect(out.replace(/\s+/g, ' ')).toContain('An app run from Xcode has sandbox tokens')
    expect(out).toContain('What to do')
  })

  test('a .p12 with its password in a file or in the environment, a wrong one in words', async () => {
    const { certPem, keyPem } = await simulator.apns.createCertificate({ bundleId: BUNDLE_ID })
    const [cert, key, password] = [
      await file('cert.pem', certPem),
      await file('key.pem', keyPem),
      await file('password', 's3cret-word\n'),
    ]
    const p12 = join(folder, 'push.p12')
    execFileSync('openssl', [
      ...['pkcs12', '-export', '-legacy', '-in', cert, '-inkey', key, '-out', p12],
      ...['-passout', 'pass:s3cret-word'],
    ])
    const args = ['--p12', p12, '--token', apnsToken()]
    expect(await json([...args, '--password-file', password])).toMatchObject({
      code: 0,
      result: { exchanges: [{ request: { hasClientCertificate: true } }] },
    })
    expect((await json(args, { P12_PASSWORD: 's3cret-word' })).code).toBe(0)
    const wrong = await pushTest(args, { P12_PASSWORD: 'another-word' })
    expect(wrong).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^roost: p12: .*password/i) })
    expect(wrong.err).not.toContain('another-word')
  })

  test('a service account, also as a dry run', async () => {
    const { projectId, serviceAccount } = await simulator.fcm.createProject()
    const token = simulator.fcm.issueToken({ projectId })
    const args = ['--service-account', await file('account.json', serviceAccount), '--token', token]
    expect((await json(args)).code).toBe(0)
    const dry = await json([...args, '--validate-only'])
    expect(dry.code).toBe(0)
    expect(dry.result.exchanges.at(-1)?.request.body).toContain('"validate_only":true')
    simulator.fcm.killToken(token)
    expect(await json(args)).toMatchObject({ code: 1, result: { outcome: { kind: 'address_dead' } } })
  })

  test('VAPID keys and a subscription as the browser writes it', async () => {
    const { generateVapidKeys } = await import('@roost/gateways')
    const keys = generateVapidKeys()
    const made = simulator.webPush.createSubscription({ applicationServerKey: keys.publicKey })
    const { endpoint, p256dh, auth } = made
    const subscription = await file('subscription.json', {
      endpoint,
      expirationTime: null,
      keys: { p256dh, auth },
    })
    const vapid = await file('vapid.json', { ...keys, subject: 'mailto:push@example.com' })
    expect((await json(['--vapid', vapid, '--subscription', subscription])).code).toBe(0)
  })

  test('an HMS client', async () => {
    const { appId, clientId, clientSecret } = simulator.hms.createApp()
    const token = simulator.hms.issueToken({ appId })
    const hms = await file('hms.json', { appId, clientId, clientSecret })
    expect((await json(['--hms', hms, '--token', token])).code).toBe(0)
  })

  test('a credential as roost simulate writes it, and a notification from a file', async () => {
    const team = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const credential = await file('apns-credential.json', { gateway: 'apns', kind: 'p8', ...team })
    const notification = await file('notification.json', { apns: { aps: { 'thread-id': 't1' } } })
    const { code, result } = await json([
      ...['--credential-file', credential, '--notification', notification],
      ...['--title', 'Hi', '--token', apnsToken()],
    ])
    expect(code).toBe(0)
    expect(JSON.parse(result.exchanges[0]?.request.body ?? '')).toMatchObject({
      aps: { 'thread-id': 't1', alert: { title: 'Hi' } },
    })
  })

  test('a gateway that nobody listens at: 2, and nothing was sent', async () => {
    const { args } = await p8()
    const { code, out } = await pushTest([...args, '--token', apnsToken()], {
      ROOST_APNS_PRODUCTION_URL: 'https://127.0.0.1:9',
    })
    expect(code).toBe(2)
    expect(out).toContain('Not sent (could not connect')
  })
})

describe('a mistake in the command ends with 2, two lines and no stack', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['no credential', ['--token', 'ab'], /no credential is named/],
    ['two credentials', ['--hms', 'a', '--vapid', 'b', '--token', 'ab'], /more than one credential/],
    ['a file that is not there', ['--hms', 'missing.json', '--token', 'ab'], /missing\.json can't be read/],
    ['a .p8 without its ids', ['--p8', 'ca.pem', '--token', 'ab'], /needs --key-id, --team-id, --bundle-id/],
    ['a file that is no JSON', ['--hms', 'ca.pem', '--token', 'ab'], /ca\.pem: this is no JSON/],
    [
      'a device without a server',
      ['--credential-file', 'good.json', '--hwid', 'x'],
      /known to a server only/,
    ],
    ['no address', ['--credential-file', 'good.json'], /no address is named/],
    ['a badge that is none', ['--credential-file', 'good.json', '--token', 'ab', '--badge', 'x'], /--badge/],
    ['a dry run at APNs', ['--credential-file', 'good.json', '--token', 'ab', '--validate-only'], /deliver/],
    ['an unknown option', ['--tokn', 'x'], /unknown option '--tokn'/],
    ['no server token', ['--app', 'ABCDE-FGHJK', '--token', 'ab'], /no server token/],
  ])('%s', async (_what, args, words) => {
    const team = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    await file('good.json', { gateway: 'apns', kind: 'p8', ...team })
    const { code, out, err } = await pushTest(args)
    expect(err).toMatch(words)
    expect(err).not.toMatch(/\n {4}at /)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })
})

describe('against a running server', () => {
  let roost: RoostServer
  let app: string
  let credential: string
  beforeAll(async () => {
    roost = await startRoostServer({ environment: simulator.environment(), caPem: simulator.caPem })
    const made = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Test' })
    app = made.code
    const team = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
    const path = `/v1/apps/${app}/credentials`
    const added = await roost.rest<{ id: string }>('POST', path, { gateway: 'apns', kind: 'p8', ...team })
    credential = added.id
  })
  afterAll(() => roost.close())
  const there = () => ['--url', roost.baseUrl, '--app', app]
  const token = { ROOST_BOOTSTRAP_TOKEN: SERVER_TOKEN }

  test('a stored credential reaches a token', async () => {
    const args = [...there(), '--credential', credential, '--token', apnsToken()]
    expect((await json(args, token)).code).toBe(0)
  })

  test('without --credential it lists those that there are', async () => {
    const { code, err } = await pushTest([...there(), '--token', apnsToken()], token)
    expect(code).toBe(2)
    expect(err).toContain(`${credential} (apns, p8, active)`)
  })

  test('what the server refuses is told in its words', async () => {
    const { code, err } = await pushTest([...there(), '--credential', credential, '--hwid', 'nobody'], token)
    expect(code).toBe(2)
    expect(err).toMatch(/no device "nobody".*\n {2}→ /)
  })

  test('a server that is not there is told as that', async () => {
    const args = ['--url', 'http://127.0.0.1:9', '--app', app, '--token', 'ab']
    const { code, err } = await pushTest(args, token)
    expect({ code, err }).toMatchObject({
      code: 2,
      err: expect.stringContaining('http://127.0.0.1:9 does not answer'),
    })
  })
})
