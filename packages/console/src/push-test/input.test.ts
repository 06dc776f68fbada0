import { describe, expect, test } from 'vitest'
import { inputOf, EMPTY_FORM as NOTHING, NoObject } from './input.ts'

const EMPTY_FORM = { ...NOTHING, title: 'Roost', body: 'This is a test.' }

const APNS = { id: 'c1', gateway: 'apns' }

describe('what is asked of the server', () => {
  test('a token of APNs has its environment, and empty texts are left out', () => {
    const form = { ...EMPTY_FORM, address: ' abcd ', environment: 'sandbox', body: ' ', isDryRun: true }
    expect(inputOf(form, APNS)).toEqual({
      credential: { id: 'c1' },
      address: { provider: 'apns', token: 'abcd', environment: 'sandbox' },
      notification: { title: 'Roost' },
    })
  })

  test('a subscription is taken as the browser writes it', () => {
    const address = '{"endpoint":"https://x/1","expirationTime":null,"keys":{"p256dh":"B","auth":"A"}}'
    expect(inputOf({ ...EMPTY_FORM, address }, { id: 'c1', gateway: 'webpush' })).toMatchObject({
      address: { provider: 'webpush', subscription: { endpoint: 'https://x/1', p256dh: 'B', auth: 'A' } },
    })
  })

  test('a device is named alone, options go over the fields, a dry run where there is one', () => {
    const form = {
      ...EMPTY_FORM,
      to: 'device' as const,
      hwid: 'h1',
      options: '{"title":"Other","fcm":{"android":{"ttl":"1s"}}}',
      isDryRun: true,
    }
    expect(inputOf(form, { id: 'c1', gateway: 'fcm' })).toEqual({
      credential: { id: 'c1' },
      address: { hwid: 'h1' },
      notification: { title: 'Other', body: 'This is a test.', fcm: { android: { ttl: '1s' } } },
      validateOnly: true,
    })
  })

  test.each(['nonsense', '[]', 'null'])(
    'options that are %s are refused, and the field is named',
    options => {
      expect(() => inputOf({ ...EMPTY_FORM, options }, APNS)).toThrow(new NoObject('options'))
    },
  )
})
