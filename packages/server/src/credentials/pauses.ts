/**
 * Pauses: what a gateway refused of a credential is not sent with, and what it blocks waits (R17: nothing is lost and no
 * address changes meanwhile).
 *
 *   refused ──▶ paused ──content replaced, or another credential can send──▶ over: what waited is due
 *                  ├────the gateway was asked and takes it again (checks.ts)──▶ over
 *                  └────of a part: one delivery of an hour tries it────▶ over, or paused for twice as long
 *
 * A part (one environment, ringing in it, one push service, Apple behind Firebase) may heal without us, so it is tried again now and
 * then. A whole credential that is refused only does harm when it is shown again.
 */
import type { Database, Queryable } from '../store/database.ts'

/** A content of a credential, or a part of what it serves, that its gateway refused. */
export interface Pause {
  readonly credentialId: string
  readonly version: number
  /** '' = all that it serves. */
  readonly part: string
  readonly reason: string
  /** Concluded from what the gateway said of addresses. Default false. */
  readonly isWave?: boolean
}

/** The pauses of a row of `credential` as it stands, as JSON: `{part, reason}[]`. */
export const PAUSES_OF_CREDENTIAL = `(
  select coalesce(json_agg(json_build_object('part', p.part, 'reason', p.reason) order by p.part), '[]')
    from credential_pause p
   where p.credential_id = credential.id and p.version = credential.version)`

/** The parts of a row of `credential` by which its gateway has accepted something. */
export const PROOFS_OF_CREDENTIAL = `array(
  select p.part from credential_proof p
   where p.credential_id = credential.id and p.version = credential.version)`

/** A part is tried again after so long, then after twice as long, up to a day. */
const FIRST_RETRY_MS = 60 * 60_000
const LAST_RETRY_MS = 24 * 60 * 60_000

/** Stops what a gateway refused; the first reason stays. */
export async function pauseCredential(db: Queryable, pause: Pause & { readonly at: number }): Promise<void> {
  await db.query(
    `insert into credential_pause (credential_id, version, part, reason, at, retry_at, is_wave)
     select id, version, $3, $4, $5, $6, $7 from credential where id = $1 and version = $2 for key share
     on conflict do nothing`, // a content uploaded meanwhile is not to blame; one that is being deleted is waited for
    [
      pause.credentialId,
      pause.version,
      pause.part,
      pause.reason,
      new Date(pause.at),
      pause.part === '' ? null : new Date(pause.at + FIRST_RETRY_MS),
      pause.isWave ?? false,
    ],
  )
}

/** The gateway takes this part again. */
export async function endPause(db: Queryable, pause: Omit<Pause, 'reason'>): Promise<void> {
  await db.query('delete from credential_pause where credential_id = $1 and version = $2 and part = $3', [
    pause.credentialId,
    pause.version,
    pause.part,
  ])
}

/** Origins come from clients, so a content's parts may be many. */
const PROOFS_MAX = 100

/** The gateway has accepted something, so each of these is a content of the right app. */
export async function proveCredentials(
  db: Queryable,
  proven: readonly Omit<Pause, 'reason'>[],
): Promise<void> {
  await db.query(
    `insert into credential_proof (credential_id, version, part)
     select c.id, c.version, i.part
       from unnest($1::uuid[], $2::integer[], $3::text[]) as i (id, version, part)
       join credential c on c.id = i.id and c.version = i.version
      where (select count(*) from credential_proof p where p.credential_id = c.id and p.version = c.version) < ${PROOFS_MAX}
      order by c.id, c.version, i.part
        for key share of c
     on conflict do nothing`,
    [proven.map(it => it.credentialId), proven.map(it => it.version), proven.map(it => it.part)],
  )
}

interface Taken {
  readonly credentialId: string
  readonly version: number
  /** In which the gateway was asked just now and took the credential. */
  readonly parts: readonly string[]
  /** It did so wherever it could be asked. */
  readonly isEverywhere: boolean
}

/** Ends the pauses that the gateway's own answer disproves, and gives them back. */
export async function endDisproved(db: Queryable, taken: Taken): Promise<Pick<Pause, 'part' | 'reason'>[]> {
  const parts = [...taken.parts, ...(taken.isEverywhere ? [''] : [])]
  const { rows } = await db.query<Pick<Pause, 'part' | 'reason'>>(
    `delete from credential_pause
      where credential_id = $1 and version = $2 and part = any($3::text[]) and not is_wave returning part, reason`,
    [taken.credentialId, taken.version, parts],
  )
  return rows
}

const IS_PAUSED = `
  exists (select from credential c join credential_pause p on p.credential_id = c.id and p.version = c.version
           where c.id = w.credential_id and c.version = w.version and p.part = w.part)`
/** Of the same app and gateway, and none that was passed over because it serves nothing of what waits. */
const ANOTHER_CAN_SEND = `
  exists (select from credential own join credential c on c.app_id = own.app_id and c.gateway = own.gateway
           where own.id = w.credential_id and c.id || ' ' || c.version <> all(w.unfit)
             and not exists (select from credential_pause p
                              where p.credential_id = c.id and p.version = c.version and p.part in ('', w.part)))`
/** As long as the dispatcher tries a message at least (settle.ts). */
const IS_EXPIRED = "coalesce(b.send_at, m.send_at) + greatest(m.ttl_seconds, 60) * interval '1 second' < $1"

/** A batch that failed so often, and even when it only had to say that it expired, is left for somebody to look at. */
const HOPELESS_FAILURES = 10

/** So much of what waited is freed at once; more would keep new messages from being planned meanwhile. */
const HOLDS_AT_ONCE = 1000
const DELIVERIES_AT_ONCE = 20_000

/**
 * The holds stay locked until the end of the transaction: whoever adds to one waits. No time is compared: what can send
 * now and was not passed over then is news.
 */
const FIND_OVER = `
  with waited as materialized (
    select distinct credential_id, version, part, unfit from batch_hold
  ), news as (
    select w.* from waited w where not ${IS_PAUSED} or ${ANOTHER_CAN_SEND}
  )
  select h.id, h.batch_id as "batchId" from batch_hold h
   where h.id in (select h.id from news n
                    join batch_hold h on h.credential_id = n.credential_id and h.version = n.version
                                     and h.part = n.part and h.unfit = n.unfit
                  union all
                  select h.id from batch_hold h join batch b on b.id = h.batch_id join message m on m.id = b.message_id
                   where ${IS_EXPIRED})
   order by h.id limit ${HOLDS_AT_ONCE}
     for update`

const FREE_DELIVERIES = `
  update delivery_queue set due_at = '-infinity', hold_id = null
   where ctid = any(array(select ctid from delivery_queue where hold_id = any($1::bigint[]) limit ${DELIVERIES_AT_ONCE}))`

const END_HOLDS = `
  delete from batch_hold h
   where id = any($1::bigint[]) and not exists (select from delivery_queue q where q.hold_id = h.id)`

/**
 * The second half is for a batch that came to be held in the very moment in which its hold ended, and for those that
 * failed by our own fault and have expired.
 */
const WAKE_BATCHES = `
  update batch b set state = 'waiting', held_reason = null, held_at = null
    from message m
   where b.state = 'held' and m.id = b.message_id and b.failures < ${HOPELESS_FAILURES}
     and ((b.held_reason <> 'internal_error'
           and (b.id = any($2::bigint[])
             or not exists (select from batch_hold h where h.batch_id = b.id)
             or (not exists (select from batch_hold h where h.batch_id = b.id and h.blocks_batch)
                 and exists (select from delivery_queue q where q.batch_id = b.id and q.due_at < 'infinity'))))
       or ${IS_EXPIRED})`

/**
 * What waits for a pause goes on when it is over, when something else of the app can send it, or when the message has
 * expired (and is then skipped). Run by every process now and then, and soon after each upload. Safe to run at the same
 * time. Returns whether there is more to do at once.
 */
export async function wakeHeld(db: Database, at: number): Promise<boolean> {
  const now = new Date(at)
  const { batches, isMore } = await db.transaction(async tx => {
    const { rows } = await tx.query<{ id: number; batchId: number }>(FIND_OVER, [now])
    if (rows.length === 0) return { batches: [], isMore: false }
    const ids = rows.map(row => row.id)
    // Statements of their own: they see what was queued while the holds were waited for.
    const { rowCount } = await tx.query(FREE_DELIVERIES, [ids])
    await tx.query(END_HOLDS, [ids])
    const isMore = rows.length === HOLDS_AT_ONCE || rowCount === DELIVERIES_AT_ONCE
    return { batches: rows.map(row => row.batchId), isMore }
  })
  await db.query(WAKE_BATCHES, [now, batches])
  return isMore
}

/**
 * Takes one waiting delivery for each part whose time to be tried has come, and marks it as the probe. Any of them, so
 * that an address which proves nothing is not tried time after time. The next probe's
 * time is set here already: whatever becomes of this one, a part is never tried more often.
 */
const RELEASE_PROBES = `
  with due as (
    select p.credential_id, p.version, p.part, one.bucket, one.message_id, one.hwid, one.batch_id
      from credential_pause p
      join credential c on c.id = p.credential_id and c.version = p.version
     cross join lateral (
       select q.bucket, q.message_id, q.hwid, q.batch_id
         from (select h.id from batch_hold h
                where h.credential_id = p.credential_id and h.version = p.version and h.part = p.part
                  and exists (select from delivery_queue q join message m on m.id = q.message_id and m.state = 'sending'
                               where q.hold_id = h.id)
                order by random() limit 1) h
         join delivery_queue q on q.hold_id = h.id
        order by random() limit 1) one
     where p.retry_at <= $1
       for update of p skip locked
  ), later as (
    update credential_pause p
       set retries = p.retries + 1,
           retry_at = $1::timestamptz + least($3, $2 * 2 ^ least(p.retries + 1, 10)) * interval '1 millisecond'
      from due
     where p.credential_id = due.credential_id and p.version = due.version and p.part = due.part
  ), freed as (
    update delivery_queue q set due_at = '-infinity', hold_id = null, probe_part = due.part
      from due
     where q.bucket = due.bucket and q.message_id = due.message_id and q.hwid = due.hwid
  )
  update batch b set state = 'waiting', held_reason = null, held_at = null
    from due where b.id = due.batch_id and b.state = 'held'`

export async function releaseProbes(db: Queryable, at: number): Promise<void> {
  await db.query(RELEASE_PROBES, [new Date(at), FIRST_RETRY_MS, LAST_RETRY_MS])
}
