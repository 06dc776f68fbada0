/** Uninstall tracking: silent pushes that find out whose app is gone, and what became of those that died. */
import { z } from 'zod'

/** `doubt`: only devices that may be gone. `daily`: all. */
export const TRACKING_MODES = ['doubt', 'daily'] as const
export type TrackingMode = (typeof TRACKING_MODES)[number]

export const QUIET_DAYS_DEFAULT = 30

export const uninstallTrackingSchema = z.object({
  enabled: z.boolean(),
  mode: z.enum(TRACKING_MODES),
  /** After so many days without a sign of life a device is doubted whose habit is not known. */
  quietDays: z.int(),
})
export type UninstallTracking = z.infer<typeof uninstallTrackingSchema>

export const newUninstallTrackingSchema = z.strictObject({
  enabled: z.boolean(),
  /** Default doubt. */
  mode: z.enum(TRACKING_MODES).default('doubt'),
  /** Default 30. */
  quietDays: z.int().min(3).max(180).default(QUIET_DAYS_DEFAULT),
})

export const knockDaySchema = z.object({
  /** UTC. */
  day: z.string(),
  mode: z.enum(TRACKING_MODES),
  /** Under which the ledger and the trace know the knocks of the day. */
  messageId: z.string(),
  openedAt: z.string(),
  /** Opened in the midst of the day: whose time had passed by then, be it everybody's, is knocked at from the next day on. */
  isPartial: z.boolean(),
  /** Null while it may still knock. */
  closedAt: z.string().nullable(),
  /** Devices that a gateway was asked about. */
  pushed: z.int(),
  accepted: z.int(),
  dead: z.int(),
  /** Of `dead`: those that the mass-failure guard holds (R16). */
  deadHeld: z.int(),
  failed: z.int(),
  /** When the day ended it had not come to so many. */
  cutOff: z.int(),
})
export type KnockDay = z.infer<typeof knockDaySchema>

/** R32: by the day on which the address died, whichever message met it. */
export const conclusionCountSchema = z.object({
  /** UTC. */
  day: z.string(),
  provider: z.string(),
  uninstalled: z.int(),
  replaced: z.int(),
})
export type ConclusionCount = z.infer<typeof conclusionCountSchema>

export const knockPreviewSchema = z.object({
  mode: z.enum(TRACKING_MODES),
  /** Devices that a whole day would knock at. */
  knocks: z.int(),
  /** Devices of iOS and Android with an address, those without permission, too. */
  of: z.int(),
  /** Counted in some of the base and multiplied. */
  isEstimate: z.boolean(),
})
export type KnockPreview = z.infer<typeof knockPreviewSchema>

/** What speaks for an uninstallation, the strongest first. */
export const DOUBT_REASONS = ['uninstalled', 'dead', 'unanswered', 'suspect', 'quiet'] as const

export const doubtSchema = z.object({
  /** That the app is gone: 0 to 1. */
  confidence: z.number(),
  reasons: z.array(
    z.object({
      reason: z.enum(DOUBT_REASONS),
      /** In English, with times in UTC. */
      detail: z.string(),
      /** What it is made of: `said` is a gateway's word, `at` when it was said (ISO 8601), `usualDays` what is nothing unusual. */
      facts: z.object({
        said: z.string().optional(),
        at: z.string().optional(),
        messages: z.int().optional(),
        days: z.int().optional(),
        usualDays: z.int().optional(),
      }),
    }),
  ),
  /** Of its app: a call, an open, an event, a receipt. */
  lastSignAt: z.string(),
  /** After so many days of quiet it is doubted: three times what is usual between its days of use, or `quietDays`. */
  quietDays: z.number(),
})
export type DoubtView = z.infer<typeof doubtSchema>
