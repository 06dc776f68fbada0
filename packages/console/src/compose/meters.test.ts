import type { Preview } from '@roost/protocol'
import { expect, test } from 'vitest'
import { metersOf, toneOfMeter } from './meters.ts'

type Rendered = Preview['gateways'][number]

function rendered(given: Partial<Rendered>): Rendered {
  return {
    gateway: 'apns',
    language: null,
    hasCredential: true,
    isPersonal: false,
    shown: null,
    size: null,
    reason: null,
    ...given,
  }
}

const size = (bytes: number, ...parts: readonly [string, number][]) => ({
  bytes,
  limit: 4096,
  parts: parts.map(([field, of]) => ({ field, bytes: of })),
})

test('a meter shows the largest of the languages, and what takes the room in that one', () => {
  const gateways = [
    rendered({ size: size(900, ['title', 10]) }),
    rendered({ language: 'ru', size: size(1800, ['body', 1200], ['title', 300]) }),
  ]
  expect(metersOf({ gateways, devices: [] })).toEqual([
    {
      gateway: 'apns',
      hasCredential: true,
      bytes: 1800,
      limit: 4096,
      fill: 1800 / 4096,
      parts: [
        { field: 'body', bytes: 1200 },
        { field: 'title', bytes: 300 },
      ],
      language: 'ru',
      reason: null,
    },
  ])
})

test('of what differs by device it shows the largest of those that were looked at', () => {
  const gateways = [rendered({ isPersonal: true })]
  const devices = [
    { hwid: 'a', gateway: 'apns' as const, shown: null, size: size(700), reason: null },
    { hwid: 'b', gateway: 'apns' as const, shown: null, size: size(3900), reason: null },
    { hwid: 'c', gateway: 'fcm' as const, shown: null, size: size(4000), reason: null },
  ]
  const [meter] = metersOf({ gateways, devices })
  expect(meter).toMatchObject({ bytes: 3900, language: undefined })
  expect(meter && toneOfMeter(meter)).toBe('warning')
})

test('gateways that the app can’t send to are left out, unless it can send to none', () => {
  const apns = rendered({ size: size(1) })
  const fcm = rendered({ gateway: 'fcm', hasCredential: false, size: size(2) })
  expect(metersOf({ gateways: [apns, fcm], devices: [] }).map(it => it.gateway)).toEqual(['apns'])
  expect(metersOf({ gateways: [fcm], devices: [] }).map(it => it.gateway)).toEqual(['fcm'])
})

test('more than the limit is bad, and so is what would not be sent at all', () => {
  const [full] = metersOf({ gateways: [rendered({ size: size(4097), reason: 'too large' })], devices: [] })
  expect(full && toneOfMeter(full)).toBe('bad')
  expect(full?.reason).toBe('too large')
  const [silent] = metersOf({ gateways: [rendered({ reason: 'silent_in_browsers' })], devices: [] })
  expect(silent && toneOfMeter(silent)).toBe('bad')
  const [small] = metersOf({ gateways: [rendered({ size: size(300) })], devices: [] })
  expect(small && toneOfMeter(small)).toBe('good')
})

test('why one device gets nothing is no matter of room where others were measured', () => {
  const gateways = [rendered({ isPersonal: true })]
  const devices = [
    { hwid: 'a', gateway: 'apns' as const, shown: null, size: null, reason: 'variable_missing: tags.Name' },
    { hwid: 'b', gateway: 'apns' as const, shown: null, size: size(700), reason: null },
  ]
  expect(metersOf({ gateways, devices })).toMatchObject([{ bytes: 700, reason: null }])
})
