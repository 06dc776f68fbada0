/** Who calls: the API token of a request that was let in, by its label. */
import type { FastifyRequest } from 'fastify'
import { hashToken } from '../../access/tokens.ts'
import type { Actor } from '../../credentials/history.ts'
import type { Queryable } from '../../store/database.ts'

/** For history; the token itself was checked before the route ran. */
export async function actorOf(db: Queryable, request: FastifyRequest): Promise<Actor> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const { rows } = await db.query<{ id: number; label: string }>(
    'select id, label from api_token where hash = $1',
    [hashToken(token)],
  )
  const found = rows[0]
  return { tokenId: found?.id ?? null, label: found?.label ?? 'unknown' }
}
