/** Content as it would look, while it is written. */
import { newPreviewSchema, previewSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { preview } from '../../../messages/preview.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

export async function previewRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps, images } = context

  app.post(
    '/apps/:app/messages/preview',
    {
      schema: {
        tags: ['messages'],
        summary:
          'Show how content would look at each gateway and for some devices, and what takes the room in it',
        params: appParamsSchema,
        body: newPreviewSchema,
        response: { 200: previewSchema },
      },
    },
    async ({ params, body }) => {
      const { id: appId } = await apps.find(params.app)
      return preview(db, { appId, asked: body, images, at: clock.now() })
    },
  )
}
