/** How old addresses of an app may become (R15, R27). */
import { addressPolicyChangeSchema, addressPolicySchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { changePolicy, readPolicy } from '../../../hygiene/policy.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'

const tags = ['apps']

export async function addressPolicyRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/address-policy',
    {
      schema: {
        tags,
        summary: 'Read how old addresses may become',
        params: appParamsSchema,
        response: { 200: addressPolicySchema },
      },
    },
    async request => readPolicy(context.db, (await context.apps.find(request.params.app)).id),
  )

  app.patch(
    '/apps/:app/address-policy',
    {
      schema: {
        tags,
        summary: 'Change how old addresses may become',
        params: appParamsSchema,
        body: addressPolicyChangeSchema,
        response: { 200: addressPolicySchema },
      },
    },
    async request => {
      const { id } = await context.apps.find(request.params.app)
      return changePolicy(context.db, id, request.body)
    },
  )
}
