/** The receipt key of a delivery, in payloads that are built once for thousands. */
import { expect, test } from 'vitest'
import { withReceiptKey, withReceiptKeyInData } from './receipt-key.ts'

const KEY = 's3cond.AbCd-_123'

test('it is the last field of an object, and what it was put into stays as it was', () => {
  const body = Buffer.from('{"aps":{"alert":"Grüße"},"p":"1"}')
  const signed = withReceiptKey(body, KEY, 4096)
  expect(JSON.parse(signed.toString())).toEqual({ aps: { alert: 'Grüße' }, p: '1', rk: KEY })
  expect(body.toString()).toBe('{"aps":{"alert":"Grüße"},"p":"1"}')
})

test('it is a field of the data of an FCM message', () => {
  const content = '{"data":{"p":"1","title":"Grüße"},"android":{"ttl":"1s"}}'
  expect(JSON.parse(withReceiptKeyInData(content, KEY, 4096))).toEqual({
    data: { p: '1', title: 'Grüße', rk: KEY },
    android: { ttl: '1s' },
  })
})

test('where there is no room for it the payload goes without', () => {
  const body = Buffer.from('{"p":"1"}')
  const bytes = body.length + KEY.length + ',"rk":""'.length
  expect(withReceiptKey(body, KEY, bytes).length).toBe(bytes)
  expect(withReceiptKey(body, KEY, bytes - 1)).toBe(body)
  expect(withReceiptKeyInData('{"data":{"p":"1"}}', KEY, 30)).toBe('{"data":{"p":"1"}}')
})

test('it is there whatever has its name deeper in the message', () => {
  const content = '{"data":{"p":"1"},"apns":{"payload":{"texts":{"rk":"x"}}}}'
  expect(JSON.parse(withReceiptKeyInData(content, KEY, 4096)).data).toEqual({ p: '1', rk: KEY })
})

test('without a key nothing is copied', () => {
  const body = Buffer.from('{"p":"1"}')
  expect(withReceiptKey(body, undefined, 4096)).toBe(body)
})
