/**
 * Pauses: a credential that its gateway refused sends no more until its content is replaced, and what it blocks waits.
 * R17: nothing is lost and no address changes while it does. docs/token-life.md has the rules.
 */
import type { Queryable } from '../store/database.ts'

/** A batch that failed so often, and even when it only had to say that it expired, is left for somebody to look at. */
const HOPELESS_FAILURES = 10

/**
 * R17: nothing is lost while a credential is refused. What it blocks goes on when its content was replaced, when the
 * app got a newer one, or when the message has expired (and is then skipped). Run after each upload and by every
 * worker now and then, since a batch may come to be held in the very moment in which its credential is replaced.
 * `at` tells which messages have expired.
 */
export async function wakeHeld(db: Queryable, at = 0): Promise<void> {
  await db.query(
    `with woken as (
       update batch b
          set state = 'waiting', held_reason = null, held_by = null, held_version = null, held_at = null
         from message m
        where b.state = 'held' and m.id = b.message_id and b.failures < ${HOPELESS_FAILURES}
          and ((b.held_reason <> 'internal_error'
                and not exists (select from credential c
                                 where c.id = b.held_by and c.version = b.held_version and c.paused_at is not null))
            or (b.held_reason <> 'internal_error'
                and exists (select from credential c
                             where c.app_id = b.app_id and c.gateway = b.provider and c.paused_at is null
                               and c.created_at > b.held_at))
            or m.send_at + m.ttl_seconds * interval '1 second' < $1)
       returning b.id
     )
     update delivery_queue q set due_at = '-infinity' from woken where q.batch_id = woken.id and q.due_at = 'infinity'`,
    [new Date(at)],
  )
}

/** Stops sending with a credential that a gateway refused; the first reason stays. */
export async function pauseCredential(
  db: Queryable,
  pause: {
    readonly credentialId: string
    readonly version: number
    readonly reason: string
    readonly at: number
  },
): Promise<void> {
  await db.query(
    `update credential set paused_at = $4, paused_reason = $3
      where id = $1 and version = $2 and paused_at is null`, // a content uploaded meanwhile is not to blame
    [pause.credentialId, pause.version, pause.reason, new Date(pause.at)],
  )
}
