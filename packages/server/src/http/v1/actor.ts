/** Who calls, for histories: the API token of a request that was let in, by its label, or the person by the name. */
import type { FastifyRequest } from 'fastify'
import type { Actor } from '../../credentials/history.ts'
import type { Queryable } from '../../store/database.ts'
import { callerOf } from '../caller.ts'

export async function actorOf(_db: Queryable, request: FastifyRequest): Promise<Actor> {
  const { kind, id, name } = callerOf(request)
  return { tokenId: kind === 'token' ? id : null, label: name }
}
