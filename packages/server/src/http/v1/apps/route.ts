/** Apps. A new one gets its VAPID key pair at once, so that browsers can subscribe from the first minute. */
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { type App, changeApp, createApp, listApps, lockApp } from '../../../access/apps.ts'
import { archiveApp, deleteApp, unarchiveApp } from '../../../access/archive.ts'
import { knows } from '../../../access/rights.ts'
import { moveNextRuns } from '../../../audience/nightly.ts'
import { addCredential } from '../../../credentials/credentials.ts'
import { moveNextTimes } from '../../../messages/schedules/schedules.ts'
import { callerOf } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { tellAudit } from '../access/door.ts'
import { actorOf } from '../actor.ts'
import {
  appDeletionSchema,
  appListSchema,
  appParamsSchema,
  appPatchSchema,
  appSchema,
  createdAppSchema,
  newAppSchema,
} from './schema.ts'

const tags = ['apps']

function viewOf({ code, name, createdAt, needsPermission, timeZone, archivedAt }: App) {
  return { code, name, createdAt, needsPermission, timeZone, archivedAt }
}

/** Of what was asked to be changed, for the audit log. */
function wordsOf(app: App, asked: Partial<Record<keyof App, unknown>>): string {
  const fields = ['name', 'needsPermission', 'timeZone'] as const
  return fields
    .filter(it => asked[it] !== undefined)
    .map(it => `${it}: ${app[it]}`)
    .join(', ')
}

export async function appRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/apps',
    { schema: { tags, summary: 'Create an app', body: newAppSchema, response: { 201: createdAppSchema } } },
    async (request, reply) => {
      const created = await context.db.transaction(async tx => {
        const { name: by } = callerOf(request)
        const made = await createApp(tx, { name: request.body.name, at: context.clock.now(), by })
        await addCredential(tx, context.seal, {
          appId: made.app.id,
          input: { gateway: 'webpush', kind: 'vapid' },
          by: await actorOf(tx, request),
          at: context.clock.now(),
        })
        return made
      })
      tellAudit(request, { subject: created.app.code, after: created.app.name })
      return reply.code(201).send({ ...viewOf(created.app), deviceToken: created.deviceToken })
    },
  )

  app.get(
    '/apps',
    { schema: { tags, summary: 'List the apps that you may see', response: { 200: appListSchema } } },
    async request => {
      const apps = await listApps(context.db)
      return { apps: apps.filter(it => knows(callerOf(request), it.id)).map(viewOf) }
    },
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
      const { body, params } = request
      const { before, changed } = await context.db.transaction(async tx => {
        const it = await lockApp(tx, params.app)
        return { before: it, changed: await changeApp(tx, params.app, body) }
      })
      tellAudit(request, { before: wordsOf(before, body), after: wordsOf(changed, body) })
      if (request.body.timeZone !== undefined) {
        const moved = { appId: changed.id, at: context.clock.now() }
        await moveNextRuns(context.db, moved)
        await moveNextTimes(context.db, moved)
      }
      return viewOf(changed)
    },
  )

  app.post(
    '/apps/:app/archive',
    {
      schema: {
        tags,
        summary: 'Archive an app: it keeps all it has, takes no devices and sends nothing',
        params: appParamsSchema,
        response: { 200: appSchema },
      },
    },
    async request => {
      const archived = await archiveApp(context.db, request.params.app, { at: context.clock.now() })
      forgetApps(context)
      tellAudit(request, { subject: archived.name, after: 'archived' })
      return viewOf(archived)
    },
  )

  app.post(
    '/apps/:app/unarchive',
    {
      schema: {
        tags,
        summary: 'Take an app out of the archive; what was paused stays paused',
        params: appParamsSchema,
        response: { 200: appSchema },
      },
    },
    async request => {
      const serving = await unarchiveApp(context.db, request.params.app, { at: context.clock.now() })
      forgetApps(context)
      tellAudit(request, { subject: serving.name, before: 'archived' })
      return viewOf(serving)
    },
  )

  app.delete(
    '/apps/:app',
    {
      schema: {
        tags,
        summary: 'Delete an archived app with everything of it, for good',
        params: appParamsSchema,
        querystring: appDeletionSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { params, query } = request
      const gone = await deleteApp(context.db, params.app, { name: query.name, at: context.clock.now() })
      forgetApps(context)
      // By then the app can't be found any more.
      tellAudit(request, { appId: gone.id, subject: `${gone.name} (${gone.code})`, after: null })
      context.runSoon('app-deletion')
      return reply.code(204).send(null)
    },
  )
}

/** Other servers are told by the transaction. */
function forgetApps({ apps, serverTokens, poke }: HttpContext): void {
  apps.forget()
  serverTokens.forget()
  poke()
}
