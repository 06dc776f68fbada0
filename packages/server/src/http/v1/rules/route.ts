/** What an app asks of all its messages: quiet hours, a cap, and categories that devices opt out of. */
import { appRulesChangeSchema, appRulesSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { changeAppRules, readAppRules } from '../../../messages/app-rules.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

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
    async request => readAppRules(context.db, (await context.apps.find(request.params.app)).id),
  )

  app.patch(
    '/apps/:app/rules',
    {
      schema: {
        tags,
        summary: 'Change what is asked of all messages',
        params: appParamsSchema,
        body: appRulesChangeSchema,
        response: { 200: appRulesSchema },
      },
    },
    async request => {
      const { id } = await context.apps.find(request.params.app)
      return changeAppRules(context.db, id, request.body)
    },
  )
}
