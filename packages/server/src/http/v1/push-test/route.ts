/** The push tester. What it answers holds addresses as they were given, so nothing of it is logged. docs/push-test.md. */
import { newPushTestSchema, pushTestResultSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

export async function pushTestRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/apps/:app/push-test',
    {
      schema: {
        tags: ['credentials'],
        summary: 'Send one notification, and show the exchange with the gateway',
        params: appParamsSchema,
        body: newPushTestSchema,
        response: { 200: pushTestResultSchema },
      },
    },
    async request => {
      const { id } = await context.apps.find(request.params.app)
      return context.tester.run(id, request.body)
    },
  )
}
