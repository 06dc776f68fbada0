/** Controlling a message while it is on its way, and asking what became of it for one device. */
import { chosenVariantSchema, messageSchema, recallSchema, traceSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { cancelMessage, type MessageKey, pauseMessage, resumeMessage } from '../../../messages/control.ts'
import { chooseVariant } from '../../../messages/experiments/decide.ts'
import { judgeImages } from '../../../messages/images.ts'
import { readMessage } from '../../../messages/read.ts'
import { recallMessage } from '../../../messages/recall.ts'
import { traceMessage } from '../../../messages/trace.ts'
import type { HttpContext } from '../../context.ts'
import { messageParamsSchema } from '../messages/schema.ts'
import { traceQuerySchema } from './schema.ts'

interface Control {
  readonly verb: string
  readonly summary: string
  readonly change: (context: HttpContext, key: MessageKey) => Promise<void>
}

const CONTROLS: readonly Control[] = [
  {
    verb: 'pause',
    summary: 'Pause a message: nothing of it is sent until it is resumed',
    change: ({ db }, key) => pauseMessage(db, key),
  },
  {
    verb: 'resume',
    summary: 'Let a paused message go on where it stopped',
    change: ({ db }, key) => resumeMessage(db, key),
  },
  {
    verb: 'cancel',
    summary: 'Cancel a message: what was not sent never is',
    change: ({ db, clock }, key) => cancelMessage(db, key, clock.now()),
  },
]

export async function messageControlRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  for (const { verb, summary, change } of CONTROLS) {
    app.post(
      `/apps/:app/messages/:id/${verb}`,
      {
        schema: {
          tags: ['messages'],
          summary,
          params: messageParamsSchema,
          response: { 200: messageSchema },
        },
      },
      async request => {
        const { id: appId } = await context.apps.find(request.params.app)
        const key = { appId, id: request.params.id }
        await change(context, key)
        return readMessage(context.db, key)
      },
    )
  }

  app.post(
    '/apps/:app/messages/:id/winner',
    {
      schema: {
        tags: ['messages'],
        summary: 'Say which variant the rest of the audience gets',
        params: messageParamsSchema,
        body: chosenVariantSchema,
        response: { 200: messageSchema },
      },
    },
    async ({ params, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      const key = { appId, id: params.id }
      await chooseVariant(context.db, { key, variant: body.variant, at: context.clock.now() })
      context.poke()
      return readMessage(context.db, key)
    },
  )

  app.post(
    '/apps/:app/messages/:id/recall',
    {
      schema: {
        tags: ['messages'],
        summary: 'Recall a message: stop what is left of it, and replace or take away what was shown',
        params: messageParamsSchema,
        body: recallSchema.nullish(),
        response: { 200: messageSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const key = { appId, id: request.params.id }
      const content = request.body?.content
      const images = content && (await judgeImages(context.images, content))
      await recallMessage(context.db, { key, content, images, at: context.clock.now() })
      context.poke()
      return readMessage(context.db, key)
    },
  )

  app.get(
    '/apps/:app/messages/:id/trace',
    {
      schema: {
        tags: ['messages'],
        summary: 'Say what became of a message for one device, and how that is known',
        params: messageParamsSchema,
        querystring: traceQuerySchema,
        response: { 200: traceSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return traceMessage(context.db, { appId, messageId: request.params.id, hwid: request.query.hwid })
    },
  )
}
