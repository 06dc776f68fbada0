import { z } from 'zod'

export const bulkParamsSchema = z.object({ app: z.string(), id: z.uuid() })
export const bulkCreatedSchema = z.object({ id: z.string() })
/** Of many entries the results are many, too. */
export const bulkQuerySchema = z.strictObject({ results: z.enum(['true', 'false']).default('true') })
