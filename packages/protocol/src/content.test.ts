import { describe, expect, test } from 'vitest'
import { contentSchema } from './content.ts'
import { testNotificationSchema } from './push-test.ts'

function faultsOf(schema: typeof contentSchema | typeof testNotificationSchema, content: object) {
  return schema
    .safeParse({ title: 'Hello', ...content })
    .error?.issues.map(it => [it.path.join('.'), it.message])
}

describe('a name that devices read as theirs', () => {
  test.each(['aps', 'pw_msg', 'p', 'l', 'u', 'rk', 'ru'])('is no root key of the sender’s: %s', name => {
    for (const schema of [contentSchema, testNotificationSchema])
      expect(faultsOf(schema, { root: { en: 'Hello', [name]: 'x' } })).toEqual([
        ['root', 'Roost itself sets aps, pw_msg, p, l, u, rk, ru: choose another name for a key of your own'],
      ])
    expect(faultsOf(contentSchema, { hms: { root: { [name]: 'x' } } })).toHaveLength(1)
  })

  test.each<[string, (fields: object) => object]>([
    ['apns.payload', payload => ({ apns: { payload } })],
    ['webPush.payload', payload => ({ webPush: { payload } })],
    ['fcm.android.data', data => ({ fcm: { android: { data } } })],
    ['fcm.webpush.data', data => ({ fcm: { webpush: { data } } })],
    ['fcm.apns.payload', payload => ({ fcm: { apns: { payload } } })],
  ])('is none in %s, if it is set for each device; another one goes before ours', (place, contentWith) => {
    for (const schema of [contentSchema, testNotificationSchema]) {
      for (const name of ['rk', 'ru'])
        expect(faultsOf(schema, contentWith({ en: 'Hello', [name]: 'x' }))).toEqual([
          [`${place}.${name}`, 'Roost itself sets rk, ru: choose another name for a key of your own'],
        ])
      expect(faultsOf(schema, contentWith({ en: 'Hello', u: 'mine', ru_RU: 'x' }))).toBeUndefined()
    }
  })

  test('is none in the data that the push tester gives to FCM', () => {
    expect(faultsOf(testNotificationSchema, { fcm: { data: { ru: 'x' } } })).toHaveLength(1)
  })
})
