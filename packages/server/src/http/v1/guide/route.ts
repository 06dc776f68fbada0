/** The set-up guide of an app. */
import { guideSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { readGuide } from '../../../insight/overview/guide.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

export async function guideRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps } = context

  app.get(
    '/apps/:app/guide',
    {
      schema: {
        tags: ['integration'],
        summary: 'Tell how far the set-up has come on each platform, and what to do next',
        params: appParamsSchema,
        response: { 200: guideSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await apps.find(params.app)
      return readGuide(db, { appId, at: clock.now(), random: Math.random })
    },
  )
}
