/** Schedules: messages that recur. */
import { newScheduleSchema, type ScheduleView, schedulePatchSchema, scheduleSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { judgeAllImages } from '../../../messages/experiments/content.ts'
import { listMessages } from '../../../messages/read.ts'
import {
  changeSchedule,
  createSchedule,
  deleteSchedule,
  listSchedules,
  pauseSchedule,
  readSchedule,
  resumeSchedule,
  type ScheduleKey,
} from '../../../messages/schedules/schedules.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'
import { messageListSchema, messageQuerySchema } from '../messages/schema.ts'

const tags = ['schedules']
const scheduleParamsSchema = z.object({ app: z.string(), schedule: z.uuid().toLowerCase() })

/** For the ETag: its runs, and that it is paused, make no other one. */
function editedOf({ name, cron, timeZone, localTime, missed, message }: ScheduleView): unknown {
  return { name, cron, timeZone, localTime, missed, message }
}

export async function scheduleRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, apps } = context
  const keyOf = async (params: z.infer<typeof scheduleParamsSchema>): Promise<ScheduleKey> => ({
    appId: (await apps.find(params.app)).id,
    id: params.schedule,
  })

  app.get(
    '/apps/:app/schedules',
    {
      schema: {
        tags,
        summary: 'List the schedules, newest first',
        params: appParamsSchema,
        response: { 200: z.object({ schedules: z.array(scheduleSchema) }) },
      },
    },
    async ({ params }) => ({ schedules: await listSchedules(db, (await apps.find(params.app)).id) }),
  )

  app.post(
    '/apps/:app/schedules',
    {
      schema: {
        tags,
        summary: 'Send a message again and again',
        params: appParamsSchema,
        body: newScheduleSchema,
        response: { 201: scheduleSchema },
      },
    },
    async ({ params, body }, reply) => {
      const { id: appId } = await apps.find(params.app)
      const images = await judgeAllImages(context.images, body.message)
      const id = await createSchedule(db, { appId, input: body, images, at: clock.now() })
      return reply.code(201).send(await readSchedule(db, { appId, id }))
    },
  )

  app.get(
    '/apps/:app/schedules/:schedule',
    {
      schema: {
        tags,
        summary: 'Read a schedule with its next and last runs',
        params: scheduleParamsSchema,
        response: { 200: scheduleSchema },
      },
    },
    async ({ params }, reply) => withEtag(reply, await readSchedule(db, await keyOf(params)), editedOf),
  )

  app.patch(
    '/apps/:app/schedules/:schedule',
    {
      schema: {
        tags,
        summary: 'Change a schedule; messages that it has made stay as they are',
        params: scheduleParamsSchema,
        headers: editHeadersSchema,
        body: schedulePatchSchema,
        response: { 200: scheduleSchema },
      },
    },
    async (request, reply) => {
      const { params, body } = request
      const key = await keyOf(params)
      const images = body.message && (await judgeAllImages(context.images, body.message))
      const unchanged = unchangedOf(request, {
        name: `schedule ${key.id}`,
        read: async tx => editedOf(await readSchedule(tx, key)),
      })
      await changeSchedule(db, { ...key, patch: body, images, at: clock.now(), unchanged })
      return withEtag(reply, await readSchedule(db, key), editedOf)
    },
  )

  for (const [verb, change, summary] of [
    ['pause', pauseSchedule, 'Make no runs until it is resumed'],
    ['resume', resumeSchedule, 'Go on with the next run'],
  ] as const)
    app.post(
      `/apps/:app/schedules/:schedule/${verb}`,
      { schema: { tags, summary, params: scheduleParamsSchema, response: { 200: scheduleSchema } } },
      async ({ params }) => {
        const key = await keyOf(params)
        await change(db, { ...key, at: clock.now() })
        return readSchedule(db, key)
      },
    )

  app.get(
    '/apps/:app/schedules/:schedule/messages',
    {
      schema: {
        tags,
        summary: 'List the messages that it has made, newest first',
        params: scheduleParamsSchema,
        querystring: messageQuerySchema,
        response: { 200: messageListSchema },
      },
    },
    async ({ params, query }) => {
      const key = await keyOf(params)
      await readSchedule(db, key)
      return listMessages(db, { appId: key.appId, scheduleId: key.id, ...query })
    },
  )

  app.delete(
    '/apps/:app/schedules/:schedule',
    {
      schema: {
        tags,
        summary: 'Delete a schedule; messages that it has made stay as they are',
        params: scheduleParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      await deleteSchedule(db, await keyOf(params))
      return reply.code(204).send(null)
    },
  )
}
