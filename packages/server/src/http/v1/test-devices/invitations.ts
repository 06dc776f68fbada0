/** Invitations of test devices: made, looked at (once, or live as server-sent events), ended. */
import { Readable } from 'node:stream'
import { invitationSchema, madeInvitationSchema, newInvitationSchema } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { createInvitation, endInvitation, readInvitation, viewOf } from '../../../test-devices/invitations.ts'
import { qrSvg } from '../../../test-devices/qr.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { InvitationStreams } from './stream.ts'

const tags = ['test devices']
const paramsSchema = z.object({ app: z.string(), invitation: z.uuid() })

export async function invitationRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const streams = new InvitationStreams(context)
  instance.addHook('preClose', async () => streams.close())

  app.post(
    '/apps/:app/test-devices/invitations',
    {
      schema: {
        tags,
        summary: 'Make a code, good for ten minutes and one phone, that makes the phone a test device',
        params: appParamsSchema,
        body: newInvitationSchema,
        response: { 201: madeInvitationSchema },
      },
    },
    async (request, reply) => {
      const { id: appId, name } = await context.apps.find(request.params.app)
      const { body: wanted } = request
      const at = clock.now()
      const notification = wanted.notification ?? greetingOf(name)
      const { invitation, code } = await createInvitation(db, { appId, wanted, notification, at })
      const link = `${serverUrlOf(request, wanted.serverUrl)}/test-device#${code}`
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...viewOf(invitation, at), link, qr: await qrSvg(link) })
    },
  )

  app.get(
    '/apps/:app/test-devices/invitations/:invitation',
    {
      schema: {
        tags,
        summary: 'Read an invitation: what its phone has come to, and the gateway’s answer',
        params: paramsSchema,
        response: { 200: invitationSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return viewOf(await readInvitation(db, { appId, id: params.invitation }), clock.now())
    },
  )

  app.get(
    '/apps/:app/test-devices/invitations/:invitation/live',
    {
      schema: {
        tags,
        summary:
          'The same as server-sent events: the whole invitation with each change, until it is done or over',
        params: paramsSchema,
        response: {
          200: {
            description: 'Events "invitation", each with an invitation as JSON',
            content: { 'text/event-stream': { schema: z.unknown() } },
          },
        },
      },
    },
    async ({ params }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const key = { appId, id: params.invitation }
      await readInvitation(db, key)
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      return reply
        .type('text/event-stream')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no') // nginx would keep it until it is whole
        .send(Readable.from(streams.open(key, gone.signal), { objectMode: false }))
    },
  )

  app.delete(
    '/apps/:app/test-devices/invitations/:invitation',
    {
      schema: {
        tags,
        summary: 'End an invitation; repeating it changes nothing',
        params: paramsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      await endInvitation(db, { appId, id: params.invitation }, clock.now())
      return reply.code(204).send(null)
    },
  )
}

function greetingOf(app: string) {
  return { title: `Test of ${app}`, body: 'This device gets pushes.' }
}

function serverUrlOf(request: FastifyRequest, given: string | undefined): string {
  return given?.replace(/\/+$/, '') ?? `${request.protocol}://${request.host}`
}
