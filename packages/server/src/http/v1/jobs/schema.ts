import { jobRunSchema } from '@roost/protocol'
import { z } from 'zod'

const RUNS_MAX = 1000
const RUNS_DEFAULT = 100

export const jobParamsSchema = z.object({ name: z.string() })
export const jobOfAppParamsSchema = z.object({ app: z.string(), name: z.string() })
export const runQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(RUNS_MAX).default(RUNS_DEFAULT),
})
export const runListSchema = z.object({ runs: z.array(jobRunSchema) })
export const announcedSchema = z.object({ name: z.string() })
