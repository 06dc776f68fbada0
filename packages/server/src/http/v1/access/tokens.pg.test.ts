/** API tokens by REST: told once, revoked on all servers at once, and never more than whoever makes them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BareServer, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'
import { bearer, makeOwner } from '../../../../test/people.ts'
import { tick } from '../../../../test/roost.ts'
import type { Visitor } from '../../../../test/visitor.ts'

interface Made {
  readonly id: number
  readonly token: string
  readonly prefix: string
}
interface View {
  readonly id: number
  readonly name: string
  readonly usedAt: string | null
}

let server: BareServer
let owner: Visitor
let app: string
beforeAll(async () => {
  server = await startBare()
  owner = await makeOwner(server)
  app = (await server.createApp()).app
})
afterAll(() => server.close())

const make = async (fields: object, place = '/v1') =>
  (await owner.call<Made>('POST', `${place}/tokens`, { name: 'Back end', ...fields })).body
const statusWith = async (token: string, path = '/v1/apps', url = server.url) =>
  (await fetch(`${url}${path}`, { headers: bearer(token) })).status
const listed = async (place = '/v1') =>
  (await owner.call<{ tokens: View[] }>('GET', `${place}/tokens`)).body.tokens

test('a token is told once; the list has its beginning, who made it and when it was used', async () => {
  const { id, token, prefix } = await make({})
  expect(token).toMatch(/^roost_server_[\w-]{43}$/)
  expect(token.startsWith(prefix)).toBe(true)
  expect(prefix).toHaveLength('roost_server_'.length + 4)
  expect((await listed()).find(it => it.id === id)).toMatchObject({ madeBy: 'Olga', usedAt: null, app: null })
  expect(await statusWith(token)).toBe(200)
  while ((await listed()).find(it => it.id === id)?.usedAt === null) await tick()
  expect(JSON.stringify(await listed())).not.toContain(token)
  expect(server.logged()).not.toContain(token)
  const { rows } = await server.db.query<{ all: string }>('select jsonb_agg(t)::text as all from api_token t')
  expect(rows[0]?.all).not.toContain(token)
})

test('a token of an app serves that app, and knows of no other', async () => {
  const other = (await server.createApp()).app
  const { token } = await make({}, `/v1/apps/${app}`)
  expect(await statusWith(token, `/v1/apps/${app}`)).toBe(200)
  expect(await statusWith(token, `/v1/apps/${other}`)).toBe(404)
  const { apps } = (await (await fetch(`${server.url}/v1/apps`, { headers: bearer(token) })).json()) as {
    apps: { code: string }[]
  }
  expect(apps.map(it => it.code)).toEqual([app])
})

describe('the compatible protocol', () => {
  const notify = (auth: string) =>
    server.device({ app, deviceToken: '' }, 'createMessage', { auth, notifications: [{ content: 'x' }] })

  test('takes tokens of its app and of every app that may send, read and change', async () => {
    const ofApp = await make({}, `/v1/apps/${app}`)
    const ofOther = await make({}, `/v1/apps/${(await server.createApp()).app}`)
    const reading = await make({ scopes: ['read'] })
    expect((await notify(ofApp.token)).body.status_code).toBe(200)
    expect((await notify(SERVER_TOKEN)).body.status_code).toBe(200)
    expect((await notify(ofOther.token)).body.status_message).toContain('there is no app')
    expect((await notify(reading.token)).body.status_message).toContain('with the scopes')
  })
})

test('a token that is revoked is refused by all servers at once, in the middle of its use', async () => {
  const second = await server.another({ roles: ['api'] })
  const { id, token } = await make({})
  expect([await statusWith(token), await statusWith(token, '/v1/apps', second.url)]).toEqual([200, 200])
  server.clock.stand() // by itself it would be believed for five seconds more
  try {
    expect((await owner.call('DELETE', `/v1/tokens/${id}`)).status).toBe(204)
    expect(await statusWith(token)).toBe(401)
    while ((await statusWith(token, '/v1/apps', second.url)) !== 401) await tick()
  } finally {
    server.clock.run()
  }
  expect((await listed()).some(it => it.id === id)).toBe(false)
  expect((await owner.call('DELETE', `/v1/tokens/${id}`)).body).toMatchObject({ code: 'api_token_unknown' })
  await second.close()
})

test('a device token that is revoked serves no device any more, and another one does', async () => {
  const access = await server.createApp()
  const place = `/v1/apps/${access.app}`
  const { token } = await make({ kind: 'device', name: 'Next release' }, place)
  const open = async (deviceToken: string) =>
    (await server.device({ ...access, deviceToken }, 'applicationOpen', { hwid: 'x' })).body.status_code
  expect([await open(access.deviceToken), await open(token)]).toEqual([200, 200])
  const first = (await listed(place)).find(it => it.name === 'Test')
  expect((await owner.call('DELETE', `${place}/tokens/${first?.id}`)).status).toBe(204)
  expect([await open(access.deviceToken), await open(token)]).toEqual([403, 200])
})

test('the token of the environment stays revoked at the next start', async () => {
  const token = 'a token of the environment of enough length'.replaceAll(' ', '-')
  const start = () => server.another({ roles: ['api'], environment: { ROOST_BOOTSTRAP_TOKEN: token } })
  const first = await start()
  expect(await statusWith(token, '/v1/apps', first.url)).toBe(200)
  await first.close()
  const made = (await listed()).filter(it => it.name === 'Server administrator')
  await owner.call('DELETE', `/v1/tokens/${Math.max(...made.map(it => it.id))}`)
  const restarted = await start()
  expect(await statusWith(token, '/v1/apps', restarted.url)).toBe(401)
  expect(await statusWith(SERVER_TOKEN, '/v1/apps', restarted.url)).toBe(200)
  await restarted.close()
})

test('of another app can not be revoked by the owner of one', async () => {
  const { id } = await make({})
  expect(await owner.call('DELETE', `/v1/apps/${app}/tokens/${id}`)).toMatchObject({
    status: 404,
    body: { code: 'api_token_unknown' },
  })
})

test('whoever may only manage access makes neither tokens nor owners that may do more', async () => {
  const { token } = await make({ scopes: ['access'] })
  const by = (path: string, body: object) => owner.call('POST', path, body, bearer(token))
  expect(await by('/v1/tokens', { name: 'x' })).toMatchObject({ status: 403 })
  expect(await by('/v1/tokens', { name: 'x', scopes: ['access', 'read'] })).toMatchObject({ status: 403 })
  expect(await by('/v1/member-invitations', { role: 'viewer' })).toMatchObject({ status: 403 })
  expect((await by('/v1/tokens', { name: 'x', scopes: ['access'] })).status).toBe(201)
})

test('a device token has an app and no scopes', async () => {
  const post = (place: string, fields: object) =>
    owner.call('POST', `${place}/tokens`, { name: 'x', kind: 'device', ...fields })
  expect((await post('/v1', {})).body).toMatchObject({ code: 'input_invalid' })
  expect((await post(`/v1/apps/${app}`, { scopes: ['read'] })).body).toMatchObject({ code: 'input_invalid' })
})

test('what is a person’s own is no token’s', async () => {
  for (const [method, path] of [
    ['GET', '/v1/me/sessions'],
    ['DELETE', '/v1/me/sessions'],
  ] as const)
    expect(await owner.call(method, path, undefined, bearer(SERVER_TOKEN))).toMatchObject({ status: 403 })
  expect((await owner.call('GET', '/v1/me', undefined, bearer(SERVER_TOKEN))).body).toMatchObject({
    person: null,
    token: { name: 'Server administrator' },
    grants: [{ app: null, role: null }],
  })
})
