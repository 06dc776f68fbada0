/** Schedules: messages that recur. Each run is a message of its own. */
import { z } from 'zod'
import { newMessageSchema, recurringTargetSchema } from './message.ts'
import { localTimeSchema, timeZoneSchema } from './when.ts'

const SCHEDULE_NAME_CHARACTERS = 128
const CRON_CHARACTERS = 128

/** A moment or an end of its own can't recur. */
const recurringMessageSchema = newMessageSchema
  .omit({ sendAt: true, localTime: true, idempotencyKey: true })
  .extend({ to: recurringTargetSchema })
  .refine(it => it.inbox?.until === undefined, {
    message: 'one date can not be that of all runs; without it each is kept for 30 days',
    path: ['inbox', 'until'],
  })
export type RecurringMessage = z.infer<typeof recurringMessageSchema>

const localSchema = localTimeSchema.omit({ at: true })

const definition = {
  name: z.string().trim().min(1).max(SCHEDULE_NAME_CHARACTERS),
  /** Five fields: minute, hour, day of the month, month, day of the week; or @daily and the like. */
  cron: z.string().trim().min(1).max(CRON_CHARACTERS),
  /** Of whose clocks its times are. Default: the app's, whatever that is at the time. */
  timeZone: timeZoneSchema.nullable().optional(),
  /** Of the clock of each device instead of one zone. */
  localTime: localSchema.nullable().optional(),
  /** Of runs that fell in a time without any server: one is made up for, or none. Default one. */
  missed: z.enum(['one', 'none']).optional(),
  message: recurringMessageSchema,
}

export const newScheduleSchema = z.strictObject(definition)
export type NewSchedule = z.infer<typeof newScheduleSchema>

/** What is not named stays. Messages that were made stay as they are. */
export const schedulePatchSchema = z.strictObject({
  name: definition.name.optional(),
  cron: definition.cron.optional(),
  timeZone: definition.timeZone,
  localTime: definition.localTime,
  missed: definition.missed,
  message: definition.message.optional(),
})
export type SchedulePatch = z.infer<typeof schedulePatchSchema>

export const scheduleSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['active', 'paused']),
  cron: z.string(),
  /** Null: the app's. */
  timeZone: z.string().nullable(),
  localTime: localSchema.nullable(),
  missed: z.enum(['one', 'none']),
  message: z.unknown(),
  /** Of one by local time this is when the clocks of the first devices on earth show it. */
  nextRunAt: z.string().nullable(),
  /** The next five, that one included; none while it is paused. */
  nextRuns: z.array(z.string()),
  lastRunAt: z.string().nullable(),
  lastMessageId: z.string().nullable(),
  /** Why the last run made no message. */
  lastFault: z.string().nullable(),
  createdAt: z.string(),
})
export type ScheduleView = z.infer<typeof scheduleSchema>
