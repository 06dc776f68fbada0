/** How old addresses may become, in days, who is sent to, and what leaves the base. */
import { z } from 'zod'

const YEARS_10 = 3650

const days = (least: number) => z.int().min(least).max(YEARS_10)

export const addressPolicySchema = z.object({
  /** A device that has not called in for so long is dormant: not counted as reachable. Default 30. */
  dormantDays: days(1),
  /** Whether messages to everybody or by condition go to dormant devices, too; named ones always do. Default true. */
  sendToDormant: z.boolean(),
  /** Whether addresses leave the base when their device has not opened the app for `inactiveDays`. Default false. */
  removeInactive: z.boolean(),
  /** Default 90. The next open brings the address back. */
  inactiveDays: days(7),
  /** Without a call for so long an FCM address is dead. Default 270, after which Google has ended it. */
  fcmDeadDays: days(30),
  /** The same of all others. Default 365. */
  otherDeadDays: days(30),
  /** Addresses that ended are kept for so long, with reason and time. Default 90. */
  tombstoneDays: days(30),
  /** A device without an address that nobody has heard of for so long is erased whole. Default null: never. */
  eraseDays: days(30).nullable(),
})
export type AddressPolicy = z.infer<typeof addressPolicySchema>

/** Null is the default again. */
export const addressPolicyChangeSchema = z.strictObject({
  dormantDays: addressPolicySchema.shape.dormantDays.nullish(),
  sendToDormant: addressPolicySchema.shape.sendToDormant.nullish(),
  removeInactive: addressPolicySchema.shape.removeInactive.nullish(),
  inactiveDays: addressPolicySchema.shape.inactiveDays.nullish(),
  fcmDeadDays: addressPolicySchema.shape.fcmDeadDays.nullish(),
  otherDeadDays: addressPolicySchema.shape.otherDeadDays.nullish(),
  tombstoneDays: addressPolicySchema.shape.tombstoneDays.nullish(),
  eraseDays: addressPolicySchema.shape.eraseDays.optional(),
})
export type AddressPolicyChange = z.infer<typeof addressPolicyChangeSchema>

/** What was taken out of the base, or would be: addresses, or with the reason `erased` devices. */
export const removedCountSchema = z.object({
  reason: z.string(),
  /** What the device says it is; `unknown` when it never said. */
  platform: z.string(),
  count: z.int(),
})
export type RemovedCount = z.infer<typeof removedCountSchema>

export const policyPreviewSchema = z.object({
  asOf: z.string(),
  /** The policy that was tried: what is stored, with the change, and `removeInactive` unless the change says no. */
  policy: addressPolicySchema,
  /** 0: all were counted. Above, of a large base: a part was, and `wouldRemove` may be off by so much either way, 95 of 100 times; 100 where none were found in it. */
  errorPercent: z.number(),
  /** Addresses for alerts that are sent to now. */
  addresses: z.int(),
  byPlatform: z.array(z.object({ platform: z.string(), addresses: z.int(), wouldRemove: z.int() })),
  /** Of these addresses. */
  wouldRemove: z.int(),
  /** All that the next run of address-aging would take: addresses of every kind, and devices (`erased`). */
  removed: z.array(removedCountSchema),
  /** These addresses by the days since their device has opened the app. */
  byAge: z.array(
    z.object({
      fromDays: z.int(),
      /** Exclusive; null: no end. */
      toDays: z.int().nullable(),
      addresses: z.int(),
      /** Of these, how many have never told of an open: they are judged by when they were last heard of. */
      neverOpened: z.int(),
    }),
  ),
})
export type PolicyPreview = z.infer<typeof policyPreviewSchema>
