/** Integration health: what the devices of an app run, and the least versions that features need. */
import { integrationPatchSchema, integrationSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { setMinimums } from '../../../insight/integration/features.ts'
import { readHealth } from '../../../insight/integration/health.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

const tags = ['integration']

export async function integrationRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const read = (appId: number) => readHealth(db, { appId, at: clock.now(), random: Math.random })

  app.get(
    '/apps/:app/integration',
    {
      schema: {
        tags,
        summary: 'Tell which versions devices run, what that keeps them from, and why they got no token',
        params: appParamsSchema,
        response: { 200: integrationSchema },
      },
    },
    async ({ params }) => read((await context.apps.find(params.app)).id),
  )

  app.patch(
    '/apps/:app/integration',
    {
      schema: {
        tags,
        summary: 'Set the least versions that features need',
        params: appParamsSchema,
        body: integrationPatchSchema,
        response: { 200: integrationSchema },
      },
    },
    async ({ params, body }) => {
      const { id } = await context.apps.find(params.app)
      await setMinimums(db, id, body)
      return read(id)
    },
  )
}
