/** Webhooks: told at least once, signed, tried again, and never sent to where only we could reach. */
import { createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WebhookDelivery, WebhookView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificate } from '../../../../../gateways/test/peer.ts'
import { type Access, type BareServer, SECRET, SERVER_TOKEN, startBare } from '../../../../test/bare.ts'
import { Seal } from '../../../credentials/seal.ts'
import { type DeliverOptions, deliverDue, RETRY_AFTER_MS } from '../../../webhooks/deliver.ts'
import { recordEvent } from '../../../webhooks/outbox.ts'

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let server: BareServer
let listener: Server
let origin: string
let ca: string
const received: Received[] = []
/** What the listener answers to each path, 0: nothing; 204 to others. */
const answers = new Map<string, { status: number; headers?: Record<string, string> }>()

beforeAll(async () => {
  const certificate = await makeCertificate()
  ca = certificate.cert
  listener = createServer(certificate, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const path = request.url ?? ''
      received.push({ path, headers: request.headers, body: Buffer.concat(parts).toString() })
      const { status, headers } = answers.get(path) ?? { status: 204 }
      if (status > 0) response.writeHead(status, headers).end()
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  origin = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const caFile = join(tmpdir(), `roost-webhook-ca-${process.pid}.pem`)
  await writeFile(caFile, ca)
  server = await startBare({
    environment: { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1', ROOST_EXTRA_CA: caFile },
  })
})
afterAll(async () => {
  await server.close()
  listener.closeAllConnections()
  await new Promise(resolve => listener.close(resolve))
})

const MINUTE_MS = 60_000

/** What came for the webhook of this name. */
function got(name: string): Received[] {
  return received.filter(it => it.path === `/${name}`)
}
const path = ({ app }: Access) => `/v1/apps/${app}/webhooks`

async function appIdOf({ app }: Access): Promise<number> {
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [app])
  return rows[0]?.id ?? -1
}

interface Hook extends WebhookView {
  readonly secret: string
  readonly access: Access
}

async function addHook(name: string, change: object = {}): Promise<Hook> {
  const access = await server.createApp()
  const { status, body } = await server.rest<Hook>('POST', path(access), {
    url: `${origin}/${name}`,
    ...change,
  })
  expect(status).toBe(201)
  return { ...body, access }
}

async function happen(hook: Hook, at: number): Promise<string> {
  const data = { credentialId: 'c-1', days: 7 }
  return recordEvent(server.db, { appId: await appIdOf(hook.access), type: 'credential.expiring', data, at })
}

function deliver(at: number, change: Partial<DeliverOptions> = {}) {
  return deliverDue({ db: server.db, seal: new Seal(SECRET), allowPrivate: true, extraCa: ca, ...change }, at)
}

async function logOf(hook: Hook): Promise<WebhookDelivery[]> {
  const { body } = await server.rest<{ deliveries: WebhookDelivery[] }>(
    'GET',
    `${path(hook.access)}/${hook.id}/deliveries`,
  )
  return body.deliveries
}

/** Far ahead of the server's own runs, which work by its clock: nothing of these tests is due to them. */
let later = Date.now() + 365 * 24 * 60 * MINUTE_MS
function aTime(): number {
  later += 30 * 24 * 60 * MINUTE_MS
  return later
}

test('an event is posted with a signature over id, time and body that the shown secret proves', async () => {
  const at = aTime()
  const hook = await addHook('signed')
  const eventId = await happen(hook, at)
  await deliver(at)
  const [request] = got('signed')
  expect(JSON.parse(request?.body ?? '')).toEqual({
    type: 'credential.expiring',
    timestamp: new Date(at).toISOString(),
    app: hook.access.app,
    data: { credentialId: 'c-1', days: 7 },
  })
  const timestamp = String(Math.floor(at / 1000))
  const key = Buffer.from(hook.secret.replace('whsec_', ''), 'base64')
  const mac = createHmac('sha256', key).update(`${eventId}.${timestamp}.${request?.body}`).digest('base64')
  expect(request?.headers).toMatchObject({
    'webhook-id': eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac}`,
    'content-type': 'application/json',
  })
  expect(await logOf(hook)).toMatchObject([
    { eventId, type: 'credential.expiring', state: 'delivered', attempts: 1, status: 204, error: null },
  ])
})

test('what was delivered is not sent again', async () => {
  const at = aTime()
  const hook = await addHook('once')
  await happen(hook, at)
  await deliver(at)
  await deliver(at + 24 * 60 * MINUTE_MS)
  expect(got('once')).toHaveLength(1)
})

test('a refused event is tried again after a minute, then ever later, and given up in the end', async () => {
  const at = aTime()
  const hook = await addHook('broken')
  answers.set('/broken', { status: 500 })
  await happen(hook, at)
  let now = at
  await deliver(now)
  expect(await logOf(hook)).toMatchObject([
    {
      state: 'waiting',
      attempts: 1,
      status: 500,
      error: 'status 500',
      nextAttemptAt: new Date(at + MINUTE_MS).toISOString(),
    },
  ])
  for (const pause of RETRY_AFTER_MS) {
    await deliver(now + pause - 1)
    now += pause
    await deliver(now)
  }
  expect(got('broken')).toHaveLength(1 + RETRY_AFTER_MS.length)
  expect(new Set(got('broken').map(it => it.headers['webhook-id'])).size).toBe(1)
  expect(await logOf(hook)).toMatchObject([{ state: 'failed', attempts: 8, nextAttemptAt: null }])
  await deliver(now + 30 * 24 * 60 * MINUTE_MS)
  expect(got('broken')).toHaveLength(1 + RETRY_AFTER_MS.length)
})

test('an event that is refused once and then taken counts as delivered', async () => {
  const at = aTime()
  const hook = await addHook('mended')
  answers.set('/mended', { status: 503 })
  await happen(hook, at)
  await deliver(at)
  answers.delete('/mended')
  await deliver(at + MINUTE_MS)
  expect(await logOf(hook)).toMatchObject([{ state: 'delivered', attempts: 2, status: 204, error: null }])
})

test('410 Gone ends a delivery at once', async () => {
  const at = aTime()
  const hook = await addHook('gone')
  answers.set('/gone', { status: 410 })
  await happen(hook, at)
  await deliver(at)
  expect(await logOf(hook)).toMatchObject([{ state: 'failed', attempts: 1, status: 410 }])
})

/** All failures of one event, at the times at which it is tried. Returns when the last one was. */
async function failAll(hook: Hook, at: number): Promise<number> {
  await happen(hook, at)
  let now = at
  await deliver(now)
  for (const pause of RETRY_AFTER_MS) {
    now += pause
    await deliver(now)
  }
  return now
}

test('a webhook that takes nothing for five days is told no more, which an alert and the other webhooks tell', async () => {
  const at = aTime()
  const hook = await addHook('down')
  const { body: other } = await server.rest<Hook>('POST', path(hook.access), {
    url: `${origin}/down-other`,
    events: ['webhook.disabled'],
  })
  answers.set('/down', { status: 500 })
  const read = async () => (await server.rest<WebhookView>('GET', `${path(hook.access)}/${hook.id}`)).body
  await failAll(hook, at)
  expect(await read()).toMatchObject({
    isActive: true,
    failures: 8,
    failingSince: new Date(at).toISOString(),
    disabledAt: null,
  })
  const day = 24 * 60 * MINUTE_MS
  await failAll(hook, at + 4.5 * day)
  const disabled = await read()
  expect(disabled).toMatchObject({ isActive: false, disabledAt: expect.any(String) })
  const seen = got('down').length
  await deliver(at + 10 * day)
  expect(got('down'), 'it is told no more').toHaveLength(seen)
  expect(got('down-other').map(it => JSON.parse(it.body))).toMatchObject([
    { type: 'webhook.disabled', data: { webhookId: hook.id, origin, error: 'status 500' } },
  ])
  const alerts = `/v1/apps/${hook.access.app}/alerts`
  const open = await server.rest<{ alerts: { kind: string; data: object }[] }>('GET', `${alerts}?state=open`)
  expect(open.body.alerts).toMatchObject([{ kind: 'webhook_disabled', data: { webhookId: hook.id } }])
  expect(JSON.stringify(open.body)).not.toContain('/down')

  answers.delete('/down')
  const { body: active } = await server.rest('PATCH', `${path(hook.access)}/${hook.id}`, { isActive: true })
  expect(active).toMatchObject({ isActive: true, failures: 0, failingSince: null, disabledAt: null })
  expect((await server.rest('GET', `${alerts}?state=open`)).body).toEqual({ alerts: [] })
  await deliver(at + 10 * day)
  expect((await logOf(hook)).map(it => it.state)).toContain('delivered')
  expect(await logOf({ ...other, access: hook.access })).toHaveLength(1)
})

test('the alert of a disabled webhook closes with its deletion', async () => {
  const at = aTime()
  const hook = await addHook('deleted-while-down')
  answers.set('/deleted-while-down', { status: 500 })
  await failAll(hook, at)
  await failAll(hook, at + 4.5 * 24 * 60 * MINUTE_MS)
  const alerts = async () =>
    (
      await server.rest<{ alerts: { state: string; kind: string }[] }>(
        'GET',
        `/v1/apps/${hook.access.app}/alerts`,
      )
    ).body.alerts
  expect(await alerts()).toMatchObject([{ kind: 'webhook_disabled', state: 'open' }])
  await fetch(`${server.url}${path(hook.access)}/${hook.id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${SERVER_TOKEN}` },
  })
  expect(await alerts()).toMatchObject([{ kind: 'webhook_disabled', state: 'closed' }])
})

test('one acceptance between failures is a new beginning', async () => {
  const at = aTime()
  const hook = await addHook('recovers')
  answers.set('/recovers', { status: 500 })
  await failAll(hook, at)
  answers.set('/recovers', { status: 200 })
  await happen(hook, at + 1)
  await deliver(at + 1)
  const { body } = await server.rest('GET', `${path(hook.access)}/${hook.id}`)
  expect(body).toMatchObject({ isActive: true, failures: 0, failingSince: null })
})

test('a new secret signs beside the former one for a day, and then alone', async () => {
  const at = aTime()
  const hook = await addHook('rotated')
  const { status, body } = await server.rest<Hook>('POST', `${path(hook.access)}/${hook.id}/secret`, {})
  expect(status).toBe(200)
  expect(body.secret).not.toBe(hook.secret)
  const signatures = async (now: number) => {
    await happen(hook, now)
    await deliver(now)
    const { headers, body: text } = got('rotated').at(-1) as Received
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
    const of = (secret: string) =>
      `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
        .update(signed)
        .digest('base64')}`
    return {
      header: headers['webhook-signature'],
      both: `${of(body.secret)} ${of(hook.secret)}`,
      one: of(body.secret),
    }
  }
  const now = await signatures(server.clock.now())
  expect(now.header).toBe(now.both)
  const later = await signatures(at)
  expect(later.header).toBe(later.one)
  const leaked = await server.rest<Hook>('POST', `${path(hook.access)}/${hook.id}/secret`, { formerHours: 0 })
  expect(leaked.body.secret).not.toBe(body.secret)
  await happen(hook, at + 1)
  await deliver(at + 1)
  expect(got('rotated').at(-1)?.headers['webhook-signature']).not.toContain(' ')
})

test('a former secret that nobody can open any more keeps the new one from nothing', async () => {
  const hook = await addHook('lost')
  await server.db.query(
    "update webhook set sealed = 'sealed with a ROOST_SECRET that is lost' where id = $1",
    [hook.id],
  )
  await server.rest('POST', `${path(hook.access)}/${hook.id}/secret`, {})
  const now = server.clock.now()
  await happen(hook, now)
  await deliver(now)
  expect(got('lost')).toHaveLength(1)
})

test('events that were given up are delivered again when somebody asks for it', async () => {
  const at = aTime()
  const hook = await addHook('missed')
  answers.set('/missed', { status: 410 })
  const first = await happen(hook, at)
  const second = await happen(hook, at + 1)
  await deliver(at + 1)
  expect((await logOf(hook)).map(it => it.state)).toEqual(['failed', 'failed'])
  answers.delete('/missed')
  const again = (body: object) => server.rest('POST', `${path(hook.access)}/${hook.id}/redeliver`, body)
  expect(await again({ eventIds: [first] })).toMatchObject({ status: 202, body: { count: 1 } })
  await deliver(at + 2)
  expect((await logOf(hook)).map(it => [it.eventId, it.state])).toEqual([
    [second, 'failed'],
    [first, 'delivered'],
  ])
  const failedSince = new Date(at).toISOString()
  expect(await again({ failedSince })).toMatchObject({ body: { count: 1 } })
  await deliver(at + 3)
  expect((await logOf(hook)).map(it => it.state)).toEqual(['delivered', 'delivered'])
  expect(await again({})).toMatchObject({ status: 400 })
})

test('a redirect is not followed', async () => {
  const at = aTime()
  const hook = await addHook('moved')
  answers.set('/moved', { status: 307, headers: { location: `${origin}/elsewhere` } })
  await happen(hook, at)
  await deliver(at)
  expect(got('moved')).toHaveLength(1)
  expect(got('elsewhere')).toEqual([])
  expect(await logOf(hook)).toMatchObject([{ state: 'waiting', status: 307 }])
})

test('a worker that died with an event in hand loses it to the next one', async () => {
  const at = aTime()
  const hook = await addHook('taken')
  await happen(hook, at)
  await server.db.query(
    "update webhook_delivery set attempts = 1, due_at = $2 where webhook_id = $1 and state = 'waiting'",
    [hook.id, new Date(at + 2 * MINUTE_MS)], // as `deliverDue` leaves it before it posts
  )
  await deliver(at + MINUTE_MS)
  expect(got('taken')).toEqual([])
  await deliver(at + 2 * MINUTE_MS)
  expect(got('taken')).toHaveLength(1)
})

test('two processes that deliver at the same time send each event once', async () => {
  const at = aTime()
  const hook = await addHook('both')
  for (let i = 0; i < 30; i++) await happen(hook, at)
  await Promise.all([deliver(at), deliver(at)])
  expect(got('both')).toHaveLength(30)
  expect(new Set(got('both').map(it => it.headers['webhook-id'])).size).toBe(30)
})

test('a webhook that says nothing holds up no other one, however much waits for it', async () => {
  const at = aTime()
  const silent = await addHook('silent')
  answers.set('/silent', { status: 0 })
  for (let i = 0; i < 30; i++) await happen(silent, at - MINUTE_MS)
  const quick = await addHook('quick')
  await happen(quick, at)
  const stop = new AbortController()
  const delivering = deliver(at, { signal: stop.signal, deadlineMs: 60_000 })
  // Not only received: a stop would cut off an answer that is on its way.
  const state = async () => (await logOf(quick))[0]?.state
  await expect.poll(state).toBe('delivered')
  expect(got('quick')).toHaveLength(1)
  stop.abort()
  await delivering
  answers.delete('/silent')
})

test('of what waits for a webhook that is down only a few are tried in a run; the rest keep their attempts', async () => {
  const at = aTime()
  const hook = await addHook('down', { url: 'https://127.0.0.1:9/down' })
  for (let i = 0; i < 12; i++) await happen(hook, at)
  await deliver(at)
  expect((await logOf(hook)).map(it => it.attempts).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
  await server.rest('PATCH', `${path(hook.access)}/${hook.id}`, { url: `${origin}/up-again` })
  await deliver(at + MINUTE_MS)
  expect(new Set((await logOf(hook)).map(it => it.state))).toEqual(new Set(['delivered']))
  expect(got('up-again')).toHaveLength(12)
})

test('a webhook whose stored secret can’t be read says so and holds up no other one', async () => {
  const at = aTime()
  const hook = await addHook('unreadable')
  await server.db.query("update webhook set sealed = '\\x00' where id = $1", [hook.id])
  await happen(hook, at)
  const other = await addHook('readable')
  await happen(other, at)
  await deliver(at)
  expect(await logOf(hook)).toMatchObject([{ state: 'waiting', error: expect.stringContaining('secret') }])
  expect(got('readable')).toHaveLength(1)
})

test('an event of a transaction that fails is not told', async () => {
  const at = aTime()
  const hook = await addHook('undone')
  const appId = await appIdOf(hook.access)
  const failing = server.db.transaction(async tx => {
    await recordEvent(tx, { appId, type: 'credential.expired', data: {}, at })
    throw new Error('undone')
  })
  await expect(failing).rejects.toThrow('undone')
  await deliver(at)
  expect(got('undone')).toEqual([])
})

test('a webhook gets the events that it asked for, of its own app, while it is active', async () => {
  const at = aTime()
  const other = await addHook('other-events', { events: ['credential.refused'] })
  const stranger = await addHook('stranger')
  const paused = await addHook('paused')
  await server.rest('PATCH', `${path(paused.access)}/${paused.id}`, { isActive: false })
  await happen(other, at)
  await happen(paused, at)
  await happen(stranger, at)
  await deliver(at)
  expect([got('other-events'), got('paused')]).toEqual([[], []])
  expect(got('stranger')).toHaveLength(1)
})

test('a test event reaches a webhook by the background job of the running server', async () => {
  const hook = await addHook('tried', { events: ['credential.expired'] })
  const { status, body } = await server.rest<{ eventId: string }>(
    'POST',
    `${path(hook.access)}/${hook.id}/test`,
  )
  expect(status).toBe(202)
  await expect
    .poll(async () => (await logOf(hook))[0])
    .toMatchObject({ eventId: body.eventId, type: 'webhook.test', state: 'delivered' })
  expect(got('tried')).toHaveLength(1)
})

test('a call that wants no body may come with the headers of one', async () => {
  const hook = await addHook('bodiless', { events: ['credential.expired'] })
  const answer = await fetch(`${server.url}${path(hook.access)}/${hook.id}/test`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SERVER_TOKEN}`, 'content-type': 'application/json' },
  })
  expect(answer.status).toBe(202)
})

test('a webhook is listed, read, changed and deleted, and its secret is shown once', async () => {
  const hook = await addHook('crud')
  const one = `${path(hook.access)}/${hook.id}`
  const { secret, access, ...view } = hook
  expect((await server.rest('GET', path(access))).body).toEqual({ webhooks: [view] })
  expect((await server.rest('GET', one)).body).toEqual(view)
  const changed = await server.rest('PATCH', one, { url: `${origin}/crud2`, events: ['credential.expired'] })
  expect(changed.body).toEqual({ ...view, url: `${origin}/crud2`, events: ['credential.expired'] })
  expect(server.logged()).not.toContain(secret)
  const { rows } = await server.db.query<{ row: string }>(
    'select w::text as row from webhook w where id = $1',
    [hook.id],
  )
  expect(rows[0]?.row).not.toContain(Buffer.from(secret).toString('hex'))
  const deleted = await fetch(`${server.url}${one}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${SERVER_TOKEN}` },
  })
  expect(deleted.status).toBe(204)
  expect(await server.rest('GET', one)).toMatchObject({ status: 404, body: { code: 'webhook_unknown' } })
})

test('another app’s webhook is unknown', async () => {
  const hook = await addHook('mine')
  const stranger = await server.createApp()
  for (const [method, rest, body] of [
    ['GET', ''],
    ['PATCH', '', { isActive: false }],
    ['GET', '/deliveries'],
    ['POST', '/test'],
    ['DELETE', ''],
  ] as const) {
    const answer = await server.rest(method, `${path(stranger)}/${hook.id}${rest}`, body)
    expect(answer).toMatchObject({ status: 404, body: { code: 'webhook_unknown' } })
  }
  expect((await server.rest('GET', `${path(hook.access)}/${hook.id}`)).body.isActive).toBe(true)
})

test.each([
  ['http', 'http://example.com/x', 'input_invalid'],
  ['a password', 'https://a:b@example.com/x', 'webhook_url_refused'],
])('a URL with %s is refused', async (_what, url, code) => {
  const access = await server.createApp()
  expect(await server.rest('POST', path(access), { url })).toMatchObject({ status: 400, body: { code } })
})

test('without ROOST_ALLOW_PRIVATE_ENDPOINTS nothing inside our network is accepted or posted to', async () => {
  const guarded = await server.another()
  const access = await guarded.createApp()
  for (const url of [
    'https://127.0.0.1/x',
    'https://10.0.0.1/',
    'https://[::1]/',
    'https://example.com:8443/x',
  ])
    expect(await guarded.rest('POST', path(access), { url })).toMatchObject({
      status: 400,
      body: { code: 'webhook_url_refused' },
    })
  await guarded.close()
  const at = aTime()
  const hook = await addHook('inside')
  await happen(hook, at)
  await deliver(at, { allowPrivate: false })
  expect(got('inside')).toEqual([])
  expect(await logOf(hook)).toMatchObject([
    { state: 'waiting', status: null, error: expect.stringContaining('port') },
  ])
})
