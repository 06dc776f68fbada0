/**
 * Incidents (D6): of a campaign that has ended a moment ago, the same cause for more than a fifth of all opens an alert: one for its
 * app, whoever is asked about afterwards. Which causes those are is told by reach.ts. It is closed by people, since the next campaign may be far.
 */

import { raiseAlert } from '../../../hygiene/alerts.ts'
import { LANES } from '../../../messages/lanes.ts'
import { countExceptions } from '../../../messages/read.ts'
import type { Database } from '../../../store/database.ts'
import { type CommonCause, commonCausesOf, INCIDENT_DEVICES, INCIDENT_SHARE } from './reach.ts'
import { causeOf } from './steps.ts'

/** Longer than the job may be late; who is looked at twice is raised once. */
const ENDED_WITHIN_MS = 5 * 60_000

interface Ended {
  readonly id: string
  readonly appId: number
  readonly targeted: number
  readonly isNamed: boolean
}

/** Uses the index message_campaign_finished. Only those of which so many came to nothing are counted by reason. */
const ENDED = `
  select m.id, m.app_id as "appId", b.targeted, m.target ?| array['devices', 'users'] as "isNamed"
    from message m cross join lateral (
      select coalesce(sum(targeted), 0)::integer as targeted, coalesce(sum(accepted), 0)::integer as accepted
        from batch where message_id = m.id) b
   where m.lane = ${LANES.campaign} and m.finished_at > $1 and m.finished_at <= $2
     and b.targeted - b.accepted >= ${INCIDENT_DEVICES} and b.targeted - b.accepted > b.targeted * ${INCIDENT_SHARE}::float`

/** `at`: ms. Returns how many alerts were opened. Safe to run twice, and in several processes at once. */
export async function raiseIncidents(db: Database, at: number): Promise<number> {
  const { rows } = await db.query<Ended>(ENDED, [new Date(at - ENDED_WITHIN_MS), new Date(at)])
  let opened = 0
  for (const message of rows) {
    const groups = (await countExceptions(db, message.id)).map(it => ({
      ...it,
      ...causeOf({ ...it, isHeld: false }, message),
    }))
    for (const cause of commonCausesOf(groups, message.targeted))
      if (await raise(db, { message, cause, at })) opened++
  }
  return opened
}

interface Raising {
  readonly message: Ended
  readonly cause: CommonCause
  readonly at: number
}

/** Of one message a cause is raised once, also when its alert was closed meanwhile. */
async function raise(db: Database, { message, cause, at }: Raising): Promise<boolean> {
  const { id: messageId, appId, targeted } = message
  const { rule, count } = cause
  return db.transaction(async tx => {
    const { rowCount } = await tx.query(
      `select from alert where app_id = $1 and kind = 'message_incident' and subject = $2
          and (state = 'open' or data ->> 'messageId' = $3)`,
      [appId, rule, messageId],
    )
    if (rowCount > 0) return false
    await raiseAlert(tx, {
      appId,
      kind: 'message_incident',
      subject: rule,
      data: { rule, messageId, deliveries: count, targeted },
      at,
    })
    return true
  })
}
