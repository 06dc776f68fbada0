/** Access behind the door: who calls, members, tokens, and the audit log. docs/access.md. */
import { Readable } from 'node:stream'
import { auditPageSchema, auditQuerySchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { exportAudit, readAudit } from '../../../access/audit.ts'
import { EXPORT_FORMATS, FORMS } from '../../../transfer/csv.ts'
import type { HttpContext } from '../../context.ts'
import { scopeOf } from './door.ts'
import { meRoutes } from './me.ts'
import { memberRoutes } from './members.ts'
import { PLACES, type Place, placeParams } from './place.ts'
import { tokenRoutes } from './tokens.ts'

export async function accessRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  await instance.register(meRoutes, context)
  for (const place of PLACES) {
    memberRoutes(instance, context, place)
    tokenRoutes(instance, context, place)
    auditRoute(instance, context, place)
    auditExportRoute(instance, context, place)
  }
}

function auditRoute(instance: FastifyInstance, context: HttpContext, place: Place): void {
  instance.withTypeProvider<ZodTypeProvider>().get(
    `${place.path}/audit`,
    {
      schema: {
        tags: ['access'],
        summary: place.isApp ? 'Who changed what in an app' : 'Who changed what, in all apps and in none',
        ...(place.isApp && { params: z.object(placeParams(place)) }),
        querystring: auditQuerySchema,
        response: { 200: auditPageSchema },
      },
    },
    async request => {
      const appId = (await scopeOf(context, request))?.id ?? null
      return readAudit(context.db, { appId, query: request.query })
    },
  )
}

const exportQuerySchema = auditQuerySchema
  .omit({ after: true, limit: true })
  .extend({ format: z.enum(EXPORT_FORMATS).default('csv') })

function auditExportRoute(instance: FastifyInstance, context: HttpContext, place: Place): void {
  instance.withTypeProvider<ZodTypeProvider>().get(
    `${place.path}/audit-export`,
    {
      schema: {
        tags: ['access'],
        summary:
          'Stream who changed what as CSV, NDJSON, or CSV that is harmless in spreadsheets, newest first',
        ...(place.isApp && { params: z.object(placeParams(place)) }),
        querystring: exportQuerySchema,
      },
    },
    async (request, reply) => {
      const app = await scopeOf(context, request)
      const { format, ...query } = request.query
      const pieces = exportAudit(context.db, { appId: app?.id ?? null, query, format })
      const name = `audit${app === null ? '' : `-${app.code}`}.${FORMS[format].ending}`
      return reply
        .type(FORMS[format].mediaType)
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(Readable.from(pieces))
    },
  )
}
