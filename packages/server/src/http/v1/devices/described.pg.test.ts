/**
 * The API page and the device routes say the same: the page is a sound OpenAPI 3.1 document (its schemas are JSON Schema
 * 2020-12, compiled here by a reader that is not ours), every device route answers as it is described there, and hostile
 * input comes to a described refusal.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'
import { tick } from '../../../../test/roost.ts'

interface Content {
  readonly content?: { readonly 'application/json'?: { readonly schema: object } }
}
interface Operation {
  readonly summary?: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}
interface Page {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas?: object }
}

let server: BareServer
let app: Access
let page: Page
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  page = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as Page
})
afterAll(() => server.close())

const OF_DEVICES = /^\/v1\/apps\/\{app\}\/(devices(\/\{hwid\}.*)?|users\/.*|tags.*|test-devices.*)$/
const ELSEWHERE = /\/devices\/(import|export|bulk)|\/(inbox|calls)(\/|$)/

const operations = () =>
  Object.entries(page.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
const ofDevices = () => operations().filter(it => OF_DEVICES.test(it.path) && !ELSEWHERE.test(it.path))

function validatorOf(schema: object) {
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true, formats: FORMATS })
  ajv.addKeyword('components') // where OpenAPI keeps what is referred to
  return ajv.compile({ ...schema, components: page.components })
}
/** Those that the page uses; what they mean is checked at the door. */
const FORMATS = { uuid: true, date: true, 'date-time': true, uri: true } as const

test('the page is a sound OpenAPI 3.1 document: names, parameters, answers and schemas', () => {
  expect(page.openapi).toBe('3.1.0')
  expect(ofDevices().length).toBeGreaterThanOrEqual(20)
  for (const { path, method, operation } of ofDevices()) {
    const name = `${method} ${path}`
    expect(operation.summary, name).toMatch(/^[A-Z]/)
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(it => it[1])
    const described = (operation.parameters ?? []).filter(it => it.in === 'path').map(it => it.name)
    expect(described.sort(), name).toEqual(named.sort())
    const schemas = [
      ...(operation.parameters ?? []).map(it => it.schema),
      operation.requestBody?.content?.['application/json']?.schema,
      ...Object.values(operation.responses).map(it => it.content?.['application/json']?.schema),
    ].filter(it => it !== undefined)
    for (const schema of schemas) expect(() => validatorOf(schema), name).not.toThrow()
    expect(
      Object.keys(operation.responses).some(it => /^2\d\d$/.test(it)),
      name,
    ).toBe(true)
  }
})

async function call(method: string, path: string, body?: string) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${SERVER_TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(45_000),
  })
  const text = await response.text()
  return { status: response.status, text, type: response.headers.get('content-type') ?? '' }
}

describe('every device route answers as described', () => {
  const token = () => randomBytes(32).toString('hex')
  /** In an order in which each finds what it needs. */
  const CALLS: readonly (readonly [method: string, path: string, body?: () => unknown])[] = [
    [
      'put',
      '/devices/{hwid}',
      () => ({
        platform: 'ios',
        pushToken: token(),
        voipToken: token(),
        environment: 'sandbox',
        userId: 'anna',
        language: 'de',
        timezoneSeconds: 3600,
        permission: 'granted',
        permissionParts: { alert: true },
        channels: [{ id: 'news', isEnabled: true, importance: 3 }],
        registrationError: { code: 'x', message: 'y' },
        power: { isLowPower: true },
        badge: 1,
        tags: { plan: 'pro', wrong: {} },
      }),
    ],
    [
      'patch',
      '/devices/{hwid}',
      () => ({ tags: { seen: { operation: 'increment', value: 1 } }, country: 'CH' }),
    ],
    ['get', '/devices/{hwid}'],
    ['get', '/devices'],
    ['get', '/devices/{hwid}/ledger'],
    ['post', '/devices/{hwid}/opens'],
    ['post', '/devices/{hwid}/events', () => ({ name: 'tapped', attributes: { a: 1 } })],
    ['get', '/devices/{hwid}/events'],
    ['post', '/devices/{hwid}/receipts', () => ({ kind: 'opened', hash: '0'.repeat(32) })],
    ['put', '/devices/{hwid}/activities/{activity}', () => ({ token: token(), environment: 'sandbox' })],
    ['delete', '/devices/{hwid}/activities/{activity}'],
    ['put', '/devices/{hwid}/activity-start', () => ({ token: token() })],
    ['delete', '/devices/{hwid}/activity-start'],
    ['post', '/test-devices', () => ({ hwid: 'described', name: 'Desk' })],
    ['get', '/test-devices'],
    ['delete', '/test-devices/{hwid}'],
    ['post', '/test-devices/invitations', () => ({ name: 'Desk' })],
    ['get', '/test-devices/invitations/{invitation}'],
    ['delete', '/test-devices/invitations/{invitation}'],
    ['get', '/test-devices/invitations/{invitation}/live'],
    ['get', '/devices/{hwid}/time-line'],
    ['get', '/users/{user}/reported-tokens?day=2026-11-22'],
    ['get', '/devices/{hwid}/segments'],
    ['get', '/devices/{hwid}/presence'],
    ['get', '/users/{user}/presence'],
    ['get', '/devices/{hwid}/segments/{segment}'],
    ['put', '/tags/{tag}', () => ({ type: 'integer' })],
    ['get', '/tags'],
    ['delete', '/tags/{tag}'],
    ['get', '/users/{user}'],
    ['post', '/users/{user}/merge', () => ({ into: 'berta' })],
    ['post', '/users/{user}/logout'],
    ['post', '/devices/{hwid}/unregister'],
    ['delete', '/devices/{hwid}'],
  ]
  let segment = ''
  beforeAll(async () => {
    const made = { name: 'Described', expression: 'T("plan", EQ, "pro")' }
    const path = `/v1/apps/${app.app}/segments`
    segment = (JSON.parse((await call('POST', path, JSON.stringify(made))).text) as { id: string }).id
  })
  /** The one that was made last. */
  let invitation = '01a2009f-1296-75e7-9766-7c8167240643'
  const fill = (path: string) =>
    `/v1/apps/{app}${path}`
      .replace('{app}', app.app)
      .replace('{hwid}', 'described')
      .replace('{user}', 'anna')
      .replace('{tag}', 'visits')
      .replace('{activity}', 'ride')
      .replace('{segment}', segment)
      .replace('{invitation}', invitation)

  async function expectAsDescribed(
    method: string,
    path: string,
    answer: { status: number; text: string; type: string },
  ) {
    const described = page.paths[`/v1/apps/{app}${path.split('?')[0]}`]?.[method]?.responses[answer.status]
    expect(described, `${method} ${path} answered ${answer.status} ${answer.text}`).toBeDefined()
    const schema = described?.content?.['application/json']?.schema
    if (answer.type.startsWith('text/event-stream')) return expect(answer.text).toMatch(/^event: \w+\ndata: /)
    if (answer.status === 204 || schema === undefined) return expect(answer.text).toBe('')
    const isValid = validatorOf(schema)
    expect(isValid(JSON.parse(answer.text)), JSON.stringify(isValid.errors)).toBe(true)
  }

  test('none of them is left out here', () => {
    const asked = CALLS.map(([method, path]) => `${method} /v1/apps/{app}${path.split('?')[0]}`)
    expect(asked.sort()).toEqual(
      ofDevices()
        .map(it => `${it.method} ${it.path}`)
        // an app calls it by its device token, not by the server's as these
        .filter(name => !name.endsWith('/self-check'))
        .sort(),
    )
  })

  test('when all is well', async () => {
    for (const [method, path, body] of CALLS) {
      const answer = await call(method.toUpperCase(), fill(path), body && JSON.stringify(body()))
      expect(answer.status, `${method} ${path} ${answer.text}`).toBeLessThan(300)
      if (path === '/test-devices/invitations') invitation = JSON.parse(answer.text).id
      await expectAsDescribed(method, path, answer)
    }
  })

  test('also a device with nothing but a name, and one found by its token', async () => {
    await server.device(app, 'applicationOpen', { hwid: 'described' })
    await expectAsDescribed('get', '/devices/{hwid}', await call('GET', fill('/devices/{hwid}')))
    await server.device(app, 'registerDevice', {
      hwid: 'described',
      device_type: 3,
      push_token: 'described-token',
    })
    const found = await call('GET', `${fill('/devices')}?token=described-token`)
    expect(JSON.parse(found.text).devices).toHaveLength(1)
    await expectAsDescribed('get', '/devices', found)
  })

  test('its inbox, which needs a message', async () => {
    const hwid = 'inbox-described'
    await server.rest('PUT', `/v1/apps/${app.app}/devices/${hwid}`, { platform: 'ios' })
    const message = { to: { devices: [hwid] }, content: { title: 'Hello' }, inbox: {} }
    const { body } = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/messages`, message)
    const path = `/v1/apps/${app.app}/devices/${hwid}/inbox`
    let answer = await call('GET', path)
    for (; JSON.parse(answer.text).entries?.length === 0; answer = await call('GET', path)) await tick()
    expect(JSON.parse(answer.text)).toMatchObject({ entries: [{ id: body.id }] })
    await expectAsDescribed('get', '/devices/{hwid}/inbox', answer)
    const opened = await call('PATCH', `${path}/${body.id}`, '{"state":"opened"}')
    expect(opened.status).toBe(204)
    await expectAsDescribed('patch', '/devices/{hwid}/inbox/{id}', opened)
  })

  test('its calls, which need one', async () => {
    const [ringing, calling] = ['ringing', 'calling'].map(it => `described-${it}`) as [string, string]
    for (const hwid of [ringing, calling])
      await server.rest('PUT', `/v1/apps/${app.app}/devices/${hwid}`, { platform: 'ios', userId: hwid })
    const of = (hwid: string) => `/v1/apps/${app.app}/devices/${hwid}/calls`
    for (const event of ['ringing', 'accept', 'reject', 'busy', 'cancel'] as const) {
      const made = { caller: { name: 'Ann', userId: calling }, callees: [ringing] }
      const { body } = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/calls`, made)
      const listed = await call('GET', of(ringing))
      expect(JSON.parse(listed.text).calls.map((it: { id: string }) => it.id)).toContain(body.id)
      await expectAsDescribed('get', '/devices/{hwid}/calls', listed)
      const said = await call('POST', `${of(event === 'cancel' ? calling : ringing)}/${body.id}/${event}`)
      expect(said.status, said.text).toBe(200)
      await expectAsDescribed('post', `/devices/{hwid}/calls/{call}/${event}`, said)
    }
  })

  test('a refusal is a described problem, of each route', async () => {
    for (const [method, path, body] of CALLS) {
      const refused = await call(
        method.toUpperCase(),
        fill(path).replace(app.app, 'AAAAA-00000'),
        body && JSON.stringify(body()),
      )
      expect(refused.status, `${method} ${path}`).toBe(404)
      expect(refused.type).toContain('application/problem+json')
      const described = page.paths[`/v1/apps/{app}${path.split('?')[0]}`]?.[method]?.responses.default as
        | { content?: Record<string, { schema: object }> }
        | undefined
      const schema = described?.content?.['application/problem+json']?.schema
      expect(schema, `${method} ${path} describes no problem`).toBeDefined()
      const isValid = validatorOf(schema ?? {})
      expect(isValid(JSON.parse(refused.text)), JSON.stringify(isValid.errors)).toBe(true)
    }
  })

  const nasty = fc.constantFrom(
    ...[
      'null',
      'true',
      '-1',
      '1e400',
      '9007199254740993',
      '0.5',
      '""',
      '" "',
      '[]',
      '{}',
      '[null]',
      '{"":1}',
    ],
    ...[
      String.raw`"\u0000"`,
      String.raw`"\ud83d"`,
      '{"__proto__":{"a":1}}',
      '{"toString":1}',
      '"null"',
      '"xyz"',
    ],
    ...['{"a":1e400}', '{"a":{"operation":"append","value":[null]}}', '[{"id":"a","isEnabled":1}]', '"web"'],
    JSON.stringify('x'.repeat(5000)),
    `${'['.repeat(70)}${']'.repeat(70)}`,
  )
  const INNER =
    /violates|syntax error|relation "|column "|invalid byte|duplicate key|is not a function|Cannot read/i

  test('hostile input of any route is refused with a 4xx or taken, never a fault of ours', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...CALLS),
        fc.array(fc.tuple(fc.nat({ max: 20 }), fc.oneof(nasty, fc.json({ maxDepth: 2 }))), { maxLength: 2 }),
        fc.constantFrom(
          'described',
          '%F0%9F%98%80',
          '..%2F..',
          '%25',
          "'--",
          'x'.repeat(300),
          '%00',
          '%ff',
          '__proto__',
        ),
        async ([method, path, body], replaced, name) => {
          const good = Object.entries((body?.() ?? {}) as Record<string, unknown>)
          const fields = new Map(good.map(([key, value]) => [key, JSON.stringify(value)]))
          for (const [place, text] of replaced)
            fields.set(good[place % (good.length || 1)]?.[0] ?? 'extra', text)
          const json = `{${[...fields].map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
          const url = fill(path).replace(/described|anna|visits|ride/, name)
          const answer = await call(method.toUpperCase(), url, method === 'get' ? undefined : json)
          expect(answer.status, answer.text).toBeLessThan(500)
          if (answer.status >= 400) {
            expect(JSON.parse(answer.text)).toMatchObject({
              code: expect.any(String),
              remedy: expect.any(String),
            })
            expect(answer.text).not.toMatch(INNER)
          }
        },
      ),
      { numRuns: 400, endOnFailure: true },
    )
    expect(
      server
        .logged()
        .split('\n')
        .filter(line => /"level":(50|60)/.test(line)),
    ).toEqual([])
  }, 60_000)

  test('a device that is not there is a described 404, of each route that names one', async () => {
    for (const [method, path, body] of CALLS.filter(
      ([method, path]) => path.includes('{hwid}') && method !== 'put',
    )) {
      if (path.startsWith('/test-devices')) continue // taking it back twice is no error
      const url = fill(path).replace('described', randomUUID())
      const answer = await call(method.toUpperCase(), url, body && JSON.stringify(body()))
      expect(JSON.parse(answer.text), `${method} ${path}`).toMatchObject({
        status: 404,
        code: 'device_unknown',
      })
    }
  })
})
