/** Who may try to sign in how often, and whom a guesser locks out: nobody else. */
import { expect, test } from 'vitest'
import { SignInLimits } from './sign-in-limits.ts'

function limited() {
  const clock = { at: 1_000_000_000, now: () => clock.at }
  const limits = new SignInLimits(clock)
  const guesses = (ip: string, names: readonly string[]) => {
    let taken = 0
    for (const name of names)
      try {
        limits.take(name, ip)
        taken++
      } catch {}
    return taken
  }
  return { clock, limits, guesses }
}
const times = (n: number, name = 'anna') => Array.from({ length: n }, () => name)

test('a client has ten tries at once and ten a minute, whatever the names', () => {
  const { clock, guesses } = limited()
  const names = Array.from({ length: 50 }, (_, n) => `name ${n}`)
  expect(guesses('198.51.100.1', names)).toBe(10)
  clock.at += 30_000
  expect(guesses('198.51.100.1', names)).toBe(5)
})

test('all networks of a /48 are one client', () => {
  const { guesses } = limited()
  const names = Array.from({ length: 20 }, (_, n) => `name ${n}`)
  expect(guesses('2001:db8:1:1::1', names) + guesses('2001:db8:1:2::1', names)).toBe(10)
  expect(guesses('2001:db8:2::1', names)).toBe(10)
})

test('a name has twenty tries of strangers beyond three of each, and one a minute after that', () => {
  const { clock, guesses } = limited()
  let all = 0
  for (let client = 1; client <= 100; client++) all += guesses(`192.0.2.${client}`, times(5))
  expect(all).toBe(3 * 100 + 20)
  clock.at += 5 * 60_000
  expect(guesses('192.0.2.1', times(10))).toBe(5)
})

test('whoever has signed in from there is not locked out by strangers, and neither is a new place', () => {
  const { limits, guesses } = limited()
  limits.take('anna', '203.0.113.1').succeed()
  for (let client = 1; client <= 50; client++) guesses(`192.0.2.${client}`, times(5))
  expect(limits.take('anna', '203.0.113.1').isKnown).toBe(true)
  expect(guesses('203.0.113.1', times(20))).toBe(9)
  expect(guesses('203.0.113.2', times(5))).toBe(3)
})

test('what was right is no try', () => {
  const { limits } = limited()
  for (let n = 0; n < 100; n++) limits.take('anna', '203.0.113.1').succeed()
  expect(limits.take('anna', '203.0.113.1').isKnown).toBe(true)
})

test('behind a proxy that is not named sixty a minute are let in, and a name locks nobody out', () => {
  const { limits, guesses } = limited()
  limits.take('anna', '10.0.0.1').succeed()
  expect(limits.take('anna', '10.0.0.1').isKnown).toBe(false) // it may have been somebody else behind it
  expect(guesses('10.0.0.1', times(100))).toBe(59)
})

test('memory is bounded whoever comes', () => {
  const { clock, guesses } = limited()
  for (let n = 0; n < 100_000; n++) {
    clock.at += 10
    guesses(`${1 + (n % 200)}.${(n >> 8) % 256}.${n % 256}.7`, [`name ${n}`])
  }
  expect(guesses('198.51.100.1', times(3))).toBe(3)
})
