/**
 * Where apps hand in what they have found when they looked at themselves, with the device token. Pages of any site call it, so it answers any
 * origin. Source of the limits: http/limits.ts.
 */
import cors from '@fastify/cors'
import { newSelfCheckSchema, PushError, SELF_CHECK_BODY_BYTES, takenSelfCheckSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { takeSelfCheck } from '../../test-devices/self-checks.ts'
import type { HttpContext } from '../context.ts'
import { deviceTokenOf } from '../device-token.ts'
import { deviceParamsSchema } from '../v1/devices/schema.ts'

/** The caller registers with its path as prefix, so that CORS ends with it. */
export async function selfCheckRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  await instance.register(cors, {
    origin: '*',
    methods: ['PUT'],
    allowedHeaders: ['authorization', 'content-type'],
    exposedHeaders: ['retry-after'],
    maxAge: 86_400,
  })
  // Before a body is read: strangers are told nothing else, and cost nothing more.
  instance.addHook('onRequest', async request => {
    context.limits.takeCall(request.ip)
    const token = deviceTokenOf(request)
    if (token === undefined)
      throw new PushError(
        'token_missing',
        'the call has no header authorization: Token …, with the device token',
      )
    const app = await context.apps.findByDevice((request.params as { app: string }).app, token)
    context.limits.takeAppCall(app.id)
  })
  instance.withTypeProvider<ZodTypeProvider>().put(
    '',
    {
      bodyLimit: SELF_CHECK_BODY_BYTES,
      schema: {
        tags: ['test devices'],
        security: [{ deviceToken: [] }],
        summary: 'Hand in what an app has found when it looked at itself; answers what the server finds',
        querystring: z.strictObject({}),
        params: deviceParamsSchema,
        body: newSelfCheckSchema,
        response: { 200: takenSelfCheckSchema },
      },
    },
    async ({ params, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      return takeSelfCheck(context.db, {
        appId,
        hwid: params.hwid,
        selfCheck: body,
        at: context.clock.now(),
      })
    },
  )
}
