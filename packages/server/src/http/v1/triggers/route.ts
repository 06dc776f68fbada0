/** Triggers: messages that events ask for. */
import { newTriggerSchema, type TriggerView, triggerPatchSchema, triggerSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { judgeAllImages } from '../../../messages/experiments/content.ts'
import {
  changeTrigger,
  createTrigger,
  deleteTrigger,
  listTriggers,
  pauseTrigger,
  readTrigger,
  resumeTrigger,
  type TriggerKey,
} from '../../../messages/triggers/triggers.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'

const tags = ['triggers']
const triggerParamsSchema = z.object({ app: z.string(), trigger: z.uuid().toLowerCase() })

/** For the ETag: another one with each change; what it counts is none. */
function versionOf({ version }: TriggerView): unknown {
  return { version }
}

export async function triggerRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps } = context
  const keyOf = async (params: z.infer<typeof triggerParamsSchema>): Promise<TriggerKey> => ({
    appId: (await apps.find(params.app)).id,
    id: params.trigger,
  })

  app.get(
    '/apps/:app/triggers',
    {
      schema: {
        tags,
        summary: 'List the triggers with their counts, newest first',
        params: appParamsSchema,
        response: { 200: z.object({ triggers: z.array(triggerSchema) }) },
      },
    },
    async ({ params }) => ({ triggers: await listTriggers(db, (await apps.find(params.app)).id) }),
  )

  app.post(
    '/apps/:app/triggers',
    {
      schema: {
        tags,
        summary: 'Send a message whenever a device posts an event',
        params: appParamsSchema,
        body: newTriggerSchema,
        response: { 201: triggerSchema },
      },
    },
    async ({ params, body }, reply) => {
      const { id: appId } = await apps.find(params.app)
      const images = await judgeAllImages(context.images, body.message)
      const id = await createTrigger(db, { appId, input: body, images, at: clock.now() })
      return reply.code(201).send(await readTrigger(db, { appId, id }))
    },
  )

  app.get(
    '/apps/:app/triggers/:trigger',
    {
      schema: {
        tags,
        summary: 'Read a trigger with its counts',
        params: triggerParamsSchema,
        response: { 200: triggerSchema },
      },
    },
    async ({ params }, reply) => withEtag(reply, await readTrigger(db, await keyOf(params)), versionOf),
  )

  app.patch(
    '/apps/:app/triggers/:trigger',
    {
      schema: {
        tags,
        summary: 'Change a trigger; what is not due yet is sent as it is then',
        params: triggerParamsSchema,
        headers: editHeadersSchema,
        body: triggerPatchSchema,
        response: { 200: triggerSchema },
      },
    },
    async (request, reply) => {
      const { params, body } = request
      const key = await keyOf(params)
      const images = body.message && (await judgeAllImages(context.images, body.message))
      const unchanged = unchangedOf(request, {
        name: `trigger ${key.id}`,
        read: async tx => versionOf(await readTrigger(tx, key)),
      })
      await changeTrigger(db, { ...key, patch: body, images, at: clock.now(), unchanged })
      return withEtag(reply, await readTrigger(db, key), versionOf)
    },
  )

  app.delete(
    '/apps/:app/triggers/:trigger',
    {
      schema: {
        tags,
        summary: 'Delete a trigger, with all that waits for being sent',
        params: triggerParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      await deleteTrigger(db, await keyOf(params))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/apps/:app/triggers/:trigger/pause',
    {
      schema: {
        tags,
        summary: 'Send nothing of a trigger until it is resumed',
        params: triggerParamsSchema,
        response: { 200: triggerSchema },
      },
    },
    async ({ params }) => {
      const key = await keyOf(params)
      await pauseTrigger(db, key)
      return readTrigger(db, key)
    },
  )

  app.post(
    '/apps/:app/triggers/:trigger/resume',
    {
      schema: {
        tags,
        summary: 'Go on with a trigger',
        params: triggerParamsSchema,
        response: { 200: triggerSchema },
      },
    },
    async ({ params }) => {
      const key = await keyOf(params)
      await resumeTrigger(db, key)
      context.poke()
      return readTrigger(db, key)
    },
  )
}
