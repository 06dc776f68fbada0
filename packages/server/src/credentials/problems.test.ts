/** What is said of a credential that its gateway takes while every address is somebody else's. */
import { expect, test } from 'vitest'
import { waveReason } from '../dispatch/waves.ts'
import { explainRefusal, problemsOf } from './problems.ts'

test.each([
  ['apns', 'DeviceTokenNotForTopic', 'apns_bundle_id_wrong', 'bundleId'],
  ['apns', 'BadDeviceToken', 'apns_environment_wrong', 'other environment'],
  ['fcm', 'SENDER_ID_MISMATCH', 'fcm_project_wrong', 'google-services.json'],
  ['webpush', 'vapid_key_mismatch', 'vapid_key_wrong', 'applicationServerKey'],
])(
  '%s: %s of every address has a problem of its own, whose remedy names what to correct',
  (gateway, reason, code, word) => {
    const problem = explainRefusal(gateway, { part: '', reason: waveReason(reason) })
    expect(problem).toMatchObject({ code, severity: 'error', remedy: expect.stringContaining(word) })
    expect(problem.message).toContain('messages wait')
    expect(problem.message).toContain(`[${waveReason(reason)}]`)
  },
)

test('a certificate whose last hours have come is not told to have a day', () => {
  const told = (expiresAt: string) =>
    problemsOf(
      { gateway: 'apns', environments: ['production'], expiresAt, pauses: [], checks: [] },
      Date.parse('2026-11-22T14:00:00Z'),
    ).map(it => it.message)
  expect(told('2026-11-22T14:01:15.000Z')).toEqual([
    'The certificate expires within a day, at 2026-11-22T14:01:15.000Z.',
  ])
  expect(told('2026-11-24T14:00:00.000Z')).toEqual(['The certificate expires in 2 days, on 2026-11-24.'])
})
