/**
 * Virtual phones against a small real HTTP server and pushes sent through the real stand-ins.
 */
import { createPrivateKey } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../simulator.ts'
import { createCrowd } from './crowd.ts'
import type { RoostAccess } from './device-api.ts'
import { createPhone, type Phone } from './phone.ts'
import type { PhonePlatform } from './platform.ts'

const BUNDLE_ID = 'com.example.app'
const APP = 'ABCDE-12345'

interface Call {
  readonly method: string
  readonly authorization: string | undefined
  readonly request: Readonly<Record<string, unknown>>
}

let simulator: Simulator
let server: Server
let session: ClientHttp2Session
let bearer: string
let calls: Call[]
let connections: number
let statusOf: (method: string) => number
const closing: { close(): void }[] = []

beforeEach(async () => {
  simulator = await startSimulator()
  calls = []
  connections = 0
  statusOf = () => 200
  server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const method = String(request.url).replace('/json/1.3/', '')
      calls.push({ method, authorization: request.headers.authorization, request: JSON.parse(text).request })
      const features = { vapid_key: Buffer.alloc(65, 4).toString('base64url') }
      const code = statusOf(method)
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status_code: code, status_message: 'said', response: { features } }))
    })
  })
  server.on('connection', () => connections++)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const jwt = await new SignJWT({ iss: key.teamId, iat: Math.floor(Date.now() / 1000) })
    .setProtectedHeader({ alg: 'ES256', kid: key.keyId })
    .sign(createPrivateKey(key.p8))
  bearer = `bearer ${jwt}`
  session = connect(simulator.urls.apnsProduction, { ca: simulator.caPem, peerMaxConcurrentStreams: 1 })
})

afterEach(async () => {
  session.destroy()
  for (const one of closing.splice(0)) one.close()
  await simulator.close()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

function access(): RoostAccess {
  const { port } = server.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}`, app: APP, deviceToken: 'device-token' }
}

function phone(
  platform: PhonePlatform,
  more: { readonly openRate?: number; readonly hwid?: string } = {},
): Phone {
  const made = createPhone({ simulator, roost: access(), platform, ...more })
  closing.push(made)
  return made
}

const IOS: PhonePlatform = { kind: 'ios', bundleId: BUNDLE_ID }

function pushTo(
  token: string | undefined,
  hash: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const aps = { alert: { title: 'Hello', body: hash }, 'mutable-content': 1 }
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/3/device/${token}`,
      'apns-topic': BUNDLE_ID,
      'apns-push-type': 'alert',
      authorization: bearer,
      ...headers,
    })
    stream.on('response', received => resolve(Number(received[':status'])))
    stream.on('error', reject)
    stream.resume()
    stream.end(JSON.stringify({ aps, p: hash, md: '{"a":1}' }))
  })
}

function methods(): string[] {
  return calls.map(call => call.method)
}

describe('registration', () => {
  test('opens the app and registers the token, in the words of each platform', async () => {
    const ios = phone({ ...IOS, environment: 'sandbox' }, { hwid: 'IPHONE-1' })
    await ios.open()
    expect(methods()).toEqual(['applicationOpen', 'registerDevice'])
    expect(calls[1]).toMatchObject({
      authorization: 'Token device-token',
      request: {
        application: APP,
        hwid: 'IPHONE-1',
        device_type: 1,
        push_token: ios.token,
        gateway: 'sandbox',
        timezone: '0',
      },
    })
    const { projectId } = await simulator.fcm.createProject()
    const android = phone({ kind: 'android', projectId })
    await android.open()
    expect(calls.at(-1)?.request).toMatchObject({ device_type: 3, push_token: android.token, timezone: 0 })
  })

  test('of a web phone asks for the VAPID key and sends endpoint and keys', async () => {
    const web = phone({ kind: 'web' })
    await web.open()
    expect(methods()).toEqual(['getConfig', 'applicationOpen', 'registerDevice'])
    const { request } = calls[2] as Call
    expect(request).toMatchObject({ device_type: 11, push_token: web.token })
    expect(Buffer.from(String(request.public_key), 'base64').length).toBe(65)
    expect(Buffer.from(String(request.auth_token), 'base64').length).toBe(16)
    expect(web.hwid.startsWith(`${APP}_`)).toBe(true)
  })

  test('that the server refuses rejects with its method and code', async () => {
    statusOf = method => (method === 'registerDevice' ? 210 : 200)
    await expect(phone(IOS).open()).rejects.toMatchObject({ method: 'registerDevice', status: 210 })
  })
})

describe('a push', () => {
  test('is shown once and reported delivered, and opened by a person who opens all', async () => {
    const ios = phone(IOS, { openRate: 1 })
    await ios.open()
    calls = []
    expect(await pushTo(ios.token, 'hash-1')).toBe(200)
    await ios.settled()
    expect(ios.shown).toMatchObject([{ hash: 'hash-1', title: 'Hello', body: 'hash-1' }])
    expect(methods().toSorted()).toEqual(['messageDeliveryEvent', 'pushStat'])
    expect(calls[0]?.request).toMatchObject({ hash: 'hash-1', hwid: ios.hwid, metaData: '{"a":1}' })
  })

  test('that comes again, by its hash or its apns-id, is neither shown nor reported again', async () => {
    const ios = phone(IOS)
    await ios.open()
    calls = []
    const id = { 'apns-id': 'c2a2bd0e-31f4-4a0a-9f0b-5d5c26a7a111' }
    await pushTo(ios.token, 'hash-1', id)
    await pushTo(ios.token, 'hash-1')
    await pushTo(ios.token, 'hash-2', id)
    await ios.settled()
    expect([ios.shown.length, ios.repeats]).toEqual([1, 2])
    expect(methods()).toEqual(['messageDeliveryEvent'])
  })

  test('with the collapse id of an earlier one takes its place', async () => {
    const ios = phone(IOS)
    await ios.open()
    await pushTo(ios.token, 'hash-1', { 'apns-collapse-id': 'score' })
    await pushTo(ios.token, 'hash-2', { 'apns-collapse-id': 'score' })
    await ios.settled()
    expect(ios.shown.map(({ hash }) => hash)).toEqual(['hash-2'])
  })
})

test('an uninstalled phone is 410 at the gateway, and comes back with the same hwid and a new token', async () => {
  const ios = phone(IOS)
  await ios.open()
  const before = ios.token
  ios.uninstall()
  expect(ios.token).toBeUndefined()
  expect(await pushTo(before, 'hash-1')).toBe(410)
  await ios.comeBack()
  expect(ios.token).not.toBe(before)
  expect(calls.at(-1)).toMatchObject({
    method: 'registerDevice',
    request: { hwid: ios.hwid, push_token: ios.token },
  })
  expect([await pushTo(before, 'hash-2'), await pushTo(ios.token, 'hash-2')]).toEqual([410, 200])
  await ios.settled()
  expect(ios.shown.map(({ hash }) => hash)).toEqual(['hash-2'])
})

describe('a crowd', () => {
  test('registers over a few connections, tells its progress, and posts its receipts', async () => {
    const { projectId } = await simulator.fcm.createProject()
    const progress: number[] = []
    const crowd = createCrowd({
      simulator,
      roost: { ...access(), maxConnections: 8 },
      count: 300,
      mix: [
        { platform: IOS, weight: 2 },
        { platform: { kind: 'android', projectId }, weight: 1 },
        { platform: { kind: 'web' }, weight: 1 },
      ],
      tagsFor: index => ({ number: index }),
      onProgress: registered => progress.push(registered),
    })
    closing.push(crowd)
    await crowd.register()
    expect(crowd.counts()).toMatchObject({ registered: 300, failed: 0 })
    expect(progress.at(-1)).toBe(300)
    expect(connections).toBeLessThanOrEqual(8)
    expect(new Set(crowd.phones.map(({ kind }) => kind))).toEqual(new Set(['ios', 'android', 'web']))
    expect(methods().filter(method => method === 'getConfig')).toHaveLength(1)

    const iphones = crowd.phones.filter(({ kind }) => kind === 'ios')
    await Promise.all(iphones.map(one => pushTo(one.token, 'hash-1')))
    await crowd.settled()
    const reported = calls.filter(({ method }) => method === 'messageDeliveryEvent')
    expect(new Set(reported.map(({ request }) => request.hwid))).toEqual(
      new Set(iphones.map(({ hwid }) => hwid)),
    )
    expect(crowd.counts()).toMatchObject({
      shown: iphones.length,
      receipts: { posted: iphones.length, lost: 0, failed: 0 },
    })
  })

  test('loses the receipts that it is told to lose, and counts those that the server refuses', async () => {
    const mix = [{ platform: IOS, weight: 1 }]
    const silent = createCrowd({ simulator, roost: access(), count: 1, mix, receipts: { lossRate: 1 } })
    const refused = createCrowd({ simulator, roost: access(), count: 1, mix, receipts: { retries: 0 } })
    closing.push(silent, refused)
    await Promise.all([silent.register(), refused.register()])
    statusOf = () => 500
    await pushTo(silent.phones[0]?.token, 'hash-1')
    await pushTo(refused.phones[0]?.token, 'hash-1')
    await Promise.all([silent.settled(), refused.settled()])
    expect(silent.counts().receipts).toEqual({ posted: 0, lost: 1, failed: 0, waiting: 0 })
    expect(refused.counts().receipts).toEqual({ posted: 0, lost: 0, failed: 1, waiting: 0 })
  })
})
