/** The server token, wherever a call carries it. Wrong ones are counted, and too many are a client's last for a while. */
import { DEVICE_BODY_BYTES, PushError } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { HttpContext } from './context.ts'

export interface GivenToken {
  /** Undefined when the call has none. */
  readonly token: string | undefined
  /** Where it was looked for, for people: "the call has no …". */
  readonly place: string
}

type Context = Pick<HttpContext, 'serverTokens' | 'limits'>

/** Throws `token_missing`, `token_unknown`, `rate_limited`. */
export async function requireServerToken(
  context: Context,
  request: FastifyRequest,
  given: GivenToken,
): Promise<void> {
  if (given.token !== undefined) context.limits.takeTokenTry(request.ip)
  await judge(context, request, given)
}

/**
 * For calls that carry the token in their body, which may be large: strangers are held back before it is read, and
 * `requireTokenOfBody` tells whether the sender is one.
 */
export function holdStrangersBack(app: FastifyInstance, { limits }: Context): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST') return
    const bytes = Number(request.headers['content-length'] ?? Number.POSITIVE_INFINITY) // chunks come without
    if (bytes > DEVICE_BODY_BYTES) reply.raw.once('close', limits.takeLargeBody(request.ip))
    limits.takeTokenTry(request.ip) // last: a call that waits for its turn is no guess
  })
}

/** Behind `holdStrangersBack`. Throws `token_unknown`. */
export async function requireTokenOfBody(
  context: Context,
  request: FastifyRequest,
  token: string,
): Promise<void> {
  await judge(context, request, { token, place: 'auth' })
}

async function judge(
  { serverTokens, limits }: Context,
  request: FastifyRequest,
  { token, place }: GivenToken,
): Promise<void> {
  if (token === undefined) throw new PushError('token_missing', `the call has no ${place}`)
  if (!(await serverTokens.has(token)))
    throw new PushError('token_unknown', `${place} is no server token of this installation`)
  limits.takeRightToken(request.ip)
}
