/** Calls, for back ends. docs/calls.md has the states. */
import { callAnswerSchema, callListSchema, callSchema, newCallSchema } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { callListQuerySchema, callParamsSchema } from './schema.ts'

const tags = ['calls']

const ANSWERS = [
  { kind: 'accept', summary: 'Accept a call on behalf of a callee; one answer wins' },
  { kind: 'reject', summary: 'Reject a call on behalf of a callee, on all devices' },
  { kind: 'busy', summary: 'Say that a callee is in another call' },
] as const

export async function callRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { calls } = context

  app.post(
    '/apps/:app/calls',
    {
      schema: {
        tags,
        summary: 'Have all devices of the callees ring',
        params: appParamsSchema,
        body: newCallSchema,
        response: { 201: callSchema },
      },
    },
    async ({ params, body }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      return reply.code(201).send(await calls.create(appId, body))
    },
  )

  app.get(
    '/apps/:app/calls',
    {
      schema: {
        tags,
        summary: 'List calls, the newest first',
        params: appParamsSchema,
        querystring: callListQuerySchema,
        response: { 200: callListSchema },
      },
    },
    async ({ params, query }) => {
      const { id: appId } = await context.apps.find(params.app)
      return calls.list({ appId, ...query })
    },
  )

  app.get(
    '/apps/:app/calls/:call',
    {
      schema: {
        tags,
        summary: 'Say where a call stands',
        params: callParamsSchema,
        response: { 200: callSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return calls.read({ appId, callId: params.call })
    },
  )

  app.post(
    '/apps/:app/calls/:call/cancel',
    {
      schema: {
        tags,
        summary: 'End a call by its caller: whoever still rings stops',
        params: callParamsSchema,
        response: { 200: callSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return calls.cancel({ appId, callId: params.call })
    },
  )

  for (const { kind, summary } of ANSWERS)
    app.post(
      `/apps/:app/calls/:call/${kind}`,
      {
        schema: {
          tags,
          summary,
          params: callParamsSchema,
          body: callAnswerSchema,
          response: { 200: callSchema },
        },
      },
      async ({ params, body }) => {
        const { id: appId } = await context.apps.find(params.app)
        return calls.answer({ appId, callId: params.call }, kind, body)
      },
    )
}
