/** The server token, wherever a call carries it. Wrong ones are counted, and too many are a client's last for a while. */
import { PushError } from '@roost/protocol'
import type { FastifyRequest } from 'fastify'
import type { HttpContext } from './context.ts'

export interface GivenToken {
  /** Undefined when the call has none. */
  readonly token: string | undefined
  /** Where it was looked for, for people: "the call has no …". */
  readonly place: string
}

/** Throws `token_missing`, `token_unknown`, `rate_limited`. */
export async function requireServerToken(
  { serverTokens, limits }: Pick<HttpContext, 'serverTokens' | 'limits'>,
  request: FastifyRequest,
  { token, place }: GivenToken,
): Promise<void> {
  if (token === undefined) throw new PushError('token_missing', `the call has no ${place}`)
  limits.takeTokenTry(request.ip)
  if (await serverTokens.has(token)) return limits.takeRightToken(request.ip)
  throw new PushError('token_unknown', `${place} is no server token of this installation`)
}
