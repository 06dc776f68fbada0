/** Alerts of an app, and what to do with the deaths that one holds (R16). docs/token-life.md tells when they are raised. */
import { alertSchema } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { closeAlert, listAlerts, readAlert } from '../../../hygiene/alerts.ts'
import { decideHeld, requireEmpty, requireHolding } from '../../../hygiene/guard.ts'
import type { HttpContext } from '../../context.ts'
import { actorOf } from '../actor.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { alertDecisionSchema, alertListSchema, alertParamsSchema, alertQuerySchema } from './schema.ts'

const tags = ['alerts']

const DECISIONS = {
  release: { state: 'released', summary: 'Make the deaths that it holds deaths' },
  forget: { state: 'forgotten', summary: 'Take the deaths that it holds back' },
} as const

export async function alertRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const keyOf = async ({ app: code, id }: { readonly app: string; readonly id: string }) => ({
    appId: (await context.apps.find(code)).id,
    id,
  })
  const closingOf = async (
    request: FastifyRequest,
    {
      params,
      requireFit,
    }: {
      readonly params: { readonly app: string; readonly id: string }
      readonly requireFit: typeof requireHolding
    },
  ) => {
    const key = await keyOf(params)
    await requireFit(db, key)
    return { ...key, by: (await actorOf(db, request)).label, at: clock.now() }
  }

  app.get(
    '/apps/:app/alerts',
    {
      schema: {
        tags,
        summary: 'List the newest 100 alerts',
        params: appParamsSchema,
        querystring: alertQuerySchema,
        response: { 200: alertListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return { alerts: await listAlerts(db, { appId, state: request.query.state }) }
    },
  )

  app.get(
    '/apps/:app/alerts/:id',
    { schema: { tags, summary: 'Read an alert', params: alertParamsSchema, response: { 200: alertSchema } } },
    async request => readAlert(db, await keyOf(request.params)),
  )

  for (const [verb, { state, summary }] of Object.entries(DECISIONS))
    app.post(
      `/apps/:app/alerts/:id/${verb}`,
      { schema: { tags, summary, params: alertParamsSchema, response: { 200: alertDecisionSchema } } },
      async request => {
        const closing = await closingOf(request, { params: request.params, requireFit: requireHolding })
        return { changed: await decideHeld(db, { ...closing, state }) }
      },
    )

  app.post(
    '/apps/:app/alerts/:id/close',
    {
      schema: {
        tags,
        summary: 'Close an alert that holds nothing',
        params: alertParamsSchema,
        response: { 200: alertSchema },
      },
    },
    async request => {
      const closing = await closingOf(request, { params: request.params, requireFit: requireEmpty })
      await closeAlert(db, { ...closing, state: 'closed' })
      return readAlert(db, closing)
    },
  )
}
