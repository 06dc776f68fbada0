import { expect, test } from 'vitest'
import { deviceRecordSchema } from './device.ts'

test.each([-1, 100_000, Number.MAX_SAFE_INTEGER, 1.5])(
  'the badge of a device that is brought along is what calls of devices take, not %d',
  badge => {
    expect(deviceRecordSchema.safeParse({ badge }).success).toBe(false)
    expect(deviceRecordSchema.parse({ badge: 99_999 })).toEqual({ badge: 99_999 })
  },
)
