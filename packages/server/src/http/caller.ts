/** Who makes a call to /v1: a server token in its header, or a person by the cookie of a session. */
import { PushError, type Right } from '@roost/protocol'
import type { FastifyRequest } from 'fastify'
import type { App } from '../access/apps.ts'
import { type Caller, knows, may } from '../access/rights.ts'
import { findSession, isSessionOpen } from '../access/sessions.ts'
import type { HttpContext } from './context.ts'
import { findServerToken } from './server-token.ts'
import { requireOwnOrigin } from './session-cookie.ts'

type Context = Pick<HttpContext, 'db' | 'clock' | 'apps' | 'serverTokens' | 'limits' | 'sessionCookie'>

const callers = new WeakMap<FastifyRequest, Caller>()

/** Of a request that was let in. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (caller === undefined) throw new Error('the route is not behind the door of /v1')
  return caller
}

/** Throws `token_missing`, `token_unknown`, `session_over`, `origin_refused`, `rate_limited`. */
export async function identify(context: Context, request: FastifyRequest): Promise<Caller> {
  const caller = await find(context, request)
  callers.set(request, caller)
  return caller
}

async function find(context: Context, request: FastifyRequest): Promise<Caller> {
  const { authorization } = request.headers
  const cookie = context.sessionCookie.of(request)
  if (authorization !== undefined || cookie === undefined) {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
    return findServerToken(context, request, { token, place: 'bearer token' })
  }
  requireOwnOrigin(request)
  return findPerson(context, request, cookie)
}

/** Cookies are guessed as little as tokens. */
async function findPerson(
  { db, clock, limits }: Context,
  request: FastifyRequest,
  cookie: string,
): Promise<Caller> {
  limits.takeTokenTry(request.ip)
  const caller = await findSession(db, cookie, clock.now())
  if (caller === undefined) throw new PushError('session_over', 'the session was ended, or its time is over')
  limits.takeRightToken(request.ip)
  return caller
}

/** For answers that go on for long, as streams do: whether the token or the session still is one. */
export async function isStillIn(
  { db, clock, serverTokens }: Context,
  request: FastifyRequest,
): Promise<boolean> {
  const { sessionId } = callerOf(request)
  if (sessionId !== null) return isSessionOpen(db, sessionId, clock.now())
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  return (await serverTokens.find(token)) !== undefined
}

/** Throws `app_unknown` for an app that the caller has nothing to do with, `not_allowed` for a right that is missing. */
export async function findAllowedApp(
  { apps }: Pick<Context, 'apps'>,
  caller: Caller,
  { code, right }: { readonly code: string; readonly right: Right },
): Promise<App> {
  const app = await apps.find(code)
  if (!knows(caller, app.id)) throw new PushError('app_unknown', `there is no app "${code.slice(0, 64)}"`)
  requireMay(caller, app.id, right)
  return app
}

/** Throws `not_allowed`. `appId` null: in the installation. */
export function requireMay(caller: Caller, appId: number | null, right: Right): void {
  if (may(caller, appId, right)) return
  const where = appId === null ? 'the installation' : 'this app'
  throw new PushError('not_allowed', `this call needs the right "${right}" in ${where}`)
}

/** Throws `not_allowed` for tokens: what is a person's own is nobody else's. */
export function personOf(request: FastifyRequest): Caller & { readonly sessionId: string } {
  const caller = callerOf(request)
  if (caller.sessionId === null)
    throw new PushError('not_allowed', 'this call is for people who have signed in, not for tokens')
  return { ...caller, sessionId: caller.sessionId }
}
