import { describe, expect, test } from 'vitest'
import type { Credential } from '../api/shapes.ts'
import { tellExpiry, tellSettings, troublesOf } from './credential.ts'

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
})

describe('what a credential is', () => {
  test('is told by the app and the key', () => {
    const settings = { keyId: 'ABCDE12345', teamId: 'TEAM123456', bundleId: 'com.example.app' }
    expect(tellSettings({ settings })).toBe('com.example.app · key ABCDE12345 · team TEAM123456')
  })

  test('leaves out what is no text, such as a list of topics', () => {
    expect(tellSettings({ settings: { bundleId: 'com.example.app', topics: [{ topic: 'x' }] } })).toBe(
      'com.example.app',
    )
  })
})

describe('expiry', () => {
  test.each([
    [395, 'expires in 395 days', 'dimmed'],
    [30.5, 'expires in 31 days', 'dimmed'],
    [30, 'expires in 30 days', 'orange'],
    [7, 'expires in 7 days', 'red'],
    [0.01, 'expires in 1 day', 'red'],
    [0, 'expired', 'red'],
    [-3, 'expired', 'red'],
  ])('in %s days is "%s" in %s', (days, words, color) => {
    expect(tellExpiry(inDays(days), NOW)).toMatchObject({ words, color })
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
    expect(told.map(it => [it.credential.id, it.isError, it.words])).toEqual([
      ['paused', true, 'It is paused; messages wait.'],
      ['refused', true, 'Apple refuses the key.'],
      ['warned', false, 'It expires in 9 days.'],
    ])
  })
})
