import { expect, test } from 'vitest'
import { isAtLeast } from './features.ts'
import { remedyOfRegistrationError } from './registration-errors.ts'

test.each([
  ['2.10', '2.9', true],
  ['2.3', '2.3.0', true],
  ['2.3.1-beta', '2.3.1', true],
  ['2.2.9', '2.3', false],
  ['unknown', '0', false],
])('version %s is at least %s: %s', (version, minimum, isMet) => {
  expect(isAtLeast(version, minimum)).toBe(isMet)
})

test.each([
  ['3000', '', /aps-environment/],
  ['1', 'no valid “aps-environment” entitlement', /aps-environment/],
  ['SERVICE_NOT_AVAILABLE', '', /another network/],
  ['MISSING_INSTANCEID_SERVICE', '', /Google Play services/],
  ['NotAllowedError', '', /not allowed/],
  ['13000', '', /log of the device/],
])('the remedy of %s %s', (code, message, remedy) => {
  expect(remedyOfRegistrationError(code, message)).toMatch(remedy)
})
