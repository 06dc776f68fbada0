import { z } from 'zod'

function isTimeZone(name: string): boolean {
  try {
    return (
      new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '' &&
      !/^[+-]/.test(name)
    )
  } catch {
    return false
  }
}

export const newAppSchema = z.strictObject({ name: z.string().trim().min(1).max(128) })

/** The device token is shown here and never again. */
export const createdAppSchema = z.object({
  code: z.string(),
  name: z.string(),
  createdAt: z.string(),
  needsPermission: z.boolean(),
  timeZone: z.string(),
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
})
export const appPatchSchema = z.strictObject({
  name: newAppSchema.shape.name.optional(),
  needsPermission: z.boolean().optional(),
  timeZone: z.string().refine(isTimeZone, 'the IANA name of a time zone, like Europe/Rome').optional(),
})
export const appListSchema = z.object({ apps: z.array(appSchema) })
export const appParamsSchema = z.object({ app: z.string() })
