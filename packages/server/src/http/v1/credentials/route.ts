/** Gateway credentials of an app. Nothing secret is ever answered. */
import { credentialSchema, newCredentialSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { addCredential, listCredentials, replaceCredential } from '../../../credentials/credentials.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { credentialListSchema, credentialParamsSchema } from './schema.ts'

const tags = ['credentials']

export async function credentialRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

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
      return { credentials: await listCredentials(context.db, id) }
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
      const credential = await addCredential(context.db, context.seal, { appId, input: request.body })
      context.poke()
      return reply.code(201).send(credential)
    },
  )

  app.put(
    '/apps/:app/credentials/:id',
    {
      schema: {
        tags,
        summary: 'Replace the content of a slot',
        params: credentialParamsSchema,
        body: newCredentialSchema,
        response: { 200: credentialSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const credential = await replaceCredential(context.db, context.seal, {
        appId,
        id: request.params.id,
        input: request.body,
      })
      context.poke()
      return credential
    },
  )
}
