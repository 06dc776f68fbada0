/** Slots over the REST API: what certificates say of themselves, who changed what, and what may be deleted. */
import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { CredentialHistory, CredentialView } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AppleAuthority,
  PRODUCTION,
  SANDBOX,
  topicsExtension,
} from '../../../gateways/test/apple-certificates.ts'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../test/bare.ts'
import { storeToken } from '../access/tokens.ts'

const DAY_MS = 24 * 60 * 60_000
const BUNDLE_ID = 'com.example.app'
const PASSWORD = 'p12-password'

let server: BareServer
let apple: AppleAuthority
let app: Access
beforeAll(async () => {
  apple = new AppleAuthority()
  server = await startBare()
  app = await server.createApp()
})
afterAll(async () => {
  await server.close()
  apple.close()
})

const path = () => `/v1/apps/${app.app}/credentials`
const add = (input: object) => server.rest<CredentialView & { detail: string }>('POST', path(), input)
const replace = (id: string, input: object) => server.rest<CredentialView>('PUT', `${path()}/${id}`, input)

async function historyOf(id: string): Promise<CredentialHistory['entries']> {
  return (await server.rest<CredentialHistory>('GET', `${path()}/${id}/history`)).body.entries
}

function remove(id: string, access = app): Promise<Response> {
  return fetch(`${server.url}/v1/apps/${access.app}/credentials/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${SERVER_TOKEN}` },
  })
}

/** `20260101000000Z` */
function stamp(at: number): string {
  return `${new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
}

function certificate(
  options: { uid?: string; extensions?: readonly string[]; days?: number } = {},
): ReturnType<AppleAuthority['issue']> {
  const { uid = BUNDLE_ID, extensions = [SANDBOX, PRODUCTION], days = 300 } = options
  const now = Date.now()
  return apple.issue({
    uid,
    extensions,
    notBefore: stamp(now - 400 * DAY_MS),
    notAfter: stamp(now + days * DAY_MS),
  })
}

function p12(
  made = certificate(),
  options = '-legacy',
): { gateway: string; kind: string; p12: string; password: string } {
  return {
    gateway: 'apns',
    kind: 'p12',
    p12: apple.p12(made, PASSWORD, options).toString('base64'),
    password: PASSWORD,
  }
}

function pem({ cert, key }: { readonly cert: string; readonly key: string }) {
  return { gateway: 'apns', kind: 'pem', pem: `${cert}${key}` }
}

const P8 = {
  gateway: 'apns',
  kind: 'p8',
  keyId: 'ABCDE12345',
  teamId: 'TEAM123456',
  bundleId: BUNDLE_ID,
  p8: generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString(),
}
const HMS = {
  gateway: 'hms',
  kind: 'client',
  appId: '100000001',
  clientId: '100000001',
  clientSecret: 'f'.repeat(64),
}

describe('a certificate', () => {
  test.each(['-legacy', ''])(
    'in a .p12 (openssl %s) tells its app, environments, topics and end',
    async options => {
      const topics = topicsExtension([
        [BUNDLE_ID, 'app'],
        [`${BUNDLE_ID}.voip`, 'voip'],
      ])
      const made = certificate({ extensions: [SANDBOX, PRODUCTION, topics] })
      const { status, body } = await add(p12(made, options))
      expect(status).toBe(201)
      expect(body).toMatchObject({
        gateway: 'apns',
        kind: 'p12',
        environments: expect.arrayContaining(['production', 'sandbox']),
        status: 'active',
        problems: [],
        settings: {
          bundleId: BUNDLE_ID,
          topics: [
            expect.objectContaining({ topic: BUNDLE_ID }),
            expect.objectContaining({ topic: `${BUNDLE_ID}.voip` }),
          ],
        },
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
        version: 1,
      })
      const days = (Date.parse(body.expiresAt ?? '') - Date.now()) / DAY_MS
      expect(days).toBeGreaterThan(299)
      expect(days).toBeLessThan(301)
    },
  )

  test('in a .p12 may be written in lines, as base64 prints them', async () => {
    const upload = p12()
    const { status } = await add({ ...upload, p12: upload.p12.replace(/.{76}/g, '$&\n') })
    expect(status).toBe(201)
  })

  test('in a PEM file serves as well', async () => {
    const { status, body } = await add(pem(certificate({ extensions: [PRODUCTION] })))
    expect(status).toBe(201)
    expect(body).toMatchObject({ status: 'active', kind: 'pem', environments: ['production'] })
  })

  test('for both environments may be kept to one', async () => {
    const { body } = await add({ ...p12(), environments: ['sandbox'] })
    expect(body.environments).toEqual(['sandbox'])
  })

  test.each<[string, () => object, string]>([
    [
      'of another app than the one given',
      () => ({ ...p12(), bundleId: 'com.example.other' }),
      'com.example.other',
    ],
    [
      'that lacks the environment given',
      () => ({ ...p12(certificate({ extensions: [SANDBOX] })), environments: ['production'] }),
      'production',
    ],
    ['under another password', () => ({ ...p12(), password: 'wrong' }), 'password'],
    ['without its key', () => ({ ...pem({ cert: certificate().cert, key: '' }) }), 'key'],
    [
      'with the key of another',
      () => pem({ cert: certificate().cert, key: certificate().key }),
      'does not belong',
    ],
    ['without Apple’s marks', () => pem(certificate({ extensions: [] })), 'not for push'],
    ['that is no base64', () => ({ ...p12(), p12: 'ä' }), 'base64'],
    ['that is another file', () => ({ ...p12(), p12: randomBytes(2000).toString('base64') }), 'p12'],
  ])('%s is refused in words', async (_what, upload, words) => {
    const answer = await add(upload())
    expect(answer).toMatchObject({ status: 400, body: { code: 'credential_invalid' } })
    expect(answer.body.detail).toContain(words)
    expect(JSON.stringify(answer.body)).not.toContain(PASSWORD)
  })

  test('that has expired is stored, told, and paused from the start', async () => {
    const { status, body } = await add(p12(certificate({ days: -2 })))
    expect(status).toBe(201)
    expect(body).toMatchObject({
      status: 'paused',
      problems: [{ code: 'certificate_expired', severity: 'error', remedy: expect.stringContaining('.p8') }],
    })
  })

  test('that ends in nine days is active, with a warning that says when', async () => {
    const { body } = await add(p12(certificate({ days: 9 })))
    expect(body.status).toBe('active')
    expect(body.problems).toEqual([
      expect.objectContaining({
        code: 'certificate_expiring',
        severity: 'warning',
        message: expect.stringContaining(`9 days, on ${body.expiresAt?.slice(0, 10)}`),
      }),
    ])
  })
})

test('a gateway that can’t be reached is told as such, and is no problem of the credential', async () => {
  const { body } = await add(P8)
  expect(body.problems).toEqual([])
  expect(body.checkedAt).not.toBeNull()
  expect(body.checks).toEqual([
    expect.objectContaining({
      environment: 'production',
      outcome: 'unreachable',
      reason: expect.any(String),
    }),
    expect.objectContaining({ environment: 'sandbox', outcome: 'unreachable' }),
  ])
})

test('an HMS client shows its ids and never its secret', async () => {
  const { status, body } = await add(HMS)
  expect(status).toBe(201)
  expect(body).toMatchObject({
    gateway: 'hms',
    kind: 'client',
    settings: { appId: HMS.appId, clientId: HMS.clientId },
    status: 'active',
  })
})

test('a slot keeps its id through replacements, and who made them is on record', async () => {
  const second = 'roost-server-token-of-somebody-else'
  await storeToken(server.db, { kind: 'server', token: second, label: 'Ada’s deploy key' })
  const { body: first } = await add(P8)
  const made = certificate()
  const answer = await fetch(`${server.url}${path()}/${first.id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${second}`, 'content-type': 'application/json' },
    body: JSON.stringify(p12(made)),
  })
  const replaced = (await answer.json()) as CredentialView
  expect(replaced).toMatchObject({ id: first.id, kind: 'p12', version: 2 })
  expect(replaced.fingerprint).not.toBe(first.fingerprint)
  expect(await historyOf(first.id)).toEqual([
    expect.objectContaining({
      event: 'added',
      by: 'Server administrator',
      tokenId: expect.any(Number),
      version: 1,
      kind: 'p8',
      settings: { keyId: 'ABCDE12345', teamId: 'TEAM123456', bundleId: BUNDLE_ID },
      fingerprint: first.fingerprint,
      expiresAt: null,
    }),
    expect.objectContaining({
      event: 'replaced',
      by: 'Ada’s deploy key',
      version: 2,
      kind: 'p12',
      fingerprint: replaced.fingerprint,
      expiresAt: replaced.expiresAt,
    }),
  ])
})

test('an expired certificate that is replaced is active again', async () => {
  const { body: first } = await add(p12(certificate({ days: -2 })))
  expect(first.status).toBe('paused')
  const { body } = await replace(first.id, p12())
  expect(body).toMatchObject({ status: 'active', problems: [] })
})

test('a replacement that is none changes nothing and leaves no entry', async () => {
  const { body: first } = await add(P8)
  expect((await replace(first.id, { ...P8, p8: 'garbage' })).status).toBe(400)
  expect((await replace(first.id, HMS)).status).toBe(404)
  const { body } = await server.rest<CredentialView>('GET', `${path()}/${first.id}`)
  expect(body).toEqual(first)
  expect(await historyOf(first.id)).toHaveLength(1)
})

test('a deleted credential is gone, and its history stays', async () => {
  const { body: added } = await add(P8)
  expect((await remove(added.id)).status).toBe(204)
  expect(await server.rest('GET', `${path()}/${added.id}`)).toMatchObject({
    status: 404,
    body: { code: 'credential_unknown' },
  })
  expect((await historyOf(added.id)).map(it => it.event)).toEqual(['added', 'deleted'])
  expect((await remove(added.id)).status).toBe(404)
})

test('a paused credential can be deleted', async () => {
  const { body: added } = await add(p12(certificate({ days: -2 })))
  expect((await remove(added.id)).status).toBe(204)
})

test('R28: a key pair that a web subscription was made with is not deleted while it lives', async () => {
  const own = await server.createApp()
  const { body: list } = await server.rest<{ credentials: CredentialView[] }>(
    'GET',
    `/v1/apps/${own.app}/credentials`,
  )
  const [pair] = list.credentials
  const hwid = 'browser-1'
  const subscribed = await server.device(own, 'registerDevice', {
    hwid,
    device_type: 11,
    push_token: 'https://push.example.com/wpush/v2/abc',
    public_key: createECDH('prime256v1').generateKeys().toString('base64'),
    auth_token: randomBytes(16).toString('base64'),
  })
  expect(subscribed.body.status_code).toBe(200)
  const refused = await remove(pair?.id ?? '', own)
  expect({ status: refused.status, body: await refused.json() }).toMatchObject({
    status: 409,
    body: {
      code: 'credential_in_use',
      detail: expect.stringContaining('1 web subscription'),
      values: { count: 1 },
    },
  })
  await server.device(own, 'unregisterDevice', { hwid })
  expect((await remove(pair?.id ?? '', own)).status).toBe(204)
})

test('another app’s credential is unknown', async () => {
  const { body: added } = await add(P8)
  const stranger = await server.createApp()
  const theirs = `/v1/apps/${stranger.app}/credentials/${added.id}`
  for (const [method, rest, body] of [
    ['GET', ''],
    ['GET', '/history'],
    ['PUT', '', P8],
    ['DELETE', ''],
  ] as const)
    expect(await server.rest(method, `${theirs}${rest}`, body)).toMatchObject({
      status: 404,
      body: { code: 'credential_unknown' },
    })
})

test('no secret is in any answer, table or log line', async () => {
  const made = certificate()
  const ids: string[] = []
  const answers: unknown[] = []
  for (const upload of [P8, p12(made), pem(made), HMS]) {
    const { body } = await add(upload)
    answers.push(body, (await replace(body.id, upload)).body)
    ids.push(body.id)
  }
  answers.push((await server.rest('GET', path())).body)
  for (const id of ids) answers.push((await server.rest('GET', `${path()}/${id}`)).body, await historyOf(id))
  const { rows } = await server.db.query<{ row: string }>(
    `select encode(sealed, 'escape') || c::text as row from credential c
     union all select h::text from credential_history h`,
  )
  const seen = JSON.stringify([answers, rows, server.logged()])
  const secrets = [
    ...`${P8.p8}\n${made.key}`.split('\n').filter(line => line.length > 40),
    HMS.clientSecret,
    PASSWORD,
  ]
  for (const secret of secrets) {
    expect(seen).not.toContain(secret)
    expect(seen).not.toContain(Buffer.from(secret).toString('hex'))
  }
  expect(secrets.length).toBeGreaterThan(10)
})
