/** Lists of ids, from the file to the devices that a condition finds by them. */
import { randomUUID } from 'node:crypto'
import type { AddedToList, Condition, ListView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, SERVER_TOKEN, startBare } from '../../test/bare.ts'
import { compileCondition } from './condition.ts'
import { dropAbandonedLists } from './list-deletion.ts'
import { addFile } from './lists.ts'
import { readScope } from './scope.ts'

let server: BareServer
let app: Access
let appId: number
const DEVICES = ['anna', 'ben', 'carl', 'dora']
beforeAll(async () => {
  server = await startBare()
  app = await server.createApp()
  for (const hwid of DEVICES)
    await server.device(app, 'registerUser', { hwid, userId: hwid === 'dora' ? 'anna@x' : `${hwid}@x` })
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app.app])
  appId = rows[0]?.id as number
})
afterAll(() => server.close())

const path = (rest = '') => `/v1/apps/${app.app}/lists${rest}`
type Made = AddedToList & { readonly id: string }
const make = async (body: object) => (await server.rest<Made>('POST', path(), body)).body

async function upload(id: string, type: string, body: string, query = '') {
  const response = await fetch(`${server.url}${path(`/${id}/ids${query}`)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SERVER_TOKEN}`, 'content-type': type },
    body,
  })
  return { status: response.status, body: (await response.json()) as AddedToList & { code?: string } }
}

async function matching(condition: Condition): Promise<string[]> {
  const scope = await readScope(server.db, { appId, condition, at: server.clock.now() })
  const { sql, values } = compileCondition(condition, { firstParameter: 2, scope })
  const { rows } = await server.db.query<{ hwid: string }>(
    `select hwid from device d where app_id = $1 and ${sql} order by 1`,
    [appId, ...values],
  )
  return rows.map(it => it.hwid)
}

const refused = (condition: Condition) =>
  server.rest('POST', `/v1/apps/${app.app}/messages`, { to: { condition }, content: { title: 'Hello' } })

test('a list of hwids that comes with its ids is ready at once, and names those that nobody has', async () => {
  const made = await make({ name: 'VIPs', kind: 'devices', ids: ['anna', 'carl', 'zoe', 'carl'] })
  expect(made).toMatchObject({ added: 3, unknown: 1, unknownIds: ['zoe'], refused: 0 })
  expect(made.list).toMatchObject({ name: 'VIPs', kind: 'devices', state: 'ready', count: 3 })
  expect(await matching({ list: made.id })).toEqual(['anna', 'carl'])
  expect(await matching({ not: { list: made.id } })).toEqual(['ben', 'dora'])
  await server.device(app, 'applicationOpen', { hwid: 'zoe' })
  expect(await matching({ list: made.id })).toEqual(['anna', 'carl', 'zoe'])
  await server.db.query("delete from device where hwid = 'zoe'")
})

test('a list of user ids means all devices of a person, also after a switch of accounts', async () => {
  const { id, unknownIds } = await make({ name: 'People', kind: 'users', ids: ['anna@x', 'nobody@x'] })
  expect(unknownIds).toEqual(['nobody@x'])
  expect(await matching({ list: id })).toEqual(['anna', 'dora'])
  await server.device(app, 'registerUser', { hwid: 'dora', userId: 'else@x' })
  expect(await matching({ list: id })).toEqual(['anna'])
  await server.device(app, 'registerUser', { hwid: 'dora', userId: 'anna@x' })
})

test.each([
  ['CSV with a header among other columns', 'text/csv', 'name,Hwid\nx,anna\ny,"ben"\nz,\n', 1],
  ['CSV of one column without a header', 'text/csv; charset=utf-8', 'anna\r\nben\r\n\r\n', 0],
  ['NDJSON of ids', 'application/x-ndjson', '"anna"\n"ben"\n7 7\n', 1],
  ['NDJSON of objects', 'application/x-ndjson', '{"hwid":"anna","x":1}\n{"hwid":"ben"}\n{"id":"carl"}', 1],
])('%s fills a list, and lines without an id are told with their place', async (_, type, file, bad) => {
  const { id } = await make({ name: 'File', kind: 'devices' })
  const { status, body } = await upload(id, type, file)
  expect([status, body.added, body.refused, body.refusals.length]).toEqual([200, 2, bad, bad])
  if (bad > 0) expect(body.refusals[0]).toMatchObject({ line: file.startsWith('name') ? 4 : 3 })
  expect(await matching({ list: id })).toEqual(['anna', 'ben'])
})

test('a list in parts is named by no condition before its last part, and a part may be sent twice', async () => {
  const { id, list } = await make({ name: 'Parts', kind: 'devices' })
  expect(list.state).toBe('loading')
  const first = () => upload(id, 'text/csv', 'hwid\nanna\n', '?final=false')
  expect([(await first()).body.added, (await first()).body.added]).toEqual([1, 0])
  expect((await refused({ not: { list: id } })).body).toMatchObject({
    code: 'condition_invalid',
    detail: `condition.not: list ${id} is none of this app, or it is still being loaded`,
  })
  expect((await upload(id, 'text/csv', 'ben\n')).body.list).toMatchObject({ state: 'ready', count: 2 })
  expect(await matching({ list: id })).toEqual(['anna', 'ben'])
})

test('ids are added and removed one by one, and a list gets another name', async () => {
  const { id } = await make({ name: 'Old', kind: 'devices', ids: ['anna', 'ben'] })
  const change = { name: 'New', add: ['carl'], remove: ['anna', 'nobody'] }
  for (let i = 0; i < 2; i++) await server.rest('PATCH', path(`/${id}`), change)
  expect((await server.rest<ListView>('GET', path(`/${id}`))).body).toMatchObject({ name: 'New', count: 2 })
  expect(await matching({ list: id })).toEqual(['ben', 'carl'])
  const { lists } = (await server.rest<{ lists: ListView[] }>('GET', path())).body
  expect(lists.find(it => it.id === id)).toMatchObject({ name: 'New', count: 2, state: 'ready' })
})

test('a list is kept as long as a message waits that names it, and then goes with all its members', async () => {
  const { id } = await make({ name: 'Used', kind: 'devices', ids: ['anna'] })
  const sendAt = new Date(server.clock.now() + 3_600_000).toISOString()
  const message = { to: { condition: { not: { list: id } } }, content: { title: 'Hello' }, sendAt }
  const { body } = await server.rest('POST', `/v1/apps/${app.app}/messages`, message)
  const gone = () =>
    fetch(`${server.url}${path(`/${id}`)}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${SERVER_TOKEN}` },
    })
  const refusal = (await (await gone()).json()) as { code: string; detail: string }
  expect(refusal.code).toBe('list_in_use')
  expect(refusal.detail).toContain(body.id)
  await server.db.query("update message set state = 'done' where id = $1", [body.id])
  const recurring = { to: { condition: { not: { list: id } } }, content: { title: 'Hello' } }
  const schedule = await server.rest<{ id: string }>('POST', `/v1/apps/${app.app}/schedules`, {
    name: 'Daily',
    cron: '0 9 * * *',
    message: recurring,
  })
  expect(((await (await gone()).json()) as { detail: string }).detail).toContain('schedule "Daily"')
  await server.db.query('delete from schedule where id = $1', [schedule.body.id])
  expect((await gone()).status).toBe(204)
  expect((await gone()).status).toBe(404)
  const left = await server.db.query('select from audience_list_device where list_id = $1', [id])
  expect(left.rowCount).toBe(0)
  expect((await refused({ list: id })).status).toBe(400)
})

test.each([
  ['a list of another app', () => ({ status: 404, code: 'list_unknown' }), 'GET', undefined],
  ['a file of no known form', () => ({ status: 400, code: 'input_invalid' }), 'POST', 'image/png'],
])('%s is refused', async (_, expected, method, type) => {
  const { id } = await make({ name: 'Any', kind: 'devices', ids: [] })
  const other = await server.createApp()
  const owner = type === undefined ? other : app
  const response = await fetch(
    `${server.url}/v1/apps/${owner.app}/lists/${id}${type === undefined ? '' : '/ids'}`,
    {
      method,
      headers: {
        authorization: `Bearer ${SERVER_TOKEN}`,
        ...(type === undefined ? {} : { 'content-type': type }),
      },
      ...(type === undefined ? {} : { body: 'anna' }),
    },
  )
  const { code } = (await response.json()) as { code: string }
  expect({ status: response.status, code }).toEqual(expected())
})

test('who is erased is in no list any more', async () => {
  const { id } = await make({ name: 'Erased', kind: 'users', ids: ['ben@x', 'carl@x'] })
  const devices = await make({ name: 'Erased', kind: 'devices', ids: ['ben', 'carl'] })
  const { body } = await server.rest<{ counts: Record<string, number> }>(
    'POST',
    `/v1/apps/${app.app}/erasures`,
    { userId: 'ben@x' },
  )
  expect(body.counts).toMatchObject({ audience_list_user: 1 })
  expect(body.counts.audience_list_device).toBeGreaterThan(0)
  for (const it of [id, devices.id])
    expect((await server.rest<ListView>('GET', path(`/${it}`))).body.count).toBe(1)
})

test('two hundred thousand ids come as a stream, and their unknown ones are read in pages', async () => {
  const { id } = await make({ name: 'Many', kind: 'devices' })
  const COUNT = 200_000
  const source = async function* () {
    yield Buffer.from('hwid\nanna\n')
    for (let i = 0; i < COUNT; i += 1000)
      yield Buffer.from(Array.from({ length: 1000 }, (_, n) => `${randomUUID()}-${i + n}\n`).join(''))
  }
  const now = () => server.clock.now()
  const file = { appId, id, source: source(), format: 'csv', isFinal: true, now } as const
  const added = await addFile(server.db, file)
  expect(added).toMatchObject({ added: COUNT + 1, unknown: COUNT, refused: 0 })
  expect([added.unknownIds.length, added.list.count]).toEqual([100, COUNT + 1])
  const response = await fetch(`${server.url}${path(`/${id}/unknown`)}`, {
    headers: { authorization: `Bearer ${SERVER_TOKEN}` },
  })
  const ids = (await response.text()).trim().split('\n')
  expect([ids.length, new Set(ids).size, ids.includes('"anna"')]).toEqual([COUNT, COUNT, false])
})

test('a list whose upload broke off is dropped after a week, and no other', async () => {
  const { id } = await make({ name: 'Broken', kind: 'devices' })
  await upload(id, 'text/csv', 'hwid\nanna\n', '?final=false')
  const ready = await make({ name: 'Ready', kind: 'devices', ids: ['anna'] })
  const day = 24 * 3_600_000
  // One whose deletion broke off, and that a segment was made of in the same moment, keeps nobody from cleaning the others.
  const named = await make({ name: 'Named', kind: 'devices', ids: ['anna'] })
  await server.rest('POST', `/v1/apps/${app.app}/segments`, { name: 'of it', condition: { list: named.id } })
  await server.db.query("update audience_list set state = 'loading', updated_at = $2 where id = $1", [
    named.id,
    new Date(server.clock.now() - 2 * day),
  ])
  expect(await dropAbandonedLists(server.db, server.clock.now() + 4 * day)).toBe(0)
  expect(await dropAbandonedLists(server.db, server.clock.now() + 8 * day)).toBe(1)
  expect((await server.rest('GET', path(`/${id}`))).status).toBe(404)
  expect((await server.rest('GET', path(`/${named.id}`))).status).toBe(200)
  expect(await matching({ list: ready.id })).toEqual(['anna'])
})
