/**
 * What a phone calls without a token, by the code of its invitation alone, and the page behind the code. Pages of any site call it, so it answers
 * any origin. Source of the limits: http/limits.ts.
 */
import { createHash } from 'node:crypto'
import cors from '@fastify/cors'
import {
  PushError,
  reportedSchema,
  reportSchema,
  scannedSchema,
  scanSchema,
  takenSchema,
  takeSchema,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { listApps } from '../../access/apps.ts'
import { scanInvitation, takeInvitation } from '../../test-devices/invitations.ts'
import { linkToOpen } from '../../test-devices/link.ts'
import { takeReport } from '../../test-devices/report.ts'
import { viewOfSteps } from '../../test-devices/steps.ts'
import type { HttpContext } from '../context.ts'
import { PAGE, SCRIPT, STYLE } from './page.ts'

const tags = ['test devices']
const security: [] = []
const noQuery = z.strictObject({})

/** The caller registers with /v1/test-invitations as prefix, so that CORS ends with it. */
export async function testInvitationRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  await instance.register(cors, {
    origin: '*',
    methods: ['POST'],
    allowedHeaders: ['content-type'],
    maxAge: 86_400,
  })
  instance.addHook('onRequest', async request => context.limits.takeCall(request.ip))
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const appOf = async (id: number) => {
    const found = (await listApps(db)).find(it => it.id === id)
    if (found === undefined) throw new PushError('app_unknown', 'the app of this invitation is gone')
    return found
  }

  app.post(
    '/scan',
    {
      schema: {
        tags,
        security,
        summary: 'Say that a code was scanned; answers what the phone is to open',
        querystring: noQuery,
        body: scanSchema,
        response: { 200: scannedSchema },
      },
    },
    async request => {
      const { code, isAgain } = request.body
      const { appId, opens } = await scanInvitation(db, { code, isAgain, at: clock.now() })
      const { name, code: application } = await appOf(appId)
      const server = `${request.protocol}://${request.host}`
      return { app: name, opens: linkToOpen(opens, { code, application, server }) }
    },
  )

  app.post(
    '/take',
    {
      schema: {
        tags,
        security,
        summary: 'Take a code for this phone; answers the ticket to go on with',
        querystring: noQuery,
        body: takeSchema,
        response: { 200: takenSchema },
      },
    },
    async ({ body }) => {
      const applicationOf = async (id: number) => (await appOf(id)).code
      return takeInvitation(db, { ...body, applicationOf, at: clock.now() })
    },
  )

  app.post(
    '/report',
    {
      schema: {
        tags,
        security,
        summary: 'Report a step, done or failed; after "upload" the test push is sent',
        querystring: noQuery,
        body: reportSchema,
        response: { 200: reportedSchema },
      },
    },
    async ({ body }) => ({ steps: viewOfSteps(await takeReport(context, body)) }),
  )
}

const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const POLICY = `default-src 'none'; script-src ${sha256(SCRIPT)}; style-src ${sha256(STYLE)}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** The code is in the fragment, which no server and no proxy gets to see. */
export async function testDevicePage(app: FastifyInstance): Promise<void> {
  app.get('/test-device', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('referrer-policy', 'no-referrer')
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'no-store')
      .send(PAGE),
  )
}
