/** The reach of a message: how many came how far, why the others were lost, and who they are. */
import { reachDevicesQuerySchema, reachDevicesSchema, reachQuerySchema, reachSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { listLost } from '../../../insight/diagnosis/campaign/lost.ts'
import { reachOfMessage } from '../../../insight/diagnosis/campaign/reach.ts'
import type { HttpContext } from '../../context.ts'
import { reachParamsSchema, reachStepParamsSchema } from './schema.ts'

const tags = ['diagnosis']

export async function reachRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/messages/:id/reach',
    {
      schema: {
        tags,
        summary: 'Say how many of its audience a message came to, and why not to the others',
        params: reachParamsSchema,
        querystring: reachQuerySchema,
        response: { 200: reachSchema },
      },
    },
    async request => {
      const { id: appId, code: appCode } = await context.apps.find(request.params.app)
      return reachOfMessage(context.db, {
        appId,
        appCode,
        messageId: request.params.id,
        at: context.clock.now(),
        random: Math.random,
        lang: request.query.lang ?? request.headers['accept-language'],
      })
    },
  )

  app.get(
    '/apps/:app/messages/:id/reach/:step/devices',
    {
      schema: {
        tags,
        summary: 'List the devices that did not come to a step',
        params: reachStepParamsSchema,
        querystring: reachDevicesQuerySchema,
        response: { 200: reachDevicesSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { id: messageId, step } = request.params
      const { after, limit, reason } = request.query
      return listLost(context.db, { appId, messageId, step, after, limit, reason, at: context.clock.now() })
    },
  )
}
