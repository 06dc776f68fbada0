/** Bulk requests that are worked on later than they were asked for. */
import { randomBytes } from 'node:crypto'
import type { BulkTarget } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../test/bare.ts'
import { addBulkRequest, type NewBulkRequest, readBulkRequest, runBulkRequests } from './requests.ts'

let server: BareServer
let app: Access
let appId: number
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id ?? 0
})
afterAll(() => server.close())

const newToken = () => randomBytes(32).toString('hex')
const end = (token: string) => token.slice(-8)
const register = (hwid: string, push_token: string, fields: Record<string, unknown> = {}) =>
  server.device(app, 'registerDevice', { hwid, device_type: 1, push_token, ...fields })
const statesOf = async (hwid: string) =>
  (await server.view(app, hwid)).addresses.map(it => [it.addressEnd, it.state]).sort()

type Asked = NewBulkRequest extends infer Request
  ? Request extends unknown
    ? Omit<Request, 'appId' | 'at'>
    : never
  : never
const ask = (request: Asked) =>
  addBulkRequest(server.db, { appId, at: server.clock.now(), ...request } as NewBulkRequest)
const run = () => runBulkRequests({ db: server.db, allowPrivateEndpoints: false }, server.clock.now())
const outcomeOf = async (id: string) => readBulkRequest(server.db, { appId, id, isDetailed: true })

const registering = (call: Record<string, unknown>) =>
  ask({ kind: 'register', entries: [{ call: { device_type: 1, ...call }, listOperator: 'set' }] })

test('R2: who names a token that was replaced ends no other token of its device', async () => {
  const [former, live] = [newToken(), newToken()]
  await register('replaced', former)
  server.clock.advance(1000)
  await register('replaced', live)
  await ask({ kind: 'unregister', entries: [{ pushToken: former }] satisfies BulkTarget[] })
  await run()
  expect(await statesOf('replaced')).toEqual(
    [
      [end(former), 'superseded'],
      [end(live), 'active'],
    ].sort(),
  )
  await ask({
    kind: 'unregister',
    entries: [{ pushToken: live }, { hwid: 'replaced' }] satisfies BulkTarget[],
  })
  await run()
  expect((await statesOf('replaced')).map(it => it[1]).sort()).toEqual(['dead', 'superseded'])
})

test('R5: a device that has called in since a request was made keeps its token and its user', async () => {
  const [asked, live] = [newToken(), newToken()]
  await register('overtaking', newToken(), { userId: 'anna' })
  server.clock.advance(1000)
  const id = await registering({ hwid: 'overtaking', push_token: asked, userId: 'anna' })
  server.clock.advance(1000)
  await register('overtaking', live, { userId: 'berta' })
  await run()
  expect(await outcomeOf(id)).toMatchObject({
    results: [{ outcome: 'refused', detail: expect.stringContaining('called in since') }],
  })
  expect((await server.view(app, 'overtaking')).userId).toBe('berta')
  expect((await statesOf('overtaking')).filter(it => it[1] === 'active')).toEqual([[end(live), 'active']])
})

test.each(['hwid', 'userId', 'pushToken'] as const)(
  'R5: who is unregistered by %s keeps what was registered after the request was made',
  async field => {
    const [hwid, token] = [`late-${field}`, newToken()]
    const userId = `user of ${hwid}`
    await register(hwid, field === 'pushToken' ? token : newToken(), { userId })
    const entry = { hwid: { hwid }, userId: { userId }, pushToken: { pushToken: token } }[field]
    server.clock.advance(1000)
    const id = await ask({ kind: 'unregister', entries: [entry] satisfies BulkTarget[] })
    server.clock.advance(1000)
    await register(hwid, token, { userId })
    await run()
    expect(await outcomeOf(id)).toMatchObject({
      results: [{ outcome: 'refused', detail: expect.stringContaining('registered after') }],
    })
    expect((await statesOf(hwid)).filter(it => it[1] === 'active')).toEqual([[end(token), 'active']])
    expect((await server.ledger(app, hwid)).map(it => it.event)).not.toContain('unregistered')
  },
)

test('R5: of a device that has registered one token since, an older one of another kind ends', async () => {
  const [alert, voip] = [newToken(), newToken()]
  await register('kinds', newToken(), { voip_push_token: voip })
  server.clock.advance(1000)
  await ask({ kind: 'unregister', entries: [{ hwid: 'kinds' }] satisfies BulkTarget[] })
  server.clock.advance(1000)
  await register('kinds', alert)
  await run()
  expect(await statesOf('kinds')).toEqual(
    expect.arrayContaining([
      [end(alert), 'active'],
      [end(voip), 'dead'],
    ]),
  )
})

const patch = (hwid: string, body: unknown) =>
  server.rest('PATCH', `/v1/apps/${app.app}/devices/${hwid}`, body)

test('R5: tags that a back end sets refuse no token that it has asked for before', async () => {
  const token = newToken()
  await register('told', newToken())
  server.clock.advance(1000)
  const id = await registering({ hwid: 'told', push_token: token })
  server.clock.advance(1000)
  expect((await patch('told', { tags: { plan: 'pro' } })).status).toBe(200)
  await run()
  expect(await outcomeOf(id)).toMatchObject({ results: [{ outcome: 'done' }] })
  expect((await statesOf('told')).filter(it => it[1] === 'active')).toEqual([[end(token), 'active']])
})

test.each([
  ['a user', { userId: 'berta' }, 'berta'],
  ['a logout', { userId: null }, null],
])('R25: %s that a back end has told since is not undone by an older request', async (_, body, userId) => {
  const hwid = `told-${userId}`
  await register(hwid, newToken(), { userId: 'anna' })
  server.clock.advance(1000)
  const id = await registering({ hwid, push_token: newToken(), userId: 'anna' })
  server.clock.advance(1000)
  await patch(hwid, body)
  await run()
  expect(await outcomeOf(id)).toMatchObject({ results: [{ outcome: 'refused' }] })
  expect((await server.view(app, hwid)).userId).toBe(userId)
})

test('R5: a token that a back end has registered since a request was made stays', async () => {
  const token = newToken()
  await register('put', newToken())
  server.clock.advance(1000)
  const id = await registering({ hwid: 'put', push_token: newToken() })
  server.clock.advance(1000)
  await server.rest('PUT', `/v1/apps/${app.app}/devices/put`, { platform: 'ios', pushToken: token })
  await run()
  expect(await outcomeOf(id)).toMatchObject({ results: [{ outcome: 'refused' }] })
  expect((await statesOf('put')).filter(it => it[1] === 'active')).toEqual([[end(token), 'active']])
})

test('R3: a token that a device has registered since a request was made is not given to another one', async () => {
  const token = newToken()
  const id = await registering({ hwid: 'claims', push_token: token })
  server.clock.advance(1000)
  await register('holds', token)
  await run()
  expect(await outcomeOf(id)).toMatchObject({ counts: { refused: 1 } })
  expect(await statesOf('holds')).toEqual([[end(token), 'active']])
})

test('a request that is worked on twice, because its process died, comes to the same', async () => {
  const token = newToken()
  const id = await registering({ hwid: 'twice', push_token: token })
  server.clock.advance(5000)
  await run()
  const { rows } = await server.db.query<{ entries: unknown }>(
    'select entries from bulk_request where id = $1',
    [id],
  )
  expect(rows).toEqual([{ entries: [] }])
  // As it is left by a process that died before its last commit.
  await server.db.query(
    "update bulk_request set state = 'waiting', results = null, entries = $2 where id = $1",
    [
      id,
      JSON.stringify([{ call: { device_type: 1, hwid: 'twice', push_token: token }, listOperator: 'set' }]),
    ],
  )
  await run()
  expect(await outcomeOf(id)).toMatchObject({ counts: { done: 1, refused: 0 } })
  expect(await statesOf('twice')).toEqual([[end(token), 'active']])
})

test('a request that fails holds up none behind it', async () => {
  const id = await registering({ hwid: 'poison', push_token: newToken() })
  await server.db.query("update bulk_request set entries = '[7]' where id = $1", [id])
  server.clock.advance(1000)
  const behind = await registering({ hwid: 'behind', push_token: newToken() })
  await expect(run()).rejects.toThrow()
  expect(await outcomeOf(behind)).toMatchObject({ state: 'done', counts: { done: 1 } })
  expect(await outcomeOf(id)).toMatchObject({ state: 'waiting' })
  await server.db.query('delete from bulk_request where id = $1', [id])
})
