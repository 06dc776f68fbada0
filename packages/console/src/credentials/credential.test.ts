import { describe, expect, test } from 'vitest'
import type { Credential } from '../api/shapes.ts'
import { createTranslate } from '../i18n/translate.ts'
import { texts } from '../texts/en/credentials.ts'
import { isSender, servesEnvironment, tellExpiry, tellSettings, topicsOf, troublesOf } from './credential.ts'

const t = createTranslate('en-GB', texts)
const NOW = Date.parse('2026-11-02T10:00:00Z')
const inDays = (days: number) => new Date(NOW + days * 86_400_000).toISOString()

function credential(change: Partial<Credential> = {}): Credential {
  return {
    id: 'c1',
    gateway: 'apns',
    kind: 'p8',
    environments: ['production'],
    expiresAt: null,
    status: 'active',
    problems: [],
    settings: {},
    fingerprint: null,
    version: 1,
    createdAt: inDays(0),
    updatedAt: inDays(0),
    checkedAt: null,
    checks: [],
    ...change,
  }
}

const problem = (severity: 'warning' | 'error', message: string) => ({
  code: 'x',
  severity,
  message,
  remedy: 'Mend it.',
  values: {},
})

describe('the server sends', () => {
  const old = credential({ id: 'old', createdAt: inDays(-9), environments: ['production', 'sandbox'] })
  const newer = credential({ id: 'newer', createdAt: inDays(-1) })

  test('with the newest that serves an environment, so that no other one claims its addresses', () => {
    expect(isSender(newer, [old, newer], 'production')).toBe(true)
    expect(isSender(old, [old, newer], 'production')).toBe(false)
    expect(isSender(old, [old, newer], 'sandbox')).toBe(true)
  })

  test('with one that is not paused, if there is one', () => {
    const paused = { ...newer, status: 'paused' as const }
    expect(isSender(old, [old, paused], 'production')).toBe(true)
    expect(isSender(paused, [paused], 'production')).toBe(true)
  })
})

describe('what a credential is', () => {
  test('is told by the app and the key', () => {
    const settings = { keyId: 'ABCDE12345', teamId: 'TEAM123456', bundleId: 'com.example.app' }
    expect(tellSettings({ settings }, t)).toBe('com.example.app · key ABCDE12345 · team TEAM123456')
  })

  test('leaves out what is no text, such as a list of topics', () => {
    expect(tellSettings({ settings: { bundleId: 'com.example.app', topics: [{ topic: 'x' }] } }, t)).toBe(
      'com.example.app',
    )
  })
})

test('the topics of a certificate are told, and what is none is left out', () => {
  expect(
    topicsOf({
      topics: [
        { topic: 'com.example.app', kind: 'app' },
        { topic: 'com.example.app.voip', kind: 'voip' },
        7,
        null,
      ],
    }),
  ).toEqual([
    { topic: 'com.example.app', kind: 'app' },
    { topic: 'com.example.app.voip', kind: 'voip' },
  ])
  expect(topicsOf({ bundleId: 'com.example.app' })).toEqual([])
})

test('a credential of one environment serves no other, and where there are none it serves all', () => {
  expect(servesEnvironment({ environments: ['production'] }, 'sandbox')).toBe(false)
  expect(servesEnvironment({ environments: ['production', 'sandbox'] }, 'sandbox')).toBe(true)
  expect(servesEnvironment({ environments: [] }, null)).toBe(true)
})

describe('expiry', () => {
  test.each([
    [395, 395, 'dimmed'],
    [30.5, 31, 'dimmed'],
    [30, 30, 'orange'],
    [7, 7, 'red'],
    [0.01, 1, 'red'],
    [0, 0, 'red'],
    [-3, -3, 'red'],
  ])('in %s days leaves %s, in %s', (days, daysLeft, color) => {
    expect(tellExpiry(inDays(days), NOW)).toEqual({ daysLeft, color })
  })

  test('a key has none', () => {
    expect(tellExpiry(null, NOW)).toBeUndefined()
  })
})

describe('trouble', () => {
  test('is what is paused or has a problem, refusals before warnings, and nothing else', () => {
    const warned = credential({ id: 'warned', problems: [problem('warning', 'It expires in 9 days.')] })
    const paused = credential({ id: 'paused', status: 'paused' })
    const refused = credential({
      id: 'refused',
      problems: [problem('warning', 'It expires.'), problem('error', 'Apple refuses the key.')],
    })
    const told = troublesOf([credential(), warned, paused, refused])
    expect(told.map(it => [it.credential.id, it.isError, it.problem?.message])).toEqual([
      ['paused', true, undefined],
      ['refused', true, 'Apple refuses the key.'],
      ['warned', false, 'It expires in 9 days.'],
    ])
  })
})
