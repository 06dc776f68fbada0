/**
 * The control API over real HTTP, and what the stand-ins do when it was asked.
 */
import { createServer, type Server } from 'node:http'
import type { ClientHttp2Session } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ApnsSender, BUNDLE_ID } from '../../test/apns-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { OPERATIONS } from './operations.ts'
import { People } from './people.ts'
import { type Control, startControl } from './server.ts'

let simulator: Simulator
let people: People
let control: Control
let server: Server
let sender: ApnsSender
let session: ClientHttp2Session
let bearer: { authorization: string }
let registered: string[]
let status: number

beforeEach(async () => {
  status = 200
  registered = []
  simulator = await startSimulator()
  server = createServer((request, response) => {
    registered.push(String(request.url).replace('/json/1.3/', ''))
    request.resume()
    request.on('end', () =>
      response.writeHead(status).end(JSON.stringify({ status_code: status, response: {} })),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { projectId } = await simulator.fcm.createProject()
  people = new People({
    simulator,
    platforms: { ios: { kind: 'ios', bundleId: BUNDLE_ID }, android: { kind: 'android', projectId } },
    roost: {
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      app: 'ABCDE-12345',
      deviceToken: 'device-token',
    },
  })
  control = await startControl({ simulator, people })
  sender = new ApnsSender(simulator, Date.now)
  bearer = await sender.bearer(simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }))
  session = sender.open()
})

afterEach(async () => {
  sender.close()
  people.close()
  await control.close()
  await simulator.close()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

// biome-ignore lint/suspicious/noExplicitAny: answers of all kinds
type Json = any

async function ask(
  route: string,
  body?: object,
  token = control.token,
): Promise<{ status: number; body: Json }> {
  const [method = '', path = ''] = route.split(' ')
  const response = await fetch(control.url + path, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.json() }
}

async function push(token: string): Promise<{ status: number; reason: string | undefined }> {
  const { status, body } = await sender.push(session, { token, headers: bearer })
  return { status, reason: body === '' ? undefined : JSON.parse(body).reason }
}

async function issue(): Promise<string> {
  const { body } = await ask('POST /apns/tokens', { bundleId: BUNDLE_ID })
  return body.token
}

describe('whoever asks', () => {
  test('without the bearer token is turned away', async () => {
    expect(await ask('GET /counts', undefined, 'another')).toMatchObject({
      status: 401,
      body: { remedy: expect.stringContaining('printed') },
    })
  })

  test('for what there is gets every operation with its fields', async () => {
    const { body } = await ask('GET /')
    expect(body.operations).toHaveLength(OPERATIONS.length)
    const kill = body.operations.find((it: Json) => it.name === 'apns.kill-token')
    expect(kill).toMatchObject({ route: 'POST /apns/tokens/{token}/kill' })
    expect(kill.fields['reason?']).toBe('one of Unregistered, ExpiredToken')
  })

  test('wrongly is told the place, what is allowed, and what to do', async () => {
    const cases: [string, object, RegExp, RegExp][] = [
      ['POST /apns/tokens', {}, /^bundleId: is missing/, /text/],
      [
        'POST /apns/tokens',
        { bundleId: BUNDLE_ID, environment: 'test' },
        /^environment: "test"/,
        /production/,
      ],
      ['POST /apns/tokens', { bundleId: BUNDLE_ID, kinds: 'voip' }, /^kinds: there is no/, /bundleId/],
      ['POST /apns/tokens/00/kill', {}, /not issued here/, /made/],
      ['POST /faults/fcm/next', { answer: { form: 'none' } }, /^answer\.form: "none"/, /unregistered/],
      ['POST /faults/apns/latency', { min: '5 minutes' }, /^min: "5 minutes"/, /10s/],
      [
        'POST /apns/settings',
        { fuzzyDeath: { minDelayMs: 1 } },
        /^fuzzyDeath\.maxDelayMs: is missing/,
        /time/,
      ],
      ['POST /phones/open', {}, /there are no phones/, /POST \/phones/],
      ['POST /phones', { hms: 3 }, /^hms: /, /Leave/],
    ]
    for (const [route, body, error, remedy] of cases) {
      const answer = await ask(route, body)
      expect(answer.status, route).toBe(400)
      expect(answer.body.error).toMatch(error)
      expect(answer.body.remedy).toMatch(remedy)
    }
    expect(await ask('GET /nothing')).toMatchObject({ status: 404 })
  })

  test('never hears a long value again, since it may be a secret', async () => {
    const { body } = await ask('POST /apns/tokens', { bundleId: { secret: 'x'.repeat(50) } })
    expect(body.error).not.toContain('xxx')
  })
})

test('every operation has a name and a route of its own', () => {
  const names = OPERATIONS.map(({ name }) => name)
  const routes = OPERATIONS.map(({ method, path }) => `${method} ${path}`)
  expect([new Set(names).size, new Set(routes).size]).toEqual([names.length, routes.length])
  for (const { path, fields } of OPERATIONS)
    for (const [, name] of path.matchAll(/\{(\w+)\}/g)) expect(Object.keys(fields), path).toContain(name)
})

describe('readings', () => {
  test('tell counts, pushes and one message', async () => {
    const token = await issue()
    await push(token)
    await push('00')
    const { body } = await ask('GET /counts')
    expect(body.apns).toMatchObject({ requests: 2, accepted: 1, refused: { BadDeviceToken: 1 } })
    expect((await ask(`GET /pushes?token=${token}&limit=1`)).body).toMatchObject({
      total: 1,
      pushes: [{ token, hash: 'hash-1', payload: { aps: { alert: 'Hello' } } }],
    })
    expect((await ask('GET /messages/hash-1')).body).toEqual({
      attempts: 2,
      attemptedTokens: 2,
      acceptances: 1,
      acceptedTokens: 1,
    })
    expect((await ask('GET /messages/hash-1?byToken=true')).body.byToken).toEqual({ [token]: 1, '00': 1 })
  })

  test('of the clock: it runs ahead as it was set', async () => {
    const { body } = await ask('POST /clock', { offset: '2h' })
    expect(Date.parse(body.now) - Date.now()).toBeGreaterThan(7_100_000)
    expect(await push(await issue())).toMatchObject({ status: 403, reason: 'ExpiredProviderToken' })
  })
})

describe('tokens', () => {
  test('of Apple die and live again on demand', async () => {
    const token = await issue()
    await ask(`POST /apns/tokens/${token}/kill`, { since: '2026-01-31T12:00:00Z', reason: 'ExpiredToken' })
    expect(await push(token)).toEqual({ status: 410, reason: 'ExpiredToken' })
    await ask(`POST /apns/tokens/${token}/revive`)
    expect(await push(token)).toEqual({ status: 200, reason: undefined })
  })

  test('of the others are issued, killed and dropped', async () => {
    const project = (await ask('POST /fcm/projects')).body
    const fcm = (await ask('POST /fcm/tokens', { projectId: project.projectId })).body.token
    expect((await ask(`POST /fcm/tokens/${encodeURIComponent(fcm)}/kill`)).status).toBe(200)
    const { appId } = (await ask('POST /hms/apps')).body
    const hms = (await ask('POST /hms/tokens', { appId })).body.token
    expect((await ask(`POST /hms/tokens/${hms}/kill`)).status).toBe(200)
    expect((await ask(`POST /hms/apps/${appId}/secret`)).body.clientSecret).toHaveLength(64)
    const { endpoint } = (await ask('POST /web-push/subscriptions', {})).body
    expect((await ask('POST /web-push/subscriptions/drop', { endpoint })).status).toBe(200)
  })

  test('of a revoked key are refused', async () => {
    const key = (await ask('POST /apns/keys', { bundleId: BUNDLE_ID })).body
    const own = await sender.bearer(key)
    const token = await issue()
    await ask(`POST /apns/keys/${key.keyId}/revoke`)
    expect((await sender.push(session, { token, headers: own })).status).toBe(403)
  })
})

describe('faults', () => {
  test('of the next requests, of one token, of everything, and their end', async () => {
    const [one, other] = [await issue(), await issue()]
    await ask('POST /faults/apns/next', { answer: { reason: 'TooManyRequests' }, times: 2 })
    expect([(await push(one)).status, (await push(other)).status, (await push(one)).status]).toEqual([
      429, 429, 200,
    ])
    await ask('POST /faults/apns/token', { token: one, answer: { reason: 'Unregistered', timestamp: 1 } })
    expect([(await push(one)).status, (await push(other)).status]).toEqual([410, 200])
    await ask('POST /faults/apns/everything', { answer: { reason: 'ServiceUnavailable' } })
    expect((await push(other)).status).toBe(503)
    await ask('POST /faults/apns/clear')
    expect([(await push(one)).status, (await push(other)).status]).toEqual([200, 200])
  })

  test('hold answers back and release them', async () => {
    const token = await issue()
    await ask('POST /faults/apns/hold')
    const pushed = push(token)
    await simulator.apns.faults.waitForHeld()
    await ask('POST /faults/apns/release')
    expect((await pushed).status).toBe(200)
  })

  test('an outage refuses connections on the port, cuts open ones, and ends where it was', async () => {
    const token = await issue()
    await push(token)
    const closed = new Promise(resolve => session.once('close', resolve))
    expect((await ask('POST /faults/apns/outage')).status).toBe(200)
    await closed
    expect(await dial(simulator.urls.apnsProduction)).toBe('ECONNREFUSED')
    expect(await dial(simulator.urls.apnsSandbox)).toBe('ECONNREFUSED')
    expect(await dial(simulator.urls.fcm)).toBe('connected')
    await ask('POST /faults/apns/clear')
    session = sender.open()
    expect((await push(token)).status).toBe(200)
  })

  test('an outage does not outlive the simulator, and a later one is not ended by the time of an earlier', async () => {
    const { apnsProduction } = simulator.urls
    await ask('POST /faults/apns/outage', { for: 100 })
    await ask('POST /faults/apns/outage')
    await ask('POST /faults/fcm/outage', { for: 101 })
    while ((await dial(simulator.urls.fcm)) !== 'connected');
    expect(await dial(apnsProduction)).toBe('ECONNREFUSED')
    await simulator.close()
    await simulator.apns.faults.acceptConnections()
    expect(await dial(apnsProduction)).toBe('ECONNREFUSED')
  })

  test('an outage of a given time ends by itself, and one of each gateway closes with the simulator', async () => {
    for (const gateway of ['fcm', 'google-token', 'web-push', 'hms', 'hms-token'])
      await ask(`POST /faults/${gateway}/outage`)
    expect(await dial(simulator.urls.hms)).toBe('ECONNREFUSED')
    await ask('POST /faults/apns/outage', { for: 1 })
    while ((await dial(simulator.urls.apnsProduction)) !== 'connected');
  })
})

describe('phones', () => {
  test('register with the server and the app that each call names, else with those of the first', async () => {
    await ask('POST /phones', { ios: 1 })
    const seen: unknown[] = []
    const other = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { application } = JSON.parse(Buffer.concat(chunks).toString()).request
        seen.push(`${application} ${request.headers.authorization}`)
        response.end(JSON.stringify({ status_code: 200, response: {} }))
      })
    })
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const baseUrl = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const before = registered.length
    const access = { server: baseUrl, app: 'OTHER-00000', deviceToken: 'its-token' }
    expect((await ask('POST /phones', { ios: 2, ...access })).body).toMatchObject({ installed: 2, failed: 0 })
    expect(new Set(seen)).toEqual(new Set(['OTHER-00000 Token its-token']))
    expect(registered).toHaveLength(before)
    await ask('POST /phones', { ios: 1 })
    expect(registered.length).toBeGreaterThan(before)
    people.close()
    other.closeAllConnections()
    await new Promise(resolve => other.close(resolve))
  })

  test('have one seed and one way of posting receipts: others are refused, the same are not', async () => {
    await ask('POST /phones', { ios: 1, seed: 7 })
    expect(await ask('POST /phones', { ios: 1, seed: 7 })).toMatchObject({ status: 200 })
    for (const other of [{ seed: 8 }, { receipts: { lossRate: 0.5 } }])
      expect(await ask('POST /phones', { ios: 1, ...other })).toMatchObject({
        status: 400,
        body: { error: expect.stringMatching(/one for all phones/) },
      })
  })

  test('are installed, register, and live as they are told', async () => {
    const { body } = await ask('POST /phones', { ios: 4, android: 2, seed: 7, uninstalled: 0.5 })
    expect(body).toEqual({ installed: 6, uninstalled: 3, done: 6, failed: 0 })
    expect(registered.filter(method => method === 'registerDevice')).toHaveLength(6)
    const { phones } = (await ask('GET /phones?kind=ios&limit=10')).body
    expect(phones.map((it: Json) => it.number)).toEqual([0, 1, 2, 3])
    expect((await ask('GET /phones?isInstalled=false')).body.total).toBe(3)
    expect((await ask('POST /phones/come-back', { count: 2 })).body).toEqual({ done: 2, failed: 0 })
    expect((await ask('GET /phones?isInstalled=false')).body.total).toBe(1)
  })

  test('do everything that they can do', async () => {
    await ask('POST /phones', { ios: 2 })
    const verbs = OPERATIONS.filter(({ path }) => /^\/phones\/(?!counts|flush)/.test(path)).map(
      ({ path }) => path,
    )
    expect(verbs).toHaveLength(13)
    for (const path of verbs)
      expect((await ask(`POST ${path}`, { numbers: [0] })).body, path).toMatchObject({ done: 1, failed: 0 })
    expect((await ask('GET /phones/counts')).body).toMatchObject({ failed: 0, receipts: { waiting: 0 } })
    expect(new Set(registered)).toEqual(
      new Set(['applicationOpen', 'registerDevice', 'registerUser', 'unregisterDevice']),
    )
  })

  test('that are no iPhones switch no environment', async () => {
    await ask('POST /phones', { ios: 1, android: 1 })
    expect((await ask('POST /phones/switch-environment', {})).body).toEqual({ done: 1, failed: 0 })
    expect((await ask('POST /phones/switch-environment', { kind: 'android' })).body.done).toBe(0)
  })

  test('whose server refuses are counted, with the first reason', async () => {
    status = 500
    const { body } = await ask('POST /phones', { ios: 2 })
    expect(body).toMatchObject({ done: 0, failed: 2, reason: expect.stringContaining('applicationOpen') })
  })

  test('of another server than the first ones need all three of its names', async () => {
    expect(await ask('POST /phones', { ios: 1, server: 'http://127.0.0.1:9' })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('belong together') },
    })
  })
})

/** What happens to a TCP connection: `connected`, or the system's name of the error. */
function dial(origin: string): Promise<string | undefined> {
  const { hostname, port } = new URL(origin)
  return new Promise(resolve => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', (cause: NodeJS.ErrnoException) => resolve(cause.code))
  })
}

describe('a population', () => {
  test('lives day by day, and its book tells of it', async () => {
    const begun = await ask('POST /life', {
      ios: 6,
      android: 4,
      seed: 5,
      presentShare: 1,
      rates: { uninstall: 1 },
    })
    expect(begun).toMatchObject({ status: 200, body: { people: 10 } })
    const { body } = await ask('POST /life/days', { days: 2 })
    expect(body.days).toMatchObject([{ day: 0, installs: expect.any(Number) }, { day: 1 }])
    expect(body.days[0].uninstalls).toBeGreaterThan(0)
    expect(registered.filter(method => method === 'applicationOpen')).toHaveLength(
      body.days[0].opens + body.days[1].opens,
    )
    const book = (await ask('GET /life?from=1')).body
    expect(book.days).toEqual([body.days[1]])
    expect(book.ends.every((end: Json) => end.day === 1)).toBe(true)
    const phones = await ask('GET /phones')
    expect(phones.body.total).toBeGreaterThanOrEqual(10)
  })

  test('that the server refuses is told of', async () => {
    await ask('POST /life', { ios: 3, presentShare: 1 })
    status = 403
    expect(await ask('POST /life/days')).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('3 calls failed: applicationOpen') },
    })
  })

  test('is begun before it lives, by somebody whose phones there are', async () => {
    expect(await ask('POST /life/days')).toMatchObject({ status: 400, body: { error: 'nobody lives yet' } })
    expect(await ask('POST /life', {})).toMatchObject({
      status: 400,
      body: { error: 'nobody is said to live' },
    })
    expect(await ask('POST /life', { hms: 2 })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('hms') },
    })
    expect(await ask('POST /life', { ios: 2, rates: { uninstall: 2 } })).toMatchObject({
      status: 400,
      body: { error: expect.stringContaining('rates.uninstall') },
    })
  })
})
