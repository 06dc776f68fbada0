/** What is going on in an app, as server-sent events. docs/console-api.md tells how to use them. */
import { Readable } from 'node:stream'
import { livePictureSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { Pictures } from '../../../insight/overview/picture.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { listenerOf } from './listener.ts'
import { LiveStreams } from './streams.ts'
import { Watch } from './watch.ts'

/** For the reader of the API page: what is sent is text. */
const pictureOnPage: z.ZodType<unknown> = livePictureSchema

export async function liveRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock, logger } = context
  const pictures = new Pictures(db)
  const watch = new Watch({
    look: look => pictures.read(look),
    clock,
    onFault: error => logger.debug({ err: error }, 'what is going on could not be looked at'),
  })
  const streams = new LiveStreams(watch)

  app.get(
    '/apps/:app/live',
    {
      schema: {
        tags: ['live'],
        summary:
          'Tell what is going on as server-sent events: first the event "picture", then what changes in it',
        params: appParamsSchema,
        response: {
          200: {
            description:
              'The event "picture"; then "message", "alert", "job", "credential", "devices", "work", "trouble", each with one of its entries, and "gone"',
            content: { 'text/event-stream': { schema: pictureOnPage } },
          },
        },
      },
    },
    async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      if (reply.raw.destroyed) gone.abort()
      const { id: appId } = await context.apps.find(request.params.app)
      const listener = listenerOf(context, request, appId)
      const events = streams.open({
        ...listener,
        appId,
        over: AbortSignal.any([gone.signal, instance.stopping]),
        cut: () => reply.raw.destroy(),
      })
      return reply
        .type('text/event-stream')
        .header('cache-control', 'no-store')
        .header('connection', 'close') // so that it ends with the stream, and a stop need not wait for it
        .header('x-accel-buffering', 'no') // nginx would keep it until it is whole
        .send(Readable.from(events, { objectMode: false }))
    },
  )
}
