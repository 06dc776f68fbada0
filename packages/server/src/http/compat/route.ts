/**
 * POST /json/1.3/{method}: the compatible device protocol. Browsers send `text/plain` to be spared a preflight, so a
 * body is read as JSON whatever it is called. CORS answers the exact origin, since clients send credentials; the caller
 * registers with the prefix, so that it ends where the device protocol does.
 */
import cors from '@fastify/cors'
import { DEVICE_BODY_BYTES, PushError } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { requireServing } from '../../access/apps.ts'
import { checkDevice } from '../../registry/check.ts'
import type { HttpContext } from '../context.ts'
import { deviceTokenOf } from '../device-token.ts'
import { readAnyBodyAsJson } from '../json.ts'
import { sendFailure, success } from './envelope.ts'
import { METHODS } from './methods.ts'

/** Web clients don't come to `registerDevice` when one of those before it fails; all else can be said another time. */
const FOR_REGISTRATION: ReadonlySet<string> = new Set([
  'getConfig',
  'checkDevice',
  'applicationOpen',
  'registerDevice',
  'unregisterDevice',
  'deleteDevice',
  'registerUser',
  'mergeUser',
])

/**
 * What an archived app is served with: calls that only ask or take something away, or say that the device is somebody else's. Refused, they
 * would be lost, and whoever has unregistered or logged out would get pushes when the app is taken back.
 */
const FOR_ARCHIVED: ReadonlySet<string> = new Set([
  'unregisterDevice',
  'deleteDevice',
  'registerUser',
  'mergeUser',
  'checkDevice',
  'getTags',
  'getInboxMessages',
  'inboxStatus',
  'messageDeliveryEvent',
  'pushStat',
  'postReceipts',
])

export async function compatRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  await app.register(cors, {
    origin: true,
    credentials: true,
    methods: ['POST'],
    allowedHeaders: ['authorization', 'content-type', 'no-auto-tags', 'x-retry-count'],
    exposedHeaders: ['retry-after'],
    maxAge: 86_400,
  })
  readAnyBodyAsJson(app, DEVICE_BODY_BYTES)
  app.setErrorHandler(sendFailure)
  app.addHook('onRequest', async request => {
    const { method = '' } = request.params as { readonly method?: string }
    // A preflight belongs to any of them.
    const isRegistration = request.method === 'OPTIONS' || FOR_REGISTRATION.has(method)
    context.limits.takeCall(request.ip, { isRegistration })
  })
  const answer = async (request: FastifyRequest<{ Params: { method: string } }>) => {
    const method = METHODS.get(request.params.method)
    if (method === undefined)
      throw new PushError('method_unknown', `there is no method "${request.params.method.slice(0, 64)}"`)
    const body = unwrap(request.body)
    const app = await context.apps.findByDevice(body.application, deviceTokenOf(request))
    context.limits.takeAppCall(app.id)
    if (!FOR_ARCHIVED.has(request.params.method)) requireServing(app)
    const { hwid } = body
    if (typeof hwid === 'string') {
      const isKnown = async () => (await checkDevice(context.db, { appId: app.id, hwid })).isKnown
      await context.limits.takeDevice(request.ip, { appId: app.id, hwid, isKnown })
    }
    const isReplay = request.headers['no-auto-tags'] === 'true'
    return success(await method({ app, context, request: body, isReplay }))
  }
  // Clients join base and method with a slash of their own, whether or not the base ends in one.
  for (const path of ['/:method', '/:method/', '//:method']) app.post(path, answer)
}

interface Unwrapped {
  readonly application: string
  readonly hwid?: unknown
}

function unwrap(body: unknown): Unwrapped {
  const request = typeof body === 'object' && body !== null && 'request' in body ? body.request : undefined
  if (
    typeof request !== 'object' ||
    request === null ||
    !('application' in request) ||
    typeof request.application !== 'string'
  )
    throw new PushError('input_invalid', 'the body is {"request":{"application":"XXXXX-XXXXX",…}}')
  return request as Unwrapped
}
