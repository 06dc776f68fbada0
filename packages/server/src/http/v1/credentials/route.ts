/** Gateway credentials of an app. Nothing secret is ever answered. docs/credentials.md is their page. */
import {
  type CredentialView,
  credentialHistorySchema,
  credentialSchema,
  newCredentialSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  addCredential,
  deleteCredential,
  listCredentials,
  readCredential,
  replaceCredential,
} from '../../../credentials/credentials.ts'
import { readHistory } from '../../../credentials/history.ts'
import type { HttpContext } from '../../context.ts'
import { actorOf } from '../actor.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'
import { credentialListSchema, credentialParamsSchema } from './schema.ts'

const tags = ['credentials']

/** For the ETag: another content is another version. */
function contentOf({ version }: CredentialView): unknown {
  return { version }
}

export async function credentialRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, seal, clock, checks } = context

  /** What is stored sends at once; the answer waits until its gateway was asked. */
  const checkStored = async ({ id }: CredentialView, appId: number): Promise<CredentialView> => {
    context.poke()
    await checks.check(id)
    return readCredential(db, { appId, id, at: clock.now() })
  }

  app.get(
    '/apps/:app/credentials',
    {
      schema: {
        tags,
        summary: 'List the credentials',
        params: appParamsSchema,
        response: { 200: credentialListSchema },
      },
    },
    async request => {
      const { id } = await context.apps.find(request.params.app)
      return { credentials: await listCredentials(db, id, clock.now()) }
    },
  )

  app.post(
    '/apps/:app/credentials',
    {
      schema: {
        tags,
        summary: 'Add a credential',
        params: appParamsSchema,
        body: newCredentialSchema,
        response: { 201: credentialSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const change = { appId, input: request.body, by: await actorOf(db, request), at: clock.now() }
      const added = await db.transaction(tx => addCredential(tx, seal, change))
      return reply.code(201).send(await checkStored(added, appId))
    },
  )

  app.get(
    '/apps/:app/credentials/:id',
    {
      schema: {
        tags,
        summary: 'Read a credential',
        params: credentialParamsSchema,
        response: { 200: credentialSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const found = await readCredential(db, { appId, id: request.params.id, at: clock.now() })
      return withEtag(reply, found, contentOf)
    },
  )

  app.put(
    '/apps/:app/credentials/:id',
    {
      schema: {
        tags,
        summary: 'Replace the content of a slot',
        params: credentialParamsSchema,
        headers: editHeadersSchema,
        body: newCredentialSchema,
        response: { 200: credentialSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { id } = request.params
      const by = await actorOf(db, request)
      const change = { appId, id, input: request.body, by, at: clock.now() }
      const unchanged = unchangedOf(request, {
        name: `credential ${id}`,
        read: async tx => contentOf(await readCredential(tx, change)),
      })
      const replaced = await db.transaction(async tx => {
        await unchanged?.(tx)
        return replaceCredential(tx, seal, change)
      })
      return withEtag(reply, await checkStored(replaced, appId), contentOf)
    },
  )

  app.post(
    '/apps/:app/credentials/:id/check',
    {
      schema: {
        tags,
        summary: 'Ask the gateway now; what it takes again goes on',
        params: credentialParamsSchema,
        response: { 200: credentialSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { id } = request.params
      const known = await readCredential(db, { appId, id, at: clock.now() })
      const checked = await checkStored(known, appId)
      context.poke() // what waited may go on
      return checked
    },
  )

  app.delete(
    '/apps/:app/credentials/:id',
    {
      schema: {
        tags,
        summary: 'Delete a credential that no web subscription needs',
        params: credentialParamsSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const change = { appId, id: request.params.id, by: await actorOf(db, request), at: clock.now() }
      await db.transaction(tx => deleteCredential(tx, change))
      context.poke()
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/apps/:app/credentials/:id/history',
    {
      schema: {
        tags,
        summary: 'Who changed a credential, and when',
        params: credentialParamsSchema,
        response: { 200: credentialHistorySchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return readHistory(db, { appId, id: request.params.id })
    },
  )
}
