/** What is taken of whom, with a clock that stands still until the test moves it. */
import { PushError } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { CallLimits } from './limits.ts'

function limits(options: { callsPerApp?: number; callsPerClient?: number; devicesPerClient?: number }) {
  const clock = { at: 1_000_000, now: () => clock.at }
  const { callsPerApp = 0, callsPerClient = 0, devicesPerClient = 0 } = options
  return { clock, limits: new CallLimits({ callsPerApp, callsPerClient, devicesPerClient, clock }) }
}

/** The seconds after which to come back; 0 = taken. */
function waitOf(call: () => void): number {
  try {
    call()
    return 0
  } catch (error) {
    if (error instanceof PushError && error.code === 'rate_limited') return error.retryAfterSeconds ?? -1
    throw error
  }
}

async function asyncWaitOf(call: () => Promise<void>): Promise<number> {
  const error = await call().catch((thrown: unknown) => thrown)
  return waitOf(() => {
    if (error !== undefined) throw error
  })
}

function takenOf(count: number, call: (n: number) => void): number {
  return Array.from({ length: count }, (_, n) => waitOf(() => call(n))).filter(wait => wait === 0).length
}

describe('calls of a client', () => {
  test('a minute’s worth is taken at once, then one for each part of a minute', () => {
    const { clock, limits: it } = limits({ callsPerClient: 60 })
    const register = () => it.takeCall('198.51.100.1', { isRegistration: true })
    expect(takenOf(100, register)).toBe(60)
    expect(waitOf(register)).toBe(1)
    clock.at += 3000
    expect(takenOf(100, register)).toBe(3)
    clock.at += 3_600_000
    expect(takenOf(100, register)).toBe(60)
  })

  test('the last fifth of them is kept for registrations, also while a crowd calls on', () => {
    const { clock, limits: it } = limits({ callsPerClient: 60 })
    const register = () => it.takeCall('198.51.100.1', { isRegistration: true })
    expect(takenOf(100, () => it.takeCall('198.51.100.1'))).toBe(48)
    expect(takenOf(100, register)).toBe(12)
    clock.at += 6000
    expect(takenOf(100, () => it.takeCall('198.51.100.1'))).toBe(0)
    expect(takenOf(100, register)).toBe(6)
  })

  test('a rate below one a second tells how long to wait', () => {
    const { limits: it } = limits({ callsPerClient: 6 })
    takenOf(5, () => it.takeCall('198.51.100.1'))
    expect(waitOf(() => it.takeCall('198.51.100.1'))).toBe(10)
  })

  test('another client has its own', () => {
    const { limits: it } = limits({ callsPerClient: 1 })
    expect(waitOf(() => it.takeCall('198.51.100.1'))).toBe(0)
    expect(waitOf(() => it.takeCall('198.51.100.2'))).toBe(0)
    expect(waitOf(() => it.takeCall('198.51.100.1'))).toBe(60)
  })

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8::1', '2001:0db8:0:0:1::'],
    ['198.51.100.1', '::ffff:198.51.100.1'],
    ['198.51.100.1', '198.51.100.1:51234'],
    ['2001:db8::1', '[2001:db8::2]:51234'],
  ])('%s and %s are one client', (one, other) => {
    const { limits: it } = limits({ callsPerClient: 1 })
    expect(waitOf(() => it.takeCall(one))).toBe(0)
    expect(waitOf(() => it.takeCall(other))).toBe(60)
  })

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8::1', '2001:db8:0:1::1'],
  ])('%s and %s are two', (one, other) => {
    const { limits: it } = limits({ callsPerClient: 1 })
    expect(waitOf(() => it.takeCall(one))).toBe(0)
    expect(waitOf(() => it.takeCall(other))).toBe(0)
  })

  test.each([
    '127.0.0.1',
    '::1',
    '10.1.2.3',
    '172.31.255.1',
    '192.168.1.1',
    '::ffff:10.0.0.1',
    '10.0.0.1:51234',
    'fd00::1',
    'fe80::1',
  ])('%s is a proxy or a tool, and not limited', ip => {
    const { limits: it } = limits({ callsPerClient: 1 })
    expect(takenOf(10, () => it.takeCall(ip))).toBe(10)
  })

  test.each(['172.32.0.1', '100.64.0.1', '11.0.0.1', '101.2.3.4', '2001:db8::1', 'fc::1', 'unknown', ''])(
    '%s is a client',
    ip => {
      const { limits: it } = limits({ callsPerClient: 1 })
      expect(takenOf(10, () => it.takeCall(ip))).toBe(1)
    },
  )

  test('one that calls on is remembered while 30,000 others call once', () => {
    const { limits: it } = limits({ callsPerClient: 2 })
    it.takeCall('198.51.100.1')
    for (let n = 0; n < 15_000; n++) it.takeCall(`11.0.${n >> 8}.${n & 255}`)
    it.takeCall('198.51.100.1')
    for (let n = 0; n < 15_000; n++) it.takeCall(`12.0.${n >> 8}.${n & 255}`)
    expect(waitOf(() => it.takeCall('198.51.100.1'))).toBe(30)
  })

  test('0 is no limit', () => {
    const { limits: it } = limits({})
    expect(takenOf(10_000, () => it.takeCall('198.51.100.1'))).toBe(10_000)
    expect(takenOf(10_000, () => it.takeAppCall(1))).toBe(10_000)
  })
})

test('an app may burst for five seconds’ worth, and has no part in the limit of another', () => {
  const { clock, limits: it } = limits({ callsPerApp: 10 })
  expect(takenOf(100, () => it.takeAppCall(1))).toBe(50)
  expect(takenOf(100, () => it.takeAppCall(2))).toBe(50)
  clock.at += 1000
  expect(takenOf(100, () => it.takeAppCall(1))).toBe(10)
})

describe('devices of a client', () => {
  const ip = '198.51.100.1'
  const take = (it: CallLimits, hwid: string, options: { isKnown?: boolean; from?: string } = {}) =>
    asyncWaitOf(() =>
      it.takeDevice(options.from ?? ip, { appId: 1, hwid, isKnown: async () => options.isKnown ?? false }),
    )

  async function takenOfNew(it: CallLimits, count: number, prefix: string, from?: string): Promise<number> {
    let taken = 0
    for (let n = 0; n < count; n++)
      if ((await take(it, `${prefix}-${n}`, { ...(from !== undefined && { from }) })) === 0) taken++
    return taken
  }

  test('beyond the limit new hwids are refused, and those that were named go on', async () => {
    const { limits: it } = limits({ devicesPerClient: 500 })
    expect(await takenOfNew(it, 5000, 'device')).toBe(500)
    expect(await takenOfNew(it, 500, 'device')).toBe(500)
  })

  test('one that the base knows is never too many, and takes nothing from those that are new', async () => {
    const { limits: it } = limits({ devicesPerClient: 10 })
    for (let n = 0; n < 1000; n++) expect(await take(it, `known-${n}`, { isKnown: true })).toBe(0)
    expect(await takenOfNew(it, 100, 'new')).toBe(5) // the other half went to those that were not looked up
    expect(await take(it, 'known-1000', { isKnown: true })).toBe(0)
  })

  test('the base is asked about a device once, and for the first half of the limit not at all', async () => {
    const { limits: it } = limits({ devicesPerClient: 10 })
    let asked = 0
    const isKnown = async () => {
      asked++
      return true
    }
    for (let round = 0; round < 2; round++)
      for (let n = 0; n < 100; n++) await it.takeDevice(ip, { appId: 1, hwid: `device-${n}`, isKnown })
    expect(asked).toBe(95)
  })

  test('new ones that come at the same moment are not let in above the limit', async () => {
    const { limits: it } = limits({ devicesPerClient: 10 })
    const waits = await Promise.all(Array.from({ length: 100 }, (_, n) => take(it, `device-${n}`)))
    expect(waits.filter(wait => wait === 0)).toHaveLength(10)
  })

  test('sixteen networks of a site may add theirs, and the 65,536 of it no more than that together', async () => {
    const { limits: it } = limits({ devicesPerClient: 10 })
    let taken = 0
    for (let n = 0; n < 100; n++)
      taken += await takenOfNew(it, 20, `of-${n}`, `2001:db8:1:${n.toString(16)}::1`)
    expect(taken).toBe(160)
    expect(await takenOfNew(it, 20, 'elsewhere', '2001:db8:2::1')).toBe(10)
  })

  test('those of a proxy or a tool are not limited', async () => {
    const { limits: it } = limits({ devicesPerClient: 1 })
    expect(await takenOfNew(it, 10, 'device', '10.0.0.1')).toBe(10)
  })

  test('a limit of a thousand million takes no memory for it', async () => {
    const { limits: it } = limits({ devicesPerClient: 999_999_999 })
    const before = process.memoryUsage()
    for (let n = 0; n < 100; n++) await take(it, 'device', { from: `11.0.0.${n}` })
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    expect(arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(20_000_000)
  })

  test('after the hour a client begins anew, and Retry-After says when that is', async () => {
    const { clock, limits: it } = limits({ devicesPerClient: 1 })
    await take(it, 'device-1')
    clock.at += 600_000
    expect(await take(it, 'other')).toBe(3000)
    clock.at += 3_000_000
    expect(await take(it, 'device-2')).toBe(0)
  })
})

describe('wrong server tokens', () => {
  const ip = '198.51.100.1'
  const guess = (it: CallLimits, from = ip) => waitOf(() => it.takeTokenTry(from))
  const right = (it: CallLimits, from = ip) =>
    waitOf(() => {
      it.takeTokenTry(from)
      it.takeRightToken(from)
    })

  test('are looked at two hundred times, then once a second, and a right one no more often', () => {
    const { clock, limits: it } = limits({ callsPerClient: 1000 })
    expect(takenOf(300, () => it.takeTokenTry(ip))).toBe(200)
    expect(right(it)).toBe(1)
    expect(right(it, '198.51.100.2')).toBe(0)
    clock.at += 1000
    expect(right(it)).toBe(0)
  })

  test('lock nobody out who came with a right one within the hour', () => {
    const { clock, limits: it } = limits({ callsPerClient: 1000 })
    right(it)
    for (let n = 0; n < 300; n++) guess(it)
    expect(right(it)).toBe(0)
    clock.at += 3_600_001
    for (let n = 0; n < 300; n++) guess(it)
    expect(right(it)).toBeGreaterThan(0)
  })

  test('take nothing from right ones', () => {
    const { limits: it } = limits({ callsPerClient: 1000 })
    for (let n = 0; n < 1000; n++) expect(right(it)).toBe(0)
    expect(takenOf(300, () => it.takeTokenTry('198.51.100.2'))).toBe(200)
  })

  test('of a tool of the operator’s own are not counted', () => {
    const { limits: it } = limits({ callsPerClient: 1 })
    for (let n = 0; n < 300; n++) expect(guess(it, '10.0.0.1')).toBe(0)
  })
})

test('that calls are refused is told once a minute, with how many by which limit', () => {
  const told: unknown[] = []
  const clock = { at: 1_000_000, now: () => clock.at }
  const onRefused = (refused: unknown) => told.push(refused)
  const it = new CallLimits({ callsPerApp: 0, callsPerClient: 1, devicesPerClient: 0, clock, onRefused })
  takenOf(10, () => it.takeCall('198.51.100.1'))
  expect(it.refused).toEqual({ app: 0, client: 9, devices: 0, token: 0 })
  expect(told).toEqual([{ app: 0, client: 1, devices: 0, token: 0 }])
  clock.at += 60_000
  takenOf(2, () => it.takeCall('198.51.100.1'))
  expect(told.slice(1)).toEqual([{ app: 0, client: 10, devices: 0, token: 0 }])
})
