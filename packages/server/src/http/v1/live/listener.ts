/** Who looks on: whose streams are counted together, and whether they still may. */
import type { FastifyRequest } from 'fastify'
import type { Queryable } from '../../../store/database.ts'
import { callerOf, isStillIn } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import type { Listening } from './streams.ts'

/** So long a stream may outlive its session or token. */
const ASKED_EVERY_MS = 3000

/** Of a request that was let in to this app. */
export function listenerOf(
  context: HttpContext,
  request: FastifyRequest,
  appId: number,
): Pick<Listening, 'person' | 'isAllowed'> {
  const { kind, id } = callerOf(request)
  const mayStay = async () =>
    (await isStillIn(context, request)) &&
    (kind === 'token' || (await hasRole(context.db, { personId: id, appId })))
  let askedAt = performance.now()
  return {
    person: `${kind} ${id}`,
    isAllowed: async () => {
      if (performance.now() - askedAt < ASKED_EVERY_MS) return true
      askedAt = performance.now()
      return mayStay().catch(() => true) // a database that is away says nothing of anybody
    },
  }
}

/** A person can be signed in and have lost the role that showed the app; tokens keep what they were made for. */
async function hasRole(
  db: Queryable,
  { personId, appId }: { readonly personId: number; readonly appId: number },
): Promise<boolean> {
  const { rowCount } = await db.query(
    'select from person_role where person_id = $1 and (app_id is null or app_id = $2) limit 1',
    [personId, appId],
  )
  return rowCount > 0
}
