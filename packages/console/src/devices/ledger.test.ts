import { describe, expect, test } from 'vitest'
import { ADDRESS_STATES } from '../api/shapes.ts'
import { createTranslate } from '../i18n/translate.ts'
import { texts } from '../texts/en/ledger.ts'
import { type TellOptions, type Turn, tellTurn, writeReason } from './ledger.ts'

const ENGLISH: TellOptions = { t: createTranslate('en-GB', texts), day: at => at.slice(0, 10) }

const TURN: Turn = {
  at: '2026-11-03T10:00:00Z',
  event: 'dead',
  reason: null,
  provider: 'apns',
  environment: 'production',
  evidence: null,
}

function tell(turn: Partial<Turn>): string {
  return tellTurn({ ...TURN, ...turn }, ENGLISH).sentence
}

describe('a dead address', () => {
  test.each([
    ['apns', 'Unregistered', 'Apple said on 2026-11-03 that this token is gone.'],
    ['apns', 'ExpiredToken', 'Apple said on 2026-11-03 that this token has expired.'],
    ['fcm', 'UNREGISTERED', 'Google said on 2026-11-03 that this token is gone.'],
    ['fcm', 'INVALID_ARGUMENT', 'Google said on 2026-11-03 that this is not a token that it gave out.'],
    ['webpush', '410', 'The browser’s push service said on 2026-11-03 that this subscription is gone.'],
    ['hms', '80300007', 'Huawei said on 2026-11-03 that this token is not valid.'],
  ])('%s · %s is told in plain words', (provider, reason, sentence) => {
    expect(tell({ provider, reason })).toBe(sentence)
  })

  test('is told with the time since when Apple has known', () => {
    const evidence = { status: 410, since: '2026-11-01T08:00:00Z' }
    expect(tell({ reason: 'Unregistered', evidence })).toBe(
      'Apple said on 2026-11-03 that this token is gone. It had not been valid since 2026-11-01.',
    )
  })

  test.each([{ since: 'soon' }, { since: 5 }, 'since 2026', null])('evidence %j names no time', evidence => {
    expect(tell({ reason: 'Unregistered', evidence })).toBe(
      'Apple said on 2026-11-03 that this token is gone.',
    )
  })

  test('puts no words into the mouth of a gateway when the reason is ours', () => {
    expect(tell({ reason: 'inactive' })).not.toMatch(/Apple/)
    expect(tell({ reason: 'not_heard_of' })).not.toMatch(/Apple/)
  })

  test('whose device asked to be left alone is not blamed on Apple, whose word differs by one letter', () => {
    expect(tellTurn({ ...TURN, reason: 'unregistered' }, ENGLISH)).toEqual({
      title: 'Unregistered',
      sentence: 'On 2026-11-03 the device asked not to be sent to any more.',
      tone: 'plain',
    })
  })

  test('with a reason of ours that is not known here is told in its words', () => {
    expect(tell({ reason: 'erased_by_request' })).toBe('Recorded on 2026-11-03: erased by request.')
  })

  test('with an unknown reason is told by that reason', () => {
    expect(tell({ reason: 'NewReason2027' })).toBe('Apple answered NewReason2027 on 2026-11-03.')
  })

  test('of an unknown gateway is still told', () => {
    expect(tell({ provider: 'adm', reason: 'Unregistered' })).toBe(
      'The gateway said on 2026-11-03 that this token is gone.',
    )
  })
})

describe('other turns', () => {
  test('a wrong environment is named, because that is the usual cause', () => {
    expect(tell({ event: 'quarantined', reason: 'BadDeviceToken' })).toBe(
      'Apple said on 2026-11-03 that it does not know this token in production. Nothing is sent to it until the app registers it again.',
    )
  })

  test('a suspect address is said to be sent to still', () => {
    expect(tell({ event: 'suspect', reason: 'Unregistered' })).toMatch(/still sent to/)
  })

  test('a registration names what was registered', () => {
    expect(tell({ event: 'registered' })).toBe('The app registered an Apple token for production.')
    expect(tell({ event: 'registered', provider: 'webpush', environment: null })).toBe(
      'The app registered a browser subscription.',
    )
  })

  test('a restored address says what it had been', () => {
    expect(tell({ event: 'restored', evidence: { formerState: 'dead' } })).toBe(
      'The app registered again, so this device can be reached again; this token had been dead.',
    )
  })

  test('an event that is not known here is shown as it was written', () => {
    expect(tellTurn({ ...TURN, event: 'opted_out', reason: 'settings' }, ENGLISH)).toEqual({
      title: 'Opted out',
      sentence: 'Recorded as “opted out”, with the reason “settings”.',
      tone: 'plain',
    })
  })

  test('an event named like something every object has is not taken for a known one', () => {
    expect(tell({ event: 'constructor' })).toBe('Recorded as “constructor”.')
    expect(tell({ reason: 'toString' })).toBe('Apple answered toString on 2026-11-03.')
  })

  test.each(ADDRESS_STATES.filter(state => state !== 'none'))('the state %s has words of its own', state => {
    expect(tell({ event: state })).not.toMatch(/Recorded as/)
  })
})

test('a reason is shown as the gateway wrote it, or in words when it is ours', () => {
  expect(writeReason('SENDER_ID_MISMATCH')).toBe('SENDER_ID_MISMATCH')
  expect(writeReason('illegal_tokens')).toBe('illegal_tokens')
  expect(writeReason('registered_by_another_device')).toBe('registered by another device')
})
