/** Definitions of tags: which type the values of a name have in all devices of an app. */
import { TAG_TYPES, tagDefinitionSchema, tagNameSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { defineTag, listTagDefinitions, removeTagDefinition } from '../../../registry/tags/definitions.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

const tags = ['tags']
const tagParamsSchema = z.object({ app: z.string(), tag: tagNameSchema })

export async function tagRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/tags',
    {
      schema: {
        tags,
        summary: 'List the tags that have a type, those of the server first',
        params: appParamsSchema,
        response: { 200: z.object({ tags: z.array(tagDefinitionSchema) }) },
      },
    },
    async ({ params }) => {
      const { id } = await context.apps.find(params.app)
      return { tags: await listTagDefinitions(context.db, id) }
    },
  )

  app.put(
    '/apps/:app/tags/:tag',
    {
      schema: {
        tags,
        summary: 'Give a tag a type; values that devices hold already stay until they are set again',
        params: tagParamsSchema,
        body: z.strictObject({ type: z.enum(TAG_TYPES) }),
        response: { 200: tagDefinitionSchema },
      },
    },
    async ({ params, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      await defineTag(context.db, { appId, name: params.tag, type: body.type, at: context.clock.now() })
      return { name: params.tag, type: body.type, isDefault: false }
    },
  )

  app.delete(
    '/apps/:app/tags/:tag',
    {
      schema: {
        tags,
        summary: 'Take the type of a tag back; the values stay, and repeating it changes nothing',
        params: tagParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      const { id } = await context.apps.find(params.app)
      await removeTagDefinition(context.db, id, params.tag)
      return reply.code(204).send(null)
    },
  )
}
