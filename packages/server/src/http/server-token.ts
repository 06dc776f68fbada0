/** The server token, wherever a call carries it. Wrong ones are counted, and too many are a client's last for a while. */
import { DEVICE_BODY_BYTES, PushError } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../access/rights.ts'
import type { HttpContext } from './context.ts'

export interface GivenToken {
  /** Undefined when the call has none. */
  readonly token: string | undefined
  /** Where it was looked for, for people: "the call has no …". */
  readonly place: string
}

type Context = Pick<HttpContext, 'serverTokens' | 'limits'>

/** Whatever it is allowed to do. Throws `token_missing`, `token_unknown`, `rate_limited`. */
export async function findServerToken(
  context: Context,
  request: FastifyRequest,
  given: GivenToken,
): Promise<Caller> {
  if (given.token !== undefined) context.limits.takeTokenTry(request.ip)
  return judgeServerToken(context, request, given)
}

/**
 * For calls that carry the token in their body, which may be large: strangers are held back before it is read, and
 * `judgeServerToken` tells whether the sender is one.
 */
export function holdStrangersBack(app: FastifyInstance, { limits }: Context): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST') return
    const bytes = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY) // chunks come without
    if (bytes > DEVICE_BODY_BYTES) reply.raw.once('close', limits.takeLargeBody(request.ip))
    limits.takeTokenTry(request.ip) // last: a call that waits for its turn is no guess
  })
}

/** Without counting the try: `holdStrangersBack` has. Throws `token_missing`, `token_unknown`. */
export async function judgeServerToken(
  { serverTokens, limits }: Context,
  request: FastifyRequest,
  { token, place }: GivenToken,
): Promise<Caller> {
  if (token === undefined) throw new PushError('token_missing', `the call has no ${place}`)
  const caller = await serverTokens.find(token)
  if (caller === undefined)
    throw new PushError('token_unknown', `${place} is no server token of this installation`)
  limits.takeRightToken(request.ip)
  return caller
}
