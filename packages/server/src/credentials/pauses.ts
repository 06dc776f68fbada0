/**
 * Pauses: what a gateway refused of a credential is not sent with, and what it blocks waits (R17: nothing is lost and no
 * address changes meanwhile).
 *
 *   refused ──▶ paused ──content replaced, or a newer credential beside it──▶ over: what waited is due
 *                  ├────the gateway was asked and takes it again (checks.ts)──▶ over
 *                  └────of a part: one delivery of an hour tries it────▶ over, or paused for twice as long
 *
 * A part (one environment, one push service, Apple behind Firebase) may heal without us, so it is tried again now and
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

/** A part is tried again after so long, then after twice as long, up to a day. */
const FIRST_RETRY_MS = 60 * 60_000
const LAST_RETRY_MS = 24 * 60 * 60_000

/** Stops what a gateway refused; the first reason stays. */
export async function pauseCredential(db: Queryable, pause: Pause & { readonly at: number }): Promise<void> {
  await db.query(
    `insert into credential_pause (credential_id, version, part, reason, at, retry_at, is_wave)
     select id, version, $3, $4, $5, $6, $7 from credential where id = $1 and version = $2
     on conflict do nothing`, // a content uploaded meanwhile is not to blame
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

interface Taken {
  readonly credentialId: string
  readonly version: number
  /** In which the gateway was asked just now and took the credential. */
  readonly parts: readonly string[]
  /** It did so wherever it could be asked. */
  readonly isEverywhere: boolean
}

/** Ends the pauses that the gateway's own answer disproves, and gives back their reasons. */
export async function endDisproved(db: Queryable, taken: Taken): Promise<string[]> {
  const parts = [...taken.parts, ...(taken.isEverywhere ? [''] : [])]
  const { rows } = await db.query<{ reason: string }>(
    `delete from credential_pause
      where credential_id = $1 and version = $2 and part = any($3::text[]) and not is_wave returning reason`,
    [taken.credentialId, taken.version, parts],
  )
  return rows.map(row => row.reason)
}

const IS_PAUSED = `
  exists (select from credential c join credential_pause p on p.credential_id = c.id and p.version = c.version
           where c.id = h.credential_id and c.version = h.version and p.part = h.part)`
const HAS_NEWER = `
  exists (select from credential c
           where c.app_id = b.app_id and c.gateway = b.provider and c.created_at > h.at
             and not exists (select from credential_pause p
                              where p.credential_id = c.id and p.version = c.version and p.part = ''))`
const IS_EXPIRED = "m.send_at + m.ttl_seconds * interval '1 second' < $1"

/** A batch that failed so often, and even when it only had to say that it expired, is left for somebody to look at. */
const HOPELESS_FAILURES = 10

const END_HOLDS = `
  update batch_hold h set is_over = true
    from batch b join message m on m.id = b.message_id
   where b.id = h.batch_id and (h.is_over or not ${IS_PAUSED} or ${HAS_NEWER} or ${IS_EXPIRED})
  returning h.id, h.batch_id as "batchId"`

const FREE_DELIVERIES = `
  update delivery_queue set due_at = '-infinity', hold_id = null where hold_id = any($1::bigint[])`

/** Not the ones to which a worker has added meanwhile: it set them up again, and they are looked at anew. */
const FORGET_HOLDS = 'delete from batch_hold where id = any($1::bigint[]) and is_over'

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
             or exists (select from delivery_queue q where q.batch_id = b.id and q.due_at < 'infinity')))
       or ${IS_EXPIRED})`

/**
 * What waits for a pause goes on when it is over, when the app got a newer credential, or when the message has expired
 * (and is then skipped). Run by every process now and then, and soon after each upload. Safe to run at the same time.
 */
export async function wakeHeld(db: Database, at: number): Promise<void> {
  const now = new Date(at)
  const batches = await db.transaction(async tx => {
    const { rows } = await tx.query<{ id: number; batchId: number }>(END_HOLDS, [now])
    if (rows.length === 0) return []
    const ids = rows.map(row => row.id)
    // A statement of its own: it sees what was queued while the holds above were waited for.
    await tx.query(FREE_DELIVERIES, [ids])
    await tx.query(FORGET_HOLDS, [ids])
    return rows.map(row => row.batchId)
  })
  await db.query(WAKE_BATCHES, [now, batches])
}

/**
 * Takes one waiting delivery for each part whose time to be tried has come, and marks it as the probe. The next probe's
 * time is set here already: whatever becomes of this one, a part is never tried more often.
 */
const RELEASE_PROBES = `
  with due as (
    select p.credential_id, p.version, p.part, one.bucket, one.message_id, one.hwid, one.batch_id
      from credential_pause p
      join credential c on c.id = p.credential_id and c.version = p.version
     cross join lateral (
       select q.bucket, q.message_id, q.hwid, q.batch_id
         from batch_hold h
         join delivery_queue q on q.hold_id = h.id
         join message m on m.id = q.message_id and m.state = 'sending'
        where h.credential_id = p.credential_id and h.version = p.version and h.part = p.part
        limit 1) one
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
