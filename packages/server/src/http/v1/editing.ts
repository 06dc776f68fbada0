/**
 * Two people who edit the same thing: a reading answers with an ETag of what people edit of it, and a change that brings it back as If-Match is made only if
 * nobody has changed it meanwhile. Without the header a change is made as ever.
 *
 * Source: RFC 9110, 8.8.3 (ETag), 13.1.1 (If-Match, answered 412).
 */
import { hash } from 'node:crypto'
import { PushError } from '@roost/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Queryable } from '../../store/database.ts'

/** Of calls that change what people edit; the other headers stay. */
export const editHeadersSchema = z.looseObject({
  /** The ETag of the reading that the change goes out from. */
  'if-match': z.string().max(4096).optional(),
})

/** To be called first in the transaction that makes the change. Throws `changed_meanwhile`. */
export type Unchanged = (tx: Queryable) => Promise<void>

export interface Edited {
  /** What it is, and its id. */
  readonly name: string
  /** What people edit of it, as it is now; throws what its reading throws. */
  readonly read: (tx: Queryable) => Promise<unknown>
}

const ETAG_CHARACTERS = 22

/** Of what people edit: what is counted or computed beside it makes no other one. */
export function etagOf(edited: unknown): string {
  return `"${hash('sha256', JSON.stringify(edited), 'base64url').slice(0, ETAG_CHARACTERS)}"`
}

/** Returns the answer, with the ETag of what people edit of it. */
export function withEtag<T>(reply: FastifyReply, answer: T, editedOf: (answer: T) => unknown): T {
  void reply.header('etag', etagOf(editedOf(answer)))
  return answer
}

/** Undefined when the call has no If-Match, or takes any. Weak ones count as well: proxies that compress answers make ours weak. */
export function unchangedOf(request: FastifyRequest, { name, read }: Edited): Unchanged | undefined {
  const given = request.headers['if-match']?.split(',').map(it => it.trim().replace(/^W\//, ''))
  if (given === undefined || given.includes('*')) return undefined
  return async tx => {
    // Of two who save at once the second one waits here, and sees what the first one wrote.
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`edit ${name}`])
    if (given.includes(etagOf(await read(tx)))) return
    throw new PushError('changed_meanwhile', `${name} was changed since it was read`)
  }
}
