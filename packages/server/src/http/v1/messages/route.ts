/** Messages: accepting them, and reading what became of them. */
import {
  dryRunSchema,
  editedMessageSchema,
  type MessageView,
  messageSchema,
  newMessageSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { dryRun } from '../../../messages/dry-run.ts'
import { editMessage } from '../../../messages/edit.ts'
import { judgeAllImages } from '../../../messages/experiments/content.ts'
import { countExceptions, listMessages, readMessage } from '../../../messages/read.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'
import {
  acceptedMessageSchema,
  dryRunQuerySchema,
  exceptionListSchema,
  messageListSchema,
  messageParamsSchema,
  messageSearchSchema,
} from './schema.ts'

const tags = ['messages']

/** For the ETag: all that was asked for; what becomes of it makes no other one. */
function editedOf(view: MessageView): unknown {
  const { state, title, finishedAt, counts, waiting, awaits, progress, held, ...rest } = view
  const { recalls, recalledBy, audience, warnings, remarks, slots, retrying, experiment, ...asked } = rest
  const variants = experiment?.variants.map(({ name, percent, content }) => ({ name, percent, content }))
  return { ...asked, variants, control: experiment?.control.percent, winner: experiment?.winner }
}

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
      const images = await judgeAllImages(context.images, input)
      const message = { appId, input, images, at: context.clock.now() }
      return reply.code(202).send(await context.accept(message))
    },
  )

  app.post(
    '/apps/:app/messages/dry-run',
    {
      schema: {
        tags,
        summary:
          'Say whom a message would reach, how large it is, and what is wrong with it; nothing is stored or sent',
        params: appParamsSchema,
        querystring: dryRunQuerySchema,
        body: newMessageSchema,
        response: { 200: dryRunSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const input = request.body
      const images = await judgeAllImages(context.images, input)
      const isExact = request.query.exact === 'true'
      return dryRun(context.db, {
        appId,
        input,
        images,
        at: context.clock.now(),
        random: Math.random,
        isExact,
      })
    },
  )

  app.get(
    '/apps/:app/messages',
    {
      schema: {
        tags,
        summary: 'List messages, newest first, page by page; all of them, or those that are searched for',
        params: appParamsSchema,
        querystring: messageSearchSchema,
        response: { 200: messageListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { state: states, ...search } = request.query
      return listMessages(context.db, { appId, states, ...search })
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
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      return withEtag(reply, await readMessage(context.db, { appId, id: request.params.id }), editedOf)
    },
  )

  app.put(
    '/apps/:app/messages/:id',
    {
      schema: {
        tags,
        summary: 'Change a message of which nothing has left yet',
        params: messageParamsSchema,
        headers: editHeadersSchema,
        body: editedMessageSchema,
        response: { 200: messageSchema },
      },
    },
    async (request, reply) => {
      const { params, body: input } = request
      const key = { appId: (await context.apps.find(params.app)).id, id: params.id }
      const images = await judgeAllImages(context.images, input)
      const unchanged = unchangedOf(request, {
        name: `message ${key.id}`,
        read: async tx => editedOf(await readMessage(tx, key)),
      })
      await editMessage(context.db, { key, input, images, at: context.clock.now(), unchanged })
      context.poke('plan')
      return withEtag(reply, await readMessage(context.db, key), editedOf)
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
