/** REST: everything below /v1, with server tokens, checked shapes, and the OpenAPI page that is made from them. */
import swagger from '@fastify/swagger'

import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { presenceRoutes } from '../../live/presence-route.ts'
import type { HttpContext } from '../context.ts'
import { validatorCompiler } from '../faults.ts'
import { problemSchema } from '../problem.ts'
import { testInvitationRoutes } from '../test-device/route.ts'
import { selfCheckRoutes } from '../test-device/self-check.ts'
import { guard } from './access/door.ts'
import { entryRoutes } from './access/entry.ts'
import { accessRoutes } from './access/route.ts'
import { addressPolicyRoutes } from './address-policy/route.ts'
import { alertRoutes } from './alerts/route.ts'
import { appRoutes } from './apps/route.ts'
import { bulkRoutes } from './bulk/route.ts'
import { callsOfDeviceRoutes } from './calls/device-route.ts'
import { callRoutes } from './calls/route.ts'
import { credentialRoutes } from './credentials/route.ts'
import { deviceCallRoutes } from './devices/calls.ts'
import { eraseRoutes } from './devices/erase.ts'
import { exportRoutes } from './devices/export.ts'
import { importRoutes } from './devices/import.ts'
import { deviceRoutes } from './devices/route.ts'
import { diagnoseRoutes } from './diagnose/route.ts'
import { guideRoutes } from './guide/route.ts'
import { inboxRoutes } from './inbox/route.ts'
import { integrationRoutes } from './integration/route.ts'
import { jobRoutes } from './jobs/route.ts'
import { listRoutes } from './lists/route.ts'
import { liveRoutes } from './live/route.ts'
import { lookUpRoutes } from './look-ups/route.ts'
import { messageControlRoutes } from './message-control/route.ts'
import { messageRoutes } from './messages/route.ts'
import { previewRoutes } from './preview/route.ts'
import { pushTestRoutes } from './push-test/route.ts'
import { reachRoutes } from './reach/route.ts'
import { removalRoutes } from './removals/route.ts'
import { ruleRoutes } from './rules/route.ts'
import { scheduleRoutes } from './schedules/route.ts'
import { segmentExportFileRoutes, segmentExportRoutes } from './segment-exports/route.ts'
import { segmentRoutes } from './segments/route.ts'
import { statsRoutes } from './stats/devices.ts'
import { statisticsRoutes } from './stats/statistics.ts'
import { suggestionRoutes } from './suggestions/route.ts'
import { tagRoutes } from './tags/route.ts'
import { invitationRoutes } from './test-devices/invitations.ts'
import { testDeviceRoutes } from './test-devices/route.ts'
import { triggerRoutes } from './triggers/route.ts'
import { uninstallRoutes } from './uninstalls/route.ts'
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
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: context.sessionCookie.name,
            description: 'Of a person who has signed in: POST /v1/session',
          },
          deviceToken: {
            type: 'apiKey',
            in: 'header',
            name: 'authorization',
            description: 'Token <device token>',
          },
        },
      },
      security: [{ serverToken: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
  app.get('/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  await app.register(inboxRoutes, { ...context, prefix: '/v1/apps/:app/devices/:hwid/inbox' })
  await app.register(callsOfDeviceRoutes, { ...context, prefix: '/v1/apps/:app/devices/:hwid/calls' })
  await app.register(testInvitationRoutes, { ...context, prefix: '/v1/test-invitations' })
  await app.register(selfCheckRoutes, { ...context, prefix: '/v1/apps/:app/devices/:hwid/self-check' })
  await app.register(segmentExportFileRoutes, { ...context, prefix: '/v1/segment-export-files' })
  await app.register(entryRoutes, { ...context, prefix: '/v1' })
  await app.register(
    async guarded => {
      guard(guarded, context)
      guarded.addHook('onRoute', route => {
        const { response, ...schema } = route.schema ?? {}
        route.schema = {
          querystring: noQuery,
          ...schema,
          response: { ...(response as object), ...anyProblem },
        }
      })
      await guarded.register(accessRoutes, context)
      await guarded.register(addressPolicyRoutes, context)
      await guarded.register(alertRoutes, context)
      await guarded.register(appRoutes, context)
      await guarded.register(bulkRoutes, context)
      await guarded.register(callRoutes, context)
      await guarded.register(credentialRoutes, context)
      await guarded.register(deviceRoutes, context)
      await guarded.register(diagnoseRoutes, context)
      await guarded.register(eraseRoutes, context)
      await guarded.register(guideRoutes, context)
      await guarded.register(exportRoutes, context)
      await guarded.register(importRoutes, context)
      await guarded.register(deviceCallRoutes, context)
      await guarded.register(jobRoutes, context)
      await guarded.register(integrationRoutes, context)
      await guarded.register(listRoutes, context)
      await guarded.register(liveRoutes, context)
      await guarded.register(lookUpRoutes, context)
      await guarded.register(messageRoutes, context)
      await guarded.register(presenceRoutes, context)
      await guarded.register(previewRoutes, context)
      await guarded.register(pushTestRoutes, context)
      await guarded.register(messageControlRoutes, context)
      await guarded.register(reachRoutes, context)
      await guarded.register(removalRoutes, context)
      await guarded.register(scheduleRoutes, context)
      await guarded.register(segmentExportRoutes, context)
      await guarded.register(segmentRoutes, context)
      await guarded.register(ruleRoutes, context)
      await guarded.register(statsRoutes, context)
      await guarded.register(statisticsRoutes, context)
      await guarded.register(suggestionRoutes, context)
      await guarded.register(tagRoutes, context)
      await guarded.register(invitationRoutes, context)
      await guarded.register(testDeviceRoutes, context)
      await guarded.register(triggerRoutes, context)
      await guarded.register(uninstallRoutes, context)
      await guarded.register(userRoutes, context)
      await guarded.register(webhookRoutes, context)
    },
    { prefix: '/v1' },
  )
}
