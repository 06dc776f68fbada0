/** What an app asks of all its messages: quiet hours, a cap, and categories that devices opt out of. */
import { appRulesChangeSchema, appRulesSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { changeAppRules, readAppRules } from '../../../messages/app-rules.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'

const tags = ['apps']

export async function ruleRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/rules',
    {
      schema: {
        tags,
        summary: 'Read what is asked of all messages',
        params: appParamsSchema,
        response: { 200: appRulesSchema },
      },
    },
    async (request, reply) => {
      const { id } = await context.apps.find(request.params.app)
      return withEtag(reply, await readAppRules(context.db, id), it => it)
    },
  )

  app.patch(
    '/apps/:app/rules',
    {
      schema: {
        tags,
        summary: 'Change what is asked of all messages',
        params: appParamsSchema,
        headers: editHeadersSchema,
        body: appRulesChangeSchema,
        response: { 200: appRulesSchema },
      },
    },
    async (request, reply) => {
      const { id, code } = await context.apps.find(request.params.app)
      const unchanged = unchangedOf(request, { name: `rules of ${code}`, read: tx => readAppRules(tx, id) })
      const changed = await context.db.transaction(async tx => {
        await unchanged?.(tx)
        return changeAppRules(tx, id, request.body)
      })
      return withEtag(reply, changed, it => it)
    },
  )
}
