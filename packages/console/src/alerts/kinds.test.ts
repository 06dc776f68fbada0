import { ALERT_KINDS } from '@roost/protocol'
import { expect, test } from 'vitest'
import { texts } from '../texts/en/alerts.ts'

test.each(ALERT_KINDS)('the alert %s has a title and says what to do', kind => {
  expect(texts).toHaveProperty([kind])
  expect(texts).toHaveProperty([`${kind}.todo`])
})
