/**
 * What a device did, and where it is listed, as SQL over `device d`. Each asks by key: device_event and the lists by
 * their primary keys, receipts of one message by theirs, and those of any by receipt_of_device.
 *
 * Measured with half a million devices and two million receipts, 2 busy cores: a chunk of 500 is read in 3–30 ms (50–160 when one in
 * twenty matches), the whole base is counted in 0.2–0.8 s. Without receipt_of_device a chunk that asks for any message took
 * 200 ms and grows with all receipts of the base; with it each receipt costs some microseconds more.
 */
import {
  ANY_MESSAGE,
  EVENT_DAYS,
  type EventCondition,
  type ListCondition,
  type MessageCondition,
} from '@roost/protocol'
import { type Context, matchNobody, refuse } from './context.ts'
import { dayBefore } from './days.ts'

export function compileEvent({ event, atLeast = 1, withinDays }: EventCondition, context: Context): string {
  if (withinDays !== undefined && atLeast > 1 && withinDays > EVENT_DAYS)
    refuse(
      context,
      `"withinDays" is at most ${EVENT_DAYS} together with "atLeast": events are counted by day for so long`,
    )
  const name = context.parameter(event)
  return `exists (select from device_event e
    where e.bucket = d.bucket and e.app_id = d.app_id and e.hwid = d.hwid and e.name = ${name}
      ${wasOften(atLeast, withinDays, context)})`
}

function wasOften(atLeast: number, withinDays: number | undefined, { parameter, scope }: Context): string {
  if (withinDays === undefined) return atLeast === 1 ? '' : `and e.count >= ${parameter(atLeast)}`
  const from = parameter(dayBefore(scope.at, withinDays))
  const isRecent = `and e.last_at >= ${from}::date::timestamp at time zone 'UTC'`
  if (atLeast === 1) return isRecent
  return `${isRecent} and (select sum(t.n) from unnest(e.days, e.day_counts) as t (day, n)
            where t.day >= ${from}::date) >= ${parameter(atLeast)}`
}

export function compileMessage({ message, was, withinDays }: MessageCondition, context: Context): string {
  const { parameter, scope } = context
  const isAny = message === ANY_MESSAGE
  if (!isAny && !scope.messages?.has(message)) {
    if (context.isLenient) return matchNobody(context)
    refuse(context, `message ${message} is none of this app`)
  }
  const parts = ['r.bucket = d.bucket and r.app_id = d.app_id and r.hwid = d.hwid']
  if (!isAny) parts.push(`r.message_id = ${parameter(message)}::uuid`)
  if (was === 'opened') parts.push(`r.kind = 'opened'`)
  if (withinDays !== undefined)
    parts.push(`r.at >= ${parameter(dayBefore(scope.at, withinDays))}::date::timestamp at time zone 'UTC'`)
  return `exists (select from receipt r where ${parts.join(' and ')})`
}

export function compileList({ list }: ListCondition, context: Context): string {
  const kind = context.scope.lists?.get(list)
  if (kind === undefined) {
    if (context.isLenient) return matchNobody(context)
    refuse(context, `list ${list} is none of this app, or it is still being loaded`)
  }
  const id = `${context.parameter(list)}::uuid`
  return kind === 'devices'
    ? `exists (select from audience_list_device l
        where l.bucket = d.bucket and l.app_id = d.app_id and l.hwid = d.hwid and l.list_id = ${id})`
    : `exists (select from audience_list_user l
        where l.app_id = d.app_id and l.user_id = d.user_id and l.list_id = ${id})`
}
