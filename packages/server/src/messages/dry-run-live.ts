/**
 * Whom a dry run finds connected: those that can't be pushed to are reached all the same by a message that goes by the live channel, and
 * by one that goes by it alone nobody else.
 */
import type { NewMessage, Target } from '@roost/protocol'
import { compileCondition } from '../audience/condition.ts'
import { readScope } from '../audience/scope.ts'
import { conditionOf } from '../audience/segment-meaning.ts'
import { CONNECTED, WITHOUT_ADDRESS } from '../dispatch/plan-connected.ts'
import { IS_ALIVE } from '../live/presence.ts'
import { liveRouteOf, STATES_OF_ROUTE } from '../live/routed.ts'
import { bucketOf } from '../registry/buckets.ts'
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
  /** The audience was estimated, so a part is enough. */
  readonly isEstimate: boolean
}

const ONLY = 'online-only'

/** Of a message that goes by the live channel alone. */
export function isOnlyLive({ route }: Pick<NewMessage, 'route'>): boolean {
  return route === ONLY
}

/**
 * Devices of the audience that the channel would reach now and a push would not: those without an address that may be sent to, and all
 * where nothing is pushed. Asks for each that is connected; of an audience that was estimated only where nothing is pushed, and for a part.
 */
export async function countReachedLive(db: Queryable, query: LiveReachQuery): Promise<number> {
  const { input, isEstimate } = query
  const route = liveRouteOf(input)
  if (route === undefined) return 0
  // As it is planned: what is not due at once, and a variant, goes to addresses alone.
  const hasBare = query.named !== undefined || (query.isAtOnce && input.experiment === undefined)
  if (route === ONLY) {
    const asked = {
      ...query,
      and: hasBare ? 'true' : `not (${WITHOUT_ADDRESS})`,
      states: STATES_OF_ROUTE[ONLY],
    }
    return isEstimate ? estimateConnected(db, asked) : countConnected(db, asked)
  }
  if (!hasBare || isEstimate) return 0
  return countConnected(db, { ...query, and: WITHOUT_ADDRESS, states: STATES_OF_ROUTE[route] })
}

interface Counting extends LiveReachQuery {
  /** SQL over `CONNECTED`. */
  readonly and: string
  readonly states: readonly string[]
}

/** The part of the buckets of which an estimate asks. */
const PART = 16
/** Of fewer the part says too little, and all are soon asked. */
const ENOUGH = 400

async function estimateConnected(db: Queryable, counting: Counting): Promise<number> {
  const found = await countConnected(db, { ...counting, and: `${counting.and} and p.bucket % ${PART} = 0` })
  return found >= ENOUGH ? found * PART : countConnected(db, counting)
}

async function countConnected(db: Queryable, counting: Counting): Promise<number> {
  const { appId, input, named, and, states } = counting
  const values: unknown[] = [appId, states]
  const isMeant = named === undefined ? await conditionSql(db, counting, values) : named(input.to, values)
  const { rows } = await db.query<{ count: number }>(
    `select count(*) as count ${CONNECTED} and p.state = any($2::text[]) and ${and} and ${isMeant}`,
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

const WHO_IS_CONNECTED = `
  select i.hwid from unnest($2::smallint[], $3::text[]) as i (bucket, hwid)
    join live_presence p on p.bucket = i.bucket and p.app_id = $1 and p.hwid = i.hwid and p.state = any($4::text[])
    join live_server s on s.id = p.server and ${IS_ALIVE}`

/** Those of these devices that a message of the route `online-only` would reach now, by hwid. */
export async function findReachedLive(
  db: Queryable,
  { appId, hwids }: { readonly appId: number; readonly hwids: readonly string[] },
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ hwid: string }>(WHO_IS_CONNECTED, [
    appId,
    hwids.map(bucketOf),
    hwids,
    STATES_OF_ROUTE[ONLY],
  ])
  return new Set(rows.map(it => it.hwid))
}
