/** How old addresses of an app may become, and what a policy would take out of the base (R15, R27). */
import { addressPolicyChangeSchema, addressPolicySchema, policyPreviewSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { changePolicy, readPolicy } from '../../../hygiene/policy.ts'
import { previewPolicy } from '../../../hygiene/preview.ts'
import type { Queryable } from '../../../store/database.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'

const tags = ['apps']

const exactQuerySchema = z.strictObject({
  exact: z
    .enum(['true', 'false'])
    .default('false')
    .describe('true counts all of a large base, which may take as long as that is large'),
})

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
    async (request, reply) => {
      const { id } = await context.apps.find(request.params.app)
      return withEtag(reply, await readPolicy(context.db, id), it => it)
    },
  )

  app.patch(
    '/apps/:app/address-policy',
    {
      schema: {
        tags,
        summary: 'Change how old addresses may become',
        params: appParamsSchema,
        headers: editHeadersSchema,
        body: addressPolicyChangeSchema,
        response: { 200: addressPolicySchema },
      },
    },
    async (request, reply) => {
      const { id, code } = await context.apps.find(request.params.app)
      const read = (tx: Queryable) => readPolicy(tx, id)
      const unchanged = unchangedOf(request, { name: `address policy of ${code}`, read })
      const changed = await context.db.transaction(async tx => {
        await unchanged?.(tx)
        return changePolicy(tx, id, request.body)
      })
      return withEtag(reply, changed, it => it)
    },
  )

  app.post(
    '/apps/:app/address-policy/preview',
    {
      schema: {
        tags,
        summary: 'Count what the next run of address-aging would remove under a policy with this change',
        params: appParamsSchema,
        querystring: exactQuerySchema,
        body: addressPolicyChangeSchema,
        response: { 200: policyPreviewSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const isExact = request.query.exact === 'true'
      return previewPolicy(context.db, { appId, change: request.body, at: context.clock.now(), isExact })
    },
  )
}
