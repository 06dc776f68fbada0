/** When a message is sent, where one moment for all is not meant. */
import { z } from 'zod'
import { OWN_WORDS } from './field-fault.ts'

/** Another spelling of it is taken too; see `timeZoneOf`. */
export const timeZoneSchema = z.string().refine(it => timeZoneOf(it) !== undefined, OWN_WORDS.time_zone)

/** There are some 600, and devices may make up others. */
const NAMES_REMEMBERED = 2000
const NAME_CHARACTERS = 64
const knownNames = new Map<string, string | undefined>()

/** The name under which a zone is known here; undefined when it is not, or is an offset. */
export function timeZoneOf(name: string): string | undefined {
  if (knownNames.has(name)) return knownNames.get(name)
  if (name.length > NAME_CHARACTERS) return undefined
  const known = lookUp(name)
  if (knownNames.size >= NAMES_REMEMBERED) knownNames.clear()
  knownNames.set(name, known)
  return known
}

/** It takes some 0.1 ms. */
function lookUp(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

function isMinute(text: string): boolean {
  const time = Date.parse(`${text}:00Z`)
  // February 30 would be a day of March
  return time >= Date.UTC(2000, 0) && new Date(time).toISOString().startsWith(text)
}

export const localTimeSchema = z.strictObject({
  /** By the clock of each device. */
  at: z
    .string()
    .regex(/^2\d{3}-\d\d-\d\dT\d\d:\d\d$/, OWN_WORDS.local_time)
    .refine(isMinute, OWN_WORDS.local_time_missing),
  /** For devices where it has passed when the sending begins: send at once, on the next day, or not at all. Default now. */
  passed: z.enum(['now', 'nextDay', 'skip']).optional(),
  /** Of devices that have not told theirs. Default: the app's. */
  otherwiseTimeZone: timeZoneSchema.optional(),
})
export type LocalTime = z.infer<typeof localTimeSchema>

export const bestHourSchema = z.strictObject({
  /** On the clocks of devices that have opened too little to have a best hour of their own. Default: the app's best hour. */
  otherwiseHour: z.int().min(0).max(23).optional(),
  /** Of devices that have not told theirs. Default: the app's. */
  otherwiseTimeZone: timeZoneSchema.optional(),
})
export type BestHour = z.infer<typeof bestHourSchema>

/** A moment at which a part of a message is due. */
export const slotSchema = z.object({
  /** ISO 8601; null: devices whose hour had passed, and that are skipped. */
  at: z.string().nullable(),
  /** As counted when the sending began. */
  devices: z.int(),
  /** Of them still to come, or waiting for another try. */
  waiting: z.int(),
})
export type SlotView = z.infer<typeof slotSchema>
