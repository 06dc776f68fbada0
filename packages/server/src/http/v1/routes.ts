/** REST: everything below /v1, with server tokens, checked shapes, and the OpenAPI page that is made from them. */
import swagger from '@fastify/swagger'

import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { HttpContext } from '../context.ts'
import { validatorCompiler } from '../faults.ts'
import { problemSchema } from '../problem.ts'
import { requireServerToken } from '../server-token.ts'
import { addressPolicyRoutes } from './address-policy/route.ts'
import { alertRoutes } from './alerts/route.ts'
import { appRoutes } from './apps/route.ts'
import { bulkRoutes } from './bulk/route.ts'
import { credentialRoutes } from './credentials/route.ts'
import { deviceCallRoutes } from './devices/calls.ts'
import { eraseRoutes } from './devices/erase.ts'
import { exportRoutes } from './devices/export.ts'
import { importRoutes } from './devices/import.ts'
import { deviceRoutes } from './devices/route.ts'
import { inboxRoutes } from './inbox/route.ts'
import { listRoutes } from './lists/route.ts'
import { messageControlRoutes } from './message-control/route.ts'
import { messageRoutes } from './messages/route.ts'
import { pushTestRoutes } from './push-test/route.ts'
import { removalRoutes } from './removals/route.ts'
import { ruleRoutes } from './rules/route.ts'
import { segmentExportFileRoutes, segmentExportRoutes } from './segment-exports/route.ts'
import { segmentRoutes } from './segments/route.ts'
import { statsRoutes } from './stats/route.ts'
import { tagRoutes } from './tags/route.ts'
import { testDeviceRoutes } from './test-devices/route.ts'
import { userRoutes } from './users/route.ts'
import { webhookRoutes } from './webhooks/route.ts'

/** What every call may come to; docs/errors.md has the codes. */
const anyProblem = {
  default: {
    description: 'What is wrong, and what to do about it',
    content: { 'application/problem+json': { schema: problemSchema } },
  },
}

/** A parameter with a slip in its name would widen what was asked for, in silence. */
const noQuery = z.strictObject({})

export async function v1Routes(app: FastifyInstance, context: HttpContext): Promise<void> {
  app.setValidatorCompiler(validatorCompiler)
  // The schemas of answers are for the reader of the API page; what we send was typed where it was made.
  app.setSerializerCompiler(() => data => JSON.stringify(data))
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Roost',
        version: '1',
        description: 'Own your push subscriber base.',
        license: { name: 'MIT' },
      },
      components: {
        securitySchemes: {
          serverToken: { type: 'http', scheme: 'bearer' },
          deviceToken: {
            type: 'apiKey',
            in: 'header',
            name: 'authorization',
            description: 'Token <device token>',
          },
        },
      },
      security: [{ serverToken: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  app.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  await app.register(inboxRoutes, { ...context, prefix: '/v1/apps/:app/devices/:hwid/inbox' })
  await app.register(segmentExportFileRoutes, { ...context, prefix: '/v1/segment-export-files' })
  await app.register(
    async guarded => {
      guarded.addHook('onRequest', request => {
        const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
        return requireServerToken(context, request, { token, place: 'bearer token' })
      })
      guarded.addHook('onRoute', route => {
        const { response, ...schema } = route.schema ?? {}
        route.schema = {
          querystring: noQuery,
          ...schema,
          response: { ...(response as object), ...anyProblem },
        }
      })
      await guarded.register(addressPolicyRoutes, context)
      await guarded.register(alertRoutes, context)
      await guarded.register(appRoutes, context)
      await guarded.register(bulkRoutes, context)
      await guarded.register(credentialRoutes, context)
      await guarded.register(deviceRoutes, context)
      await guarded.register(eraseRoutes, context)
      await guarded.register(exportRoutes, context)
      await guarded.register(importRoutes, context)
      await guarded.register(deviceCallRoutes, context)
      await guarded.register(listRoutes, context)
      await guarded.register(messageRoutes, context)
      await guarded.register(pushTestRoutes, context)
      await guarded.register(messageControlRoutes, context)
      await guarded.register(removalRoutes, context)
      await guarded.register(segmentExportRoutes, context)
      await guarded.register(segmentRoutes, context)
      await guarded.register(ruleRoutes, context)
      await guarded.register(statsRoutes, context)
      await guarded.register(tagRoutes, context)
      await guarded.register(testDeviceRoutes, context)
      await guarded.register(userRoutes, context)
      await guarded.register(webhookRoutes, context)
    },
    { prefix: '/v1' },
  )
}
