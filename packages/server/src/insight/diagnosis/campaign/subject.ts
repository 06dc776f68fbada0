/** What the reach of a message goes by: whom it was for, what its segments meant, and when it was planned. */
import { type Condition, PushError, type ReachStep, type Target } from '@roost/protocol'
import { conditionOf, type KeptSegments } from '../../../audience/segment-meaning.ts'
import type { Queryable } from '../../../store/database.ts'

export interface Subject {
  readonly target: Target
  /** What its segments meant; null when it names none. */
  readonly audience: KeptSegments | null
  /** ISO 8601; null until it is planned. */
  readonly plannedAt: string | null
  readonly sendAt: string
  readonly isTriggered: boolean
}

/** Throws `message_unknown`. */
export async function readSubject(
  db: Queryable,
  { appId, messageId }: { readonly appId: number; readonly messageId: string },
): Promise<Subject> {
  const { rows } = await db.query<Subject>(
    `select target, audience, planned_at as "plannedAt", send_at as "sendAt", trigger is not null as "isTriggered"
       from message where app_id = $1 and id = $2`,
    [appId, messageId],
  )
  if (rows[0] === undefined) throw new PushError('message_unknown', `this app has no message ${messageId}`)
  return rows[0]
}

export function isNamedTarget(target: Target): boolean {
  return 'devices' in target || 'users' in target
}

/** Whoever came after its planning was not meant. */
export function conditionThen({ target, plannedAt }: Pick<Subject, 'target' | 'plannedAt'>): Condition {
  const condition: Condition = conditionOf(target) ?? { field: 'hwid', op: 'set' }
  if (plannedAt === null) return condition
  return { and: [condition, { field: 'firstSeenAt', op: 'lte', value: plannedAt }] }
}

/** Whether there are devices to be listed that did not come to it. */
export function isListed(step: ReachStep): boolean {
  return step !== 'audience' && step !== 'targeted'
}
