/**
 * POST /json/1.3/getUnregisteredDevices: the devices that lost their address in these days and have none since. As all
 * that is not the device API it takes a server token as `auth` in the body. REST has more of it: GET …/removals.
 */
import { DEVICE_BODY_BYTES, PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { listUnregistered } from '../../hygiene/removals.ts'
import type { HttpContext } from '../context.ts'
import { check } from '../faults.ts'
import { readAnyBodyAsJson } from '../json.ts'
import { holdStrangersBack } from '../server-token.ts'
import { type BackEndContext, openBackEndOfBody } from './back-end.ts'
import { sendFailure, success } from './envelope.ts'

const DAY_MS = 24 * 60 * 60_000
/** The protocol has no pages: who gets so many asks for fewer days. */
const HWIDS_MAX = 100_000

const requestSchema = z.object({
  request: z.object({
    application: z.string().min(1).max(64),
    auth: z.string().min(1).max(512),
    date_from: z.iso.date(),
    /** Inclusive. */
    date_to: z.iso.date(),
  }),
})

export async function compatUnregisteredRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  readAnyBodyAsJson(app, DEVICE_BODY_BYTES)
  holdStrangersBack(app, context)
  app.setErrorHandler(sendFailure)
  app.post('/json/1.3/getUnregisteredDevices', async request => {
    const { request: asked } = check(requestSchema, { value: request.body, separator: '.' })
    const opened = await openBackEndOfBody(context, request, asked.auth)
    return success({ hwids: await read(opened, asked) })
  })
}

async function read(
  context: BackEndContext,
  { application, date_from, date_to }: z.infer<typeof requestSchema>['request'],
): Promise<string[]> {
  const { id: appId } = await context.apps.find(application)
  const [from, to] = [Date.parse(date_from), Date.parse(date_to) + DAY_MS]
  const hwids = await listUnregistered(context.db, { appId, from, to, limit: HWIDS_MAX + 1 })
  if (hwids.length > HWIDS_MAX)
    throw new PushError('input_invalid', `these days have more than ${HWIDS_MAX} devices: ask for fewer`)
  return hwids
}
