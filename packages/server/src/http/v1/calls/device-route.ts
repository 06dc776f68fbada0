/**
 * The calls of a device, for apps and for back ends: with the device token as for the device protocol, or as all of /v1. Browsers call it
 * from pages and workers, so it answers the exact origin as the device protocol does.
 */
import cors from '@fastify/cors'
import { CALL_EVENTS, deviceCallListSchema, deviceCallSchema } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { App } from '../../../access/apps.ts'
import { callOver } from '../../../calls/calls.ts'
import { findAllowedApp, identify } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { deviceTokenOf } from '../../device-token.ts'
import { isReading } from '../../session-cookie.ts'
import { deviceParamsSchema } from '../devices/schema.ts'
import { deviceCallParamsSchema } from './schema.ts'

const tags = ['calls']
const security = [{ serverToken: [] }, { session: [] }, { deviceToken: [] }]

const SUMMARIES = {
  ringing: 'Say that a device rings, so that no push has to follow',
  accept: 'Accept a call on a device; exactly one wins',
  reject: 'Reject a call, on all devices of the callee',
  busy: 'Say that the callee is in another call',
  cancel: 'End a call by a device of its caller',
} as const

/** The caller registers with the path of the calls as prefix, so that CORS ends with it. */
export async function callsOfDeviceRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  await instance.register(cors, {
    origin: true,
    credentials: true,
    methods: ['GET', 'POST'],
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
  const appIdOf = (request: FastifyRequest) => (apps.get(request) as App).id
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { calls } = context

  app.get(
    '',
    {
      schema: {
        tags,
        security,
        summary: 'List the calls that concern a device by now',
        params: deviceParamsSchema,
        querystring: z.strictObject({}),
        response: { 200: deviceCallListSchema },
      },
    },
    async request => ({
      calls: await calls.listOf({ appId: appIdOf(request), hwid: request.params.hwid }),
    }),
  )

  for (const event of CALL_EVENTS)
    app.post(
      `/:call/${event}`,
      {
        schema: {
          tags,
          security,
          summary: SUMMARIES[event],
          params: deviceCallParamsSchema,
          querystring: z.strictObject({}),
          response: { 200: deviceCallSchema },
        },
      },
      async request => {
        const { hwid, call: callId } = request.params
        const { taken, call } = await calls.sayByDevice({ appId: appIdOf(request), callId }, hwid, event)
        if (!taken) throw callOver(callId, call.state)
        return call
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
