/** What a device reads as its own (`rk`, `ru`) is Roost's, whatever the sender calls a key of his. */
import { expect, test } from 'vitest'
import { accept, fcm, messageOf } from '../test/fcm.ts'
import { attemptTo, NOTIFICATION } from '../test/fixtures.ts'
import { androidDataOf } from './android-data.ts'
import { buildBody } from './apns/payload.ts'
import type { FcmOptions } from './fcm/options.ts'
import { buildPayload } from './hms/payload.ts'
import { buildPlaintext } from './webpush/payload.ts'

const root = { en: 'Hello', ru: 'Привет', rk: 'theirs' }
const clock = { now: () => Date.parse('2026-11-02T10:00:00Z') }

function appleRoots(): Record<string, unknown> {
  const built = buildBody({ ...NOTIFICATION, root }, clock)
  return built.ok ? JSON.parse(built.body.toString()) : {}
}

function browserRoots(): Record<string, unknown> {
  const built = buildPlaintext({ ...NOTIFICATION, root })
  return built.ok ? JSON.parse(built.plaintext.toString()) : {}
}

test.each([
  ['Apple', appleRoots],
  ['Android', () => androidDataOf({ ...NOTIFICATION, root })],
  ['a browser', browserRoots],
])(
  'a root key of an older message that %s would take for ours is left out, and the others stay',
  (_, fieldsOf) => {
    const fields = fieldsOf()
    expect(fields).toMatchObject({ en: 'Hello', p: 'h4sh' })
    expect(fields).not.toHaveProperty('ru')
    expect(fields).not.toHaveProperty('rk')
  },
)

test('so is one of a message by Huawei', () => {
  const built = buildPayload({ ...NOTIFICATION, root }, false)
  expect(built).toMatchObject({ ok: true, head: expect.stringContaining('Hello') })
  expect(built).not.toMatchObject({ head: expect.stringContaining('Привет') })
})

test('a browser is given none in the words of Web Push either', () => {
  expect(buildPlaintext({ ...NOTIFICATION, webPush: { payload: { ru: 'Привет' } } })).toEqual({
    ok: false,
    reason: 'reserved_field: webPush.payload has "ru", which Roost sets for each device',
  })
})

test('whom an FCM message is for is said whatever its other parts hold', async () => {
  const { client, sends } = await fcm(accept)
  const options: FcmOptions = { apns: { payload: { texts: { ru: 'Привет' } } } }
  await client.send({ ...attemptTo({ token: 'device-token:APA91' }, { fcm: options, root }), userId: 'ada' })
  expect(messageOf(sends()[0])).toMatchObject({ data: { en: 'Hello', ru: 'ada' } })
})
