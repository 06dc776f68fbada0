/** Data rights: what is held of a device or a person, handed out or erased, and the record of the latter. */
import { erasureSchema, erasureTargetSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { erase, exportPerson, listErasures } from '../../../registry/erase/erase.ts'
import type { HttpContext } from '../../context.ts'
import { actorOf } from '../actor.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { deviceParamsSchema } from './schema.ts'
import { erasuresQuerySchema } from './transfer-schema.ts'

const tags = ['data rights']

export async function eraseRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.delete(
    '/apps/:app/devices/:hwid',
    {
      schema: {
        tags,
        summary: 'Erase a device and all that is held of it',
        params: deviceParamsSchema,
        response: { 200: erasureSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { label: by } = await actorOf(context.db, request)
      return erase(context.db, { appId, target: { hwid: request.params.hwid }, by, at: context.clock.now() })
    },
  )

  app.post(
    '/apps/:app/erasures',
    {
      schema: {
        tags,
        summary: 'Erase a device, or a person with all their devices',
        params: appParamsSchema,
        body: erasureTargetSchema,
        response: { 200: erasureSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { label: by } = await actorOf(context.db, request)
      return erase(context.db, { appId, target: request.body, by, at: context.clock.now() })
    },
  )

  app.get(
    '/apps/:app/erasures',
    {
      schema: {
        tags,
        summary: 'List what was erased; of a name, whether it was',
        params: appParamsSchema,
        querystring: erasuresQuerySchema,
        response: { 200: z.object({ erasures: z.array(erasureSchema) }) },
      },
    },
    async ({ params, query }) => {
      const { id: appId } = await context.apps.find(params.app)
      const { name } = query
      return { erasures: await listErasures(context.db, { appId, ...(name === undefined ? {} : { name }) }) }
    },
  )

  app.post(
    '/apps/:app/personal-data',
    {
      schema: {
        tags,
        summary: 'Read all that is held of a device or a person, by table',
        params: appParamsSchema,
        body: erasureTargetSchema,
        response: { 200: z.record(z.string(), z.array(z.unknown())) },
      },
    },
    async ({ params, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      return exportPerson(context.db, { appId, target: body })
    },
  )
}
