import type { ReachGroup } from '@roost/protocol'
import { expect, test } from 'vitest'
import { reasonsOf } from './groups.ts'

const group = (of: Partial<ReachGroup>): ReachGroup => ({
  rule: 'DX-25',
  title: 'Control group',
  step: 'allowed',
  outcome: 'skipped',
  reason: 'control_group',
  gateway: 'fcm',
  count: 10,
  share: 0.1,
  remedy: { who: 'nobody', steps: [] },
  ...of,
})

test('the same reason at several gateways is one, with all its devices, and the most frequent comes first', () => {
  const other = group({ reason: 'quiet_hours', gateway: 'apns', count: 12, share: 0.12 })
  const reasons = reasonsOf([other, group({}), group({ gateway: 'apns', count: 5, share: 0.05 })])
  expect(reasons.map(({ reason, count, gateways }) => [reason, count, gateways])).toEqual([
    ['control_group', 15, ['fcm', 'apns']],
    ['quiet_hours', 12, ['apns']],
  ])
  expect(reasons[0]?.share).toBeCloseTo(0.15)
})

test('what came to another outcome is another reason, and what had no gateway has none', () => {
  const reasons = reasonsOf([group({}), group({ outcome: 'failed', gateway: null })])
  expect(reasons.map(({ outcome, gateways }) => [outcome, gateways])).toEqual([
    ['skipped', ['fcm']],
    ['failed', []],
  ])
})
