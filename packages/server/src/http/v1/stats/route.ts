/** Figures of an app, counted from the rows at the moment of asking. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { countInactive } from '../../../hygiene/aging.ts'
import { countDevices } from '../../../registry/read.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { deviceStatsSchema } from './schema.ts'

export async function statsRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  instance.withTypeProvider<ZodTypeProvider>().get(
    '/apps/:app/stats/devices',
    {
      schema: {
        tags: ['statistics'],
        summary: 'Count devices by platform and state of their newest address',
        params: appParamsSchema,
        response: { 200: deviceStatsSchema },
      },
    },
    async request => {
      const { id } = await context.apps.find(request.params.app)
      const at = context.clock.now()
      const inactive = await countInactive(context.db, { appId: id, at })
      const byPlatform = await countDevices(context.db, id)
      const sum = (of: (row: (typeof byPlatform)[number]) => number) =>
        byPlatform.reduce((total, row) => total + of(row), 0)
      return {
        asOf: new Date(at).toISOString(),
        devices: sum(row => row.devices),
        reachable: sum(row => row.active + row.suspect) - inactive,
        inactive,
        byPlatform,
      }
    },
  )
}
