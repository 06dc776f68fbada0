/** When a message begins, and what can't be asked of its time. */
import type { NewMessage } from '@roost/protocol'
import { earliestSlot, latestSlot } from './slots.ts'

/** As it is kept with the message. */
export type Timing = Pick<NewMessage, 'localTime' | 'bestHour'>

/** A clock may be off and a request may wait; a time of days ago is a mistake, and its message would go out at once. */
const DAY_MS = 24 * 3_600_000
const PAST_MS = DAY_MS

/** ms. By local time it begins with the first device on earth, or now. */
export function beginOf({ sendAt, localTime }: NewMessage, at: number): number {
  if (localTime !== undefined) return Math.max(at, earliestSlot(localTime))
  return sendAt === undefined ? at : Date.parse(sendAt)
}

/** When the last devices on earth get it, ms. */
export function lastOf(input: NewMessage, at: number): number {
  const begin = Math.max(at, beginOf(input, at))
  if (input.bestHour !== undefined) return begin + DAY_MS
  if (input.localTime === undefined) return begin
  return Math.max(begin, latestSlot(input.localTime)) + (input.localTime.passed === 'nextDay' ? DAY_MS : 0)
}

/** Null: one moment for all. */
export function timingOf({ localTime, bestHour }: NewMessage): Timing | null {
  if (localTime !== undefined) return { localTime }
  return bestHour === undefined ? null : { bestHour }
}

export function refusalOfTiming({ localTime, bestHour, sendAt }: NewMessage, at: number): string | undefined {
  if (sendAt !== undefined && Date.parse(sendAt) < at - PAST_MS)
    return `body/sendAt: ${sendAt} is more than a day ago; leave it out to send at once`
  if (localTime === undefined) return undefined
  if (bestHour !== undefined) return 'body/localTime: the message has a bestHour, too; give one of them'
  if (sendAt !== undefined) return 'body/localTime: the message has a sendAt, too; give one of them'
  if (latestSlot(localTime) >= at - PAST_MS) return undefined
  return `body/localTime/at: ${localTime.at} has passed everywhere more than a day ago`
}
