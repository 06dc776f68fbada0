/** All devices of an app as a stream. */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { FORMS } from '../../../transfer/csv.ts'
import { exportDevices } from '../../../transfer/export.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { exportQuerySchema } from './transfer-schema.ts'

export async function exportRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  app.get(
    '/apps/:app/device-export',
    {
      schema: {
        tags: ['exports'],
        summary: 'Stream all devices as NDJSON, CSV, or CSV that is harmless in spreadsheets',
        params: appParamsSchema,
        querystring: exportQuerySchema,
      },
    },
    async ({ params, query }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const { format, tokens } = query
      const rows = exportDevices(context.db, { appId, format, hasTokens: tokens === 'full' })
      return reply
        .type(FORMS[format].mediaType)
        .header('content-disposition', `attachment; filename="devices-${params.app}.${FORMS[format].ending}"`)
        .send(Readable.from(rows))
    },
  )
}
