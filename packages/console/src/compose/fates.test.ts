import { expect, test } from 'vitest'
import { fatesOf } from './fates.ts'

const device = (
  hwid: string,
  outcome: 'sent' | 'deferred' | 'skipped' | 'failed',
  reason: string | null = null,
) => ({
  hwid,
  gateway: 'apns',
  outcome,
  reason,
  sendAt: null,
  bytes: null,
  title: null,
  body: null,
})

test('a device is counted once, by the best of its variants', () => {
  const sample = [
    device('a', 'failed', 'variable_missing: tags.Name'),
    device('a', 'sent'),
    device('b', 'deferred', 'quiet_hours'),
    device('c', 'skipped', 'capped'),
    device('d', 'skipped', 'capped'),
    device('e', 'failed', 'nothing_to_show'),
  ]
  expect(fatesOf(sample)).toEqual({
    looked: 5,
    sent: 1,
    deferred: 1,
    lost: 3,
    reasons: [
      { reason: 'capped', count: 2 },
      { reason: 'nothing_to_show', count: 1 },
    ],
  })
})
