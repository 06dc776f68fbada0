/** Rules: how fast a message goes out, and what is asked of each of its deliveries. */
import { z } from 'zod'
import { OWN_WORDS } from './field-fault.ts'

/** More than one machine sends; a message without a rate goes as fast as the gateways take it. */
const SEND_RATE_MAX = 100_000

/** Deliveries a second, over all servers and gateways together. */
export const sendRateSchema = z.int().min(1).max(SEND_RATE_MAX)

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, OWN_WORDS.clock_time)
/** The ends of the earth are at UTC−12 and UTC+14. */
const timezoneSeconds = z.int().min(-43_200).max(50_400)

export const quietHoursSchema = z
  .strictObject({
    /** By the clock of each device. */
    from: clockTime,
    /** Earlier than `from`: on the next day. */
    to: clockTime,
    /** `defer`: it is sent when they are over; `drop`: it is skipped. Default defer. */
    action: z.enum(['defer', 'drop']).optional(),
    /** East of UTC, for devices that have not told theirs. Default 0. */
    otherwiseTimezoneSeconds: timezoneSeconds.optional(),
  })
  .refine(({ from, to }) => from !== to, OWN_WORDS.quiet_never)
export type QuietHours = z.infer<typeof quietHoursSchema>

/** As long as is remembered what a device was sent. */
const CAP_DAYS_MAX = 30
const CAP_MESSAGES_MAX = 100

export const capSchema = z.strictObject({
  /** At most so many to one device … */
  messages: z.int().min(1).max(CAP_MESSAGES_MAX),
  /** … in any so many times 24 hours. */
  days: z.int().min(1).max(CAP_DAYS_MAX),
})
export type Cap = z.infer<typeof capSchema>

export const categoryNameSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, OWN_WORDS.category_name)

export const appRulesSchema = z.object({
  quietHours: quietHoursSchema.nullable(),
  cap: capSchema.nullable(),
  /** What a message may belong to and a device may opt out of, with its tag `optedOut`. */
  categories: z.array(categoryNameSchema).max(100),
})
export type AppRules = z.infer<typeof appRulesSchema>

export const appRulesChangeSchema = z.strictObject({
  quietHours: appRulesSchema.shape.quietHours.optional(),
  cap: appRulesSchema.shape.cap.optional(),
  categories: appRulesSchema.shape.categories.optional(),
})
export type AppRulesChange = z.infer<typeof appRulesChangeSchema>

export const messageRulesSchema = z.strictObject({
  /** `transactional`: the app's quiet hours and cap do not concern it, and it counts towards none. Default marketing. */
  kind: z.enum(['marketing', 'transactional']).optional(),
  /** Instead of the app's; null: none. */
  quietHours: quietHoursSchema.nullable().optional(),
  /** Instead of the app's; null: none. */
  cap: capSchema.nullable().optional(),
  /** One of the app's. Who has opted out of it is skipped. */
  category: categoryNameSchema.optional(),
})

/** Of a message that is asked for: a cap that would be passed over in silence is refused. */
export const newMessageRulesSchema = messageRulesSchema.refine(
  it => it.kind !== 'transactional' || (it.cap ?? null) === null,
  {
    message:
      'a transactional message counts towards no cap, and none holds for it: leave out the cap or the kind',
    path: ['cap'],
  },
)
export type MessageRules = z.infer<typeof messageRulesSchema>
