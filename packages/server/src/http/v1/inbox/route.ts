/** The inbox of a device, for apps and for back ends. */
import { inboxPatchSchema, inboxSchema, PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readInbox, viewOf } from '../../../inbox/content.ts'
import { claimedUser, isUnread } from '../../../inbox/read.ts'
import { STATUS, setInboxState } from '../../../inbox/states.ts'
import type { HttpContext } from '../../context.ts'
import { letInDevicesAndBackEnds, DEVICE_OR_BACK_END as security } from '../../device-or-back-end.ts'
import { deviceParamsSchema } from '../devices/schema.ts'
import { inboxEntryParamsSchema, inboxQuerySchema } from './schema.ts'

const tags = ['inbox']

/** The caller registers with the path of the inbox as prefix. */
export async function inboxRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const callerOf = await letInDevicesAndBackEnds(instance, context, ['GET', 'PATCH'])
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.get(
    '',
    {
      schema: {
        tags,
        security,
        summary: 'Read the inbox of a device, newest first, with its unread count',
        params: deviceParamsSchema,
        querystring: inboxQuerySchema,
        response: { 200: inboxSchema },
      },
    },
    async request => {
      const { id: appId } = callerOf(request)
      const { limit, after, userId } = request.query
      const { hwid } = request.params
      const key = { appId, hwid, at: context.clock.now(), claimedUserId: claimedUser({ hwid, userId }) }
      const { shown } = await readInbox(context.db, key)
      const rest = after === undefined ? shown : shown.filter(it => it.entry.number < Number(after))
      const page = rest.slice(0, limit)
      const last = page.at(-1)
      return {
        entries: page.map(viewOf),
        unread: shown.filter(it => isUnread(it.entry)).length,
        next: last === undefined || page.length === rest.length ? null : String(last.entry.number),
      }
    },
  )

  app.patch(
    '/:id',
    {
      schema: {
        tags,
        security,
        summary: 'Say that a message of the inbox was delivered, read, opened or deleted; it never goes back',
        params: inboxEntryParamsSchema,
        querystring: z.strictObject({}),
        body: inboxPatchSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { hwid, id: messageId } = request.params
      const { id: appId } = callerOf(request)
      const status = STATUS[request.body.state]
      const change = { appId, hwid, at: context.clock.now(), messageId, status }
      if (!(await setInboxState(context.db, change)))
        throw new PushError('message_unknown', `the inbox of this device has no message ${messageId}`)
      return reply.code(204).send(null)
    },
  )
}
