/** What rules hand on is worded alike, wherever it comes from. */
import { expect, test } from 'vitest'
import { evidence, proven } from './rule.ts'

test('times of the database and of the server are written alike', () => {
  const ofJson = '2026-11-22T14:27:10.25+00:00'
  const ofServer = '2026-11-22T14:27:10.250Z'
  const found = proven(
    'DX-02',
    { gateway: 'apns', expiresAt: ofJson },
    evidence('ledger', ofJson, { since: ofJson, reason: '2026', count: 1 }),
  )
  expect(found).toMatchObject({
    parameters: { expiresAt: ofServer },
    evidence: [{ at: ofServer, data: { since: ofServer, reason: '2026', count: 1 } }],
  })
})
