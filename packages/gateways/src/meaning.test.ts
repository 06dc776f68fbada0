/** Every answer that is documented has words of its own: docs/gateway-answers/ is read row by row, through the clients' own readers. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { badRequest, errorBody, errorInfo, fcmError, quotaFailure } from '../test/fcm.ts'
import { readResponse as readApns } from './apns/outcome.ts'
import { readError } from './fcm/error.ts'
import { readResponse as readHms } from './hms/outcome.ts'
import { GATEWAYS, type Gateway, meaningOf } from './meaning.ts'
import type { AttemptOutcome } from './outcome.ts'
import { readResponse as readWebPush } from './webpush/outcome.ts'

interface Row {
  readonly status: number | null
  readonly means: string
  readonly outcome: string
}
type ApnsRow = Row & { readonly status: number; readonly reason: string }
type FcmRow = Row & {
  readonly status: number
  readonly form: string
  readonly code: string | null
  readonly apnsReason?: string
}
type WebPushRow = Row & {
  readonly service: string
  readonly status: number
  readonly says: string
  readonly errno?: number | null
}
type HmsRow = Row & { readonly code: string | null; readonly case?: string }

function rowsOf<R extends Row>(name: string): R[] {
  const file = new URL(`../../../docs/gateway-answers/${name}.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { rows: R[] }).rows
}

const clock = { now: () => Date.parse('2026-11-02T10:00:00Z') }
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

function response(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  const bytes = typeof body === 'string' ? Buffer.from(body) : json(body)
  return { kind: 'response', status, headers, body: bytes } as const
}

/** Its own words: other ones than those for a reason of which nothing is known. */
function expectOwnWords(outcome: AttemptOutcome, gateway: Gateway): string {
  const words = meaningOf(outcome, gateway)
  expect(words.meaning.length).toBeGreaterThan(15)
  expect(words.remedy.length).toBeGreaterThan(10)
  if (outcome.kind === 'accepted') return words.meaning
  const general = meaningOf({ ...outcome, reason: 'zzz' }, gateway)
  expect(words, `${outcome.kind} ${outcome.reason}`).not.toEqual(general)
  return words.meaning
}

/** Rows that the tables themselves call the same, or unknown. */
const isUnknown = (reason: string | null) => reason === 'SomethingNew' || reason === 'SOMETHING_NEW'

describe('APNs', () => {
  const rows = rowsOf<ApnsRow>('apns')
  const known = rows.filter(it => !isUnknown(it.reason))
  const outcomeOf = (row: ApnsRow) => readApns(response(row.status, { reason: row.reason }), clock)

  test.each(known)('$status $reason has words of its own', row => {
    expectOwnWords(outcomeOf(row), 'apns')
  })

  test('no two reasons have the same words, but for the two spellings of one', () => {
    const meanings = known
      .filter(it => it.reason !== 'BadEnvironmentKeyInToken')
      .map(row => meaningOf(outcomeOf(row), 'apns').meaning)
    expect(new Set(meanings).size).toBe(meanings.length)
  })

  test.each(rows.filter(it => isUnknown(it.reason)))(
    'a new reason with $status gets the words of its kind',
    row => {
      const outcome = outcomeOf(row)
      expect(meaningOf(outcome, 'apns').meaning).toBe(
        meaningOf({ ...outcome, reason: 'zzz' } as AttemptOutcome, 'apns').meaning,
      )
    },
  )

  test('of a bad token it is said which builds have tokens of which environment', () => {
    const { meaning, remedy } = meaningOf({ kind: 'address_mismatch', reason: 'BadDeviceToken' }, 'apns')
    expect(meaning).toMatch(/Xcode has sandbox tokens; TestFlight and App Store builds have production ones/)
    expect(remedy).toMatch(/other environment/)
  })

  test('a bad topic is the message’s when it has a suffix, else the credential’s', () => {
    const ofMessage = meaningOf(readApns(response(400, { reason: 'BadTopic' }), clock, true), 'apns')
    const ofCredential = meaningOf(readApns(response(400, { reason: 'BadTopic' }), clock), 'apns')
    expect(ofMessage.meaning).toContain('suffix')
    expect(ofCredential.meaning).toContain('bundle id of this credential')
  })
})

describe('FCM', () => {
  const rows = rowsOf<FcmRow>('fcm')

  /** Google's words, as far as they tell two rows of one code apart. */
  const WORDS: Readonly<Record<string, string>> = {
    malformed_token: 'The registration token is not a valid FCM registration token',
    web_push_auth: 'Web push authentication failed',
    service_disabled: 'Firebase Cloud Messaging API has not been used in project 1 before or it is disabled.',
    device_quota_exceeded: 'Device message rate exceeded',
    collapsible_quota_exceeded: 'Collapsible message rate exceeded for this device',
    topic_quota_exceeded: 'Topic message rate exceeded',
  }

  function outcomeOf({ form, status, code, apnsReason, outcome }: FcmRow): AttemptOutcome {
    const isFcm = code !== null && !['UNAUTHENTICATED', 'PERMISSION_DENIED', 'NOT_FOUND'].includes(code)
    const details = [
      ...(isFcm ? [fcmError(code)] : []),
      ...(apnsReason === undefined
        ? []
        : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.ApnsError', reason: apnsReason }]),
      ...(form === 'bad_request' ? [badRequest('message.token'), errorInfo('x'), quotaFailure('x')] : []),
    ]
    const body = code === null ? '<!DOCTYPE html>' : errorBody(status, code, WORDS[form] ?? 'Words.', details)
    const { reason } = readError(response(status, body))
    const [kind = '', scope] = outcome.split(' ')
    if (kind === 'decided')
      return { kind: 'address_mismatch', reason: `undecided, token or payload: ${reason}` }
    return { kind, reason, ...(scope && { scope }) } as AttemptOutcome
  }

  test.each(rows.filter(it => !isUnknown(it.code)))(
    '$form $status $code $apnsReason has words of its own',
    row => {
      expectOwnWords(outcomeOf(row), 'fcm')
    },
  )

  test('codes that differ have words that differ', () => {
    const byCode = new Map(
      rows
        .filter(it => it.code !== null && !isUnknown(it.code))
        .map(row => [row.code, meaningOf(outcomeOf(row), 'fcm').meaning] as const),
    )
    expect(new Set(byCode.values()).size).toBe(byCode.size)
  })

  test.each([
    ['device_quota_exceeded', 'device'],
    ['collapsible_quota_exceeded', 'collapse key'],
    ['topic_quota_exceeded', 'topic'],
    ['quota_exceeded', 'project'],
  ])('%s is told as the quota of the %s', (form, words) => {
    const row = rows.find(it => it.form === form)
    expect(row && meaningOf(outcomeOf(row), 'fcm').meaning).toContain(words)
  })
})

describe('Web Push', () => {
  const rows = rowsOf<WebPushRow>('web-push')

  function outcomeOf({ service, status, says, errno }: WebPushRow): AttemptOutcome {
    const asked = {
      clock,
      endpoint: { ok: true, origin: 'https://push.example.com', path: '/x' },
      isKeyProven: false,
      areStrangersBelieved: true,
    } as const
    if (service === 'autopush')
      return readWebPush(
        response(status, { code: status, errno: errno ?? null, error: 'Phrase', message: says }),
        asked,
      )
    if (service === 'windows')
      return readWebPush(
        response(status, '', { 'x-wns-status': 'dropped', 'x-wns-error-description': says }),
        asked,
      )
    return readWebPush(response(status, service === 'apple' ? { reason: says } : says), asked)
  }

  test.each(rows)('$service $status $errno "$says" has words of its own', row => {
    const outcome = outcomeOf(row)
    expect(outcome.kind).toBe(row.outcome.split(' ')[0])
    expectOwnWords(outcome, 'webpush')
  })

  test('Apple’s reasons have words that differ from each other', () => {
    const reasons = new Map(
      rows
        .filter(it => it.service === 'apple' && it.outcome !== 'address_dead')
        .map(row => [row.says, meaningOf(outcomeOf(row), 'webpush').meaning] as const),
    )
    expect(new Set(reasons.values()).size).toBe(reasons.size)
  })
})

describe('HMS', () => {
  const rows = rowsOf<HmsRow>('hms')

  function outcomeOf(row: HmsRow): AttemptOutcome {
    const listed = JSON.stringify({ success: 1, failure: 1, illegal_tokens: ['listed'] })
    const body = row.code === null ? 'x' : { code: row.code, msg: row.code === '80100000' ? listed : 'words' }
    const tokens = row.code === '80100000' ? ['listed', 'not listed'] : ['listed']
    const request = { tokens, tookOthers: row.case === 'one token, others were taken', hasReceiptId: false }
    const verdict = readHms(response(row.status ?? 400, body), request, clock)
    return verdict(row.case === 'not listed' ? 'not listed' : 'listed')
  }

  test.each(rows)('$status $code $case has words of its own', row => {
    const outcome = outcomeOf(row)
    expect(outcome.kind).toBe(row.outcome.split(' ')[0])
    expectOwnWords(outcome, 'hms')
  })

  test('codes that differ have words that differ', () => {
    const refused = rows.filter(it => it.code !== null && it.outcome !== 'accepted')
    const byCode = new Map(refused.map(row => [row.code, meaningOf(outcomeOf(row), 'hms').meaning] as const))
    expect(new Set(byCode.values()).size).toBe(byCode.size)
  })
})

describe('what no gateway says', () => {
  test.each([
    ['apns', 'credential_fault', 'certificate_expired', 'expired'],
    ['apns', 'credential_fault', 'certificate_not_for_sandbox', 'environment'],
    ['apns', 'credential_fault', 'certificate_of_other_app: com.example.other', 'app'],
    ['apns', 'credential_fault', 'tls_certificate_refused: certificate revoked', 'revoked'],
    ['webpush', 'address_mismatch', 'endpoint_refused: not a public address', 'public'],
    ['webpush', 'address_mismatch', 'subscription_auth', '16 bytes'],
    ['fcm', 'message_fault', 'payload_too_large: 5120 bytes, 4096 allowed', 'larger'],
    ['fcm', 'credential_fault', 'token endpoint: invalid_grant: account not found', 'Signing in'],
    ['hms', 'not_sent', 'token endpoint: could not connect: ECONNREFUSED', 'sign-in'],
    ['fcm', 'not_sent', 'token endpoint: could not connect: self-signed certificate', 'sign-in'],
    ['fcm', 'retry', 'token endpoint: status 503', 'sign-in'],
    ['apns', 'not_sent', 'could not connect: getaddrinfo ENOTFOUND api.push.apple.com', 'name'],
    ['apns', 'not_sent', 'could not connect: connect ECONNREFUSED 127.0.0.1:9', 'reached'],
  ] as const)('%s %s "%s" is told with "%s"', (gateway, kind, reason, words) => {
    const outcome = { kind, reason, ...(kind === 'retry' && { scope: 'credential' }) } as AttemptOutcome
    expectOwnWords(outcome, gateway)
    expect(meaningOf(outcome, gateway).meaning).toContain(words)
  })

  test.each(GATEWAYS)('an acceptance by %s is not called a delivery', gateway => {
    const { meaning, remedy } = meaningOf({ kind: 'accepted', gatewayMessageId: undefined }, gateway)
    expect(meaning).toMatch(/not yet a notification/)
    expect(`${meaning}${remedy}`).not.toMatch(/delivered/i)
  })
})
