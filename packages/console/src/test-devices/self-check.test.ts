import type { SelfCheckFinding, SelfCheckVerdict } from '@roost/protocol'
import { SELF_CHECK_CODES, SERVER_CODES } from '@roost/sdk'
import { expect, test } from 'vitest'
import { texts } from '../texts/en/selfCheck.ts'
import { summaryOf, worstFirst } from './self-check.ts'

const found = (...verdicts: readonly SelfCheckVerdict[]): SelfCheckFinding[] =>
  verdicts.map((verdict, at) => ({ code: `c${at}`, verdict, values: {} }))
const check = (...verdicts: readonly SelfCheckVerdict[]) => ({
  at: '2026-11-22T12:00:00.000Z',
  sdkVersion: '0.1.0',
  findings: found(...verdicts),
})

test('what keeps pushes away is read first, and else the order is that of the device', () => {
  const codes = worstFirst(found('good', 'bad', 'unknown', 'warning', 'bad')).map(it => it.code)
  expect(codes).toEqual(['c1', 'c4', 'c3', 'c2', 'c0'])
})

test('a self-check is as bad as its worst finding, and what is not known is no fault', () => {
  expect(summaryOf(check('good', 'bad', 'warning', 'bad'))).toEqual({ verdict: 'bad', count: 2 })
  expect(summaryOf(check('warning', 'unknown'))).toEqual({ verdict: 'warning', count: 1 })
  expect(summaryOf(check('unknown', 'good')).verdict).toBe('good')
})

/** Where these are found nobody can be told: the state of the device or the server is not there. */
const NEVER_HANDED_IN: ReadonlySet<string> = new Set([
  'storage_failed',
  'server_unreachable',
  'server_not_secure',
  'server_unauthorized',
  'server_refused',
  'server_unavailable',
  'server_not_asked',
  'server_silent',
])

test('each code that comes from a device or the server has its words, and no other has', () => {
  const handedIn = [...SELF_CHECK_CODES, ...SERVER_CODES].filter(it => !NEVER_HANDED_IN.has(it))
  const titled = Object.keys(texts).flatMap(key => /^found\.(.+)$/.exec(key)?.[1] ?? [])
  expect(titled.toSorted()).toEqual([...handedIn].toSorted())
})
