/**
 * What virtual phones live through, as a server hears of it and as their gateways answer.
 */
import { createServer, type Server } from 'node:http'
import type { OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ApnsSender } from '../../test/apns-sender.ts'
import type { ApnsEnvironment } from '../apns/team-keys.ts'
import { seededRandom } from '../randomness.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { type Crowd, createCrowd } from './crowd.ts'
import type { RoostAccess } from './device-api.ts'
import { createPhone, type Phone } from './phone.ts'
import type { PhonePlatform } from './platform.ts'
import type { ReceiptOptions } from './receipts.ts'

const BUNDLE_ID = 'com.example.app'
const IOS: PhonePlatform = { kind: 'ios', bundleId: BUNDLE_ID }
const KEY = Buffer.alloc(65, 4).toString('base64url')

interface Call {
  readonly method: string
  readonly retries: string | undefined
  readonly request: Readonly<Record<string, unknown>>
}

let simulator: Simulator
let server: Server
let calls: Call[]
let status: number
let now: number
const closing: { close(): unknown }[] = []

beforeEach(async () => {
  now = Date.now()
  status = 200
  calls = []
  simulator = await startSimulator({ clock: () => now })
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const method = String(request.url).replace('/json/1.3/', '')
      const retries = request.headers['x-retry-count']?.toString()
      calls.push({ method, retries, request: JSON.parse(Buffer.concat(chunks).toString()).request })
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status_code: status, response: { features: { vapid_key: KEY } } }))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
  await simulator.close()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

function access(): RoostAccess {
  const { port } = server.address() as AddressInfo
  return { baseUrl: `http://127.0.0.1:${port}`, app: 'ABCDE-12345', deviceToken: 'device-token' }
}

async function opened(platform: PhonePlatform): Promise<Phone> {
  const phone = createPhone({ simulator, roost: access(), platform })
  closing.push(phone)
  await phone.open()
  calls = []
  return phone
}

function crowdOf(
  seed: number,
  count: number,
  more: { openRate?: number; receipts?: ReceiptOptions } = {},
): Crowd {
  const crowd = createCrowd({
    simulator,
    roost: access(),
    count,
    mix: [{ platform: IOS, weight: 1 }],
    random: seededRandom(seed),
    ...more,
  })
  closing.push(crowd)
  return crowd
}

interface Sender {
  /** Gives back the status. */
  push(token: string | undefined, payload: object, headers?: OutgoingHttpHeaders): Promise<number>
}

async function sender(environment: ApnsEnvironment = 'production'): Promise<Sender> {
  const apns = new ApnsSender(simulator, () => now)
  closing.push(apns)
  const bearer = await apns.bearer(simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }))
  const session = apns.open({ environment })
  return {
    push: async (token = '', payload, headers = {}) => {
      const body = JSON.stringify(payload)
      return (await apns.push(session, { token, body, headers: { ...bearer, ...headers } })).status
    },
  }
}

const alert = (hash: string) => ({ aps: { alert: hash, 'mutable-content': 1 }, p: hash })

describe('a person', () => {
  test('who logs in and out is told by registerUser, with the hwid as the name of nobody', async () => {
    const phone = await opened(IOS)
    await phone.logIn('anna')
    await phone.setTags({ plan: 'pro' })
    await phone.logOut()
    expect(calls.map(({ method, request }) => [method, request.userId])).toEqual([
      ['registerUser', 'anna'],
      ['setTags', 'anna'],
      ['registerUser', phone.hwid],
    ])
  })

  test('who forbids notifications is told when the app is opened, and sees nothing meanwhile', async () => {
    const phone = await opened(IOS)
    const apns = await sender()
    phone.losePermission()
    expect(await apns.push(phone.token, alert('hash-1'))).toBe(200)
    expect([phone.shownCount, calls.length]).toEqual([0, 0])
    await phone.open()
    expect(calls.at(-1)).toMatchObject({ method: 'registerDevice', request: { notificationTypes: 0 } })
    await phone.regainPermission()
    expect(calls.at(-1)?.request).toMatchObject({ push_token: phone.token, notificationTypes: 7 })
    await apns.push(phone.token, alert('hash-2'))
    await phone.settled()
    expect(phone.shown.map(({ hash }) => hash)).toEqual(['hash-2'])
  })

  test('who forbids notifications in a browser ends its subscription, and gets another one later', async () => {
    const phone = await opened({ kind: 'web' })
    const before = phone.token
    phone.losePermission()
    expect(phone.token).toBeUndefined()
    await phone.open()
    expect(calls.map(({ method }) => method)).toEqual(['applicationOpen', 'unregisterDevice'])
    await phone.regainPermission()
    expect(calls.at(-1)).toMatchObject({ method: 'registerDevice', request: { push_token: phone.token } })
    expect(phone.token).not.toBe(before)
  })
})

describe('a phone', () => {
  test('of Huawei registers with device type 17 and a token of Push Kit', async () => {
    const { appId } = simulator.hms.createApp()
    const phone = createPhone({ simulator, roost: access(), platform: { kind: 'hms', appId } })
    closing.push(phone)
    await phone.open()
    expect(calls[1]?.request).toMatchObject({
      device_type: 17,
      push_token: phone.token,
      notificationTypes: 6,
    })
    expect(phone.token).toMatch(/^IQAAAACy/)
  })

  test('that is offline shows what Apple held for it when it is back: the newest only', async () => {
    const phone = await opened(IOS)
    const apns = await sender()
    phone.goOffline()
    const hour = { 'apns-expiration': String(Math.floor(now / 1000) + 3600) }
    await apns.push(phone.token, alert('hash-1'), hour)
    await apns.push(phone.token, alert('hash-2'), hour)
    expect(phone.shownCount).toBe(0)
    await expect(phone.open()).rejects.toThrow('offline')
    phone.goOnline()
    await phone.settled()
    expect(phone.shown.map(({ hash }) => hash)).toEqual(['hash-2'])
  })

  test('whose app is removed may be accepted for a while yet, and is 410 then', async () => {
    const phone = await opened(IOS)
    const apns = await sender()
    const { token } = phone
    phone.uninstall({ acceptedForMs: 60_000 })
    expect(await apns.push(token, alert('hash-1'))).toBe(200)
    now += 60_000
    expect(await apns.push(token, alert('hash-2'))).toBe(410)
    expect(phone.shownCount).toBe(0)
  })

  test('whose app goes from TestFlight to Xcode has another token, in the sandbox', async () => {
    const phone = await opened(IOS)
    const before = phone.token
    await phone.switchEnvironment()
    expect(calls.at(-1)?.request).toMatchObject({ gateway: 'sandbox', push_token: phone.token })
    expect(phone.token).not.toBe(before)
    const sandbox = await sender('sandbox')
    expect(await sandbox.push(phone.token, alert('hash-1'))).toBe(200)
    expect(await sandbox.push(before, alert('hash-1'))).toBe(400)
    await phone.settled()
    expect(phone.shownCount).toBe(1)
    await phone.switchEnvironment()
    expect(calls.at(-1)?.request).toMatchObject({ gateway: 'production' })
  })

  test('from a backup has a token of its own, and the hwid of the old one where that came along', async () => {
    const phone = await opened(IOS)
    const same = phone.restoreBackup({ keepsHwid: true })
    const other = phone.restoreBackup({ keepsHwid: false })
    await same.open()
    await other.open()
    expect([same.hwid === phone.hwid, other.hwid === phone.hwid]).toEqual([true, false])
    expect(new Set([phone.token, same.token, other.token]).size).toBe(3)
    const registered = calls.filter(({ method }) => method === 'registerDevice')
    expect(registered.map(({ request }) => request.push_token)).toEqual([same.token, other.token])
  })
})

describe('a crowd of one seed', () => {
  test('has the same tokens and hwids again, whatever the stand-ins drew, and another seed has others', async () => {
    const first = crowdOf(42, 20)
    await first.install()
    const apns = await sender('sandbox')
    await apns.push('00', alert('hash-1'))
    const again = crowdOf(42, 20)
    await again.install()
    await first.phones[3]?.refreshToken()
    await again.phones[3]?.refreshToken()
    const names = (crowd: Crowd) => crowd.phones.map(({ hwid, token }) => [hwid, token])
    expect(names(again)).toEqual(names(first))
    const other = crowdOf(43, 20)
    await other.install()
    expect(names(other)).not.toEqual(names(first))
  })

  test('chooses the same phones again', async () => {
    const [first, again] = [crowdOf(42, 100), crowdOf(42, 100)]
    const numbers = (crowd: Crowd) => crowd.choose({ share: 0.1 }).map(({ number }) => number)
    const chosen = numbers(first)
    expect(chosen).toHaveLength(10)
    expect(numbers(again)).toEqual(chosen)
    expect(numbers(first)).not.toEqual(chosen)
    expect(first.choose({ isInstalled: true })).toEqual([])
    expect(first.choose({ numbers: [7], kind: 'ios' }).map(({ number }) => number)).toEqual([7])
  })

  test('opens the same notifications, in whichever order they come', async () => {
    const hwids: unknown[][] = []
    for (const backwards of [false, true]) {
      const crowd = crowdOf(42, 40, { openRate: 0.5 })
      await crowd.register()
      const apns = await sender()
      const order = backwards ? crowd.phones.toReversed() : crowd.phones
      for (const phone of order) await apns.push(phone.token, alert('hash-1'))
      await crowd.settled()
      hwids.push(
        calls
          .filter(({ method }) => method === 'pushStat')
          .map(({ request }) => request.hwid)
          .toSorted(),
      )
      calls = []
      crowd.close()
    }
    expect(hwids[0]?.length).toBeGreaterThan(0)
    expect(hwids[0]).toEqual(hwids[1])
  })
})

test('no two phones of a crowd are one, however many they are and whatever they are drawn from', {
  timeout: 60_000,
}, () => {
  const count = 200_000 // seeds of 32 bits that are drawn freely would be four or five of them twice
  const crowd = createCrowd({ simulator, roost: access(), count, mix: [{ platform: IOS, weight: 1 }] })
  closing.push(crowd)
  expect(new Set(crowd.phones.map(phone => phone.hwid)).size).toBe(count)
})

describe('a receipt', () => {
  test('that the server could not take is kept, and posted when it is back, with the number of its try', async () => {
    const crowd = crowdOf(1, 1)
    await crowd.register()
    const apns = await sender()
    status = 503
    calls = []
    const answered = new Promise<void>(resolve => {
      server.once('request', (_, response) => response.once('close', resolve))
    })
    await apns.push(crowd.phones[0]?.token, alert('hash-1'))
    await answered
    await untilWaiting(crowd)
    expect(crowd.counts().receipts).toMatchObject({ posted: 0, failed: 0, waiting: calls.length })
    status = 200
    const before = calls.length
    crowd.flushReceipts()
    await crowd.settled()
    expect(crowd.counts().receipts).toMatchObject({ posted: before, waiting: 0 })
    expect(calls.slice(before).map(({ retries }) => retries)).toEqual(Array(before).fill('1'))
  })

  test('is given up after its last try', async () => {
    const crowd = crowdOf(1, 1, { receipts: { retries: 2, retryAfterMs: 1 } })
    await crowd.register()
    const apns = await sender()
    status = 503
    calls = []
    await apns.push(crowd.phones[0]?.token, alert('hash-1'))
    await crowd.settled()
    const delivered = calls.filter(({ method }) => method === 'messageDeliveryEvent')
    expect(delivered.map(({ retries }) => retries)).toEqual([undefined, '1', '2'])
    expect(crowd.counts().receipts).toMatchObject({ posted: 0, waiting: 0 })
  })
})

/** The answer has left the server, and the phone is about to read it. */
async function untilWaiting(crowd: Crowd): Promise<void> {
  while (crowd.counts().receipts.waiting < calls.length) await new Promise(resolve => setImmediate(resolve))
}
