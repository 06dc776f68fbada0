import type { TimeLineEntry } from '@roost/protocol'
import { describe, expect, test } from 'vitest'
import { createTranslate } from '../i18n/translate.ts'
import { texts } from '../texts/en/device.ts'
import { texts as ledgerTexts } from '../texts/en/ledger.ts'
import { tellEntry } from './turns.ts'

const options = {
  t: createTranslate('en', texts),
  ledger: { t: createTranslate('en', ledgerTexts), day: () => '3 May' },
}
const tell = (entry: Partial<TimeLineEntry>) =>
  tellEntry(
    { at: 'x', kind: 'message', what: 'accepted', reason: null, messageId: null, data: {}, ...entry },
    options,
  )

describe('an entry of the time line', () => {
  test('of a token is told in the words of the ledger', () => {
    const data = { provider: 'apns', addressEnd: 'abc', evidence: {} }
    expect(tell({ kind: 'token', what: 'dead', reason: 'Unregistered', data })).toMatchObject({
      title: 'Dead',
      tone: 'bad',
      sentence: 'Apple said on 3 May that this token is gone.',
    })
  })

  test('of a message says what became of it, and why when there is a reason', () => {
    expect(tell({})).toEqual({ title: texts['message.accepted'], sentence: undefined, tone: 'good' })
    expect(tell({ what: 'skipped', reason: 'quiet_hours' }).sentence).toBe('quiet hours')
    expect(tell({ what: 'failed', reason: 'PayloadTooLarge' }).sentence).toBe('PayloadTooLarge')
  })

  test('of an event says how often it came, the first apart from the last', () => {
    const event = { kind: 'event', what: 'bought' } as const
    expect(tell({ ...event, data: { count: 3 } }).sentence).toContain('3')
    expect(tell({ ...event, data: { count: 3, isFirst: true } }).sentence).not.toBe(
      tell({ ...event, data: { count: 3 } }).sentence,
    )
    expect(tell(event)).toMatchObject({ title: 'Event “bought”', sentence: undefined })
  })

  test('of a refused token has the words of its system', () => {
    const refused = { kind: 'refused_token', what: 'registration_error', reason: '3000' } as const
    expect(tell({ ...refused, data: { message: 'no entitlement' } }).sentence).toBe('3000: no entitlement')
  })

  test('that a newer server tells of is shown by its own words', () => {
    expect(tell({ kind: 'receipt', what: 'put_away' })).toMatchObject({ title: 'put away', tone: 'plain' })
  })
})
