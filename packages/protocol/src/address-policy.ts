/** How old addresses may become, in days, and who is sent to. */
import { z } from 'zod'

const YEARS_10 = 3650

export const addressPolicySchema = z.object({
  /** A device that has not called in for so long is not counted as reachable. Default 30. */
  inactiveDays: z.int().min(1).max(YEARS_10),
  /** Without a call for so long an FCM address is dead. Default 270, after which Google has ended it. */
  fcmDeadDays: z.int().min(30).max(YEARS_10),
  /** The same of all others. Default 365. */
  otherDeadDays: z.int().min(30).max(YEARS_10),
  /** Addresses that ended are kept for so long, with reason and time. Default 90. */
  tombstoneDays: z.int().min(30).max(YEARS_10),
  /** Whether messages to everybody or by condition go to devices of `inactiveDays`, too; named ones always do. Default true. */
  sendToInactive: z.boolean(),
})
export type AddressPolicy = z.infer<typeof addressPolicySchema>

/** Null is the default again. */
export const addressPolicyChangeSchema = z.strictObject({
  inactiveDays: addressPolicySchema.shape.inactiveDays.nullish(),
  fcmDeadDays: addressPolicySchema.shape.fcmDeadDays.nullish(),
  otherDeadDays: addressPolicySchema.shape.otherDeadDays.nullish(),
  tombstoneDays: addressPolicySchema.shape.tombstoneDays.nullish(),
  sendToInactive: addressPolicySchema.shape.sendToInactive.nullish(),
})
export type AddressPolicyChange = z.infer<typeof addressPolicyChangeSchema>
