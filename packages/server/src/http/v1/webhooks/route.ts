/** Webhooks of an app. docs/webhooks.md tells what is sent and how it is signed. */
import {
  createdWebhookSchema,
  newSecretSchema,
  newWebhookSchema,
  redeliverySchema,
  WEBHOOK_TEST,
  type WebhookView,
  webhookChangeSchema,
  webhookSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Queryable } from '../../../store/database.ts'
import { recordEvent } from '../../../webhooks/outbox.ts'
import {
  addWebhook,
  changeSecret,
  changeWebhook,
  deleteWebhook,
  listDeliveries,
  listWebhooks,
  readWebhook,
  redeliver,
  type WebhookKey,
} from '../../../webhooks/webhooks.ts'
import type { HttpContext } from '../../context.ts'
import { actorOf } from '../actor.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'
import {
  deliveryListSchema,
  redeliveredSchema,
  webhookListSchema,
  webhookParamsSchema,
  webhookTestSchema,
} from './schema.ts'

const tags = ['webhooks']
const HOUR_MS = 3_600_000

export async function webhookRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, seal, clock, allowPrivateEndpoints: allowPrivate } = context
  const keyOf = async (params: { readonly app: string; readonly id: string }): Promise<WebhookKey> => ({
    appId: (await context.apps.find(params.app)).id,
    id: params.id,
  })

  app.get(
    '/apps/:app/webhooks',
    {
      schema: {
        tags,
        summary: 'List the webhooks',
        params: appParamsSchema,
        response: { 200: webhookListSchema },
      },
    },
    async request => {
      const { id } = await context.apps.find(request.params.app)
      return { webhooks: await listWebhooks(db, id) }
    },
  )

  app.post(
    '/apps/:app/webhooks',
    {
      schema: {
        tags,
        summary: 'Add a webhook; its secret is shown this once',
        params: appParamsSchema,
        body: newWebhookSchema,
        response: { 201: createdWebhookSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const added = await addWebhook(db, seal, {
        appId,
        input: request.body,
        at: clock.now(),
        allowPrivate,
      })
      return reply.code(201).send(added)
    },
  )

  app.get(
    '/apps/:app/webhooks/:id',
    {
      schema: {
        tags,
        summary: 'Read a webhook',
        params: webhookParamsSchema,
        response: { 200: webhookSchema },
      },
    },
    async (request, reply) => withEtag(reply, await readWebhook(db, await keyOf(request.params)), editedOf),
  )

  app.patch(
    '/apps/:app/webhooks/:id',
    {
      schema: {
        tags,
        summary: 'Change a webhook',
        params: webhookParamsSchema,
        headers: editHeadersSchema,
        body: webhookChangeSchema,
        response: { 200: webhookSchema },
      },
    },
    async (request, reply) => {
      const { label: by } = await actorOf(db, request)
      const key = await keyOf(request.params)
      const read = async (tx: Queryable) => editedOf(await readWebhook(tx, key))
      const unchanged = unchangedOf(request, { name: `webhook ${key.id}`, read })
      const change = { change: request.body, by, at: clock.now(), allowPrivate, unchanged }
      return withEtag(reply, await changeWebhook(db, key, change), editedOf)
    },
  )

  app.delete(
    '/apps/:app/webhooks/:id',
    {
      schema: { tags, summary: 'Delete a webhook', params: webhookParamsSchema, response: { 204: z.null() } },
    },
    async (request, reply) => {
      const { label: by } = await actorOf(db, request)
      await deleteWebhook(db, { ...(await keyOf(request.params)), by, at: clock.now() })
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/apps/:app/webhooks/:id/deliveries',
    {
      schema: {
        tags,
        summary: 'The newest 100 deliveries of a webhook',
        params: webhookParamsSchema,
        response: { 200: deliveryListSchema },
      },
    },
    async request => ({ deliveries: await listDeliveries(db, await keyOf(request.params)) }),
  )

  app.post(
    '/apps/:app/webhooks/:id/redeliver',
    {
      schema: {
        tags,
        summary: 'Deliver events again: these, or all that were given up',
        params: webhookParamsSchema,
        body: redeliverySchema,
        response: { 202: redeliveredSchema },
      },
    },
    async (request, reply) => {
      const key = await keyOf(request.params)
      const count = await redeliver(db, { ...key, which: request.body, at: clock.now() })
      context.runSoon('webhook-delivery')
      return reply.code(202).send({ count })
    },
  )

  app.post(
    '/apps/:app/webhooks/:id/secret',
    {
      schema: {
        tags,
        summary:
          'Give a webhook a new secret, which is shown this once; the former one signs beside it for a while',
        params: webhookParamsSchema,
        body: newSecretSchema,
        response: { 200: createdWebhookSchema },
      },
    },
    async request => {
      const formerUntil = clock.now() + request.body.formerHours * HOUR_MS
      return changeSecret(db, seal, { ...(await keyOf(request.params)), formerUntil })
    },
  )

  app.post(
    '/apps/:app/webhooks/:id/test',
    {
      schema: {
        tags,
        summary: `Send a ${WEBHOOK_TEST} event`,
        params: webhookParamsSchema,
        response: { 202: webhookTestSchema },
      },
    },
    async (request, reply) => {
      const { appId, id } = await keyOf(request.params)
      await readWebhook(db, { appId, id })
      const event = { appId, type: WEBHOOK_TEST, data: {}, at: clock.now(), webhookId: id } as const
      const eventId = await recordEvent(db, event)
      context.runSoon('webhook-delivery')
      return reply.code(202).send({ eventId })
    },
  )
}

/** How its deliveries go makes no other one, unless it is switched off for that. */
function editedOf({ url, events, isActive }: WebhookView): unknown {
  return { url, events, isActive }
}
