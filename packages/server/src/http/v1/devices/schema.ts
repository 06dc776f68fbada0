import { ADDRESS_STATES, deviceSummarySchema, ledgerEntrySchema } from '@roost/protocol'
import { z } from 'zod'

export const deviceParamsSchema = z.object({ app: z.string(), hwid: z.string() })

export const deviceQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  /** A part of the hwid or user id. */
  search: z.string().max(256).default(''),
  /** Only devices whose newest address is in this state; `none` = never had one, empty = all. */
  state: z.enum([...ADDRESS_STATES, 'unregistered', 'none', '']).default(''),
})

export const deviceListSchema = z.object({ devices: z.array(deviceSummarySchema) })
export const ledgerSchema = z.object({ entries: z.array(ledgerEntrySchema) })
