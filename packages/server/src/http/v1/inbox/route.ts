/**
 * The inbox of a device, for apps and for back ends: with the device token as for the device protocol, or as all of
 * /v1. Browsers call it from pages, so it answers the exact origin as the device protocol does.
 */
import cors from '@fastify/cors'
import { inboxPatchSchema, inboxSchema, PushError } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { App } from '../../../access/apps.ts'
import { readInbox, viewOf } from '../../../inbox/content.ts'
import { isUnread } from '../../../inbox/read.ts'
import { STATUS, setInboxState } from '../../../inbox/states.ts'
import { findAllowedApp, identify } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { deviceTokenOf } from '../../device-token.ts'
import { isReading } from '../../session-cookie.ts'
import { deviceParamsSchema } from '../devices/schema.ts'
import { inboxEntryParamsSchema, inboxQuerySchema } from './schema.ts'

const tags = ['inbox']
const security = [{ serverToken: [] }, { session: [] }, { deviceToken: [] }]

/** The caller registers with the path of the inbox as prefix, so that CORS ends with it. */
export async function inboxRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  await instance.register(cors, {
    origin: true,
    credentials: true,
    methods: ['GET', 'PATCH'],
    allowedHeaders: ['authorization', 'content-type'],
    exposedHeaders: ['retry-after'],
    maxAge: 86_400,
  })
  const apps = new WeakMap<FastifyRequest, App>()
  instance.addHook('onRequest', async request => {
    context.limits.takeCall(request.ip)
    // Before anything is read or judged of the call: strangers are told nothing else.
    apps.set(request, await appOf(context, request, (request.params as { app: string }).app))
  })
  const callerOf = (request: FastifyRequest) => apps.get(request) as App
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '',
    {
      schema: {
        tags,
        security,
        summary: 'Read the inbox of a device, newest first, with its unread count',
        params: deviceParamsSchema,
        querystring: inboxQuerySchema,
        response: { 200: inboxSchema },
      },
    },
    async request => {
      const { id: appId } = callerOf(request)
      const { limit, after } = request.query
      const key = { appId, hwid: request.params.hwid, at: context.clock.now() }
      const { shown } = await readInbox(context.db, key)
      const rest = after === undefined ? shown : shown.filter(it => it.entry.number < Number(after))
      const page = rest.slice(0, limit)
      const last = page.at(-1)
      return {
        entries: page.map(viewOf),
        unread: shown.filter(it => isUnread(it.entry)).length,
        next: last === undefined || page.length === rest.length ? null : String(last.entry.number),
      }
    },
  )

  app.patch(
    '/:id',
    {
      schema: {
        tags,
        security,
        summary: 'Say that a message of the inbox was delivered, read, opened or deleted; it never goes back',
        params: inboxEntryParamsSchema,
        querystring: z.strictObject({}),
        body: inboxPatchSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { hwid, id: messageId } = request.params
      const { id: appId } = callerOf(request)
      const status = STATUS[request.body.state]
      const change = { appId, hwid, at: context.clock.now(), messageId, status }
      if (!(await setInboxState(context.db, change)))
        throw new PushError('message_unknown', `the inbox of this device has no message ${messageId}`)
      return reply.code(204).send(null)
    },
  )
}

/** Throws what either token throws. A device token is asked for its app, a server token serves all. */
async function appOf(context: HttpContext, request: FastifyRequest, code: string): Promise<App> {
  const deviceToken = deviceTokenOf(request)
  if (deviceToken !== undefined) {
    const app = await context.apps.findByDevice(code, deviceToken)
    context.limits.takeAppCall(app.id)
    return app
  }
  const caller = await identify(context, request)
  return findAllowedApp(context, caller, { code, right: isReading(request) ? 'read' : 'devices' })
}
