/**
 * A token of one app reaches nothing of another, by any call there is: every route of the API page, and all of the compatible protocol, are
 * called with it for another app, and in its own app with the ids of the other one's things. Afterwards every row of the other app is
 * as it was.
 */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../test/bare.ts'
import { bearer, makeOwner } from '../../test/people.ts'
import type { Visitor } from '../../test/visitor.ts'
import { codeOf } from '../messages/code.ts'
import { FILTER_METHODS } from './compat/filters.ts'
import { MESSAGE_METHODS } from './compat/messages/route.ts'

interface Route {
  readonly method: string
  readonly path: string
}

let server: BareServer
let owner: Visitor
let mine: string
let other: string
let token: string
/** Things of the other app, by the names of parameters. */
const things = new Map<string, string>()
let routes: readonly Route[]

beforeAll(async () => {
  server = await startBare({ environment: { ROOST_CALLS_PER_CLIENT: '0' }, roles: ['api'] })
  owner = await makeOwner(server)
  mine = (await server.createApp()).app
  other = (await server.createApp()).app
  token = (await owner.call<{ token: string }>('POST', `/v1/apps/${mine}/tokens`, { name: 'Mine' })).body
    .token
  await furnish()
  const page = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security?: object[] }>>
  }
  routes = Object.entries(page.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { security }]) => security?.some(it => 'serverToken' in it) ?? true) // not those of devices
      .map(([method]) => ({ method: method.toUpperCase(), path })),
  )
})
afterAll(() => server.close())

/** One of each, in the other app. */
async function furnish(): Promise<void> {
  const make = async <T = { id: string }>(path: string, body: object) => {
    const { status, body: made } = await owner.call<T>('POST', `/v1/apps/${other}${path}`, body)
    expect([200, 201, 202], path).toContain(status)
    return made
  }
  await owner.call('PUT', `/v1/apps/${other}/devices/theirs`, { platform: 'ios', userId: 'their-user' })
  const content = { title: 'Theirs' }
  const at = new Date(server.clock.now() + 3_600_000).toISOString()
  things.set('message', (await make('/messages', { to: { all: true }, content, sendAt: at })).id)
  const condition = { field: 'platform', op: 'eq', value: 'ios' }
  const { id: segment } = await make('/segments', { name: 'Theirs', condition })
  things.set('segment', segment)
  things.set('export', (await make(`/segments/${segment}/exports`, {})).id)
  const schedule = { name: 'Theirs', cron: '0 9 1 1 *', message: { to: { all: true }, content } }
  things.set('schedule', (await make('/schedules', schedule)).id)
  things.set('trigger', (await make('/triggers', { name: 'T', event: 'e', message: { content } })).id)
  things.set('list', (await make('/lists', { name: 'Theirs', kind: 'devices' })).id)
  const { credentials } = (
    await owner.call<{ credentials: { id: string }[] }>('GET', `/v1/apps/${other}/credentials`)
  ).body
  things.set('credentials', credentials[0]?.id ?? '')
  things.set('invitation', (await make('/test-devices/invitations', {})).id)
  const { tokens } = (await owner.call<{ tokens: { id: number }[] }>('GET', `/v1/apps/${other}/tokens`)).body
  things.set('token', String(tokens[0]?.id))
}

/** Of every table, all rows of the other app. */
async function otherAsItIs(): Promise<Record<string, string>> {
  const { rows: tables } = await server.db.query<{ name: string }>(
    `select table_name::text as name from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
      where c.column_name = 'app_id' and c.table_schema = current_schema() and t.table_type = 'BASE TABLE' order by 1`,
  )
  const told: Record<string, string> = {}
  for (const { name } of tables) {
    const { rows } = await server.db.query<{ text: string | null }>(
      `select string_agg(t::text, E'\\n' order by t::text) as text from ${name} t where app_id = (select id from app where code = $1)`,
      [other],
    )
    told[name] = createHash('sha256')
      .update(rows[0]?.text ?? '')
      .digest('hex')
  }
  return told
}

const call = async ({ method, path }: Route, body: unknown = {}) => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...bearer(token), 'content-type': 'application/json' },
    ...(method !== 'GET' && { body: JSON.stringify(body) }),
  })
  return { status: response.status, text: await response.text() }
}

/** What a parameter names, in the other app; by the part of the path before it where it is called `id`. */
function theirs(path: string): string {
  return path.replaceAll(/([^/]+)\/\{(\w+)\}/g, (_all, part: string, name: string) => {
    if (name === 'app') return `${part}/${mine}`
    const key = name === 'id' ? part.replace(/s$/, '') : name
    const value =
      things.get(key) ?? things.get(part) ?? { hwid: 'theirs', user: 'their-user', person: '1' }[key]
    return `${part}/${value ?? '018f0000-0000-7000-8000-000000000000'}`
  })
}

test('every route of the other app is answered as one of an app that does not exist', async () => {
  const before = await otherAsItIs()
  const ofApps = routes.filter(it => it.path.includes('{app}'))
  expect(ofApps.length).toBeGreaterThan(110)
  for (const { method, path } of ofApps) {
    const { status, text } = await call({ method, path: theirs(path).replace(mine, other) })
    expect([status, JSON.parse(text).code], `${method} ${path}`).toEqual([404, 'app_unknown'])
  }
  expect(await otherAsItIs()).toEqual(before)
})

test('the other app’s things are none of its own app’s: nothing of them is told or changed by their ids', async () => {
  const before = await otherAsItIs()
  const named = routes.filter(it => /\{app\}.*\{/.test(it.path) && !it.path.endsWith('/live'))
  expect(named.length).toBeGreaterThan(50)
  for (const { method, path } of named) {
    const { text } = await call({ method, path: theirs(path) })
    expect(text, `${method} ${path}`).not.toContain('Theirs')
  }
  const bodies: readonly [string, object][] = [
    ['messages', { to: { segment: things.get('segment') }, content: { title: 'x' } }],
    ['messages', { to: { condition: { segment: things.get('segment') } }, content: { title: 'x' } }],
    ['messages', { to: { condition: { list: things.get('list') } }, content: { title: 'x' } }],
    ['diagnose', { message: things.get('message') }],
    ['push-test', { credential: things.get('credentials'), hwid: 'theirs' }],
  ]
  for (const [part, body] of bodies) {
    const { status, text } = await call({ method: 'POST', path: `/v1/apps/${mine}/${part}` }, body)
    expect([400, 404], `${part} ${JSON.stringify(body)}: ${text}`).toContain(status)
  }
  expect(await otherAsItIs()).toEqual(before)
})

test('what is of no app is not for it, besides its own app in the list', async () => {
  const ofNone = routes.filter(it => !it.path.includes('{app}'))
  for (const { method, path } of ofNone) {
    const { status, text } = await call({ method, path: theirs(path) })
    if (status < 400) expect([`GET /v1/me`, 'GET /v1/apps'], text).toContain(`${method} ${path}`)
    expect(text, `${method} ${path}`).not.toContain(other)
  }
})

describe('the compatible protocol', () => {
  const old = async (method: string, fields: object, of = token) => {
    const response = await fetch(`${server.url}/json/1.3/${method}`, {
      method: 'POST',
      body: JSON.stringify({ request: { auth: of, ...fields } }),
    })
    return (await response.json()) as { status_code: number; status_message: string; response: unknown }
  }
  const bare = async (path: string, body: object | undefined, method = 'POST') => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: bearer(token),
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
  const CONDITION = '"ios"'
  /** Of an app, or of what it names by a code. */
  const fieldsOf = (app: string, message: string): Readonly<Record<string, object>> => {
    const devices_filter = `A("${app}")`
    const application = app
    return {
      createMessage: { application, notifications: [{ content: 'x', send_date: 'now' }] },
      createTargetedMessage: { devices_filter, content: 'x', send_date: 'now' },
      compileFilter: { devices_filter },
      cancelMessage: { message },
      deleteMessage: { message },
      getMessageDetails: { message },
      getMsgStats: { message },
      getMsgPlatformsStats: { message },
      getAppStats: { application, datefrom: '2026-01-01', dateto: '2026-01-02' },
      getCampaignStats: { application, campaign: 'c', datefrom: '2026-01-01', dateto: '2026-01-02' },
      getResults: { request_id: things.get('message') },
      createFilter: { application, name: `f ${CONDITION}`, filter_expression: devices_filter },
      listFilters: { application },
      deleteFilter: { application, name: 'Theirs' },
      getUnregisteredDevices: { application, date_from: '2026-01-01', date_to: '2026-01-02' },
      bulkRegisterDevice: { application, devices: [{ hwid: 'theirs', platform: 1 }] },
      bulkSetTags: { application, devices: [{ hwid: 'theirs', tags: { a: 'b' } }] },
      bulkUnregisterDevice: { application, devices: [{ hwid: 'theirs' }] },
    }
  }

  test('knows the other app by no call, neither by its code nor by what belongs to it', async () => {
    const before = await otherAsItIs()
    const fields = fieldsOf(other, codeOf(things.get('message') as string))
    const methods = [...Object.keys(MESSAGE_METHODS), ...Object.keys(FILTER_METHODS)]
    expect(Object.keys(fields)).toEqual(expect.arrayContaining(methods))
    for (const [method, of] of Object.entries(fields)) {
      const answer = await old(method, of)
      expect([answer.status_code, answer.response], `${method}: ${answer.status_message}`).toEqual([
        210,
        null,
      ])
      expect(answer.status_message, method).toMatch(/there is no (app|message|filter)|getMsgStats answered/)
    }
    expect(JSON.stringify((await old('listFilters', {})).response)).toBe('{"filters":[]}')
    const named = await old('deleteFilter', { name: 'Theirs' })
    expect(named.status_message).toContain('there is no filter')
    const forged = { app: mine, from: '2026-01-01', to: '2026-12-31', message: things.get('message') }
    const request_id = `s.${Buffer.from(JSON.stringify(forged)).toString('base64url')}`
    expect(((await old('getResults', { request_id })).response as { rows: unknown[] }).rows).toEqual([])
    const segment = { application: other, expression: `A("${other}")` }
    const message = { schedule: { after: '1s' }, payload: { silent: true } }
    for (const [path, body] of [
      ['/messaging/v2/notify', { segment: { ...segment, ...message } }],
      [
        '/messaging/v2/notify',
        { transactional: { application: other, ...message, hwids: { list: ['theirs'] } } },
      ],
      ['/messaging/v2/cancel', { message_code: codeOf(things.get('message') as string) }],
      ['/api/v2/audience/exportSegment', { auth: token, filterExpression: `A("${other}")` }],
      ['/api/v2/audience/exportSegment', { auth: token, filterCode: 'Theirs' }],
      ['/api/v2/audience/exportSegment/result', { auth: token, task_id: things.get('export') }],
      [
        '/api/v2/audience/bulkSetTags',
        { auth: token, application: other, devices: [{ hwid: 'theirs', tags: {} }] },
      ],
    ] as const)
      expect([404], `${path} ${JSON.stringify(body)}`).toContain((await bare(path, body)).status)
    const { request_id: id } = (await (
      await fetch(`${server.url}/api/v2/audience/bulkSetTags`, {
        method: 'POST',
        body: JSON.stringify({
          auth: 'bare-server-token-of-enough-length',
          application: other,
          devices: [{ hwid: 'nobody', tags: {} }],
        }),
      })
    ).json()) as { request_id: string }
    expect((await bare(`/api/v2/audience/bulkSetTags/${id}`, undefined, 'GET')).status).toBe(404)
    const after = await otherAsItIs()
    expect({ ...after, bulk_request: '' }).toEqual({ ...before, bulk_request: '' })
  })

  test('serves it in its own app as a token of all apps', async () => {
    const made = await old('createMessage', fieldsOf(mine, '').createMessage as object)
    expect(made.status_code, made.status_message).toBe(200)
    const [code = ''] = (made.response as { Messages: string[] }).Messages
    const fields = fieldsOf(mine, code)
    for (const method of ['getMessageDetails', 'compileFilter', 'getAppStats', 'createFilter', 'listFilters'])
      expect((await old(method, fields[method] as object)).status_code, method).toBe(200)
    expect((await old('cancelMessage', { message: code })).status_code).toBe(200)
    expect((await old('bulkSetTags', fields.bulkSetTags as object)).status_code).toBe(200)
  })

  test('refuses a token of the app that may read alone', async () => {
    const reading = { name: 'Reads', scopes: ['read'] }
    const { token: weak } = (await owner.call<{ token: string }>('POST', `/v1/apps/${mine}/tokens`, reading))
      .body
    const answer = await old('createMessage', fieldsOf(mine, '').createMessage as object, weak)
    expect([answer.status_code, answer.status_message]).toEqual([403, expect.stringContaining('scopes')])
  })
})
