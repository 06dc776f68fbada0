/** Messages: accepting them, and reading what became of them. */
import { messageSchema, newMessageSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { createMessage } from '../../../messages/create.ts'
import { judgeImages } from '../../../messages/images.ts'
import { countExceptions, listMessages, readMessage } from '../../../messages/read.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import {
  acceptedMessageSchema,
  exceptionListSchema,
  messageListSchema,
  messageParamsSchema,
  messageQuerySchema,
} from './schema.ts'

const tags = ['messages']

export async function messageRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/apps/:app/messages',
    {
      schema: {
        tags,
        summary: 'Send a message',
        params: appParamsSchema,
        body: newMessageSchema,
        response: { 202: acceptedMessageSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const input = request.body
      const images = await judgeImages(context.images, input.content)
      const created = await createMessage(context.db, { appId, input, images, at: context.clock.now() })
      context.poke()
      return reply.code(202).send(created)
    },
  )

  app.get(
    '/apps/:app/messages',
    {
      schema: {
        tags,
        summary: 'List messages, newest first',
        params: appParamsSchema,
        querystring: messageQuerySchema,
        response: { 200: messageListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return { messages: await listMessages(context.db, { appId, limit: request.query.limit }) }
    },
  )

  app.get(
    '/apps/:app/messages/:id',
    {
      schema: {
        tags,
        summary: 'Read a message with its counts',
        params: messageParamsSchema,
        response: { 200: messageSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return readMessage(context.db, { appId, id: request.params.id })
    },
  )

  app.get(
    '/apps/:app/messages/:id/exceptions',
    {
      schema: {
        tags,
        summary: 'Count why deliveries were not accepted',
        params: messageParamsSchema,
        response: { 200: exceptionListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      await readMessage(context.db, { appId, id: request.params.id })
      return { exceptions: await countExceptions(context.db, request.params.id) }
    },
  )
}
