/**
 * Whatever a device sends: no call hangs or ends as a fault of ours, no text of the database gets out, what is refused
 * left nothing behind, and a well-behaved neighbour of the same micro-batch is served.
 *
 * Each case is a good call of one method in which some fields are replaced, so that it gets past the first check.
 */
import { createECDH, randomBytes, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../test/bare.ts'
import { METHODS } from './methods.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
})
afterAll(() => server.close())

const RUNS = 60
const CALLS_A_RUN = 12
const CALLS_AT_ONCE = 40
const ANSWERED_WITHIN_MS = 45_000

const web = () => ({
  device_type: 11,
  push_token: `https://push.example.com/${randomUUID()}`,
  public_key: createECDH('prime256v1').generateKeys().toString('base64'),
  auth_token: randomBytes(16).toString('base64'),
})
const apple = () => ({ device_type: 1, push_token: randomBytes(32).toString('hex'), gateway: 'sandbox' })

/** What each method is called with when all is well. */
const GOOD: Record<string, () => Record<string, unknown>> = {
  registerDevice: () => ({ ...(randomBytes(1).readUInt8() % 2 === 0 ? web() : apple()), tags: { a: 1 } }),
  unregisterDevice: () => ({ client_seq: 1 }),
  deleteDevice: () => ({}),
  applicationOpen: () => ({ notificationTypes: 7, push_alerts_enabled: true, permission: 'granted' }),
  setTags: () => ({ tags: { plan: 'pro', seen: { operation: 'increment', value: 1 } } }),
  getTags: () => ({}),
  setBadge: () => ({ badge: 1 }),
  registerUser: () => ({ userId: 'anna', client_seq: 1 }),
  mergeUser: () => ({ oldUserId: 'a', newUserId: 'b', merge: true }),
  checkDevice: () => ({}),
  getConfig: () => ({ features: ['vapid_key'] }),
  postEvent: () => ({ event: 'tapped', attributes: { a: 1 }, timestampUTC: 1_790_000_000 }),
  getInboxMessages: () => ({ count: 0, last_code: '', last_request_time: 0 }),
  getInApps: () => ({ language: 'en' }),
  getPopupForms: () => ({}),
  inboxStatus: () => ({ inbox_code: '1', status: 2, hash: 'x', time: 1 }),
  createTestDevice: () => ({ ...apple(), name: 'Desk', description: 'of Anna' }),
  setActivityToken: () => ({ activity_id: 'ride', activity_token: randomBytes(40).toString('hex') }),
  setActivityPushToStartToken: () => ({ activity_push_to_start_token: randomBytes(40).toString('hex') }),
  messageDeliveryEvent: () => ({ hash: randomBytes(16).toString('hex'), metaData: {} }),
  pushStat: () => ({ hash: randomBytes(16).toString('hex'), metaData: '{}' }),
  postReceipts: () => ({
    receipts: [{ kind: 'displayed', hash: randomBytes(16).toString('hex'), reason: 'none' }],
    age: 60,
  }),
}

const FIELDS = [
  ...new Set([
    ...Object.values(GOOD).flatMap(fields => Object.keys(fields())),
    ...[
      'hwid',
      'device_type',
      'userId',
      'language',
      'timezone',
      'app_version',
      'os_version',
      'device_model',
      'v',
    ],
    ...[
      'voip_push_token',
      'application_server_key',
      'expiration_time',
      'channels',
      'registration_error',
      'power',
    ],
    ...[
      'country',
      'package',
      'extension_version',
      'time_sensitive_notifications',
      'activity_token',
      'activity_id',
    ],
    ...['__proto__', 'constructor', 'toString', 'request', 'application'],
  ]),
]

/** JSON as text, since some of it has no value in JavaScript. */
const NASTY: readonly string[] = [
  ...[
    'null',
    'true',
    '0',
    '-0',
    '-1',
    '0.5',
    '1e400',
    '-1e400',
    '1e308',
    '2147483648',
    '-2147483649',
    '9007199254740991',
    '9007199254740993',
    '1e21',
  ],
  ...[
    '""',
    '" "',
    '"0"',
    '"1e999"',
    '"NaN"',
    '"null"',
    '"99999999999999999999"',
    '"<script>"',
    '"\' or 1=1 --"',
  ],
  ...[
    String.raw`"\u0000"`,
    String.raw`"a\u0000b"`,
    String.raw`"\ud83d"`,
    String.raw`"\udc00x"`,
    '"😀"',
    '"\u2028"',
  ],
  ...[
    '[]',
    '{}',
    '[[]]',
    '[null]',
    '[1e400]',
    '{"operation":"set"}',
    '{"operation":"append","value":[null]}',
  ],
  ...['{"a":1e400}', '{"a":{"operation":"increment","value":1e308}}', '{"a":"#pwinc#1e5"}', '{"":1}'],
  ...['{"__proto__":{"a":1}}', '{"constructor":{"prototype":{"a":1}}}', '{"toString":1,"hasOwnProperty":2}'],
  ...['"2026-11-22"', '"275760-09-13"', '8640000000000001', '-8640000000000001', '253402300800000'],
  ...['"https://127.0.0.1/x"', '"https://push.example.com:1/"', '"http://a"', '"data:,"', '"%00"', '"//"'],
  JSON.stringify('x'.repeat(300)),
  JSON.stringify('ab'.repeat(5000)),
  JSON.stringify('é'.repeat(129)),
  JSON.stringify(Array.from({ length: 300 }, (_, i) => i)),
  JSON.stringify(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, i]))),
  `${'['.repeat(40)}${']'.repeat(40)}`,
  `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`,
]
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
)

interface Case {
  readonly method: string
  readonly replaced: readonly (readonly [string, string])[]
  readonly isReplay: boolean
}

const hostile: fc.Arbitrary<Case> = fc.record({
  method: fc.constantFrom(...METHODS.keys()),
  replaced: fc.array(fc.tuple(fc.constantFrom(...FIELDS), value), { minLength: 1, maxLength: 3 }),
  isReplay: fc.boolean(),
})

function bodyOf({ method, replaced }: Case, hwid: string): string {
  const fields = new Map(
    Object.entries({ application: app.app, hwid, ...GOOD[method]?.() }).map(([name, it]) => [
      name,
      JSON.stringify(it),
    ]),
  )
  for (const [name, text] of replaced) fields.set(name, text)
  return `{"request":{${[...fields].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}}`
}

async function post(method: string, body: string, isReplay = false) {
  const response = await fetch(`${server.url}/json/1.3/${method}`, {
    method: 'POST',
    headers: {
      authorization: `Token ${app.deviceToken}`,
      'content-type': 'text/plain',
      ...(isReplay && { 'no-auto-tags': 'true' }),
    },
    body,
    signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
  })
  return { status: response.status, text: await response.text() }
}

/** Words of PostgreSQL, its driver and JavaScript's own faults; of the last, those that would be a slip of ours. */
const INNER_WORDS =
  /violates|syntax error|relation "|column "|invalid byte|invalid input syntax|out of range for type|duplicate key|unsupported Unicode|is not a function|Cannot read|undefined|node_modules/i

async function expectSaneAnswer(it: Case): Promise<void> {
  const hwid = `hostile-${randomUUID()}`
  const { status, text } = await post(it.method, bodyOf(it, hwid), it.isReplay)
  const answer = JSON.parse(text)
  expect([200, 400, 413], text).toContain(status)
  expect(answer, text).toEqual({
    status_code: status === 200 ? expect.toBeOneOf([200, 210]) : status,
    status_message: expect.any(String),
    response: answer.status_code === 200 ? answer.response : null,
  })
  expect(answer.status_message).not.toMatch(INNER_WORDS)
  expect(answer.status_message.length).toBeLessThan(2000)
  if (answer.status_code === 200) return
  const { rows } = await server.db.query(
    `select 'device' as what from device where hwid = $1 union all select 'address' from address where hwid = $1
     union all select 'event' from device_event where hwid = $1 union all select 'test' from test_device where hwid = $1`,
    [hwid],
  )
  expect(rows, `left behind by ${text}`).toEqual([])
}

test('the table of good calls has each method, and all of them are good', async () => {
  expect(Object.keys(GOOD).sort()).toEqual([...METHODS.keys()].sort())
  for (const method of METHODS.keys()) {
    const { text } = await post(method, bodyOf({ method, replaced: [], isReplay: false }, `good-${method}`))
    expect(JSON.parse(text), method).toMatchObject({ status_code: 200 })
  }
})

/** Fields that any method reads are tried with one. */
const SWEPT = Object.entries(GOOD).flatMap(([method, fields]) =>
  (method === 'registerDevice' ? FIELDS : Object.keys(fields())).map(field => ({ method, field })),
)

test('each hostile value in each field is refused or taken', async () => {
  const cases = SWEPT.flatMap(({ method, field }) =>
    NASTY.map((text): Case => ({ method, replaced: [[field, text]], isReplay: false })),
  )
  expect(cases.length).toBeGreaterThan(3000)
  for (let i = 0; i < cases.length; i += CALLS_AT_ONCE)
    await Promise.all(cases.slice(i, i + CALLS_AT_ONCE).map(expectSaneAnswer))
  expect(faults()).toEqual([])
}, 120_000)

test('several of them in any call at once, too: what is refused left nothing behind, and a neighbour is served', async () => {
  let neighbours = 0
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: CALLS_A_RUN, maxLength: CALLS_A_RUN }), async cases => {
      const neighbour = `neighbour-${++neighbours}`
      const kept = post('setTags', bodyOf({ method: 'setTags', replaced: [], isReplay: false }, neighbour))
      await Promise.all(cases.map(expectSaneAnswer))
      expect(JSON.parse((await kept).text)).toMatchObject({ status_code: 200, response: { skipped: [] } })
    }),
    { numRuns: RUNS, endOnFailure: true },
  )
  expect(faults()).toEqual([])
}, 120_000)

describe('calls of back ends', () => {
  const DEVICE: Record<string, () => Record<string, unknown>> = {
    bulkRegisterDevice: () => ({
      hwid: `bulk-${randomUUID()}`,
      platform: 1,
      push_token: apple().push_token,
      tags: {},
    }),
    bulkSetTags: () => ({ hwid: 'good-setTags', tags: { a: 1 }, list_operator: 'set' }),
    bulkUnregisterDevice: () => ({ push_token: apple().push_token, user_id: 'anna' }),
  }
  const FIELDS_OF_ENTRY = [
    'hwid',
    'platform',
    'push_token',
    'user_id',
    'userId',
    'tags',
    'list_operator',
    'language',
  ]
  const AROUND = ['application', 'devices', 'create_missing_tags']

  async function send(path: string, body: string) {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(ANSWERED_WITHIN_MS),
    })
    return { status: response.status, text: await response.text() }
  }
  const written = (fields: ReadonlyMap<string, string>) =>
    `{${[...fields].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
  const textsOf = (fields: Record<string, unknown>) =>
    new Map(Object.entries(fields).map(([name, it]) => [name, JSON.stringify(it)]))

  test('with hostile entries are refused or taken, bare and in the envelope, never a fault of ours', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(DEVICE)),
        fc.boolean(),
        fc.array(fc.tuple(fc.constantFrom(...FIELDS_OF_ENTRY), value), { maxLength: 2 }),
        fc.option(fc.tuple(fc.constantFrom(...AROUND), value), { freq: 4 }),
        async (method, isBare, replaced, around) => {
          const entry = textsOf(DEVICE[method]?.() ?? {})
          for (const [name, text] of replaced) entry.set(name, text)
          const body = textsOf({ application: app.app, auth: SERVER_TOKEN })
          body.set('devices', `[${written(entry)}]`)
          if (around !== null) body.set(...around)
          const { status, text } = isBare
            ? await send(`/api/v2/audience/${method}`, written(body))
            : await send(`/json/1.3/${method}`, `{"request":${written(body)}}`)
          const answer = JSON.parse(text)
          expect(status, text).toBeLessThan(500)
          expect(text).not.toMatch(INNER_WORDS)
          if (isBare && status === 200)
            expect(answer).toEqual({ request_id: expect.any(String), status: 'Pending' })
          if (isBare && status !== 200)
            expect(answer).toEqual({ message: expect.any(String), code: expect.any(String) })
          if (!isBare) {
            const isDone = answer.status_code === 200
            const response = isDone ? { request_id: expect.any(String), status: 'Pending' } : null
            expect(answer).toEqual({
              status_code: expect.any(Number),
              status_message: expect.any(String),
              response,
            })
          }
        },
      ),
      { numRuns: 150, endOnFailure: true },
    )
    expect(faults()).toEqual([])
  }, 60_000)

  test('for removed devices of hostile days are refused or answered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constantFrom('"0000-01-01"', '"9999-12-31"', '"2026-02-30"', '"2026-11-22"'), value),
        fc.oneof(fc.constantFrom('"0000-01-01"', '"9999-12-31"', '"2026-11-22"'), value),
        async (from, to) => {
          const head = `"application":"${app.app}","auth":"${SERVER_TOKEN}"`
          const body = `{"request":{${head},"date_from":${from},"date_to":${to}}}`
          const { status, text } = await send('/json/1.3/getUnregisteredDevices', body)
          expect(status, text).toBeLessThan(500)
          expect(text).not.toMatch(INNER_WORDS)
        },
      ),
      { numRuns: 60, endOnFailure: true },
    )
    expect(faults()).toEqual([])
  })
})

/** What the server logged as its own. */
function faults(): string[] {
  return server
    .logged()
    .split('\n')
    .filter(line => /"level":(50|60)/.test(line))
}
