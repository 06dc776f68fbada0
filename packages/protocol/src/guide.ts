/** The set-up guide: how far an app has come on each platform, and what is to do next. */
import { z } from 'zod'

export const GUIDE_PLATFORMS = ['ios', 'android', 'web', 'huawei'] as const
export type GuidePlatform = (typeof GUIDE_PLATFORMS)[number]

/**
 * In their order. `credential`: one is there, and its gateway takes it. `device`: one can be reached. `accepted`: the gateway took a push.
 * `received`, `opened`: a device told so. `extension`: iOS alone, which needs it for images and to tell what came. `test_device`: people
 * have one to try messages on.
 */
export const GUIDE_STEPS = [
  'credential',
  'device',
  'accepted',
  'received',
  'opened',
  'extension',
  'test_device',
] as const
export type GuideStepName = (typeof GUIDE_STEPS)[number]

export const guideStepSchema = z.object({
  step: z.enum(GUIDE_STEPS),
  /** `open`: not come to yet. `trouble`: it was tried, and something is wrong. */
  state: z.enum(['done', 'open', 'trouble']),
  /** Since when it is done or in trouble, as far as that is known: to the day of what is long past. */
  since: z.string().nullable(),
  /** What is wrong, to test for; null unless it is in trouble. */
  code: z.string().nullable(),
  /** The same in words. */
  detail: z.string().nullable(),
  /** What they name, where the trouble is one of a credential (CREDENTIAL_PROBLEMS). */
  values: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  /** What to do about it, or next; null when it is done. */
  remedy: z.string().nullable(),
})
export type GuideStep = z.infer<typeof guideStepSchema>

export const guideSchema = z.object({
  platforms: z.array(
    z.object({
      platform: z.enum(GUIDE_PLATFORMS),
      gateway: z.enum(['apns', 'fcm', 'webpush', 'hms']),
      steps: z.array(guideStepSchema),
    }),
  ),
})
export type Guide = z.infer<typeof guideSchema>
