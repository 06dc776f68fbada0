/** Whom a dry run finds connected: those that can't be pushed to are reached all the same by a message that goes by the live channel. */
import type { NewMessage, Target } from '@roost/protocol'
import { compileCondition } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { conditionOf } from '../audience/segment-meaning.ts'
import { CONNECTED_WITHOUT_ADDRESS } from '../dispatch/plan-connected.ts'
import { liveRouteOf, STATES_OF_ROUTE } from '../live/routed.ts'
import type { Queryable } from '../store/database.ts'

export interface LiveReachQuery {
  readonly appId: number
  readonly input: Pick<NewMessage, 'to' | 'route' | 'experiment'>
  /** ms. */
  readonly at: number
  /** All are due at once. */
  readonly isAtOnce: boolean
  /** SQL over `device d` with the app as $1: whether the target names it, its values added; undefined: it names nobody. */
  readonly named: ((to: Target, values: unknown[]) => string) | undefined
}

/** Devices of the audience without an address that may be sent to, of which the channel would reach so many now. Asks for each that is connected. */
export async function countReachedLive(db: Queryable, query: LiveReachQuery): Promise<number> {
  const { appId, input, isAtOnce, named } = query
  const route = liveRouteOf(input)
  // As it is planned: what is not due at once, and a variant, goes to addresses alone.
  if (route === undefined || (named === undefined && (!isAtOnce || input.experiment !== undefined))) return 0
  const values: unknown[] = [appId, STATES_OF_ROUTE[route]]
  const isMeant = named === undefined ? await conditionSql(db, query, values) : named(input.to, values)
  const { rows } = await db.query<{ count: number }>(
    `select count(*) as count ${CONNECTED_WITHOUT_ADDRESS} and p.state = any($2::text[]) and ${isMeant}`,
    values,
  )
  return rows[0]?.count ?? 0
}

async function conditionSql(
  db: Queryable,
  { appId, input, at }: LiveReachQuery,
  values: unknown[],
): Promise<string> {
  const condition = conditionOf(input.to)
  if (condition === undefined) return 'true'
  const scope = await readScope(db, { appId, condition, at })
  const compiled = compileCondition(condition, { firstParameter: values.length + 1, scope })
  values.push(...compiled.values)
  return compiled.sql
}
