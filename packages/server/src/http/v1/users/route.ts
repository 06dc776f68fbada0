/** Users: the devices of a person, merging two of them, and logging one out everywhere. */
import { USER_ID_CHARACTERS, userSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { logOutUser, mergeUsers, readUser } from '../../../registry/users.ts'
import type { HttpContext } from '../../context.ts'

const tags = ['users']
const userParamsSchema = z.object({ app: z.string(), user: z.string().min(1).max(USER_ID_CHARACTERS) })
const countSchema = z.object({ devices: z.int() })

export async function userRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/apps/:app/users/:user',
    {
      schema: {
        tags,
        summary: 'Read a user: its devices, last seen first, 1000 at most',
        params: userParamsSchema,
        response: { 200: userSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return readUser(context.db, { appId, userId: params.user })
    },
  )

  app.post(
    '/apps/:app/users/:user/merge',
    {
      schema: {
        tags,
        summary: 'Give all devices of a user to another one; answers how many, 0 when repeated',
        params: userParamsSchema,
        body: z.strictObject({ into: z.string().min(1).max(USER_ID_CHARACTERS) }),
        response: { 200: countSchema },
      },
    },
    async ({ params, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      return { devices: await mergeUsers(context.db, { appId, from: params.user, into: body.into }) }
    },
  )

  app.post(
    '/apps/:app/users/:user/logout',
    {
      schema: {
        tags,
        summary: 'Log a user out of all devices; answers how many',
        params: userParamsSchema,
        response: { 200: countSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return { devices: await logOutUser(context.db, { appId, userId: params.user }) }
    },
  )
}
