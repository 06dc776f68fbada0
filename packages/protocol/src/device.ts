/** Devices as REST shows them. */
import { z } from 'zod'

export const PLATFORMS = ['ios', 'macos', 'android', 'huawei', 'web'] as const
export type Platform = (typeof PLATFORMS)[number]

export const PROVIDERS = ['apns', 'fcm', 'webpush', 'hms'] as const
export type Provider = (typeof PROVIDERS)[number]

/** `active` and `suspect` addresses are sent to; the others wait for the device to register again. */
export const ADDRESS_STATES = ['active', 'suspect', 'dead', 'superseded', 'moved', 'quarantined'] as const
export type AddressState = (typeof ADDRESS_STATES)[number]

export const addressSchema = z.object({
  kind: z.string(),
  provider: z.enum(PROVIDERS),
  environment: z.string().nullable(),
  state: z.enum(ADDRESS_STATES),
  reason: z.string().nullable(),
  since: z.string(),
  generation: z.int(),
  addressEnd: z.string(),
})
export type AddressView = z.infer<typeof addressSchema>

export const deviceSchema = z.object({
  hwid: z.string(),
  /** Null until the device says it. */
  platform: z.enum(PLATFORMS).nullable(),
  userId: z.string().nullable(),
  tags: z.record(z.string(), z.unknown()),
  language: z.string().nullable(),
  appVersion: z.string().nullable(),
  osVersion: z.string().nullable(),
  deviceModel: z.string().nullable(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  lastOpenAt: z.string().nullable(),
  addresses: z.array(addressSchema),
})
export type DeviceView = z.infer<typeof deviceSchema>

export const deviceSummarySchema = z.object({
  hwid: z.string(),
  /** Null until the device says it. */
  platform: z.enum(PLATFORMS).nullable(),
  userId: z.string().nullable(),
  state: z.string(),
  reason: z.string().nullable(),
  lastSeenAt: z.string(),
})
export type DeviceSummary = z.infer<typeof deviceSummarySchema>

export const ledgerEntrySchema = z.object({
  at: z.string(),
  event: z.string(),
  reason: z.string().nullable(),
  provider: z.enum(PROVIDERS),
  environment: z.string().nullable(),
  kind: z.string(),
  addressEnd: z.string(),
  generation: z.int(),
  evidence: z.unknown(),
})
export type LedgerEntry = z.infer<typeof ledgerEntrySchema>
