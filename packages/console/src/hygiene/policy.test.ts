import type { AddressPolicy } from '@roost/protocol'
import { expect, test } from 'vitest'
import { changeOf, faultsOfPolicy, formOf, mayRemoveMore } from './policy.ts'

const STORED: AddressPolicy = {
  dormantDays: 30,
  sendToDormant: true,
  removeInactive: false,
  inactiveDays: 90,
  fcmDeadDays: 270,
  otherDeadDays: 365,
  tombstoneDays: 90,
  eraseDays: null,
}

test('what was not touched is not sent', () => {
  expect(changeOf(formOf(STORED), STORED)).toEqual({})
  expect(changeOf({ ...formOf(STORED), removeInactive: true, inactiveDays: 60 }, STORED)).toEqual({
    removeInactive: true,
    inactiveDays: 60,
  })
})

test('an empty end of devices is never', () => {
  const erasing = { ...STORED, eraseDays: 400 }
  expect(changeOf({ ...formOf(erasing), eraseDays: '' }, erasing)).toEqual({ eraseDays: null })
  expect(faultsOfPolicy(formOf(STORED))).toEqual({})
})

test('a field that is empty, too small, too large or no whole number is named', () => {
  const form = {
    ...formOf(STORED),
    dormantDays: '' as const,
    inactiveDays: 6,
    eraseDays: 29.5,
    tombstoneDays: 3651,
  }
  expect(faultsOfPolicy(form)).toEqual({
    dormantDays: { kind: 'missing' },
    inactiveDays: { kind: 'range', least: 7 },
    eraseDays: { kind: 'range', least: 30 },
    tombstoneDays: { kind: 'range', least: 30 },
  })
})

test.each([
  ['inactivity is switched on', { removeInactive: true }, true],
  ['days of inactivity get fewer while it is off', { inactiveDays: 30 }, false],
  ['tokens of Google may be silent for less time', { fcmDeadDays: 200 }, true],
  ['devices are erased from now on', { eraseDays: 500 }, true],
  ['everything may live longer', { fcmDeadDays: 300, otherDeadDays: 500, tombstoneDays: 200 }, false],
  ['dormant devices are not sent to', { sendToDormant: false, dormantDays: 10 }, false],
])('whether somebody may leave the base is known when %s', (_, change, expected) => {
  expect(mayRemoveMore({ ...formOf(STORED), ...change }, STORED)).toBe(expected)
})

test('fewer days of inactivity take somebody out while it is on', () => {
  const removing = { ...STORED, removeInactive: true }
  expect(mayRemoveMore({ ...formOf(removing), inactiveDays: 60 }, removing)).toBe(true)
  expect(mayRemoveMore({ ...formOf(removing), inactiveDays: 120 }, removing)).toBe(false)
})
