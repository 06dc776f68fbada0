/** What people are offered while they make a condition or a message. */
import { SUGGESTED_FIELDS, suggestedNamesSchema, suggestedValuesSchema, tagNameSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { suggestNames, suggestValues } from '../../../insight/overview/suggestions.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

const tags = ['segments']

const valuesQuerySchema = z
  .strictObject({
    tag: tagNameSchema.optional(),
    field: z.enum(SUGGESTED_FIELDS).optional(),
    /** Only values that begin with it, in any case. */
    startsWith: z.string().max(100).optional(),
  })
  .refine(it => (it.tag === undefined) !== (it.field === undefined), 'name either a "tag" or a "field"')

export async function suggestionRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, apps } = context

  app.get(
    '/apps/:app/suggestions',
    {
      schema: {
        tags,
        summary: 'Suggest tags and events that conditions can name, from a part of the base',
        params: appParamsSchema,
        response: { 200: suggestedNamesSchema },
      },
    },
    async ({ params }) => suggestNames(db, (await apps.find(params.app)).id),
  )

  app.get(
    '/apps/:app/suggestions/values',
    {
      schema: {
        tags,
        summary: 'Suggest the values of a tag or a field that most devices have, from a part of the base',
        params: appParamsSchema,
        querystring: valuesQuerySchema,
        response: { 200: suggestedValuesSchema },
      },
    },
    async ({ params, query: { tag, field, startsWith } }) => {
      const { id: appId } = await apps.find(params.app)
      const of = tag === undefined ? { field: field ?? 'platform' } : { tag }
      return suggestValues(db, { appId, of, startsWith })
    },
  )
}
