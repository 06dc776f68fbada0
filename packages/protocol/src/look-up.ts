/** Look-ups: finding a device by what somebody has in hand of it, and what happened to it. */
import { z } from 'zod'
import { addressSchema, PLATFORMS } from './device.ts'

/** In the order in which they are tried; a part of a name only where it is nobody's whole one. */
export const FOUND_BY = [
  'hwid',
  'user',
  'token',
  'former_user',
  'hwid_beginning',
  'user_beginning',
  'token_end',
] as const
export type FoundBy = (typeof FOUND_BY)[number]

export const LOOK_UP_BY = ['any', ...FOUND_BY] as const
export type LookUpBy = (typeof LOOK_UP_BY)[number]

export const foundDeviceSchema = z.object({
  by: z.enum(FOUND_BY),
  hwid: z.string(),
  platform: z.enum(PLATFORMS).nullable(),
  deviceModel: z.string().nullable(),
  userId: z.string().nullable(),
  appVersion: z.string().nullable(),
  /** Of the app on the device: its bundle id or package. */
  bundleId: z.string().nullable(),
  sdkVersion: z.string().nullable(),
  lastSeenAt: z.string(),
  /** By token the one that it is; else the newest for alerts. Null: it has never had one. */
  address: addressSchema.nullable(),
})
export type FoundDevice = z.infer<typeof foundDeviceSchema>

/** How far a search came that reads a base and not an index. */
export const searchedSchema = z.object({
  /** Where the next page begins; null: this is the last one. */
  next: z.string().nullable(),
  /** The part of the base that this page and those before it have looked through. */
  searched: z.number().min(0).max(1),
})

export const lookUpSchema = z.object({ devices: z.array(foundDeviceSchema), ...searchedSchema.shape })
export type FoundDevices = z.infer<typeof lookUpSchema>

/** What is told of one device, newest first. */
export const TIME_LINE_KINDS = [
  'registration',
  'token',
  'login',
  'opening',
  'event',
  'message',
  'receipt',
  'refused_token',
] as const
export type TimeLineKind = (typeof TIME_LINE_KINDS)[number]

export const timeLineEntrySchema = z.object({
  at: z.string(),
  kind: z.enum(TIME_LINE_KINDS),
  /** What happened, in one word of its kind: `registered`, `dead`, `accepted`, `skipped`, `opened`, the name of an event. */
  what: z.string(),
  reason: z.string().nullable(),
  messageId: z.string().nullable(),
  /** What else is known of it. */
  data: z.record(z.string(), z.unknown()),
})
export type TimeLineEntry = z.infer<typeof timeLineEntrySchema>

export const timeLineSchema = z.object({
  entries: z.array(timeLineEntrySchema),
  /** To be given as `after`; null on the last page. */
  next: z.string().nullable(),
})
export type TimeLine = z.infer<typeof timeLineSchema>

export const DAY_VERDICTS = ['reported', 'not_reported', 'unknown'] as const
export type DayVerdict = (typeof DAY_VERDICTS)[number]

/** Whether devices of a user reported a token on a day, and how that is known. */
export const reportedTokensSchema = z.object({
  userId: z.string(),
  /** `2026-11-22`, in the app's time zone. */
  day: z.string(),
  timeZone: z.string(),
  from: z.string(),
  until: z.string(),
  verdict: z.enum(DAY_VERDICTS),
  devices: z.array(
    z.object({
      hwid: z.string(),
      platform: z.enum(PLATFORMS).nullable(),
      verdict: z.enum(DAY_VERDICTS),
      /** What this is concluded from, in words. */
      evidence: z.array(z.string()),
    }),
  ),
  /** The user has more devices than were looked at. */
  hasMore: z.boolean(),
})
export type ReportedTokens = z.infer<typeof reportedTokensSchema>
