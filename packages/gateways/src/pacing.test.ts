import { describe, expect, test } from 'vitest'
import { clockAt, type MovableClock } from '../test/fixtures.ts'
import { createPacer, type Pacer, type Passage, type Timer } from './pacing.ts'

const PER_MINUTE = 600_000
const BUCKET = 500
const LONG = 3_600_000

/** A clock and a timer that run together, and only when the test says so. */
class Time implements Timer {
  readonly clock: MovableClock = clockAt('2026-11-02T10:00:00Z')
  readonly #due: { at: number; call: () => void }[] = []
  /** The most that were set at once. */
  mostSet = 0
  /** How often the timer went off. */
  calls = 0

  /** How many are set now. */
  get set(): number {
    return this.#due.length
  }

  after(ms: number, call: () => void): () => void {
    const entry = { at: this.clock.now() + ms, call }
    this.#due.push(entry)
    this.mostSet = Math.max(this.mostSet, this.#due.length)
    return () => {
      this.#due.splice(this.#due.indexOf(entry), 1)
    }
  }

  /** Runs what is due on the way; promises settle in between. */
  async run(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    for (;;) {
      const next = this.#due.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.clock.move(next.at - this.clock.now())
      this.#due.splice(this.#due.indexOf(next), 1)
      this.calls += 1
      next.call()
      await Promise.resolve()
    }
    this.clock.move(end - this.clock.now())
  }
}

function pacerAt(time: Time, perMinute = PER_MINUTE): Pacer {
  return createPacer({ perMinute, clock: time.clock, timer: time })
}

/** Takes `count` at once and notes when each went. */
function takeMany(pacer: Pacer, time: Time, count: number, withinMs = LONG) {
  const wentAt: number[] = []
  const refused: Passage[] = []
  for (let i = 0; i < count; i++) {
    void pacer.take(withinMs).then(passage => {
      if (passage.ok) wentAt.push(time.clock.now())
      else refused.push(passage)
    })
  }
  return { wentAt, refused }
}

/** The most that went in any `windowMs`. */
function busiest(times: readonly number[], windowMs: number): number {
  let most = 0
  let first = 0
  for (let last = 0; last < times.length; last++) {
    while ((times[last] as number) - (times[first] as number) >= windowMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** Sends as fast as it may for `ms`, and says when each went. */
async function sendFor(pacer: Pacer, time: Time, ms: number): Promise<number[]> {
  const wentAt: number[] = []
  const end = time.clock.now() + ms
  const one = async () => {
    while (time.clock.now() < end) {
      const passage = await pacer.take(LONG)
      if (passage.ok) wentAt.push(time.clock.now())
    }
  }
  const senders = Array.from({ length: 1000 }, one)
  // A thousand senders are woken in turns of a hundred: each turn needs its promises settled.
  for (let passed = 0; passed < ms + 1000; passed += 10) {
    await time.run(10)
    for (let i = 0; i < 4; i++) await Promise.resolve()
  }
  pacer.close()
  await Promise.all(senders)
  return wentAt
}

describe('a quiet sender', () => {
  test('sends 500 at once, and the 501st waits', async () => {
    const time = new Time()
    const { wentAt } = takeMany(pacerAt(time), time, BUCKET + 1)
    await Promise.resolve()
    expect(wentAt).toHaveLength(BUCKET)
    await time.run(10)
    expect(wentAt).toHaveLength(BUCKET + 1)
  })

  test('has 10 000 sent within 4 s', async () => {
    const time = new Time()
    const { wentAt } = takeMany(pacerAt(time), time, 10_000)
    await time.run(4000)
    expect(wentAt).toHaveLength(10_000)
  })

  test('has the bucket full again after it was used up', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    takeMany(pacer, time, BUCKET)
    await time.run(1000)
    const { wentAt } = takeMany(pacer, time, BUCKET)
    await Promise.resolve()
    expect(wentAt).toHaveLength(BUCKET)
  })
})

describe('the quota', () => {
  test('is never passed in any minute, and nearly used up after the ramp', async () => {
    const time = new Time()
    const perMinute = 60_000
    const wentAt = await sendFor(pacerAt(time, perMinute), time, 180_000)
    expect(busiest(wentAt, 60_000)).toBeLessThanOrEqual(perMinute)
    expect(busiest(wentAt, 60_000)).toBeGreaterThan(perMinute * 0.97)
  })

  test('is spread evenly: no tenth of a second has more than its share and the bucket', async () => {
    const time = new Time()
    const wentAt = await sendFor(pacerAt(time, 60_000), time, 90_000)
    expect(busiest(wentAt, 100)).toBeLessThanOrEqual(100 + BUCKET)
    const later = wentAt.filter(at => at > (wentAt[0] as number) + 70_000)
    expect(busiest(later, 100)).toBeLessThanOrEqual(110)
  })

  test('of a small project is not given out at once', async () => {
    const time = new Time()
    const wentAt = await sendFor(pacerAt(time, 100), time, 240_000)
    expect(wentAt.filter(at => at === wentAt[0])).toHaveLength(25)
    expect(busiest(wentAt, 60_000)).toBeLessThanOrEqual(100)
  })

  test('of less than 10 a minute is refused', () => {
    expect(() => pacerAt(new Time(), 9)).toThrow('perMinute is 9')
    expect(() => pacerAt(new Time(), Number.NaN)).toThrow('perMinute is NaN')
  })
})

describe('the ramp', () => {
  test('goes from a quarter to the whole within a minute', async () => {
    const time = new Time()
    const wentAt = await sendFor(pacerAt(time, 60_000), time, 70_000)
    const start = wentAt[0] as number
    const inSecond = (second: number) =>
      wentAt.filter(at => at >= start + second * 1000 && at < start + (second + 1) * 1000).length
    expect(inSecond(1) / 1000).toBeCloseTo(0.26, 1)
    expect(inSecond(30) / 1000).toBeCloseTo(0.63, 1)
    expect(inSecond(65) / 1000).toBeCloseTo(0.99, 1)
  })

  test('starts anew after a quiet minute, and not after a moment', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    const first = takeMany(pacer, time, 250_000)
    await time.run(50_000)
    expect(first.wentAt).toHaveLength(250_000)
    await time.run(500)
    const soon = takeMany(pacer, time, 10_000)
    await time.run(2000)
    expect(soon.wentAt).toHaveLength(10_000)
    await time.run(120_000)
    const later = takeMany(pacer, time, 10_000)
    await time.run(2000)
    expect(later.wentAt.length).toBeLessThan(6500)
  })

  test('is not climbed by a trickle', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    for (let second = 0; second < 300; second++) {
      takeMany(pacer, time, 1)
      await time.run(1000)
    }
    const { wentAt } = takeMany(pacer, time, 10_000)
    await time.run(2000)
    expect(wentAt.length).toBeLessThan(6500)
  })
})

describe('those who wait', () => {
  test('share one timer, and go in the order in which they came', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    const order: number[] = []
    for (let i = 0; i < 5000; i++) void pacer.take(LONG).then(() => order.push(i))
    await time.run(5000)
    expect(time.mostSet).toBe(1)
    expect(time.calls).toBeLessThan(300)
    expect(order).toEqual(Array.from({ length: 5000 }, (_, i) => i))
    expect(time.set).toBe(0)
  })

  test('cost little: 100 000 are taken in and served with no work for each of the others that wait', async () => {
    const time = new Time()
    const before = process.cpuUsage()
    const { wentAt } = takeMany(pacerAt(time), time, 100_000)
    await time.run(60_000)
    expect(wentAt).toHaveLength(100_000)
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(10_000_000) // µs: it takes some 300 ms, and with such work many minutes
  })

  test('are refused at once when their turn would come too late, with the time until then', async () => {
    const time = new Time()
    const pacer = pacerAt(time, 600)
    const { wentAt, refused } = takeMany(pacer, time, 1000, 30_000)
    await Promise.resolve()
    expect(refused.length).toBeGreaterThan(500)
    expect(refused.every(it => !it.ok && Number(it.afterMs) > 30_000)).toBe(true)
    await time.run(30_000)
    expect(wentAt.length + refused.length).toBe(1000)
  })

  test('are told at once of a pause, how long it is', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    const { wentAt, refused } = takeMany(pacer, time, BUCKET + 3)
    await Promise.resolve()
    pacer.pause(45_000)
    await Promise.resolve()
    expect(wentAt).toHaveLength(BUCKET)
    expect(refused).toEqual(Array.from({ length: 3 }, () => ({ ok: false, afterMs: 45_000 })))
    expect(time.set).toBe(0)
  })

  test('take nothing of the quota when they are not wanted any more: the turn is the next one’s', async () => {
    const time = new Time()
    const pacer = pacerAt(time, 600) // 150 at once, then some two a second
    takeMany(pacer, time, 150)
    const wish = { isWanted: true }
    const given = Array.from({ length: 20 }, () => pacer.take(LONG, wish))
    const next = takeMany(pacer, time, 1)
    wish.isWanted = false
    await time.run(1000)
    expect(await Promise.all(given)).toEqual(
      Array.from({ length: 20 }, () => ({ ok: false, afterMs: 'unwanted' })),
    )
    expect(next.wentAt).toHaveLength(1)
  })

  test('are refused when it is closed', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    const { refused } = takeMany(pacer, time, BUCKET + 3)
    pacer.close()
    await Promise.resolve()
    expect(refused).toHaveLength(3)
    expect(time.set).toBe(0)
  })
})

describe('a pause', () => {
  test('lets nothing pass until its end, and starts slowly then', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    pacer.pause(60_000)
    await time.run(59_999)
    expect(await pacer.take(LONG)).toEqual({ ok: false, afterMs: 1 })
    await time.run(1)
    const { wentAt } = takeMany(pacer, time, 10_000)
    await Promise.resolve()
    expect(wentAt).toHaveLength(0)
    await time.run(1000)
    expect(wentAt.length).toBeGreaterThan(2400)
    expect(wentAt.length).toBeLessThan(2700)
  })

  test('is no longer than was asked for after the clock was set back', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    pacer.pause(60_000)
    time.clock.move(-8 * LONG)
    expect(await pacer.take(LONG)).toEqual({ ok: false, afterMs: 60_000 })
    await time.run(20_000)
    pacer.pause(1000)
    expect(await pacer.take(LONG)).toEqual({ ok: false, afterMs: 40_000 })
  })

  test('is not ended by a shorter one', async () => {
    const time = new Time()
    const pacer = pacerAt(time)
    pacer.pause(60_000)
    pacer.pause(1000)
    expect(await pacer.take(LONG)).toEqual({ ok: false, afterMs: 60_000 })
  })
})
