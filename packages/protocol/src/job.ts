/** Background jobs: what they do, and the record of their runs. */
import { z } from 'zod'
import { removedCountSchema } from './address-policy.ts'

export const jobRunSchema = z.object({
  name: z.string(),
  /** The moment for which it ran: what was due then was done. */
  at: z.string(),
  startedAt: z.string(),
  /** Null while it runs, and when its process died. */
  finishedAt: z.string().nullable(),
  durationMs: z.int().nullable(),
  outcome: z.enum(['done', 'failed']).nullable(),
  /** What was done, or why it failed. */
  summary: z.string().nullable(),
  /** What it took out of the base, and why. */
  removed: z.array(removedCountSchema),
})
export type JobRunView = z.infer<typeof jobRunSchema>

export const jobSchema = z.object({
  name: z.string(),
  does: z.string(),
  /** Its times: five fields of cron, in UTC. */
  cron: z.string(),
  /** By these; it may be late where no server runs jobs. */
  nextAt: z.string(),
  /** The newest that had something to do; null when there was none since runs are on record. */
  lastRun: jobRunSchema.nullable(),
})
export type JobView = z.infer<typeof jobSchema>

export const jobListSchema = z.object({
  /** Since when runs are on record: for 30 days, in a new installation since its first start. */
  since: z.string(),
  jobs: z.array(jobSchema),
})
export type JobListView = z.infer<typeof jobListSchema>
