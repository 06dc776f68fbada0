/** Diagnosis: could this device receive a message now, or why did it not get that one? docs/diagnosis.md tells what it goes by. */
import {
  diagnosisRequestSchema,
  diagnosisSchema,
  PushError,
  preflightRequestSchema,
  preflightSchema,
} from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { preflight } from '../../../insight/diagnosis/campaign/preflight.ts'
import { diagnose } from '../../../insight/diagnosis/diagnose.ts'
import type { HttpContext } from '../../context.ts'
import { describeFaults } from '../../faults.ts'
import { appParamsSchema } from '../apps/schema.ts'

export async function diagnoseRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/apps/:app/diagnose',
    {
      preValidation: requireSubject,
      schema: {
        tags: ['diagnosis'],
        summary:
          'Tell why a device, or those of a user, can’t be reached or did not get a message, or what would become of one that is not sent yet',
        params: appParamsSchema,
        body: z.union([diagnosisRequestSchema, preflightRequestSchema]),
        response: { 200: z.union([diagnosisSchema, preflightSchema]) },
      },
    },
    async request => {
      const { id, code } = await context.apps.find(request.params.app)
      const { body } = request
      const languages = request.headers['accept-language']
      const asking = { app: { id, code }, at: context.clock.now() }
      if (!('send' in body)) return diagnose(context.db, { ...asking, request: body, languages })
      const { images, db } = context
      const { send, lang = languages } = body
      return preflight(db, { ...asking, send, images, faultsOf, lang, random: Math.random })
    },
  )
}

const SUBJECTS = ['device', 'token', 'user', 'send']

/** Of a body that has none of them a schema would name the first alone. */
async function requireSubject({ body }: FastifyRequest): Promise<void> {
  if (typeof body !== 'object' || body === null || SUBJECTS.some(it => Object.hasOwn(body, it))) return
  throw new PushError(
    'input_invalid',
    'body: it names nothing to look at; name a "device" (hwid), a "token" or a "user", with a "message" (id) or without, or give "send", a message that is not sent yet; of all devices of a message GET …/messages/{id}/reach tells',
  )
}

function faultsOf(issues: z.ZodError['issues'], send: unknown): string {
  return describeFaults(issues, { name: 'body/send', value: send, separator: '/' })
}
