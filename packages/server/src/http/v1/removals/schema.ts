import { FEED_EVENTS, removalSchema, undoSchema } from '@roost/protocol'
import { z } from 'zod'
import { EXPORT_FORMATS } from '../../../transfer/csv.ts'

const time = z.iso.datetime({ offset: true }).optional()
/** One or several, by commas. */
const list = z
  .string()
  .max(1024)
  .default('')
  .transform(text => text.split(',').filter(it => it !== ''))

export const removalQuerySchema = z.strictObject({
  /** `next` of the answer before; empty = from the beginning of the order. */
  after: z.string().max(64).default(''),
  /** `newest`: the latest first, and `next` leads to older ones. */
  order: z.enum(['oldest', 'newest']).default('oldest'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** ISO 8601, inclusive. */
  from: time,
  /** ISO 8601, exclusive. */
  to: time,
  event: list.pipe(z.array(z.enum(FEED_EVENTS))),
  reason: list,
})

export const removalListSchema = z.object({
  removals: z.array(removalSchema),
  /** For the next call, also when there is nothing more yet. */
  next: z.string(),
  hasMore: z.boolean(),
})

export const removalExportQuerySchema = z.strictObject({
  format: z.enum(EXPORT_FORMATS).default('csv'),
  /** Default 30 days ago. */
  from: time,
  to: time,
  event: list.pipe(z.array(z.enum(FEED_EVENTS))),
  reason: list,
})

export const removalCountQuerySchema = z.strictObject({
  /** Default 30 days ago. */
  from: time,
  /** Default now. */
  to: time,
})

export const removalCountsSchema = z.object({
  /** Of the app: its days are counted. */
  timeZone: z.string(),
  counts: z.array(
    z.object({
      day: z.string(),
      provider: z.string(),
      event: z.string(),
      reason: z.string().nullable(),
      count: z.int(),
    }),
  ),
})

export const undoParamsSchema = z.object({ app: z.string(), id: z.uuid() })

export const undoListSchema = z.object({ undos: z.array(undoSchema) })
