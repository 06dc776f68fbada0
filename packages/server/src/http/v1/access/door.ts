/**
 * The door of /v1: who calls, whether they may, and a word in the audit log for what they changed. Every route behind it passes all of
 * it, whatever it is.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type App, requireServing } from '../../../access/apps.ts'
import { type AuditNote, writeAudit } from '../../../access/audit.ts'
import { type Caller, may } from '../../../access/rights.ts'
import { callerOf, findAllowedApp, identify, requireMay } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { type Need, needOf } from './needs.ts'
import { wordsOfBody } from './words-of-body.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly need?: Need
  }
}

/** For the routes that are registered on `app` afterwards. */
export function guard(app: FastifyInstance, context: HttpContext): void {
  app.addHook('onRoute', route => {
    const [method = 'GET'] = [route.method].flat()
    route.config = { ...route.config, need: needOf(method, route.url) }
  })
  app.addHook('onRequest', async request => {
    const caller = await identify(context, request)
    await requireNeeded(context, request, caller)
  })
  app.addHook('onSend', async (request, reply, payload) => {
    await noteChange(context, request, reply)
    return payload
  })
}

function neededBy(request: FastifyRequest): Need {
  const { need } = request.routeOptions.config
  if (need === undefined) throw new Error('a route behind the door has no need')
  return need
}

async function requireNeeded(context: HttpContext, request: FastifyRequest, caller: Caller): Promise<void> {
  const { right, isForAll, isOfServing } = neededBy(request)
  const code = codeIn(request)
  if (code === undefined) {
    if (!isForAll) requireMay(caller, null, right)
  } else if (isOfServing || !may(caller, null, right)) {
    const app = await findAllowedApp(context, caller, { code, right })
    if (isOfServing) requireServing(app)
  }
}

function codeIn(request: FastifyRequest): string | undefined {
  return (request.params as { readonly app?: string }).app
}

/** Of the app in the path; null: the installation. */
export async function scopeOf(
  { apps }: Pick<HttpContext, 'apps'>,
  request: FastifyRequest,
): Promise<App | null> {
  const code = codeIn(request)
  return code === undefined ? null : apps.find(code)
}

type Words = Pick<AuditNote, 'subject' | 'before' | 'after'> & Partial<Pick<AuditNote, 'appId'>>
const words = new WeakMap<FastifyRequest, Words>()

/** What a route knows better than the request says: for the audit log, in few words and without secrets. */
export function tellAudit(request: FastifyRequest, told: Words): void {
  words.set(request, told)
}

/** Before the answer goes out. The change is made: what keeps it from being noted is the operator's to know, not the caller's. */
async function noteChange(
  context: HttpContext,
  request: FastifyRequest,
  { statusCode }: FastifyReply,
): Promise<void> {
  const { right, isChange, isTraffic } = neededBy(request)
  if (!isChange || statusCode >= 400) return
  const caller = callerOf(request)
  if (isTraffic && caller.kind === 'token') return
  try {
    const told = words.get(request)
    await writeAudit(context.db, {
      by: caller,
      what: whatOf(request),
      subject: subjectOf(request),
      after: right === 'devices' ? null : wordsOfBody(request), // people give devices their own names
      ...told,
      appId: told?.appId ?? (await scopeOf(context, request))?.id ?? null,
      at: context.clock.now(),
    })
  } catch (error) {
    request.log.error({ err: error, what: whatOf(request) }, 'a change is missing in the audit log')
  }
}

/** As the API page writes it. */
export function whatOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${(routeOptions.url ?? '').replaceAll(/:(\w+)/g, '{$1}')}`
}

/** Whoever is erased must not live on in here. */
const UNSAID = new Set(['app', 'hwid', 'user', '*'])

function subjectOf(request: FastifyRequest): string | null {
  const said = Object.entries(request.params as Record<string, string>).filter(([name]) => !UNSAID.has(name))
  return said.length === 0 ? null : said.map(([, value]) => value).join(' ')
}
