/**
 * A population's life, and the book of it held against what a server heard: calls over real HTTP, pushes over real HTTP/2.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ApnsSender } from '../../test/apns-sender.ts'
import { type Crowd, type CrowdShare, createCrowd } from '../phones/crowd.ts'
import type { Phone } from '../phones/phone.ts'
import { seededRandom } from '../randomness.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import type { BookDay } from './book.ts'
import { HAPPENINGS, type Happening, type Rates } from './habits.ts'
import { Life } from './life.ts'

const BUNDLE_ID = 'com.example.app'
const KEY = Buffer.alloc(65, 4).toString('base64url')
const DAY_MS = 24 * 3_600_000
const IOS: CrowdShare = { platform: { kind: 'ios', bundleId: BUNDLE_ID }, weight: 1 }
const WEB: CrowdShare = { platform: { kind: 'web' }, weight: 1 }

interface Call {
  readonly method: string
  readonly request: Readonly<Record<string, unknown>>
}

let simulator: Simulator
let server: Server
let calls: Call[]
let now: number
const closing: { close(): unknown }[] = []

beforeEach(async () => {
  now = Date.now()
  calls = []
  simulator = await startSimulator({ clock: () => now, random: seededRandom(7) })
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const method = String(request.url).replace('/json/1.3/', '')
      calls.push({ method, request: JSON.parse(Buffer.concat(chunks).toString()).request })
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ status_code: 200, response: { features: { vapid_key: KEY } } }))
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

interface Lived {
  readonly crowd: Crowd
  readonly life: Life
}

const NOTHING = Object.fromEntries(HAPPENINGS.map(name => [name, 0])) as Rates
const only = (happening: Happening): Rates => ({ ...NOTHING, [happening]: 1 })

function livedBy(
  people: number,
  options: { seed?: number; rates?: Rates; mix?: readonly CrowdShare[] } = {},
): Lived {
  const { port } = server.address() as AddressInfo
  const { seed = 1, mix = [IOS], rates } = options
  // Who has it from the first day on, where only one thing happens.
  const more = rates === undefined ? {} : { rates, presentShare: 1 }
  const crowd = createCrowd({
    simulator,
    roost: { baseUrl: `http://127.0.0.1:${port}`, app: 'ABCDE-12345', deviceToken: 'device-token' },
    count: 0,
    mix: [],
    random: seededRandom(seed),
  })
  closing.push(crowd)
  return { crowd, life: new Life({ simulator, crowd, mix, people, seed, ...more }) }
}

async function half(life: Life): Promise<void> {
  expect(await life.play()).toMatchObject({ failed: 0 })
  now += DAY_MS / 2
}

async function liveDay(life: Life): Promise<BookDay> {
  await half(life)
  await half(life)
  return life.endDay()
}

/** To each of these, one after the other; gives back the statuses. */
async function pusher(): Promise<(tokens: Iterable<string>) => Promise<number[]>> {
  const apns = new ApnsSender(simulator, () => now)
  closing.push(apns)
  const key = simulator.apns.createTeamKey({ bundleId: BUNDLE_ID })
  const session = apns.open()
  return async tokens => {
    const headers = await apns.bearer(key)
    const statuses: number[] = []
    for (const token of tokens)
      statuses.push((await apns.push(session, { token, headers, body: '{"aps":{"alert":"Hello"}}' })).status)
    return statuses
  }
}

/** What a server that believes every word has in its base: by hwid the token. */
class Heard {
  readonly base = new Map<string, string>()
  readonly known = new Set<string>()
  opens = 0

  hear({ method, request }: Call): void {
    const hwid = String(request.hwid)
    if (method !== 'getConfig') this.known.add(hwid)
    if (method === 'applicationOpen') this.opens++
    if (method === 'registerDevice') this.base.set(hwid, String(request.push_token))
    if (method === 'unregisterDevice') this.base.delete(hwid)
  }

  gone(token: string): void {
    for (const [hwid, held] of this.base) if (held === token) this.base.delete(hwid)
  }
}

describe('the book', () => {
  test('agrees with a server that believes what it is told, day by day over a month', async () => {
    simulator.apns.configure({ fuzzyDeath: { minDelayMs: 1, maxDelayMs: 8 * DAY_MS } })
    const { life } = livedBy(60)
    const push = await pusher()
    const heard = new Heard()
    for (let day = 0; day < 30; day++) {
      let opens = -heard.opens
      let devices = -heard.known.size
      await half(life)
      await half(life)
      for (const call of calls.splice(0)) heard.hear(call)
      const sent = [...heard.base.values()]
      const statuses = day % 3 === 0 ? await push(sent) : []
      const refused = sent.filter((_, i) => statuses[i] === 410)
      for (const token of refused) heard.gone(token)
      opens += heard.opens
      devices += heard.known.size
      expect(life.endDay()).toMatchObject({
        day,
        opens,
        installs: devices,
        devices: heard.known.size,
        dead: refused.length,
        inBase: heard.base.size,
      })
    }
    const { days, ends } = life.book
    const sum = (of: (day: BookDay) => number) => days.reduce((total, day) => total + of(day), 0)
    for (const name of ['uninstalls', 'cleared', 'dead', 'superseded', 'restored', 'unregistered'] as const)
      expect(
        sum(day => day[name]),
        name,
      ).toBeGreaterThan(0)
    // Whoever is in the base and gone is an end that nobody told of, or a phone that was lost.
    const last = days.at(-1) as BookDay
    const untold = ends.filter(end => end.told === undefined && [...heard.base.values()].includes(end.token))
    expect(last.gone).toBe(untold.length + sum(day => day.lost))
    expect(last.inBase).toBeGreaterThanOrEqual(last.reachable + last.gone)
  })

  test('tells of an end in truth at once, and of its death on the day when Apple has answered 410', async () => {
    simulator.apns.configure({ fuzzyDeath: { minDelayMs: 2.2 * DAY_MS, maxDelayMs: 2.2 * DAY_MS } })
    const { life, crowd } = livedBy(1, { rates: NOTHING })
    await liveDay(life)
    const phone = crowd.phones[0] as Phone
    const token = phone.token as string
    life.book.ended(phone, 'uninstalled', now)
    phone.uninstall()
    const push = await pusher()
    const days: BookDay[] = []
    for (let day = 1; day <= 4; day++) {
      await push([token])
      now += DAY_MS
      days.push(life.endDay())
    }
    expect(days.map(({ uninstalls, dead, inBase, gone }) => [uninstalls, dead, inBase, gone])).toEqual([
      [1, 0, 1, 1],
      [0, 0, 1, 1],
      [0, 0, 1, 1],
      [0, 1, 0, 0],
    ])
    expect(life.book.ends).toMatchObject([
      { cause: 'uninstalled', day: 1, wasInBase: true, told: { gateway: 'apns', day: 4 } },
    ])
    const { atMs = 0, sinceMs = 0 } = life.book.ends[0]?.told ?? {}
    expect(atMs - sinceMs, "Apple's own time is that of the first push").toBe(3 * DAY_MS)
  })

  test('knows when a device came back after its death', async () => {
    const { life, crowd } = livedBy(1, { rates: NOTHING })
    await liveDay(life)
    const phone = crowd.phones[0] as Phone
    const token = phone.token as string
    life.book.ended(phone, 'uninstalled', now)
    phone.uninstall()
    await (await pusher())([token])
    expect(life.endDay()).toMatchObject({ dead: 1, inBase: 0, restored: 0 })
    now += DAY_MS
    await phone.comeBack()
    life.book.registered(phone, now)
    expect(life.endDay()).toMatchObject({ dead: 0, inBase: 1, restored: 1 })
    const [end] = life.book.ends
    expect((end?.backAtMs ?? 0) - (end?.told?.atMs ?? 0)).toBe(DAY_MS)
  })
})

describe('what happens to people', () => {
  const all = 12
  test.each<[Happening, CrowdShare, Partial<BookDay>]>([
    ['new-token', IOS, { superseded: all, inBase: all, gone: 0, reachable: all }],
    ['forbid', IOS, { uninstalls: 0, inBase: all, gone: 0, reachable: 0 }],
    ['forbid', WEB, { uninstalls: 0, optedOut: 0, reachable: 0 }],
    ['switch-off', IOS, { unregistered: all, inBase: 0 }],
    ['go-offline', IOS, { inBase: all, gone: 0, reachable: all }],
    ['lose-phone', IOS, { lost: all, inBase: all, gone: all, reachable: 0 }],
  ])('%s (%j) is in the book at the end of its day', async (happening, share, day) => {
    const { life } = livedBy(all, { rates: only(happening), mix: [share] })
    expect(await liveDay(life)).toMatchObject({ installs: all, devices: all, ...day })
  })

  test('another phone takes its hwid along or is a new device, and the former one is cleared later', async () => {
    const { life } = livedBy(20, { rates: only('new-phone') })
    const first = await liveDay(life)
    expect(first).toMatchObject({ cleared: 0, gone: 0 })
    expect(first.superseded).toBeGreaterThan(0)
    expect(first.installs).toBeGreaterThan(20)
    expect(first.superseded + first.installs).toBe(40)
    while (life.book.day < 12) await liveDay(life)
    expect(life.book.days.at(-1)?.cleared).toBeGreaterThan(0)
  })

  test('who removes the app may come back, as the same device or as another one', async () => {
    const { life } = livedBy(40, { rates: only('uninstall') })
    while (life.book.day < 15) await liveDay(life)
    const sum = (name: 'uninstalls' | 'superseded' | 'installs') =>
      life.book.days.reduce((total, day) => total + day[name], 0)
    expect(sum('superseded')).toBeGreaterThan(0)
    expect(sum('installs')).toBeGreaterThan(40)
    // Nearly all are without it now; who came back has removed it again.
    expect(sum('uninstalls')).toBeGreaterThan(40)
    expect(life.book.ends.every(({ told }) => told === undefined)).toBe(true)
  })

  test('who forbids notifications or switches them off tells when the app is opened, and may change their mind', async () => {
    const { life } = livedBy(40, { rates: { ...NOTHING, forbid: 0.2, 'switch-off': 0.2 } })
    while (life.book.day < 15) await liveDay(life)
    const { days } = life.book
    expect(Math.max(...days.map(({ optedOut }) => optedOut))).toBeGreaterThan(0)
    expect(days.some(({ restored }) => restored > 0)).toBe(true)
  })
})

test('the same seed lives the same life, and another one another', async () => {
  const truth = async (seed: number) => {
    const { life, crowd } = livedBy(60, { seed })
    while (life.book.day < 10) await liveDay(life)
    return { days: life.book.days, hwids: crowd.phones.map(({ hwid }) => hwid).sort() }
  }
  const first = await truth(42)
  expect(await truth(42)).toEqual(first)
  expect((await truth(43)).days).not.toEqual(first.days)
})
