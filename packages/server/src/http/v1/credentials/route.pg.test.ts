/** Credentials at the door: what is no credential is refused by what is wrong with it, and no secret ever comes back. */
import { execFileSync } from 'node:child_process'
import { createECDH, generateKeyPairSync, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SECRET, startBare } from '../../../../test/bare.ts'
import { Seal } from '../../../credentials/seal.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const pem = { type: 'pkcs8', format: 'pem' } as const
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve }).privateKey.export(pem).toString()
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString()
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pem).toString()
const P8 = ec('P-256')
const APNS = {
  gateway: 'apns',
  kind: 'p8',
  keyId: 'ABCDE12345',
  teamId: 'TEAM123456',
  bundleId: 'com.example.app',
}
const ACCOUNT = {
  type: 'service_account',
  project_id: 'shop-1234',
  private_key_id: 'abc',
  private_key: rsa,
  client_email: 'push@shop-1234.iam.gserviceaccount.com',
  client_id: '1',
  token_uri: 'https://oauth2.googleapis.com/token',
}

const path = () => `/v1/apps/${app.app}/credentials`
const add = (input: object) => server.rest('POST', path(), input)

async function stored(): Promise<number> {
  const { rows } = await server.db.query<{ count: number }>('select count(*) as count from credential')
  return rows[0]?.count ?? -1
}

/** A self-signed certificate, as a team might upload instead of the key. */
const certificate = () =>
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=x',
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  ).toString()

describe('is refused, with what is wrong, and nothing is stored', () => {
  test.each<[string, () => object, string]>([
    ['a certificate for a p8', () => ({ ...APNS, p8: certificate() }), 'certificate'],
    ['a P-384 key', () => ({ ...APNS, p8: ec('P-384') }), 'P-384'],
    ['an RSA key', () => ({ ...APNS, p8: rsa }), 'rsa'],
    ['garbage', () => ({ ...APNS, p8: 'garbage' }), 'not a PEM file'],
    ['a p8 cut short', () => ({ ...APNS, p8: P8.slice(0, -60) }), 'p8'],
    [
      'a public key',
      () => ({ ...APNS, p8: '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----' }),
      'public key',
    ],
    ['a service account for a p8', () => ({ ...APNS, p8: JSON.stringify(ACCOUNT) }), 'p8'],
    ['a service account without private_key', () => fcm({ private_key: undefined }), 'private_key'],
    ['a service account with an EC key', () => fcm({ private_key: P8 }), 'key'],
    ['a service account with a short key', () => fcm({ private_key: weak }), '1024 bits'],
    ['a service account with half a key', () => fcm({ private_key: rsa.slice(0, 200) }), 'key'],
    ['a service account without project_id', () => fcm({ project_id: undefined }), 'project_id'],
    [
      'google-services.json for a service account',
      () => fcm(undefined, { project_info: {} }),
      'google-services.json',
    ],
    ['half a VAPID pair', () => ({ gateway: 'webpush', kind: 'vapid', publicKey: 'BAAA' }), 'both'],
    ['a VAPID pair that is none', () => vapid({ publicKey: vapidPair().publicKey }), 'VAPID'],
    ['a VAPID subject that is a name', () => vapid({ subject: 'Shop' }), 'subject'],
  ])('%s', async (_what, input, words) => {
    const before = await stored()
    const answer = await add(input())
    expect(answer).toMatchObject({ status: 400, body: { code: 'credential_invalid' } })
    expect(answer.body.detail).toContain(words)
    expectNoSecret(JSON.stringify(answer.body))
    expect(await stored()).toBe(before)
  })

  test.each<[string, object, string]>([
    ['a key id of 9 characters', { ...APNS, keyId: 'ABCDE1234', p8: P8 }, 'keyId'],
    ['a team id in small letters', { ...APNS, teamId: 'team123456', p8: P8 }, 'teamId'],
    ['a bundle id with a space', { ...APNS, bundleId: 'com example', p8: P8 }, 'bundleId'],
    ['no p8', APNS, 'p8'],
    [
      'an environment that Apple does not have',
      { ...APNS, p8: P8, environments: ['staging'] },
      'environments',
    ],
    ['no environment', { ...APNS, p8: P8, environments: [] }, 'environments'],
    [
      'an environment twice',
      { ...APNS, p8: P8, environments: ['sandbox', 'sandbox'] },
      'each environment once',
    ],
    ['an unknown gateway', { gateway: 'smoke', kind: 'signal' }, 'gateway'],
    [
      'a service account as text',
      { gateway: 'fcm', kind: 'service-account', serviceAccount: '{}' },
      'serviceAccount',
    ],
  ])('a shape with %s', async (_what, input, place) => {
    const before = await stored()
    const answer = await add(input)
    expect(answer).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
    expect(answer.body.detail).toContain(place)
    expectNoSecret(JSON.stringify(answer.body))
    expect(await stored()).toBe(before)
  })

  test('that is wrong in a field, or in what the field holds, is told by code and place', async () => {
    const short = await add({ ...APNS, p8: P8, keyId: 'abc' })
    expect(short.body.faults).toMatchObject([{ code: 'key_id', place: 'body/keyId', values: {} }])
    const other = await add({ ...APNS, p8: rsa })
    expect(other.body).toMatchObject({
      code: 'credential_invalid',
      faults: [{ code: 'p8_wrong_key', place: 'body/p8' }],
    })
  })
})

function fcm(change?: object, whole: object = ACCOUNT) {
  return { gateway: 'fcm', kind: 'service-account', serviceAccount: { ...whole, ...change } }
}

/** Of 32 bytes also when the number is smaller, as one in 256 is. */
function vapidPair() {
  const pair = createECDH('prime256v1')
  const publicKey = pair.generateKeys('base64url')
  const privateKey = Buffer.from(pair.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url')
  return { publicKey, privateKey }
}

function vapid(change: object) {
  return { gateway: 'webpush', kind: 'vapid', ...vapidPair(), ...change }
}

/** No line of a key may come back. */
function expectNoSecret(text: string): void {
  for (const line of `${P8}\n${rsa}`.split('\n').filter(it => it.length > 40))
    expect(text).not.toContain(line)
}

test('a credential shows what may be shown, when it is added, listed and replaced', async () => {
  const apns = await add({ ...APNS, p8: P8 })
  expect(apns).toMatchObject({
    status: 201,
    body: {
      gateway: 'apns',
      kind: 'p8',
      environments: ['production', 'sandbox'],
      status: 'active',
      problems: [],
      settings: { keyId: 'ABCDE12345', teamId: 'TEAM123456', bundleId: 'com.example.app' },
    },
  })
  const google = await add(fcm())
  expect(google.body).toMatchObject({
    settings: { projectId: 'shop-1234', clientEmail: ACCOUNT.client_email },
  })
  const pair = vapidPair()
  const web = await add({ gateway: 'webpush', kind: 'vapid', ...pair, subject: 'mailto:me@example.com' })
  expect(web.body.settings).toEqual({ publicKey: pair.publicKey, subject: 'mailto:me@example.com' })
  const replaced = await server.rest('PUT', `${path()}/${apns.body.id}`, {
    ...APNS,
    keyId: 'NEWKEY1234',
    p8: P8,
  })
  expect(replaced).toMatchObject({
    status: 200,
    body: { id: apns.body.id, settings: { keyId: 'NEWKEY1234' } },
  })
  const list = await server.rest('GET', path())
  const all = JSON.stringify([apns, google, web, replaced, list].map(it => it.body))
  expectNoSecret(all)
  expect(all).not.toContain(pair.privateKey)
})

test('what is stored is sealed', async () => {
  await add({ ...APNS, p8: P8 })
  const { rows } = await server.db.query<{ row: string }>('select credential::text as row from credential')
  const dump = rows.map(it => Buffer.from(it.row).toString('latin1')).join('\n')
  const { rows: sealed } = await server.db.query<{ sealed: Buffer }>('select sealed from credential')
  const bytes = sealed.map(it => it.sealed.toString('latin1')).join('\n')
  expectNoSecret(dump)
  expect(bytes).not.toContain('PRIVATE KEY')
})

test('a slot is replaced in its own app and for its own gateway alone', async () => {
  const elsewhere = await server.createApp()
  const { body } = await add({ ...APNS, p8: P8 })
  for (const [where, input] of [
    [`/v1/apps/${elsewhere.app}/credentials/${body.id}`, { ...APNS, p8: P8 }],
    [`${path()}/${body.id}`, fcm()],
    [`${path()}/01a2009f-1296-75e7-9766-7c8167240643`, { ...APNS, p8: P8 }],
  ] as const)
    expect(await server.rest('PUT', where, input)).toMatchObject({
      status: 404,
      body: { code: 'credential_unknown' },
    })
})

test('a replacement that is refused leaves the slot as it was', async () => {
  const { body } = await add({ ...APNS, p8: P8 })
  expect((await server.rest('PUT', `${path()}/${body.id}`, { ...APNS, p8: 'garbage' })).status).toBe(400)
  const { rows } = await server.db.query('select version from credential where id = $1', [body.id])
  expect(rows).toEqual([{ version: 1 }])
})

describe('R28: replacing a webpush slot', () => {
  const put = (id: unknown, input: object) =>
    server.rest<{ settings: object; code?: string; detail?: string }>('PUT', `${path()}/${id}`, {
      gateway: 'webpush',
      kind: 'vapid',
      ...input,
    })
  const privateKeyOf = async (id: unknown) => {
    const { rows } = await server.db.query<{ sealed: Buffer }>(
      'select sealed from credential where id = $1',
      [id],
    )
    const opened = new Seal(SECRET).open(String(id), rows[0]?.sealed ?? Buffer.alloc(0))
    return (JSON.parse(opened) as { privateKey: string }).privateKey
  }

  test('without keys changes the subject and keeps the pair', async () => {
    const pair = vapidPair()
    const { body } = await add({
      gateway: 'webpush',
      kind: 'vapid',
      ...pair,
      subject: 'mailto:a@example.com',
    })
    const answer = await put(body.id, { subject: 'mailto:b@example.com' })
    expect(answer).toMatchObject({
      status: 200,
      body: { id: body.id, settings: { publicKey: pair.publicKey, subject: 'mailto:b@example.com' } },
    })
    expect(await privateKeyOf(body.id)).toBe(pair.privateKey)
  })

  test('without anything keeps the subject too', async () => {
    const { body } = await add(vapid({ subject: 'mailto:a@example.com' }))
    expect((await put(body.id, {})).body.settings).toEqual(body.settings)
  })

  test('with the pair that it holds is taken, in whichever base64', async () => {
    const pair = vapidPair()
    const { body } = await add({ gateway: 'webpush', kind: 'vapid', ...pair })
    const standard = Buffer.from(pair.publicKey, 'base64url').toString('base64')
    for (const publicKey of [pair.publicKey, standard])
      expect((await put(body.id, { ...pair, publicKey })).status).toBe(200)
  })

  test('with another key is 409, and leaves the slot as it was', async () => {
    const { body } = await add(vapid({}))
    const answer = await put(body.id, vapidPair())
    expect(answer).toMatchObject({ status: 409, body: { code: 'vapid_key_fixed' } })
    const { rows } = await server.db.query('select version, settings from credential where id = $1', [
      body.id,
    ])
    expect(rows).toEqual([{ version: 1, settings: body.settings }])
  })

  test('with half a pair or a subject that is none is refused', async () => {
    const { body } = await add(vapid({}))
    for (const input of [{ publicKey: vapidPair().publicKey }, { subject: 'Shop' }])
      expect(await put(body.id, input)).toMatchObject({ status: 400, body: { code: 'credential_invalid' } })
  })
})

test('a VAPID key is one key in whichever base64 it is written: stored, given to browsers and named by them', async () => {
  const own = await server.createApp()
  const pair = vapidPair()
  const standard = Buffer.from(pair.publicKey, 'base64url').toString('base64')
  const { body } = await server.rest<{ settings: object }>('POST', `/v1/apps/${own.app}/credentials`, {
    gateway: 'webpush',
    kind: 'vapid',
    ...pair,
    publicKey: standard,
  })
  expect(body.settings).toMatchObject({ publicKey: pair.publicKey })
  const config = await server.device(own, 'getConfig', { hwid: 'browser' })
  expect(config.body.response).toEqual({ features: { vapid_key: pair.publicKey } })
  for (const key of [pair.publicKey, standard])
    expect(
      await server.device(own, 'registerDevice', {
        hwid: 'browser',
        device_type: 11,
        push_token: 'https://push.example.com/one',
        public_key: vapidPair().publicKey,
        auth_token: randomBytes(16).toString('base64url'),
        application_server_key: key,
      }),
    ).toMatchObject({ body: { status_code: 200 } })
})
