import { conclusionCountSchema, knockDaySchema, newUninstallTrackingSchema } from '@roost/protocol'
import { z } from 'zod'

export const previewQuerySchema = z.strictObject({
  /** Default as it is set. */
  mode: newUninstallTrackingSchema.shape.mode.unwrap().optional(),
  /** Default as it is set. */
  quietDays: z.coerce.number().pipe(newUninstallTrackingSchema.shape.quietDays.unwrap()).optional(),
})

export const dayQuerySchema = z.strictObject({ limit: z.coerce.number().int().min(1).max(400).default(30) })

export const dayListSchema = z.object({
  /** Newest first. */
  days: z.array(knockDaySchema),
  /** R32: a day is told of when another one has passed. Newest first. */
  conclusions: z.array(conclusionCountSchema),
})
