import { timeZoneSchema } from '@roost/protocol'
import { z } from 'zod'

export const newAppSchema = z.strictObject({ name: z.string().trim().min(1).max(128) })

/** The device token is shown here and never again. */
export const createdAppSchema = z.object({
  code: z.string(),
  name: z.string(),
  createdAt: z.string(),
  needsPermission: z.boolean(),
  timeZone: z.string(),
  archivedAt: z.string().nullable(),
  deviceToken: z.string(),
})

export const appSchema = z.object({
  code: z.string(),
  name: z.string(),
  createdAt: z.string(),
  /** Addresses are taken only of devices that may show something. */
  needsPermission: z.boolean(),
  /** In which the hours of nightly segments are meant. */
  timeZone: z.string(),
  /** Since when it takes no devices and sends nothing; null: it serves. */
  archivedAt: z.string().nullable(),
})
export const appPatchSchema = z.strictObject({
  name: newAppSchema.shape.name.optional(),
  needsPermission: z.boolean().optional(),
  timeZone: timeZoneSchema.optional(),
})
export const appListSchema = z.object({ apps: z.array(appSchema) })
export const appParamsSchema = z.object({ app: z.string() })
/** The name of the app, typed once more by whoever deletes it. */
export const appDeletionSchema = z.strictObject({ name: z.string().min(1).max(256) })
