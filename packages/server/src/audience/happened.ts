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
import { KEY_BYTES, memberKey } from '../inbox/member-key.ts'
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

export function compileMessage(condition: MessageCondition, context: Context): string {
  const { message, was, withinDays } = condition
  const { parameter, scope } = context
  if (was === 'accepted') return wasAccepted(condition, context)
  const isAny = message === ANY_MESSAGE
  if (!isAny && !scope.messages?.has(message))
    return missing(`message ${message} is none of this app`, context)
  const parts = ['r.bucket = d.bucket and r.app_id = d.app_id and r.hwid = d.hwid']
  if (!isAny) parts.push(`r.message_id = ${parameter(message)}::uuid`)
  if (was === 'opened') parts.push(`r.kind = 'opened'`)
  if (withinDays !== undefined)
    parts.push(`r.at >= ${parameter(dayBefore(scope.at, withinDays))}::date::timestamp at time zone 'UTC'`)
  return `exists (select from receipt r where ${parts.join(' and ')})`
}

function missing(problem: string, context: Context): string {
  return context.isLenient ? matchNobody(context) : refuse(context, problem)
}

/** SQL over `device d` and an acceptance `x`: a visitor who logs in is the same person, and so is who logs in again. */
const SOMEBODY_ELSE_SINCE = `exists (select from former_user f
        where f.bucket = d.bucket and f.app_id = d.app_id and f.hwid = d.hwid and f.until > x.at
          and f.user_id is distinct from d.user_id)`

/**
 * By the record of acceptances (dispatch/acceptances.ts), and those that nobody has answered for. When the record is not whole any
 * more, "was not accepted" would be said of everybody. Uses the index acceptance_of_message, whose rows end in the device's
 * bucket or so far behind it as one may reach.
 */
function wasAccepted({ message, withinDays }: MessageCondition, context: Context): string {
  if (message === ANY_MESSAGE || withinDays !== undefined)
    refuse(context, '"accepted" is asked of one message, without "withinDays"')
  const record = context.scope.accepted?.get(message)
  if (record === undefined) return missing(`message ${message} is none of this app`, context)
  if (!record.isWhole)
    return missing(
      `of message ${message} it is not on record any more for whom gateways took it: that is kept for 30 days`,
      context,
    )
  const id = `${context.parameter(message)}::uuid`
  const still = record.isOfSamePerson === true ? `and not ${SOMEBODY_ELSE_SINCE}` : ''
  return `(exists (select from acceptance x
      where x.message_id = ${id} and x.bucket_to between d.bucket and d.bucket + ${context.parameter(record.width)}::integer
        and x.bucket_from <= d.bucket and position(${memberKey(id, 'd.hwid')} in x.accepted) % ${KEY_BYTES} = 1 ${still})
    or exists (select from delivery_exception x
      where x.bucket = d.bucket and x.message_id = ${id} and x.hwid = d.hwid and x.outcome = 'uncertain' ${still}))`
}

export function compileList({ list }: ListCondition, context: Context): string {
  const kind = context.scope.lists?.get(list)
  if (kind === undefined)
    return missing(`list ${list} is none of this app, or it is still being loaded`, context)
  const id = `${context.parameter(list)}::uuid`
  return kind === 'devices'
    ? `exists (select from audience_list_device l
        where l.bucket = d.bucket and l.app_id = d.app_id and l.hwid = d.hwid and l.list_id = ${id})`
    : `exists (select from audience_list_user l
        where l.app_id = d.app_id and l.user_id = d.user_id and l.list_id = ${id})`
}
