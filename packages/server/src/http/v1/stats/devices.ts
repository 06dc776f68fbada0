/** How many devices an app has, counted from the rows at the moment of asking. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { countStates } from '../../../insight/overview/states.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { sendTable, statesQuerySchema } from './query.ts'
import { deviceStatsSchema } from './schema.ts'

export async function statsRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  instance.withTypeProvider<ZodTypeProvider>().get(
    '/apps/:app/stats/devices',
    {
      schema: {
        tags: ['statistics'],
        summary:
          'Count devices by platform and state of their newest address: an estimate where there are many, or exactly',
        params: appParamsSchema,
        querystring: statesQuerySchema,
        response: { 200: deviceStatsSchema },
      },
    },
    async ({ params: { app: code }, query: { format, exact } }, reply) => {
      const { id: appId } = await context.apps.find(code)
      const at = context.clock.now()
      const states = await countStates(context.db, { appId, at, isExact: exact === 'true' })
      const answer = { asOf: new Date(at).toISOString(), ...states }
      const rows = states.byPlatform
      return sendTable(reply, { name: `devices-${code}`, format, rows }, answer)
    },
  )
}
