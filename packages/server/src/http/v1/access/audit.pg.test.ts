/** The audit log: every change with who, when and what, and nothing that must not be kept. */
import type { AuditEntry } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BareServer, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'
import { bearer, join, makeOwner } from '../../../../test/people.ts'
import type { Visitor } from '../../../../test/visitor.ts'
import { dropOldAudit } from '../../../access/audit.ts'

let server: BareServer
let owner: Visitor
let app: string
beforeAll(async () => {
  server = await startBare({ environment: { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' } })
  owner = await makeOwner(server)
  app = (await owner.call<{ code: string }>('POST', '/v1/apps', { name: 'Shop' })).body.code
})
afterAll(() => server.close())

type Log = { entries: AuditEntry[]; next: string | null }
const read = async (query = '', place = '/v1') =>
  (await owner.call<Log>('GET', `${place}/audit${query}`)).body
const newest = async () => (await read('?limit=1')).entries[0] as AuditEntry

test('it begins with whoever set the installation up', async () => {
  const { entries } = await read()
  expect(entries.map(it => [it.by, it.what, it.app, it.after])).toEqual([
    ['Olga', 'POST /v1/apps', null, 'Shop'],
    ['Olga', 'POST /v1/setup', null, 'owner Olga'],
  ])
  expect(entries[0]).toMatchObject({
    personId: expect.any(Number),
    sessionId: expect.any(String),
    tokenId: null,
  })
})

test('it has a change with before and after, and by a token as well', async () => {
  await owner.call('PATCH', `/v1/apps/${app}`, { name: 'Shop 2', needsPermission: true })
  expect(await newest()).toMatchObject({
    by: 'Olga',
    app,
    what: 'PATCH /v1/apps/{app}',
    before: 'name: Shop, needsPermission: false',
    after: 'name: Shop 2, needsPermission: true',
  })
  await owner.call('PATCH', `/v1/apps/${app}`, { name: 'Shop' }, bearer(SERVER_TOKEN))
  expect(await newest()).toMatchObject({
    before: 'name: Shop 2', // by the change a moment ago
    after: 'name: Shop',
    by: 'Server administrator',
    personId: null,
    tokenId: expect.any(Number),
  })
})

test('it has a change of role with the name of the person', async () => {
  const vera = await join(owner, { url: server.url, role: 'viewer', name: 'Vera', app })
  const { body } = await vera.call<{ person: { id: number } }>('GET', '/v1/me')
  expect(await newest()).toMatchObject({
    by: 'Vera',
    app,
    what: 'POST /v1/join',
    after: 'viewer, invited by Olga',
  })
  await owner.call('PUT', `/v1/apps/${app}/members/${body.person.id}`, { role: 'editor' })
  expect(await newest()).toMatchObject({ subject: 'Vera', before: 'viewer', after: 'editor' })
})

test('it has nothing of what was refused, and nothing of what only reads', async () => {
  const { id } = await newest()
  await owner.call('PATCH', `/v1/apps/${app}`, { name: '' })
  await owner.call('DELETE', '/v1/members/999999')
  await owner.call('GET', `/v1/apps/${app}`)
  await owner.call('POST', `/v1/apps/${app}/segments/compile`, { expression: 'T("a", EQ, 1)' })
  expect((await newest()).id).toBe(id)
})

test('it tells no secret, no content, and no id of a device or a user', async () => {
  const webhook = { url: 'https://127.0.0.1:9/SECRETPATH', events: ['base.deaths_held'] }
  expect((await owner.call('POST', `/v1/apps/${app}/webhooks`, webhook)).status).toBe(201)
  await owner.call('PUT', `/v1/apps/${app}/devices/SECRETHWID`, { platform: 'ios', userId: 'SECRETUSER' })
  await owner.call('POST', `/v1/apps/${app}/users/SECRETUSER/logout`, {})
  await owner.call('POST', `/v1/apps/${app}/messages`, {
    to: { devices: ['SECRETHWID'] },
    content: { title: 'SECRETTITLE' },
  })
  await owner.call('POST', `/v1/apps/${app}/erasures`, { hwid: 'SECRETHWID' })
  const { entries } = await read('?limit=200')
  expect(entries.map(it => it.what)).toEqual(
    expect.arrayContaining(['PUT /v1/apps/{app}/devices/{hwid}', 'POST /v1/apps/{app}/erasures']),
  )
  expect(JSON.stringify(entries)).not.toContain('SECRET')
})

test('what back ends say of devices and the messages that they send are no words in it', async () => {
  const { id } = await newest()
  const call = (method: string, path: string, body: object) =>
    owner.call(method, `/v1/apps/${app}${path}`, body, bearer(SERVER_TOKEN))
  expect((await call('PUT', '/devices/d1', { platform: 'ios' })).status).toBeLessThan(300)
  expect((await call('POST', '/messages', { to: { devices: ['d1'] }, content: { title: 'x' } })).status).toBe(
    202,
  )
  expect((await newest()).id).toBe(id)
  expect((await call('POST', '/test-devices', { hwid: 'd1', name: 'Mine' })).status).toBeLessThan(300)
  expect(await newest()).toMatchObject({ what: 'POST /v1/apps/{app}/test-devices', after: null })
})

test('it is read page by page, and by who, what and when', async () => {
  const all = (await read('?limit=200')).entries
  const pages: AuditEntry[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: Log = await read(`?limit=3${after === '' ? '' : `&after=${after}`}`)
    pages.push(...page.entries)
    after = page.next
  }
  expect(pages).toEqual(all)
  expect((await read('?what=/apps/{app}/members')).entries.every(it => it.what.includes('/members'))).toBe(
    true,
  )
  const byTokens = await read(`?token=${all.find(it => it.tokenId !== null)?.tokenId}`)
  expect(byTokens.entries.map(it => it.by)).toContain('Server administrator')
  expect(byTokens.entries.every(it => it.personId === null)).toBe(true)
  expect((await read('?to=2020-01-01T00:00:00Z')).entries).toEqual([])
  expect(await read('?after=the-newest')).toMatchObject({
    code: 'input_invalid',
    detail: 'querystring/after: it must be what an answer has as "next"; it is "the-newest"',
  })
})

test.each(['person', 'token'])('a number that no %s can have is refused by its name', async name => {
  for (const log of ['audit', 'audit-export']) {
    const { status, body } = await owner.call('GET', `/v1/${log}?${name}=2147483648`)
    expect([status, body]).toEqual([
      400,
      expect.objectContaining({ detail: expect.stringContaining(`querystring/${name}: it must be at most`) }),
    ])
  }
})

test('an owner of an app reads what was changed in it alone', async () => {
  const ada = await join(owner, { url: server.url, role: 'owner', name: 'Ada', app })
  const { body } = await ada.call<Log>('GET', `/v1/apps/${app}/audit`)
  expect(body.entries.length).toBeGreaterThan(0)
  expect(body.entries.every(it => it.app === app)).toBe(true)
  expect((await ada.call('GET', '/v1/audit')).status).toBe(403)
})

test('it is saved as a file by the same choice, whole, and harmless in spreadsheets', async () => {
  await owner.call('PATCH', `/v1/apps/${app}`, { name: '=1+1' })
  const file = async (query = '', place = '/v1') => {
    const { headers, body } = await owner.call<string>('GET', `${place}/audit-export${query}`)
    expect(headers.get('content-type')).toContain('text/csv')
    return body.replace('\ufeff', '').trimEnd().split('\n')
  }
  const all = (await read('?limit=200')).entries
  const [head, ...lines] = await file()
  expect(head).toBe('at,app,by,what,subject,before,after,personId,tokenId,sessionId,id')
  expect(lines.map(it => it.split(',').at(-1))).toEqual(all.map(it => it.id))
  expect(lines[0]).toContain('PATCH /v1/apps/{app}')
  expect((await file('?format=spreadsheet'))[1]).toContain('name: =1+1') // no formula: it begins with a word
  const chosen = (await read('?limit=200&what=/members')).entries
  expect(await file('?what=/members')).toHaveLength(chosen.length + 1)
  expect((await file('', `/v1/apps/${app}`)).length).toBeLessThan(lines.length)
  const vera = await join(owner, { url: server.url, role: 'viewer', name: 'Viola' })
  expect((await vera.call('GET', '/v1/audit-export')).status).toBe(403)
  await owner.call('PATCH', `/v1/apps/${app}`, { name: 'Shop' })
})

test('a file of more than a thousand changes has each of them once', async () => {
  await server.db.query(
    `insert into audit_entry (at, by, what) select $1::timestamptz + i * interval '1 second', 'Olga', 'PUT /v1/many' from generate_series(1, 2500) i`,
    [new Date(server.clock.now())],
  )
  const { body } = await owner.call<string>('GET', '/v1/audit-export?what=/many')
  const ids = body
    .trimEnd()
    .split('\n')
    .slice(1)
    .map(it => it.split(',').at(-1))
  expect(new Set(ids).size).toBe(2500)
  expect(ids).toHaveLength(2500)
  await server.db.query("delete from audit_entry where what = 'PUT /v1/many'")
})

test('it is kept for a year', async () => {
  const year = 366 * 86_400_000
  expect(await dropOldAudit(server.db, server.clock.now() + year - 3_600_000)).toBe(0)
  expect(await dropOldAudit(server.db, server.clock.now() + year + 60_000)).toBeGreaterThan(5)
  expect((await read()).entries).toEqual([])
})
