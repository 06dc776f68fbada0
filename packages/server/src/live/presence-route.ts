/** Who is present. docs/live-channel.md has the states. */
import { devicePresenceSchema, userPresenceSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { HttpContext } from '../http/context.ts'
import { appParamsSchema } from '../http/v1/apps/schema.ts'
import { deviceParamsSchema } from '../http/v1/devices/schema.ts'
import { readDevicePresence, readUserPresence } from './presence.ts'

const tags = ['live']
const userParamsSchema = appParamsSchema.extend({ user: z.string().min(1) })

export async function presenceRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/devices/:hwid/presence',
    {
      schema: {
        tags,
        summary: 'Say whether a device is connected to its live channel',
        params: deviceParamsSchema,
        response: { 200: devicePresenceSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return readDevicePresence(context.db, { appId, hwid: params.hwid, at: context.clock.now() })
    },
  )

  app.get(
    '/apps/:app/users/:user/presence',
    {
      schema: {
        tags,
        summary: 'Say how present a user is, on all devices',
        params: userParamsSchema,
        response: { 200: userPresenceSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return readUserPresence(context.db, { appId, userId: params.user, at: context.clock.now() })
    },
  )
}
