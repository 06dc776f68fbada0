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

function takenOf(count: number, call: (n: number) => void): number {
  return Array.from({ length: count }, (_, n) => waitOf(() => call(n))).filter(wait => wait === 0).length
}

describe('calls of a client', () => {
  test('a minute’s worth is taken at once, then one for each part of a minute', () => {
    const { clock, limits: it } = limits({ callsPerClient: 60 })
    expect(takenOf(100, () => it.takeCall('198.51.100.1'))).toBe(60)
    expect(waitOf(() => it.takeCall('198.51.100.1'))).toBe(1)
    clock.at += 3000
    expect(takenOf(100, () => it.takeCall('198.51.100.1'))).toBe(3)
    clock.at += 3_600_000
    expect(takenOf(100, () => it.takeCall('198.51.100.1'))).toBe(60)
  })

  test('a rate below one a second tells how long to wait', () => {
    const { limits: it } = limits({ callsPerClient: 6 })
    takenOf(6, () => it.takeCall('198.51.100.1'))
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
    'fd00::1',
    'fe80::1',
  ])('%s is a proxy or a tool, and not limited', ip => {
    const { limits: it } = limits({ callsPerClient: 1, devicesPerClient: 1 })
    expect(takenOf(10, () => it.takeCall(ip))).toBe(10)
    expect(takenOf(10, n => it.takeDevice(ip, `device-${n}`))).toBe(10)
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
    expect(takenOf(10_000, n => it.takeDevice('198.51.100.1', `device-${n}`))).toBe(10_000)
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
  test('beyond the limit new hwids are refused, and those that were named go on', () => {
    const { limits: it } = limits({ devicesPerClient: 500 })
    const taken = takenOf(5000, n => it.takeDevice('198.51.100.1', `device-${n}`))
    expect(taken).toBeGreaterThanOrEqual(500)
    expect(taken).toBeLessThan(500 + 4500 / 8) // at most a sixteenth on the average; twice that never
    expect(takenOf(100, n => it.takeDevice('198.51.100.1', `device-${n}`))).toBe(100)
  })

  test('after the hour a client begins anew, and Retry-After says when that is', () => {
    const { clock, limits: it } = limits({ devicesPerClient: 1 })
    it.takeDevice('198.51.100.1', 'device-1')
    clock.at += 600_000
    const waits = Array.from({ length: 100 }, (_, n) =>
      waitOf(() => it.takeDevice('198.51.100.1', `other-${n}`)),
    )
    expect(Math.max(...waits)).toBe(3000)
    clock.at += 3_000_000
    expect(waitOf(() => it.takeDevice('198.51.100.1', 'device-2'))).toBe(0)
  })
})
