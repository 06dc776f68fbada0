/** Payloads of notifications that differ in their words alone: held against those that are made one by one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOTIFICATION } from '../test/fixtures.ts'
import { bodyOfMold, buildBody, moldBody } from './apns/payload.ts'
import { systemClock } from './clock.ts'
import { buildPayload, moldPayload, payloadOfMold } from './fcm/payload.ts'
import { Molds } from './mold.ts'
import type { Notification } from './notification.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', '"', '\\', '\ud800', '{{ tags.name }}', 'roost.word.body.7f3a9c', '$&', '__proto__'),
)
const others = fc.constantFrom<Partial<Notification>>(
  {},
  { url: 'https://example.com/?a="b"', badge: 3, sound: 'bell', data: { a: ['"', 1] } },
  { root: { title: 'of the sender', p: 'x' }, imageUrl: 'https://example.com/a.png' },
  { apns: { aps: { alert: { title: 'of Apple' } } }, fcm: { data: { title: 'of Google' } } },
  { collapseKey: 'offer', buttons: [{ title: 'Open' }], channel: 'news' },
)

function many(
  rest: Partial<Notification>,
  words: readonly Pick<Notification, 'title' | 'subtitle' | 'body'>[],
) {
  const likeness = {}
  return words.map(it => ({ ...NOTIFICATION, ...rest, ...it, likeness }))
}

describe('a payload out of a mold is byte for byte the one that is made for its device alone', () => {
  const words = fc.array(fc.record({ title: text, subtitle: text, body: text }), {
    minLength: 2,
    maxLength: 5,
  })

  test('for Apple', () => {
    fc.assert(
      fc.property(others, words, (rest, each) => {
        const molds = new Molds(marked => moldBody(marked, systemClock))
        for (const notification of many(rest, each)) {
          const made = molds.fill(notification)
          expect(made && bodyOfMold(made)).toEqual(buildBody(notification, systemClock))
        }
      }),
    )
  })

  test('for Google', () => {
    fc.assert(
      fc.property(others, words, (rest, each) => {
        const molds = new Molds(moldPayload)
        for (const notification of many(rest, each)) {
          const made = molds.fill(notification)
          expect(made && payloadOfMold(made)).toEqual({
            ...buildPayload(notification, true),
            isPersonal: true,
          })
        }
      }),
    )
  })
})

test('words that make a payload too long are refused as they would be without a mold', () => {
  const apns = new Molds(marked => moldBody(marked, systemClock))
  const fcm = new Molds(moldPayload)
  const [short, long] = many({}, [
    { title: 'a', subtitle: undefined, body: 'b' },
    { title: 'a', subtitle: undefined, body: 'é'.repeat(3000) },
  ]) as [Notification, Notification]
  const [ofApple, ofGoogle] = [apns.fill(short), fcm.fill(short)]
  expect(ofApple && bodyOfMold(ofApple)).toMatchObject({ ok: true })
  expect(ofGoogle && payloadOfMold(ofGoogle)).toMatchObject({ ok: true })
  const [tooMuch, tooMuchToo] = [apns.fill(long), fcm.fill(long)]
  expect(tooMuch && bodyOfMold(tooMuch)).toBeUndefined()
  expect(tooMuchToo && payloadOfMold(tooMuchToo)).toBeUndefined()
})

test('what tells the time, or has a fault, gets no mold', () => {
  const molds = new Molds(marked => moldBody(marked, systemClock))
  const activity = { pushType: 'liveactivity', aps: { event: 'update', 'content-state': {} } } as const
  expect(molds.fill({ ...NOTIFICATION, apns: activity, likeness: {} })).toBeUndefined()
  expect(molds.fill({ ...NOTIFICATION, apns: { payload: { aps: {} } }, likeness: {} })).toBeUndefined()
})

test('a notification that is like no other gets no mold', () => {
  expect(new Molds(moldPayload).fill(NOTIFICATION)).toBeUndefined()
})
