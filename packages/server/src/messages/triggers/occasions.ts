/**
 * Occasions: events that met a trigger, and wait until its message is due. They are written in the transaction that counts
 * the event, so that none is lost and none comes twice; rounds.ts makes deliveries of them.
 *
 * An event that cancels marks what waits for its device, or for its user: occasions, and deliveries that wait for the end of
 * quiet hours or for another try.
 */
import { EVENT_ATTRIBUTES_BYTES, type NewTrigger, type TriggerView } from '@roost/protocol'
import type { HappenedEvent } from '../../registry/events.ts'
import { jsonArray, plainArray, textArray } from '../../store/array-literals.ts'
import type { Queryable } from '../../store/database.ts'
import { holds } from './attributes.ts'

interface Listening {
  readonly id: string
  readonly appId: number
  readonly state: TriggerView['state']
  readonly definition: Pick<
    NewTrigger,
    'event' | 'where' | 'delaySeconds' | 'restartsDelay' | 'to' | 'cancelledBy'
  >
}

/** There are few triggers; of their definitions the messages stay where they are. */
const LISTENING = `
  select id, app_id as "appId", state, definition - 'message' as definition
    from trigger
   where app_id = any($1::integer[]) and state in ('active', 'paused') and listens_to && $2::text[]`

/** Events in the order in which they came. Returns whether something is due at once. */
export async function noteOccasions(tx: Queryable, events: readonly HappenedEvent[]): Promise<boolean> {
  const { rows: triggers } = await tx.query<Listening>(LISTENING, [
    plainArray([...new Set(events.map(it => it.appId))], it => it),
    textArray([...new Set(events.map(it => it.name))], it => it),
  ])
  if (triggers.length === 0) return false
  let occasions: Occasion[] = []
  const cancels: Cancel[] = []
  for (const event of events) {
    for (const trigger of triggers.filter(it => it.appId === event.appId)) {
      if (trigger.definition.cancelledBy?.includes(event.name) === true) {
        cancels.push({ trigger, event })
        for (const it of occasions)
          if (it.trigger === trigger && isOfSame(it.event, event)) it.isCancelled = true
      }
      if (!starts(trigger, event)) continue
      const occasion = { trigger, event, isCancelled: false }
      occasions = [...occasions.filter(it => !takesPlaceOf(occasion, it)), occasion]
    }
  }
  if (cancels.length > 0) await cancel(tx, cancels)
  const restarting = occasions.filter(it => it.trigger.definition.restartsDelay === true)
  if (restarting.length > 0) await dropFormer(tx, restarting)
  if (occasions.length > 0) await insert(tx, occasions)
  return occasions.some(it => delayOf(it) === 0)
}

interface Occasion {
  readonly trigger: Listening
  readonly event: HappenedEvent
  /** By a later event of the same transaction. */
  isCancelled: boolean
}

interface Cancel {
  readonly trigger: Listening
  readonly event: HappenedEvent
}

function isOfSame(one: HappenedEvent, other: HappenedEvent): boolean {
  return one.hwid === other.hwid || (one.userId !== null && one.userId === other.userId)
}

function starts({ state, definition }: Listening, { name, attributes }: HappenedEvent): boolean {
  if (state !== 'active' || definition.event !== name) return false
  return definition.where === undefined || holds(definition.where, attributes)
}

function delayOf({ trigger }: Occasion): number {
  return (trigger.definition.delaySeconds ?? 0) * 1000
}

/** Within one transaction; `DROP_FORMER` says the same of what was stored before. */
function takesPlaceOf({ trigger, event }: Occasion, former: Occasion): boolean {
  if (trigger.definition.restartsDelay !== true || former.trigger !== trigger || former.isCancelled)
    return false
  if (trigger.definition.to === 'user') return isOfSame(former.event, event)
  return former.event.hwid === event.hwid
}

/**
 * What another user did on the device stays his. Two events of one device wait for each other at its counts, so the second one
 * finds the occasion of the first.
 */
const DROP_FORMER = `
  delete from trigger_occasion o
   using unnest($1::uuid[], $2::integer[], $3::smallint[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[])
           as i (trigger_id, app_id, bucket, hwid, user_id, at, is_for_user)
   where o.trigger_id = i.trigger_id and o.app_id = i.app_id and o.due_at > i.at and not o.is_cancelled
     and (o.bucket = i.bucket and o.hwid = i.hwid and (o.user_id is null or o.user_id = i.user_id)
       or i.is_for_user and o.user_id = i.user_id)`

async function dropFormer(tx: Queryable, occasions: readonly Occasion[]): Promise<void> {
  await tx.query(DROP_FORMER, [
    plainArray(occasions, it => it.trigger.id),
    plainArray(occasions, it => it.event.appId),
    plainArray(occasions, it => it.event.bucket),
    textArray(occasions, it => it.event.hwid),
    textArray(occasions, it => it.event.userId),
    textArray(occasions, it => new Date(it.event.at).toISOString()),
    plainArray(occasions, it => it.trigger.definition.to === 'user'),
  ])
}

/** Attributes that are too long are left out, as they are of the event itself. */
const INSERT = `
  insert into trigger_occasion (bucket, app_id, hwid, trigger_id, user_id, attributes, at, due_at, is_cancelled)
  select i.bucket, i.app_id, i.hwid, i.trigger_id, i.user_id,
         case when octet_length(i.attributes::text) <= ${EVENT_ATTRIBUTES_BYTES} then i.attributes end,
         i.at, i.due_at, i.is_cancelled
    from unnest($1::smallint[], $2::integer[], $3::text[], $4::uuid[], $5::text[], $6::jsonb[], $7::timestamptz[],
                $8::timestamptz[], $9::boolean[])
           as i (bucket, app_id, hwid, trigger_id, user_id, attributes, at, due_at, is_cancelled)`

async function insert(tx: Queryable, occasions: readonly Occasion[]): Promise<void> {
  await tx.query(INSERT, [
    plainArray(occasions, it => it.event.bucket),
    plainArray(occasions, it => it.event.appId),
    textArray(occasions, it => it.event.hwid),
    plainArray(occasions, it => it.trigger.id),
    textArray(occasions, it => it.event.userId),
    jsonArray(occasions, it => it.event.attributes),
    textArray(occasions, it => new Date(it.event.at).toISOString()),
    textArray(occasions, it => new Date(it.event.at + delayOf(it)).toISOString()),
    plainArray(occasions, it => it.isCancelled),
  ])
}

const CANCELS = `unnest($1::uuid[], $2::integer[], $3::smallint[], $4::text[], $5::text[], $6::timestamptz[])
  as c (trigger_id, app_id, bucket, hwid, user_id, at)`

/** It is looked at again at once, and counted. */
const CANCEL_OCCASIONS = `
  with meant as (
    select o.bucket, o.app_id, o.hwid, o.id, c.at
      from ${CANCELS}
      join trigger_occasion o on o.bucket = c.bucket and o.app_id = c.app_id and o.hwid = c.hwid and o.trigger_id = c.trigger_id
    union
    select o.bucket, o.app_id, o.hwid, o.id, c.at
      from ${CANCELS}
      join trigger_occasion o on o.app_id = c.app_id and o.user_id = c.user_id and o.trigger_id = c.trigger_id
  )
  update trigger_occasion o set is_cancelled = true, due_at = least(o.due_at, m.at)
    from meant m
   where o.bucket = m.bucket and o.app_id = m.app_id and o.hwid = m.hwid and o.id = m.id and not o.is_cancelled`

/** The longest life of a message, in days. */
const ROUNDS_DAYS = 29

const CANCEL_DELIVERIES = `
  update delivery_queue q set event = q.event || '{"isCancelled": true}'
    from (select c.trigger_id, c.app_id, c.bucket, c.hwid, c.at from ${CANCELS}
          union
          select c.trigger_id, c.app_id, d.bucket, d.hwid, c.at
            from ${CANCELS} join device d on d.app_id = c.app_id and d.user_id = c.user_id) c
    join trigger_round r on r.trigger_id = c.trigger_id and r.day > (c.at at time zone 'UTC')::date - ${ROUNDS_DAYS}
    join message m on m.id = r.message_id and m.state in ('sending', 'paused')
   where q.bucket = c.bucket and q.message_id = r.message_id and q.hwid = c.hwid and q.event is not null`

async function cancel(tx: Queryable, cancels: readonly Cancel[]): Promise<void> {
  const values = [
    plainArray(cancels, it => it.trigger.id),
    plainArray(cancels, it => it.event.appId),
    plainArray(cancels, it => it.event.bucket),
    textArray(cancels, it => it.event.hwid),
    textArray(cancels, it => it.event.userId),
    textArray(cancels, it => new Date(it.event.at).toISOString()),
  ]
  await tx.query(CANCEL_OCCASIONS, values)
  // Afterwards: what was just being made a delivery of is one by now.
  await tx.query(CANCEL_DELIVERIES, values)
}

interface Merge {
  readonly appId: number
  readonly from: string
  readonly into: string
}

const CARRY_OCCASIONS = 'update trigger_occasion set user_id = $3 where app_id = $1 and user_id = $2'

/** Of the devices that are the new user's by now; `of` is SQL that says of which of them. Uses the index message_to_end. */
const carryDeliveries = (of: string) => `
  update delivery_queue q set event = jsonb_set(q.event, '{userId}', to_jsonb($3::text))
    from device d, message m
   where d.app_id = $1 and d.user_id = $3 ${of}
     and m.app_id = $1 and m.trigger is not null and m.state in ('sending', 'paused') and m.planned_at is not null
     and q.bucket = d.bucket and q.message_id = m.id and q.hwid = d.hwid and q.event ->> 'userId' = $2`

const CARRY_DELIVERIES = carryDeliveries('')

/** What waits for a user waits for the one into whom they are merged. In the transaction that has given the devices over. */
export async function carryOccasions(tx: Queryable, { appId, from, into }: Merge): Promise<void> {
  await tx.query(CARRY_OCCASIONS, [appId, from, into])
  // Afterwards, as with cancels: what was just being made a delivery of is one by now.
  await tx.query(CARRY_DELIVERIES, [appId, from, into])
}

const THOSE = 'select * from unnest($4::smallint[], $5::text[])'
const CARRY_OCCASIONS_OF_DEVICES = `
  update trigger_occasion o set user_id = $3
    from (${THOSE}) as i (bucket, hwid)
   where o.bucket = i.bucket and o.app_id = $1 and o.hwid = i.hwid and o.user_id = $2`
const CARRY_DELIVERIES_OF_DEVICES = carryDeliveries(`and (d.bucket, d.hwid) in (${THOSE})`)

/** The same where some devices of a user go over and the others stay: what happened on those goes with them. */
export async function carryOccasionsOfDevices(
  tx: Queryable,
  merge: Merge & { readonly devices: readonly { readonly bucket: number; readonly hwid: string }[] },
): Promise<void> {
  const { appId, from, into, devices } = merge
  if (devices.length === 0) return
  const values = [appId, from, into, devices.map(it => it.bucket), devices.map(it => it.hwid)]
  await tx.query(CARRY_OCCASIONS_OF_DEVICES, values)
  await tx.query(CARRY_DELIVERIES_OF_DEVICES, values)
}
