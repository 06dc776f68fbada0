/** What is said of a credential that its gateway takes while every address is somebody else's. */
import { CREDENTIAL_PROBLEMS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { waveReason } from '../dispatch/waves.ts'
import { explainRefusal, MEANINGS, problemsOf } from './problems.ts'

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

test('each problem has its code with its values, by which others say it in their language', () => {
  expect([...MEANINGS.map(it => it.code), 'refused', 'certificate_expiring'].sort()).toEqual(
    Object.keys(CREDENTIAL_PROBLEMS).sort(),
  )
  const whole = { environments: ['production', 'sandbox'], pauses: [], checks: [] }
  const problems = [
    explainRefusal('apns', { part: 'sandbox', reason: 'InvalidProviderToken' }),
    explainRefusal('webpush', { part: 'https://push.example', reason: '403' }),
    ...problemsOf(
      { gateway: 'apns', expiresAt: '2026-11-24T14:00:00.000Z', ...whole },
      Date.parse('2026-11-22T14:00:00Z'),
    ),
  ]
  expect(problems.map(it => it.values)).toEqual([
    { part: 'sandbox', reason: 'InvalidProviderToken' },
    { part: 'https://push.example', reason: '403' },
    { expiresAt: '2026-11-24T14:00:00.000Z', days: 2 },
  ])
  for (const { code, values } of problems)
    expect(Object.keys(values).sort()).toEqual(
      [...CREDENTIAL_PROBLEMS[code as keyof typeof CREDENTIAL_PROBLEMS]].sort(),
    )
})

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
