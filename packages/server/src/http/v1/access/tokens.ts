/** API tokens: made, listed by what they begin with, and revoked on all servers at once. */
import { apiTokenListSchema, madeApiTokenSchema, newApiTokenSchema, PushError, RIGHTS } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { mayAll } from '../../../access/rights.ts'
import { listTokens, newToken, readToken, revokeToken, storeToken } from '../../../access/tokens.ts'
import { callerOf } from '../../caller.ts'
import type { HttpContext } from '../../context.ts'
import { scopeOf, tellAudit } from './door.ts'
import { type Place, placeParams } from './place.ts'

const tags = ['access']

/** Once below /v1, once below an app. */
export function tokenRoutes(instance: FastifyInstance, context: HttpContext, place: Place): void {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const params = placeParams(place)

  app.get(
    `${place.path}/tokens`,
    {
      schema: {
        tags,
        summary: place.isApp ? 'List the tokens of an app' : 'List all tokens, those of apps included',
        ...(place.isApp && { params: z.object(params) }),
        response: { 200: apiTokenListSchema },
      },
    },
    async request => ({ tokens: await listTokens(db, (await scopeOf(context, request))?.id ?? null) }),
  )

  app.post(
    `${place.path}/tokens`,
    {
      schema: {
        tags,
        summary: place.isApp
          ? 'Make a token that is confined to an app; it is told once'
          : 'Make a server token for every app; it is told once',
        ...(place.isApp && { params: z.object(params) }),
        body: newApiTokenSchema,
        response: { 201: madeApiTokenSchema },
      },
    },
    async (request, reply) => {
      const appId = (await scopeOf(context, request))?.id ?? null
      const { kind, name, scopes } = request.body
      if (kind === 'device' && appId === null)
        throw new PushError(
          'input_invalid',
          'body/kind: a device token is of an app: POST /v1/apps/{app}/tokens',
        )
      if (kind === 'device' && scopes !== undefined)
        throw new PushError('input_invalid', 'body/scopes: a device token has none')
      const caller = callerOf(request)
      if (!mayAll(caller, appId, scopes ?? RIGHTS))
        throw new PushError('not_allowed', 'a token may not do more than whoever makes it')
      const token = newToken(kind)
      const made = {
        kind,
        token,
        label: name,
        appId,
        scopes: scopes ?? null,
        madeBy: caller.name,
        at: clock.now(),
      }
      const id = (await storeToken(db, made)) as number
      tellAudit(request, {
        subject: name,
        after: `${kind}: ${kind === 'device' ? '' : (scopes ?? ['all']).join(' ')}`,
      })
      return reply.code(201).send({ ...(await readToken(db, { id, appId })), token })
    },
  )

  app.delete(
    `${place.path}/tokens/:token`,
    {
      schema: {
        tags,
        summary: 'Revoke a token: it serves nobody from now on',
        params: z.object({ ...params, token: z.coerce.number().int().min(1).max(2_147_483_647) }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const appId = (await scopeOf(context, request))?.id ?? null
      const { token: id } = request.params
      await db.transaction(async tx => {
        const { name } = await readToken(tx, { id, appId })
        await revokeToken(tx, { id, appId, at: clock.now() })
        tx.announce('access')
        tellAudit(request, { subject: name, after: null })
      })
      context.serverTokens.forget()
      context.apps.forget()
      return reply.code(204).send(null)
    },
  )
}
