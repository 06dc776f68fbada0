import { INVITATION_STEPS, type InvitationView, type StepView } from '@roost/protocol'
import { expect, test } from 'vitest'
import { newLines, warningOf } from './steps-page.ts'

const WAITING = { state: 'waiting', at: null, reason: null, detail: null, remedy: null } as const

function viewWith(steps: Readonly<Partial<Record<StepView['step'], Partial<StepView>>>>): InvitationView {
  return {
    id: 'i',
    state: 'taken',
    name: null,
    hwid: 'phone',
    createdAt: '2026-11-22T12:00:00.000Z',
    expiresAt: '2026-11-22T12:10:00.000Z',
    steps: INVITATION_STEPS.map(step => ({ step, ...WAITING, ...steps[step] })),
    result: null,
    selfCheck: null,
  }
}

const SCANNED = { state: 'done', at: '2026-11-22T12:01:00.000Z' } as const

test('a step is told once, when it comes', () => {
  const view = viewWith({ scanned: SCANNED })
  expect(newLines(view, undefined, false)).toEqual([
    expect.stringMatching(/^✓ \d\d:\d\d:\d\d {2}code scanned$/),
  ])
  expect(newLines(view, view, false)).toEqual([])
})

test('a step that failed has its reason and what to do, and is told again when it is done', () => {
  const failed = {
    state: 'failed',
    at: '2026-11-22T12:02:00.000Z',
    reason: 'denied',
    detail: 'denied',
    remedy: 'Allow it.',
  } as const
  const before = viewWith({ scanned: SCANNED, permission: failed })
  expect(newLines(before, viewWith({ scanned: SCANNED }), false)).toEqual([
    expect.stringMatching(/^✗ \S+ {2}notifications allowed +denied$/),
    '    → Allow it.',
  ])
  const after = viewWith({
    scanned: SCANNED,
    permission: { state: 'done', at: '2026-11-22T12:03:00.000Z' },
  })
  expect(newLines(after, before, false)).toEqual([expect.stringContaining('✓')])
})

test('a code that leads a phone to itself is warned of', () => {
  for (const url of [
    'http://127.0.0.1:7460',
    'http://localhost:7460',
    'http://[::1]:7460',
    'http://0.0.0.0:1',
  ])
    expect(warningOf(url)).toContain('--reach')
  for (const url of ['http://192.168.1.10:7460', 'https://push.example.com', 'http://127.example.com'])
    expect(warningOf(url)).toBeNull()
})
