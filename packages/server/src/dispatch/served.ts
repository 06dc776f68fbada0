/**
 * R4: an address gets a message once, though it changes hands between two parts of a campaign, as it does when a person
 * logs in as somebody else and the client makes itself a new device. Such a move is rare, so nothing is kept of those
 * that don't: a registration that takes an address over notes which messages its former holder may have got there.
 *
 * "May" are those that its batch has passed, and those that are in hand just now. Whoever has an exception got nothing.
 *
 * And a device gets it once, though it comes to another gateway meanwhile, where a batch is still to read it: see `withoutServed`. Nor is
 * one read that was planned for by its channel: see `keepPlanned`.
 */
import { compileAccepted } from '../audience/condition.ts'
import { hasRest, isRestSql } from '../messages/experiments/parts.ts'
import { bucketOf } from '../registry/buckets.ts'
import type { Queryable, Transaction } from '../store/database.ts'
import { findAcceptances } from './acceptances.ts'
import { type Batch, UNBOOKED_MAX } from './lease.ts'
import { type Device, findExceptedOrWaiting } from './outcomes.ts'
import { wasTaken } from './slots.ts'

export interface FormerHolder {
  readonly appId: number
  readonly hash: Buffer
  readonly bucket: number
  readonly hwid: string
}

/**
 * Asked for addresses that move alone, and of messages that are under way alone. What lies further ahead of a batch than a chunk is
 * in nobody's hand. That is not so of a condition that leaves many out: an address that moves while it is in hand there may get
 * the message twice. To note all that lie ahead would be worse: those who were not sent to would lose it.
 */
const NOTE = `
  insert into address_served (message_id, address_hash, app_id, bucket, hwid)
  select m.id, i.hash, i.app_id, i.bucket, i.hwid
    from unnest($1::integer[], $2::bytea[], $3::smallint[], $4::text[]) as i (app_id, hash, bucket, hwid)
    join address a on a.bucket = i.bucket and a.app_id = i.app_id and a.hwid = i.hwid and a.address_hash = i.hash
                  and a.kind = 'alert' and a.state in ('active', 'suspect') and not a.opted_out
    join message m on m.app_id = i.app_id and m.state = 'sending'
    join batch b on b.message_id = m.id and b.provider = a.provider and i.bucket between b.bucket_from and b.bucket_to
    left join device d on d.bucket = i.bucket and d.app_id = i.app_id and d.hwid = i.hwid
    left join delivery_queue q on q.bucket = i.bucket and q.message_id = m.id and q.hwid = i.hwid
   cross join lateral (select b.is_read or (b.cursor_bucket, b.cursor_hwid) >= (i.bucket, i.hwid) as passed,
                              coalesce(b.lease_until > clock_timestamp(), false) as leased) b2
   where case when m.trigger is not null then false -- each of its deliveries is for an event of the device itself
              when m.target ? 'devices' then m.target -> 'devices' ? i.hwid
              when m.target ? 'users' then m.target -> 'users' ? d.user_id
              else true end
     and case when b2.passed then q.hwid is null or (b2.leased and q.due_at <= $5)
              else b2.leased and ${UNBOOKED_MAX} > (
                select count(*) from (
                  select from address o
                   where o.app_id = i.app_id and o.provider = a.provider and o.kind = 'alert'
                     and o.state in ('active', 'suspect') and not o.opted_out and o.bucket between b.bucket_from and i.bucket
                     and (o.bucket, o.hwid) > (coalesce(b.cursor_bucket, b.bucket_from), coalesce(b.cursor_hwid, ''))
                     and (o.bucket, o.hwid) < (i.bucket, i.hwid)
                   limit ${UNBOOKED_MAX}) ahead) end
  on conflict do nothing`

/** In the transaction of the registrations, before the former holders lose the addresses. */
export async function noteServed(
  tx: Queryable,
  formerHolders: readonly FormerHolder[],
  at: number,
): Promise<void> {
  await tx.query(NOTE, [
    formerHolders.map(it => it.appId),
    formerHolders.map(it => it.hash),
    formerHolders.map(it => it.bucket),
    formerHolders.map(it => it.hwid),
    new Date(at),
  ])
}

/**
 * SQL over `address a`: whether a former holder got the batch's message there. Its values are added to `values`. The former
 * holder is one that was in the audience, and that no exception says got nothing.
 */
export function wasServed(batch: Batch, values: unknown[]): string {
  const { messageId, target, scope } = batch
  const message = `$${values.push(messageId)}::uuid`
  let isMeant = 'true'
  if ('condition' in target && scope !== null) {
    const compiled = compileAccepted(target.condition, { firstParameter: values.length + 1, scope })
    values.push(...compiled.values)
    isMeant = `exists (select from device d where d.bucket = s.bucket and d.app_id = s.app_id and d.hwid = s.hwid
                          and ${compiled.sql})`
  }
  // Hardly any message has any, which is asked once for all devices.
  return `(select exists (select from address_served where message_id = ${message})) and exists (
    select from address_served s
     where s.message_id = ${message} and s.address_hash = a.address_hash and s.app_id = a.app_id and s.hwid <> a.hwid
       and ${isMeant}
       and ${wasFor(batch, message, values)}
       and not exists (select from delivery_exception e
                        where e.bucket = s.bucket and e.message_id = s.message_id and e.hwid = s.hwid
                          and e.outcome <> 'uncertain'))`
}

/** SQL: a batch of one slot, or of an experiment, has passed many whom it was not for; there it is asked who had it. */
function wasFor({ messageId, slot, experiment }: Batch, message: string, values: unknown[]): string {
  if (slot !== null) return wasTaken('s', message)
  if (experiment === null || !hasRest(experiment.asked)) return 'true'
  const isTested = `not ${isRestSql({ messageId, asked: experiment.asked }, values)}`
  return `(${wasTaken('s', message)} or exists (
    select from device d where d.bucket = s.bucket and d.app_id = s.app_id and d.hwid = s.hwid and ${isTested}))`
}

interface Read extends Device {
  readonly isLate?: boolean
}

/**
 * Of the devices that a batch has read, those that no other batch of the message has come to: of each device there is one outcome,
 * the first. Only an address that became active after the message began can be the second one of its device, so hardly anybody is asked
 * about. What a worker has in hand at that moment is not known yet, and may come twice.
 */
export async function withoutServed<T extends Read>(
  db: Queryable,
  { messageId }: Pick<Batch, 'messageId'>,
  read: readonly T[],
): Promise<readonly T[]> {
  const late = read.filter(it => it.isLate === true)
  if (late.length === 0) return read
  const served = await findExceptedOrWaiting(db, messageId, late)
  for (const hwid of await findAcceptances(db, messageId, late)) served.add(hwid)
  return served.size === 0 ? read : read.filter(it => !served.has(it.hwid))
}

const KEEP_PLANNED = `
  insert into message_connected (message_id, app_id, bucket, hwid)
  select $1, $2, bucket, hwid from unnest($3::smallint[], $4::text[]) as i (bucket, hwid)`

/**
 * In the transaction that makes deliveries for devices that are connected and can't be pushed to. By the time their range is read they may
 * have a permission or an address, of whatever date, so they are known by name.
 */
export function keepPlanned(
  tx: Transaction,
  { id, appId }: { readonly id: string; readonly appId: number },
  hwids: readonly string[],
): void {
  tx.send(KEEP_PLANNED, [id, appId, hwids.map(bucketOf), hwids])
}

/** SQL over `address a`: `keepPlanned` was told of its device. `message`: SQL of its id. */
export function wasPlanned(message: string): string {
  // Most messages have none, which is asked once for all devices.
  return `((select exists (select from message_connected where message_id = ${message})) and exists (
    select from message_connected k where k.message_id = ${message} and k.bucket = a.bucket and k.hwid = a.hwid))`
}

/** Of messages that are done nothing is asked any more. */
export async function forgetServed(db: Queryable): Promise<void> {
  for (const table of ['address_served', 'message_connected'])
    await db.query(
      `delete from ${table} s using message m where m.id = s.message_id and m.state in ('done', 'cancelled')`,
    )
}
