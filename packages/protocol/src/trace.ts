/** Traces: what became of one message for one device, and how that is known. */
import { z } from 'zod'

export const TRACE_OUTCOMES = [
  'accepted',
  'dead',
  'failed',
  'skipped',
  'uncertain',
  'waiting',
  'pending',
  'not_sent',
  'unknown',
] as const
export type TraceOutcome = (typeof TRACE_OUTCOMES)[number]

export const traceSchema = z.object({
  messageId: z.string(),
  hwid: z.string(),
  /**
   * `waiting`: for another try, or for a credential. `pending`: it has not come to this device yet. `not_sent`: it never came to
   * it. `unknown`: nothing is on record, and not all of the record is kept any more.
   */
  outcome: z.enum(TRACE_OUTCOMES),
  reason: z.string().nullable(),
  gateway: z.string().nullable(),
  /** When it came to this outcome. */
  at: z.string().nullable(),
  /** At the gateway; null when none was made, or when it was not written down. */
  attempts: z.int().nullable(),
  /** When the next try is due; null when none is, or when it waits for a credential. */
  nextTryAt: z.string().nullable(),
  /** What the device told of it. A gateway has only accepted it; these say delivered and opened. */
  receipts: z.array(z.object({ kind: z.string(), at: z.string() })),
  /** What this is concluded from, in words. */
  evidence: z.array(z.string()),
})
export type TraceView = z.infer<typeof traceSchema>
