import { z } from 'zod'

export const newAppSchema = z.strictObject({ name: z.string().trim().min(1).max(128) })

/** The device token is shown here and never again. */
export const createdAppSchema = z.object({
  code: z.string(),
  name: z.string(),
  createdAt: z.string(),
  needsPermission: z.boolean(),
  deviceToken: z.string(),
})

export const appSchema = z.object({
  code: z.string(),
  name: z.string(),
  createdAt: z.string(),
  /** Addresses are taken only of devices that may show something. */
  needsPermission: z.boolean(),
})
export const appPatchSchema = z.strictObject({
  name: newAppSchema.shape.name.optional(),
  needsPermission: z.boolean().optional(),
})
export const appListSchema = z.object({ apps: z.array(appSchema) })
export const appParamsSchema = z.object({ app: z.string() })
