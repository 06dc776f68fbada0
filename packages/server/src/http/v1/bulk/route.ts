/** Many devices in one call, answered later: unregistering, and how far a request is. */
import { BULK_BODY_BYTES, bulkRequestSchema, bulkUnregisterSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { addBulkRequest, readBulkRequest } from '../../../registry/bulk/requests.ts'
import { readTarget } from '../../../registry/bulk/target.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { bulkCreatedSchema, bulkParamsSchema, bulkQuerySchema } from './schema.ts'

const tags = ['bulk']

const NAMES = { hwid: ['hwid'], pushToken: ['pushToken'], userId: ['userId'] } as const

export async function bulkRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/apps/:app/devices/bulk-unregister',
    {
      bodyLimit: BULK_BODY_BYTES,
      schema: {
        tags,
        summary: 'Unregister up to 10 000 devices, by hwid, token or user',
        params: appParamsSchema,
        body: bulkUnregisterSchema,
        response: { 202: bulkCreatedSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const id = await addBulkRequest(context.db, {
        ...(request.body.id !== undefined && { id: request.body.id }),
        appId,
        kind: 'unregister',
        entries: request.body.devices.map(entry => readTarget(entry, { names: NAMES, isLoose: false })),
        at: context.clock.now(),
      })
      context.runSoon('bulk-requests')
      return reply.code(202).send({ id })
    },
  )

  app.get(
    '/apps/:app/bulk-requests/:id',
    {
      schema: {
        tags,
        summary: 'Read what came of a bulk request',
        params: bulkParamsSchema,
        querystring: bulkQuerySchema,
        response: { 200: bulkRequestSchema },
      },
    },
    async ({ params, query }) => {
      const { id: appId } = await context.apps.find(params.app)
      return readBulkRequest(context.db, { appId, id: params.id, isDetailed: query.results === 'true' })
    },
  )
}
