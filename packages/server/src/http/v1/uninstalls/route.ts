/** Uninstall tracking: its switch, what it would do, and what it did. */
import { knockPreviewSchema, newUninstallTrackingSchema, uninstallTrackingSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { listConclusions, listDays } from '../../../hygiene/uninstalls/days.ts'
import { changeTracking, previewKnocks, readTracking } from '../../../hygiene/uninstalls/tracking.ts'
import type { Queryable } from '../../../store/database.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'
import { dayListSchema, dayQuerySchema, previewQuerySchema } from './schema.ts'

const tags = ['uninstalls']

export async function uninstallRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context

  app.get(
    '/apps/:app/uninstall-tracking',
    {
      schema: {
        tags,
        summary: 'Read whether uninstallations are looked for, and how',
        params: appParamsSchema,
        response: { 200: uninstallTrackingSchema },
      },
    },
    async (request, reply) => {
      const { id } = await context.apps.find(request.params.app)
      return withEtag(reply, await readTracking(db, id), it => it)
    },
  )

  app.put(
    '/apps/:app/uninstall-tracking',
    {
      schema: {
        tags,
        summary:
          'Look for uninstallations by silent pushes, or stop it; another mode begins with the next day (UTC)',
        params: appParamsSchema,
        headers: editHeadersSchema,
        body: newUninstallTrackingSchema,
        response: { 200: uninstallTrackingSchema },
      },
    },
    async (request, reply) => {
      const { id: appId, code } = await context.apps.find(request.params.app)
      const read = (tx: Queryable) => readTracking(tx, appId)
      const unchanged = unchangedOf(request, { name: `uninstall tracking of ${code}`, read })
      const tracking = await changeTracking(db, { appId, ...request.body, at: clock.now(), unchanged })
      context.runSoon('uninstall-tracking')
      return withEtag(reply, tracking, it => it)
    },
  )

  app.get(
    '/apps/:app/uninstall-tracking/preview',
    {
      schema: {
        tags,
        summary: 'How many devices a whole day of silent pushes would go to, if it began now',
        params: appParamsSchema,
        querystring: previewQuerySchema,
        response: { 200: knockPreviewSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { mode, quietDays } = await readTracking(db, appId)
      const { query } = request
      return previewKnocks(db, {
        appId,
        mode: query.mode ?? mode,
        quietDays: query.quietDays ?? quietDays,
        at: clock.now(),
      })
    },
  )

  app.get(
    '/apps/:app/uninstall-tracking/days',
    {
      schema: {
        tags,
        summary:
          'What the silent pushes of each day came to, and how many devices lost or renewed their app (R32)',
        params: appParamsSchema,
        querystring: dayQuerySchema,
        response: { 200: dayListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { limit } = request.query
      const conclusions = await listConclusions(db, { appId, days: limit, at: clock.now() })
      return { days: await listDays(db, { appId, limit }), conclusions }
    },
  )
}
