/** The pace of an origin: patience when it asks for it, half as much at once after a fault, slowly more afterwards. */
import type { AttemptOutcome } from '@roost/gateways'
import { expect, test } from 'vitest'
import { Origins } from './origins.ts'

const ORIGIN = 'https://push.example'
const throttled: AttemptOutcome = { kind: 'retry', reason: '429', scope: 'origin', afterMs: 60_000 }
const faulty: AttemptOutcome = { kind: 'retry', reason: '500', scope: 'origin', afterMs: undefined }
const accepted: AttemptOutcome = { kind: 'accepted', gatewayMessageId: undefined }

function at(start: number, patienceMs?: number) {
  let now = start
  const origins = new Origins({ now: () => now }, patienceMs)
  return { origins, advance: (ms: number) => (now += ms) }
}

/** How many get in at once. */
async function room(origins: Origins): Promise<number> {
  let entered = 0
  const all = Array.from({ length: 300 }, () => origins.enter(ORIGIN).then(() => entered++))
  await Promise.resolve()
  await Promise.resolve()
  const atOnce = entered
  for (let i = 0; i < 300; i++) {
    origins.leave(ORIGIN, undefined)
    await Promise.resolve()
  }
  await Promise.all(all)
  return atOnce
}

async function answer(origins: Origins, outcome: AttemptOutcome): Promise<void> {
  await origins.enter(ORIGIN)
  origins.leave(ORIGIN, outcome)
}

test('an origin that names a time is left alone until then, others are not', async () => {
  const { origins, advance } = at(1000)
  await answer(origins, throttled)
  expect(origins.notBefore(ORIGIN)).toBe(61_000)
  expect(origins.notBefore('https://other.example')).toBe(0)
  advance(60_000)
  expect(origins.notBefore(ORIGIN)).toBe(0)
})

test('a clock that is set back makes no pause longer than was asked for', async () => {
  const { origins, advance } = at(30_000_000)
  await answer(origins, throttled)
  advance(-29_000_000)
  expect(origins.notBefore(ORIGIN)).toBe(1_060_000)
  advance(20_000)
  await answer(origins, { ...throttled, afterMs: 1000 })
  expect(origins.notBefore(ORIGIN)).toBe(1_060_000)
  advance(40_000)
  expect(origins.notBefore(ORIGIN)).toBe(0)
})

test('a fault without a time halves what is under way at once, and holds nobody up', async () => {
  const { origins } = at(0)
  expect(await room(origins)).toBe(250)
  await answer(origins, faulty)
  expect(origins.notBefore(ORIGIN)).toBe(0)
  expect(await room(origins)).toBe(125)
})

test('answers to what was under way when it was halved do not halve it again', async () => {
  const { origins } = at(0)
  for (let i = 0; i < 10; i++) await origins.enter(ORIGIN)
  for (let i = 0; i < 10; i++) origins.leave(ORIGIN, faulty)
  expect(await room(origins)).toBe(125)
})

test('it grows by one after as many acceptances as are allowed at once', async () => {
  const { origins } = at(0)
  for (let i = 0; i < 5; i++) await answer(origins, faulty)
  expect(await room(origins)).toBe(7)
  for (let i = 0; i < 6; i++) await answer(origins, accepted)
  expect(await room(origins)).toBe(7)
  await answer(origins, accepted)
  expect(await room(origins)).toBe(8)
})

test('whoever finds no room within the patience is turned away, so that a stalling origin holds no chunk up', async () => {
  const { origins } = at(0, 20)
  for (let i = 0; i < 250; i++) expect(await origins.enter(ORIGIN)).toBe(true)
  expect(await Promise.all([origins.enter(ORIGIN), origins.enter(ORIGIN)])).toEqual([false, false])
  expect(await origins.enter('https://other.example')).toBe(true)
  origins.leave(ORIGIN, accepted)
  expect(await origins.enter(ORIGIN)).toBe(true)
})

test('an origin in use keeps its patience, however many others come by', async () => {
  const { origins } = at(0)
  await answer(origins, throttled)
  for (let i = 0; i < 3000; i++) {
    await origins.enter(`https://${i}.example`)
    origins.leave(`https://${i}.example`, accepted)
    if (i % 500 === 0) await answer(origins, accepted)
  }
  expect(origins.notBefore(ORIGIN)).toBe(60_000)
})
