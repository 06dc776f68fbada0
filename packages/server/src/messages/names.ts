/**
 * Names of what sends again and again, each borne once in an app, whatever its case: a request that is repeated after a timeout
 * would otherwise make a second one, and everybody is sent to twice from then on.
 */
import { PushError } from '@roost/protocol'
import { codeOf, type Database } from '../store/database.ts'

const UNIQUE_VIOLATION = '23505'

interface Named {
  readonly kind: 'trigger' | 'schedule'
  readonly appId: number
  readonly name: string | undefined
}

/** They use the indexes trigger_name and schedule_name. */
const BEARER = {
  trigger: `select id from trigger where app_id = $1 and lower(name) = lower($2) and state <> 'deleted'`,
  schedule: 'select id from schedule where app_id = $1 and lower(name) = lower($2)',
} as const

/** Throws `trigger_name_taken` or `schedule_name_taken`, with the id of the one that bears it. */
export async function nameOnce<T>(db: Database, named: Named, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (codeOf(error) !== UNIQUE_VIOLATION) throw error
    const { kind, appId, name } = named
    const { rows } = await db.query<{ id: string }>(BEARER[kind], [appId, name])
    if (rows[0] === undefined) throw error
    throw new PushError(`${kind}_name_taken`, `this app has a ${kind} "${name}": ${rows[0].id}`, {
      values: { name: name ?? '' },
    })
  }
}
