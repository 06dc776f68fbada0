import { exceptionSchema, messageSummarySchema } from '@roost/protocol'
import { z } from 'zod'

export const messageParamsSchema = z.object({ app: z.string(), id: z.uuid() })
export const messageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(20),
})
export const messageListSchema = z.object({ messages: z.array(messageSummarySchema) })
export const acceptedMessageSchema = z.object({ id: z.string(), warnings: z.array(z.string()).optional() })
export const exceptionListSchema = z.object({ exceptions: z.array(exceptionSchema) })
