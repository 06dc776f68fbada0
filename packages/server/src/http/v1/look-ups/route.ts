/** Look-ups: who is this, what happened to it, and did this user report a token on that day? */
import { lookUpSchema, reportedTokensSchema, timeLineSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { lookUp } from '../../../registry/search/look-up.ts'
import { readReportedTokens } from '../../../registry/search/reported-tokens.ts'
import { readTimeLine } from '../../../registry/search/time-line.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { deviceParamsSchema } from '../devices/schema.ts'
import {
  lookUpQuerySchema,
  reportedTokensParamsSchema,
  reportedTokensQuerySchema,
  timeLineQuerySchema,
} from './schema.ts'

const tags = ['look-ups']

export async function lookUpRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/look-up',
    {
      schema: {
        tags,
        summary: 'Find devices by hwid or its beginning, user id, or push token',
        params: appParamsSchema,
        querystring: lookUpQuerySchema,
        response: { 200: lookUpSchema },
      },
    },
    async ({ params, query }) => {
      const { id: appId } = await context.apps.find(params.app)
      return { devices: await lookUp(context.db, { appId, ...query }), next: null, searched: 1 }
    },
  )

  app.get(
    '/apps/:app/devices/:hwid/time-line',
    {
      schema: {
        tags,
        summary: 'Read what happened to a device: tokens, logins, events, messages, receipts; newest first',
        params: deviceParamsSchema,
        querystring: timeLineQuerySchema,
        response: { 200: timeLineSchema },
      },
    },
    async ({ params, query }) => {
      const { id: appId } = await context.apps.find(params.app)
      return readTimeLine(context.db, { appId, hwid: params.hwid, ...query })
    },
  )

  app.get(
    '/apps/:app/users/:user/reported-tokens',
    {
      schema: {
        tags,
        summary: 'Tell whether devices of a user reported a token on a day, and how that is known',
        params: reportedTokensParamsSchema,
        querystring: reportedTokensQuerySchema,
        response: { 200: reportedTokensSchema },
      },
    },
    async ({ params, query }) => {
      const { id: appId, timeZone } = await context.apps.find(params.app)
      const asked = { appId, userId: params.user, day: query.day, timeZone, at: context.clock.now() }
      return readReportedTokens(context.db, asked)
    },
  )
}
