/** The message that goes to test devices: the same content at once, past the rules that protect people from too much. */
import type { Body } from './request.ts'

/** What says when, to whom, by which rules and how fast is left out: a test is about what it looks like. */
const KEPT = ['content', 'ttlSeconds', 'priority', 'collapseKey'] as const

export interface TestOf {
  readonly devices: readonly string[]
  readonly key: string
}

export function testOf(message: Body, { devices, key }: TestOf): Body {
  const kept = KEPT.flatMap(name => (message[name] === undefined ? [] : [[name, message[name]] as const]))
  return {
    ...Object.fromEntries(kept),
    to: { devices },
    lane: 'test',
    rules: { kind: 'transactional', quietHours: null },
    idempotencyKey: key,
  }
}
