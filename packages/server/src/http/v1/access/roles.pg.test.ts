/**
 * Who may call what: every route of the API page is called by somebody who may not, so a route that is added is held to
 * its right without a word about it.
 */
import { randomUUID } from 'node:crypto'
import { RIGHTS, type Right } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BareServer, startBare } from '../../../../test/bare.ts'
import { bearer, join, makeOwner } from '../../../../test/people.ts'
import { Visitor } from '../../../../test/visitor.ts'
import { needOf } from './needs.ts'

interface Route {
  readonly method: string
  readonly path: string
  readonly isOpen: boolean
}

let server: BareServer
let owner: Visitor
let viewer: Visitor
let editor: Visitor
let appOwner: Visitor
let a: string
let b: string
let routes: Route[]
beforeAll(async () => {
  server = await startBare({ environment: { ROOST_CALLS_PER_CLIENT: '0' } })
  owner = await makeOwner(server)
  a = (await server.createApp()).app
  b = (await server.createApp()).app
  const { url } = server
  viewer = await join(owner, { url, role: 'viewer', name: 'Vera' })
  editor = await join(owner, { url, role: 'editor', name: 'Edgar', app: a })
  appOwner = await join(owner, { url, role: 'owner', name: 'Ada', app: a })
  routes = await readRoutes()
})
afterAll(() => server.close())

type Page = {
  paths: Record<string, Record<string, { security?: object[] }>>
}

async function readRoutes(): Promise<Route[]> {
  const { paths } = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as Page
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path,
      // also what a device calls with its own token
      isOpen: security?.some(it => 'serverToken' in it) === false,
    })),
  )
}

/** With ids that nobody has. */
function filled(path: string, app: string): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    if (name === 'app') return app
    if (['person', 'token'].includes(name)) return '999999'
    return ['hwid', 'user', 'tag', 'name', 'step', 'activity'].includes(name) ? 'none' : randomUUID()
  })
}

const need = ({ method, path }: Route) => needOf(method, path.replaceAll(/\{(\w+)\}/g, ':$1'))
const guarded = () => routes.filter(it => !it.isOpen)
const ofApps = () => guarded().filter(it => it.path.includes('{app}'))
const isOwn = ({ path }: Route) => /^\/v1\/me(\/|$)/.test(path)
const call = (who: Visitor, { method, path }: Route, app: string, headers?: Record<string, string>) =>
  who.call<{ code?: string }>(method, filled(path, app), method === 'GET' ? undefined : {}, headers)

test('the API page has all routes, and every one has a rule', () => {
  expect(guarded().length).toBeGreaterThan(120)
  expect(guarded().filter(it => it.method !== 'GET' && need(it).isChange).length).toBeGreaterThan(70)
})

test('a viewer can change nothing: 403 on each route that changes', async () => {
  for (const route of guarded().filter(it => need(it).isChange && !isOwn(it)))
    expect(await call(viewer, route, a), `${route.method} ${route.path}`).toMatchObject({
      status: 403,
      body: { code: 'not_allowed' },
    })
})

test('what does not read is a change, unless it is known to compute something alone', () => {
  const computing = guarded().filter(it => it.method !== 'GET' && !need(it).isChange)
  expect(computing.map(it => it.path.replace('/v1/apps/{app}', '')).sort()).toEqual([
    '/address-policy/preview',
    '/diagnose',
    '/imports/dry-run',
    '/messages/dry-run',
    '/messages/preview',
    '/segments/compile',
  ])
})

test('a viewer reads everything but whole addresses, tokens, invitations and the audit log', async () => {
  for (const route of guarded().filter(it => it.method === 'GET' && !it.path.endsWith('/live'))) {
    const { status, body } = await call(viewer, route, a)
    const isGuarded = /device-export|segment-exports|\/tokens|member-invitations|\/audit/.test(route.path)
    if (isGuarded) expect(body.code, route.path).toBe('not_allowed')
    else expect([200, 400, 404], `${route.path} ${status}`).toContain(status)
  }
})

test('what writes whole addresses to a file, and what links to the file, needs the right to devices', () => {
  const exports = ofApps().filter(it => /(device|segment).*export|personal-data/.test(it.path))
  expect(exports.length).toBeGreaterThan(2)
  for (const route of exports) expect(need(route).right, `${route.method} ${route.path}`).toBe('devices')
})

test('an editor of one app sees and changes nothing of another: 404 on each of its routes', async () => {
  for (const route of ofApps())
    expect(await call(editor, route, b), `${route.method} ${route.path}`).toMatchObject({
      status: 404,
      body: { code: 'app_unknown' },
    })
})

test('an editor of one app changes nothing of the installation, and has no say in who has access', async () => {
  const beyond = guarded().filter(it => !it.path.includes('{app}') && !isOwn(it) && it.path !== '/v1/apps')
  const ofAccess = ofApps().filter(it => need(it).right === 'access')
  expect(beyond.length).toBeGreaterThan(10)
  for (const route of [...beyond, ...ofAccess])
    expect((await call(editor, route, a)).body.code, `${route.method} ${route.path}`).toBe('not_allowed')
  expect(await editor.call('POST', '/v1/apps', { name: 'x' })).toMatchObject({ status: 403 })
})

test('an editor of one app is let in to all the rest of it, by the cookie', async () => {
  for (const route of ofApps().filter(it => need(it).right !== 'access' && !it.path.endsWith('/live'))) {
    const { status, body } = await call(editor, route, a)
    expect([401, 403], `${route.method} ${route.path}: ${status}`).not.toContain(status)
    expect(body.code, `${route.method} ${route.path}`).not.toBe('app_unknown')
  }
})

test('apps are listed to those who have a role in them', async () => {
  const codes = async (who: Visitor) =>
    (await who.call<{ apps: { code: string }[] }>('GET', '/v1/apps')).body.apps.map(it => it.code)
  expect(await codes(editor)).toEqual([a])
  expect(await codes(viewer)).toEqual(expect.arrayContaining([a, b]))
})

describe('an owner of one app', () => {
  const idOf = async (who: Visitor) =>
    (await who.call<{ person: { id: number } }>('GET', '/v1/me')).body.person.id
  const put = async (who: Visitor, place: string, whom: Visitor, role: string | null) =>
    who.call<{ code?: string; role: string }>('PUT', `${place}/members/${await idOf(whom)}`, { role })

  test('gives roles in it, and in no other', async () => {
    expect((await put(appOwner, `/v1/apps/${a}`, editor, 'viewer')).body.role).toBe('viewer')
    expect((await editor.call('PATCH', `/v1/apps/${a}`, { name: 'x' })).status).toBe(403)
    expect((await put(appOwner, `/v1/apps/${a}`, editor, 'editor')).status).toBe(200)
    expect((await editor.call('PATCH', `/v1/apps/${a}`, { name: 'x' })).status).toBe(200)
    expect((await put(appOwner, `/v1/apps/${b}`, editor, 'viewer')).body.code).toBe('app_unknown')
    expect((await put(appOwner, '/v1', editor, 'owner')).body.code).toBe('not_allowed')
  })

  test('does not learn who else there is', async () => {
    const other = await join(owner, { url: server.url, role: 'viewer', name: 'Otto', app: b })
    const { body } = await appOwner.call<{ members: { name: string }[] }>('GET', `/v1/apps/${a}/members`)
    expect(body.members.map(it => it.name)).toEqual(['Ada', 'Edgar', 'Olga', 'Vera'])
    expect((await put(appOwner, `/v1/apps/${a}`, other, 'viewer')).body.code).toBe('member_unknown')
    expect((await put(owner, `/v1/apps/${a}`, other, 'viewer')).status).toBe(200)
    expect((await put(owner, `/v1/apps/${a}`, other, null)).body.role).toBeNull()
    expect((await other.call('GET', `/v1/apps/${a}`)).body).toMatchObject({ code: 'app_unknown' })
  })

  test('can not take the last owner from the installation, and neither can that one', async () => {
    expect((await put(owner, '/v1', owner, 'editor')).body.code).toBe('owner_needed')
    expect((await owner.call('DELETE', `/v1/members/${await idOf(owner)}`)).body).toMatchObject({
      code: 'owner_needed',
    })
    expect((await owner.call('GET', '/v1/me')).status).toBe(200)
  })

  test('and of two owners who take the role from each other at once, one stays', async () => {
    const second = await join(owner, { url: server.url, role: 'owner', name: 'Second' })
    const answers = await Promise.all([
      put(owner, '/v1', second, 'editor'),
      put(second, '/v1', owner, 'editor'),
    ])
    // The other one comes too late to be let in, or finds that nobody would be left.
    expect(answers.map(it => it.body.code ?? 'done').sort()).toEqual([
      'done',
      expect.stringMatching(/^(not_allowed|owner_needed)$/),
    ])
    const left = answers[0]?.status === 200 ? owner : second
    expect((await put(left, '/v1', owner, 'owner')).status).toBe(200)
  })
})

describe('an invitation', () => {
  const invite = async (role = 'editor', place = `/v1/apps/${a}`) =>
    (
      await owner.call<{ id: string; code: string; link: string }>('POST', `${place}/member-invitations`, {
        role,
      })
    ).body
  const visitor = () => new Visitor({ url: server.url })
  const password = 'seven quiet herons under glass'

  test('tells what it is for, and is good for one person', async () => {
    const { code, link } = await invite()
    expect(link).toBe(`${server.url}/#join=${code}`)
    expect((await visitor().call('POST', '/v1/join/look', { code })).body).toMatchObject({
      app: expect.any(String),
      role: 'editor',
      invitedBy: 'Olga',
    })
    const answers = await Promise.all(
      ['Ina', 'Ines'].map(name => visitor().call('POST', '/v1/join', { code, name, password })),
    )
    expect(answers.map(it => it.status).sort()).toEqual([201, 404])
    expect((await visitor().call('POST', '/v1/join/look', { code })).body).toMatchObject({
      code: 'member_invitation_unknown',
    })
  })

  test('is still there when the name was taken or the password weak', async () => {
    const { code } = await invite()
    const join_ = (fields: object) => visitor().call('POST', '/v1/join', { code, ...fields })
    expect((await join_({ name: 'ｏｌｇａ', password })).body).toMatchObject({ code: 'person_name_taken' })
    expect((await join_({ name: 'Nora', password: 'password1234' })).body).toMatchObject({
      code: 'password_weak',
    })
    expect((await join_({})).body).toMatchObject({ code: 'input_invalid' })
    expect((await join_({ name: 'Nora', password })).status).toBe(201)
  })

  test('adds its role to whoever is signed in, and takes no greater one away', async () => {
    const { code } = await invite('viewer')
    expect((await editor.call('POST', '/v1/join', { code })).body).toMatchObject({
      person: { name: 'Edgar' },
      grants: [{ app: a, role: 'editor' }],
    })
    const other = await invite('viewer', `/v1/apps/${b}`)
    await editor.call('POST', '/v1/join', { code: other.code })
    expect((await editor.call('GET', `/v1/apps/${b}`)).status).toBe(200)
    expect((await editor.call('PATCH', `/v1/apps/${b}`, { name: 'x' })).status).toBe(403)
  })

  test('ends after seven days, or when it is withdrawn', async () => {
    const [late, withdrawn] = [await invite(), await invite()]
    const path = `/v1/apps/${a}/member-invitations`
    expect((await owner.call('DELETE', `${path}/${withdrawn.id}`)).status).toBe(204)
    expect((await owner.call('DELETE', `${path}/${withdrawn.id}`)).status).toBe(404)
    expect(
      (await visitor().call('POST', '/v1/join', { code: withdrawn.code, name: 'x', password })).status,
    ).toBe(404)
    server.clock.advance(7 * 86_400_000)
    expect((await visitor().call('POST', '/v1/join', { code: late.code, name: 'x', password })).status).toBe(
      404,
    )
    for (const who of [owner, editor, viewer, appOwner]) who.cookie = undefined
  })
})

describe('a token with scopes', () => {
  test('may do what they say: each right alone is refused all others, on every route', async () => {
    await owner.signIn('Olga')
    for (const scope of RIGHTS) {
      const { body } = await owner.call<{ token: string }>('POST', `/v1/apps/${a}/tokens`, {
        name: scope,
        scopes: [scope],
      })
      const tool = new Visitor({ url: server.url })
      const others = ofApps().filter(it => need(it).right !== scope && !it.path.endsWith('/live'))
      for (const route of others)
        expect((await call(tool, route, a, bearer(body.token))).body.code, `${scope}: ${route.path}`).toBe(
          'not_allowed',
        )
      expect(new Set(others.map(it => need(it).right)).size).toBe(
        (RIGHTS satisfies readonly Right[]).length - 1,
      )
    }
  })
})
