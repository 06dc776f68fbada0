/** Statistics: what each number counts is in docs/statistics.md. */
import { z } from 'zod'

export const STATISTICS_STEPS = ['hour', 'day', 'month', 'total'] as const
export type StatisticsStep = (typeof STATISTICS_STEPS)[number]

const count = z.int()
const share = z.number().nullable()

/** Of messages, of the deliveries that happened in a step and the receipts of what devices did in it. */
export const deliveryNumbersSchema = z.object({
  /** accepted + dead + failed + uncertain: what was tried and came to an end. */
  sent: count,
  accepted: count,
  dead: count,
  failed: count,
  uncertain: count,
  /** Never tried. */
  skipped: count,
  delivered: count,
  displayed: count,
  opened: count,
  dismissed: count,
  attachmentFailed: count,
  landed: count,
  /** Of these, those that only who got the push could tell of. */
  deliveredSigned: count,
  openedSigned: count,
  /** delivered ÷ accepted; null where nothing was accepted. */
  deliveredShare: share,
  /** opened ÷ accepted (CTR). */
  openedShare: share,
})
export type DeliveryNumbers = z.infer<typeof deliveryNumbersSchema>

export const baseNumbersSchema = z.object({
  /** At the end of the day; of a month of its last day, in hours null. */
  devices: count.nullable(),
  reachable: count.nullable(),
  installs: count,
  opens: count,
  registrations: count,
  restored: count,
  unregistrations: count,
  /** A gateway said so, an address grew too old, and the like. */
  deaths: count,
  /** Deaths of apps that were not seen again within a day; known where uninstalls are tracked, a day later. */
  uninstalls: count,
  /** Deaths of devices that came back with another address within that day. */
  replaced: count,
  optedOut: count,
  optedIn: count,
})
export type BaseNumbers = z.infer<typeof baseNumbersSchema>

const step = {
  /** ISO 8601 of an hour, the date of a day, the first day of a month; '' of the total. */
  at: z.string(),
  /** With `split=gateway`, else null. */
  gateway: z.string().nullable(),
}

const range = {
  from: z.string(),
  to: z.string(),
  by: z.enum(STATISTICS_STEPS),
  timeZone: z.string(),
  /** When it was counted last; null before that. */
  asOf: z.string().nullable(),
}

/** Of one message that was asked for. */
const toldApart = {
  isToldApart: z
    .boolean()
    .optional()
    .describe(
      'Only where a message is asked for. False: it is none of the lane "campaign", so it is counted with its app and its campaign alone, and all numbers here are 0; GET …/messages/{id} has its counts',
    ),
}

export const deliveryStatisticsSchema = z.object({
  ...range,
  ...toldApart,
  rows: z.array(deliveryNumbersSchema.extend(step)),
  totals: deliveryNumbersSchema,
})
export const baseStatisticsSchema = z.object({
  ...range,
  rows: z.array(baseNumbersSchema.extend(step)),
})
export type DeliveryStatistics = z.infer<typeof deliveryStatisticsSchema>
export type BaseStatistics = z.infer<typeof baseStatisticsSchema>

export const failureStatisticsSchema = z.object({
  ...toldApart,
  failures: z.array(
    z.object({ outcome: z.string(), reason: z.string(), gateway: z.string().nullable(), count }),
  ),
})
export type FailureStatistics = z.infer<typeof failureStatisticsSchema>
export const removalStatisticsSchema = z.object({
  removals: z.array(
    z.object({ event: z.string(), reason: z.string(), gateway: z.string().nullable(), count }),
  ),
})
export type RemovalStatistics = z.infer<typeof removalStatisticsSchema>

export const latencySchema = z.object({
  /** `planned`, `accepted`: since it was due. `received`, `opened`: since it was sent. */
  stage: z.enum(['planned', 'accepted', 'received', 'opened']),
  count,
  p50Ms: count.nullable(),
  p90Ms: count.nullable(),
  p99Ms: count.nullable(),
  /** Histograms of several answers are added place by place. */
  histogram: z.array(z.object({ fromMs: count, toMs: count, count })),
})
export const latencyStatisticsSchema = z.object({ ...toldApart, stages: z.array(latencySchema) })
export type LatencyStatistics = z.infer<typeof latencyStatisticsSchema>

export const coverageSchema = z.object({
  /** The messages that it was read from: the newest campaigns that are a day old; empty when there are none. */
  messages: z.array(z.string()),
  /** Devices that a gateway took one of them for, of a part of the buckets. */
  devices: count,
  /** Of these, the ones of which anything was heard of it. */
  heardOf: count,
  share: share,
  groups: z.array(
    z.object({
      platform: z.string(),
      appVersion: z.string().nullable(),
      extensionVersion: z.string().nullable(),
      devices: count,
      heardOf: count,
      share: share,
    }),
  ),
  /** In words, for people. */
  findings: z.array(z.string()),
})
export type Coverage = z.infer<typeof coverageSchema>

/** What became of one message, by whom it was accepted for. */
export const messageGroupsSchema = z.object({
  /** Of the base, the part that was looked at: 1 where it is small. */
  part: z.number(),
  groups: z.array(
    z.object({
      platform: z.string(),
      /** Of the device, as in "pt"; null: it has told none. */
      language: z.string().nullable(),
      /** A gateway took it for so many, of that part. */
      accepted: count,
      /** Of these, so many told so. */
      delivered: count,
      opened: count,
    }),
  ),
})
export type MessageGroups = z.infer<typeof messageGroupsSchema>

export const messageStatisticsSchema = z.object({
  messages: z.array(
    deliveryNumbersSchema.extend({
      id: z.string(),
      createdAt: z.string(),
      title: z.string().nullable(),
      campaign: z.string().nullable(),
    }),
  ),
})
export type MessageStatistics = z.infer<typeof messageStatisticsSchema>
export const campaignStatisticsSchema = z.object({
  campaigns: z.array(deliveryNumbersSchema.extend({ campaign: z.string() })),
})
