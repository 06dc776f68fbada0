/**
 * Routes of one device that apps and back ends call: with the device token as for the device protocol, or as all of /v1. Browsers call
 * them from pages and workers, so they answer the exact origin as the device protocol does.
 */
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { App } from '../access/apps.ts'
import { findAllowedApp, identify } from './caller.ts'
import type { HttpContext } from './context.ts'
import { deviceTokenOf } from './device-token.ts'
import { isReading } from './session-cookie.ts'

/** Of each such route, in its schema. */
export const DEVICE_OR_BACK_END = [{ serverToken: [] }, { session: [] }, { deviceToken: [] }]

/**
 * The instance has the path of these routes (with `:app`) as its prefix, so that CORS ends with it. Gives back what tells the app of a
 * request that was let in.
 */
export async function letInDevicesAndBackEnds(
  instance: FastifyInstance,
  context: HttpContext,
  methods: string[],
): Promise<(request: FastifyRequest) => App> {
  await instance.register(cors, {
    origin: true,
    credentials: true,
    methods,
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
  return request => apps.get(request) as App
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
