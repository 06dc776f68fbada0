/** Apps. A new one gets its VAPID key pair at once, so that browsers can subscribe from the first minute. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { type App, changeApp, createApp, listApps } from '../../../access/apps.ts'
import { moveNextRuns } from '../../../audience/nightly.ts'
import { addCredential } from '../../../credentials/credentials.ts'
import type { HttpContext } from '../../context.ts'
import { actorOf } from '../actor.ts'
import {
  appListSchema,
  appParamsSchema,
  appPatchSchema,
  appSchema,
  createdAppSchema,
  newAppSchema,
} from './schema.ts'

const tags = ['apps']

function viewOf({ code, name, createdAt, needsPermission, timeZone }: App) {
  return { code, name, createdAt, needsPermission, timeZone }
}

export async function appRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/apps',
    { schema: { tags, summary: 'Create an app', body: newAppSchema, response: { 201: createdAppSchema } } },
    async (request, reply) => {
      const created = await context.db.transaction(async tx => {
        const made = await createApp(tx, request.body.name)
        await addCredential(tx, context.seal, {
          appId: made.app.id,
          input: { gateway: 'webpush', kind: 'vapid' },
          by: await actorOf(tx, request),
          at: context.clock.now(),
        })
        return made
      })
      return reply.code(201).send({ ...viewOf(created.app), deviceToken: created.deviceToken })
    },
  )

  app.get(
    '/apps',
    { schema: { tags, summary: 'List the apps', response: { 200: appListSchema } } },
    async () => ({
      apps: (await listApps(context.db)).map(viewOf),
    }),
  )

  app.get(
    '/apps/:app',
    { schema: { tags, summary: 'Read an app', params: appParamsSchema, response: { 200: appSchema } } },
    async request => viewOf(await context.apps.find(request.params.app)),
  )

  app.patch(
    '/apps/:app',
    {
      schema: {
        tags,
        summary: 'Change the name or a setting of an app',
        params: appParamsSchema,
        body: appPatchSchema,
        response: { 200: appSchema },
      },
    },
    async request => {
      const changed = await changeApp(context.db, request.params.app, request.body)
      if (request.body.timeZone !== undefined)
        await moveNextRuns(context.db, { appId: changed.id, at: context.clock.now() })
      return viewOf(changed)
    },
  )
}
