/** The feed of removals as webhooks get it, and as the compatible protocol asks for it. */
import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Removal } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificate } from '../../../gateways/test/peer.ts'
import { type Access, type BareServer, SECRET, SERVER_TOKEN, startBare } from '../../test/bare.ts'
import { tick } from '../../test/roost.ts'
import { Seal } from '../credentials/seal.ts'
import { deliverWithRemovals } from './removal-webhooks.ts'

let server: BareServer
let listener: Server
let ca: string
let app: Access
let status = 204
const received: Removal[][] = []

beforeAll(async () => {
  const certificate = await makeCertificate()
  ca = certificate.cert
  listener = createServer(certificate, (request, response) => {
    let body = ''
    request.on('data', part => {
      body += part
    })
    request.on('end', () => {
      if (status === 204) received.push((JSON.parse(body) as { data: { removals: Removal[] } }).data.removals)
      response.writeHead(status).end()
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const caFile = join(tmpdir(), `roost-feed-ca-${process.pid}.pem`)
  await writeFile(caFile, ca)
  server = await startBare({
    environment: { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1', ROOST_EXTRA_CA: caFile },
  })
  app = await server.createApp()
})
afterAll(async () => {
  await server.close()
  listener.closeAllConnections()
  await new Promise(resolve => listener.close(resolve))
})

const register = (hwid: string, token: string) =>
  server.device(app, 'registerDevice', { hwid, device_type: 3, push_token: token })
const unregister = (hwid: string) => server.device(app, 'unregisterDevice', { hwid, device_type: 3 })
const got = () => received.flat().map(it => `${it.hwid} ${it.event}`)

/** The feed stops below the oldest transaction that runs, and the server's own come and go. */
async function deliverUntil(count: number): Promise<void> {
  const options = { db: server.db, seal: new Seal(SECRET), allowPrivate: true, extraCa: ca }
  await deliverWithRemovals(options, server.clock.now())
  if (got().length >= count) return
  await tick()
  await deliverUntil(count)
}

/** Other processes may be at it, too: it was received when they are done. */
async function untilReceived(count: number): Promise<void> {
  const options = { db: server.db, seal: new Seal(SECRET), allowPrivate: true, extraCa: ca }
  await deliverWithRemovals(options, server.clock.now())
  if (received.length >= count) return
  await tick()
  await untilReceived(count)
}

test('a webhook is told of removals from its addition on, each once and in order, also after it was down', async () => {
  await register('before', 'token-before')
  await unregister('before')
  const { port } = listener.address() as AddressInfo
  const added = await server.rest('POST', `/v1/apps/${app.app}/webhooks`, {
    url: `https://127.0.0.1:${port}/hook`,
    events: ['base.removals'],
  })
  expect(added.status).toBe(201)
  await register('a', 'token-1')
  await register('a', 'token-2')
  await unregister('a')
  await deliverUntil(2)
  expect(got()).toEqual(['a superseded', 'a unregistered'])

  status = 503
  await register('b', 'token-3')
  await unregister('b')
  const options = { db: server.db, seal: new Seal(SECRET), allowPrivate: true, extraCa: ca }
  await deliverWithRemovals(options, server.clock.now())
  await register('b', 'token-4')
  await register('c', 'token-4')
  await deliverWithRemovals(options, server.clock.now())
  expect(got(), 'while it is down').toHaveLength(2)
  status = 204
  server.clock.advance(120_000)
  await deliverUntil(4)
  expect(got()).toEqual(['a superseded', 'a unregistered', 'b unregistered', 'b moved'])
})

test('the outbox names nobody, and a part that is asked for again tells nothing of a device that was erased meanwhile', async () => {
  const { rows } = await server.db.query<{ id: string; data: object }>(
    "select id, data from webhook_event where type = 'base.removals' order by id",
  )
  expect(JSON.stringify(rows.map(it => it.data))).not.toContain('hwid')
  const erased = await server.rest('POST', `/v1/apps/${app.app}/erasures`, { hwid: 'a' })
  expect(erased.status).toBe(200)
  const webhook = await server.db.query<{ id: string }>('select id from webhook')
  const before = received.length
  const again = await server.rest('POST', `/v1/apps/${app.app}/webhooks/${webhook.rows[0]?.id}/redeliver`, {
    eventIds: rows.map(it => it.id),
  })
  expect(again).toMatchObject({ status: 202, body: { count: rows.length } })
  await untilReceived(before + rows.length)
  const told = received.slice(before).flat()
  expect(told.map(it => `${it.hwid} ${it.event}`)).toEqual(['b unregistered', 'b moved'])
})

test('parts come one after another, whatever waits and whoever delivers: a later one never overtakes', async () => {
  const { rows } = await server.db.query<{ id: string }>(
    "select id from webhook_event where type = 'base.removals' order by id",
  )
  const { rows: webhooks } = await server.db.query<{ id: string }>('select id from webhook')
  const options = { db: server.db, seal: new Seal(SECRET), allowPrivate: true, extraCa: ca }
  const before = received.length
  status = 503
  const path = `/v1/apps/${app.app}/webhooks/${webhooks[0]?.id}/redeliver`
  await server.rest('POST', path, { eventIds: rows.map(it => it.id) })
  server.clock.advance(1000)
  await Promise.all([1, 2, 3].map(() => deliverWithRemovals(options, server.clock.now())))
  const tried = await server.db.query<{ id: string; attempts: number }>(
    `select e.id, d.attempts from webhook_delivery d join webhook_event e on e.id = d.event_id
      where d.state = 'waiting' order by e.id`,
  )
  expect(tried.rows.map(it => it.attempts > 0)).toEqual([true, ...rows.slice(1).map(() => false)])
  status = 204
  server.clock.advance(120_000)
  await untilReceived(before + rows.length)
  expect(
    received
      .slice(before)
      .flat()
      .map(it => it.event),
  ).toEqual(['unregistered', 'moved'])
})

test('a database that was moved by dump and restore, and counts its transactions anew, goes on with the feed', async () => {
  const { db } = server
  await register('left', 'token-left')
  await unregister('left')
  // What pg_dump brings to a new server: numbers that lie far ahead there.
  const ahead = (column: string) => `(${column}::text::numeric + 1000000000)::text::xid8`
  await db.query(`update ledger set xid = ${ahead('xid')}`)
  await db.query(`update webhook_feed set xid = ${ahead('xid')}`)
  const before = received.length
  await register('arrived', 'token-arrived')
  await unregister('arrived')
  const told = () =>
    received
      .slice(before)
      .flat()
      .map(it => it.hwid)
  for (let n = before; !told().includes('arrived'); n = received.length) await untilReceived(n + 1)
  expect(told()).toEqual(['left', 'arrived'])
  const feed = await server.rest<{ removals: Removal[] }>('GET', `/v1/apps/${app.app}/removals?limit=1000`)
  expect(feed.body.removals.map(it => it.hwid)).toContain('left')
})

test('the removals of a time come as CSV and NDJSON, and from a time on as pages', async () => {
  const text = async (query: string) => {
    const response = await fetch(`${server.url}/v1/apps/${app.app}/removal-export${query}`, {
      headers: { authorization: `Bearer ${SERVER_TOKEN}` },
    })
    expect(response.status).toBe(200)
    return response.text()
  }
  const [header, ...lines] = (await text('?event=moved')).trim().split('\n')
  expect(header).toBe('id,at,hwid,event,reason,provider,environment,kind,addressEnd,messageId')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^\d+-\d+,20[^,]+,b,moved,registered_by_another_device,fcm,,alert,token-4,$/)
  const rows = (await text('?format=ndjson&reason=asked_by_device')).trim().split('\n')
  expect(rows.map(it => (JSON.parse(it) as Removal).hwid)).toContain('left')
  const tomorrow = new Date(server.clock.now() + 86_400_000).toISOString()
  expect(await text(`?from=${tomorrow}`)).toBe(`${header}\n`)
  const since = new Date(server.clock.now() - 86_400_000).toISOString()
  const page = (query: string) =>
    server.rest<{ removals: Removal[] }>('GET', `/v1/apps/${app.app}/removals?limit=1000&${query}`)
  expect((await page(`from=${since}`)).body).toEqual((await page('')).body)
  expect((await page(`from=${tomorrow}`)).body).toMatchObject({ removals: [] })
})

test('the newest come first where they are asked for, page by page, each once', async () => {
  interface Page {
    readonly removals: Removal[]
    readonly next: string
    readonly hasMore: boolean
  }
  const page = async (query: string) =>
    (await server.rest<Page>('GET', `/v1/apps/${app.app}/removals?${query}`)).body
  const since = new Date(server.clock.now() - 86_400_000).toISOString()
  const newestFrom = async (after: string): Promise<Removal[]> => {
    const { removals, next, hasMore } = await page(`order=newest&limit=2&from=${since}&after=${after}`)
    return hasMore ? [...removals, ...(await newestFrom(next))] : removals
  }
  const all = await page('limit=1000')
  expect(all.removals.length).toBeGreaterThan(4)
  expect(await newestFrom('')).toEqual(all.removals.toReversed())
})

test('getUnregisteredDevices names the devices that lost their address in these days and have none since', async () => {
  const today = new Date(server.clock.now()).toISOString().slice(0, 10)
  const ask = async (fields: object) => {
    const response = await fetch(`${server.url}/json/1.3/getUnregisteredDevices`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain;charset=UTF-8' },
      body: JSON.stringify({
        request: { application: app.app, auth: SERVER_TOKEN, date_from: today, date_to: today, ...fields },
      }),
    })
    return (await response.json()) as { status_code: number; response: { hwids: string[] } | null }
  }
  await register('gone', 'token-gone')
  await unregister('gone')
  await register('back', 'token-back')
  await unregister('back')
  await register('back', 'token-back')
  const { response } = await ask({})
  expect(response?.hwids).toContain('gone')
  expect(response?.hwids).not.toContain('back')
  expect((await ask({ date_from: '2020-01-01', date_to: '2020-01-02' })).response).toEqual({ hwids: [] })
  expect((await ask({ auth: app.deviceToken })).status_code).not.toBe(200)
  expect((await ask({ date_to: 'yesterday' })).status_code).toBe(210)
})
