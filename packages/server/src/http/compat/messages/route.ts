/**
 * The messaging calls of the compatible protocol: POST /json/1.3/{method} with a server token as `auth` in the body.
 * Answers go in the envelope of the device API. All notifications of a call are stored in one transaction: after an
 * error none of them is on its way, and the call may be repeated.
 */
import { PushError, REST_BODY_BYTES } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { readAppRules } from '../../../messages/app-rules.ts'
import { codeOf, type FoundMessage, findByCode } from '../../../messages/code.ts'
import { judgeImages } from '../../../messages/images.ts'
import type { HttpContext } from '../../context.ts'
import { check } from '../../faults.ts'
import { readAnyBodyAsJson } from '../../json.ts'
import { holdStrangersBack } from '../../server-token.ts'
import { type BackEndContext, openBackEndOfBody } from '../back-end.ts'
import { sendBackEndFailure, success } from '../envelope.ts'
import { isOfStatistics, readStatistics, STATISTICS_METHODS } from '../statistics.ts'
import { findAudience } from './audience.ts'
import { endMessage } from './end.ts'
import { type Fields, type Form, readForm } from './form.ts'
import { readDetails, readResults } from './read.ts'
import { countTargeted, notificationOf, readTargeted, type Targeted } from './targeted.ts'

const NOTIFICATIONS_MAX = 100
const EXPRESSION_CHARACTERS = 64 * 1024

const authSchema = z.looseObject({ auth: z.string().min(1).max(512) })
const createSchema = z.strictObject({
  auth: z.string(),
  application: z.string().min(1).max(64).optional(),
  applications_group: z.unknown().optional(),
  notifications: z.array(z.record(z.string(), z.unknown())).min(1).max(NOTIFICATIONS_MAX),
})
const filterSchema = z.looseObject({
  application: z.string().min(1).max(64).optional(),
  devices_filter: z.string().min(1).max(EXPRESSION_CHARACTERS),
})
const messageSchema = z.object({ message: z.string().min(1).max(64) })
const resultsSchema = z.object({ request_id: z.string().min(1).max(1024) })

type Method = (context: BackEndContext, request: unknown) => Promise<unknown>

/** Exported for the page that lists them. */
export const MESSAGE_METHODS: Readonly<Record<string, Method>> = {
  createMessage: createMessages,
  createTargetedMessage: createTargeted,
  compileFilter: async (context, request) => {
    return { devices_count: await countTargeted(context, await targetedOf(context, request)) }
  },
  cancelMessage: async (context, request) => end(context, request, { isWithdrawn: false }),
  deleteMessage: async (context, request) => end(context, request, { isWithdrawn: true }),
  getMessageDetails: async (context, request) => readDetails(context.db, await messageOf(context, request)),
  ...STATISTICS_METHODS,
  getMsgStats: async (context, request) => ({ request_id: (await messageOf(context, request)).id }),
  getResults: async (context, request) => {
    const { request_id } = checked(resultsSchema, request)
    if (isOfStatistics(request_id)) return readStatistics(context, request_id)
    const at = context.clock.now()
    return readResults(context.db, { messageId: request_id, appId: context.apps.only, at })
  },
}

export async function compatMessageRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  readAnyBodyAsJson(app, REST_BODY_BYTES)
  holdStrangersBack(app, context)
  app.setErrorHandler(sendBackEndFailure)
  for (const [name, method] of Object.entries(MESSAGE_METHODS))
    app.post(`/json/1.3/${name}`, async request => {
      const { inner, opened } = await requireAuth(context, request)
      return success(await method(opened, inner))
    })
}

/** Returns what is inside `{"request":…}`, and what its token opens. */
async function requireAuth(
  context: HttpContext,
  request: FastifyRequest,
): Promise<{ readonly inner: unknown; readonly opened: BackEndContext }> {
  const inner = (request.body as { readonly request?: unknown } | null)?.request
  if (typeof inner !== 'object' || inner === null)
    throw new PushError('input_invalid', 'the body is {"request":{"auth":"…",…}}')
  const opened = await openBackEndOfBody(context, request, checked(authSchema, inner).auth)
  return { inner, opened }
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  return check(schema, { name: 'request', value, separator: '.' })
}

interface CreatedMessages {
  readonly Messages: string[]
  /** Only where there are some. */
  readonly UnknownDevices?: Readonly<Record<string, readonly string[]>>
  /** Ours: fields that no device will show. */
  readonly Ignored?: Readonly<Record<string, readonly string[]>>
}

async function createMessages(context: BackEndContext, request: unknown): Promise<CreatedMessages> {
  const call = checked(createSchema, request)
  if (call.applications_group !== undefined)
    throw new PushError(
      'input_invalid',
      'request.applications_group: there are no groups of apps; make one call with each application',
    )
  if (call.application === undefined)
    throw new PushError('input_invalid', 'request.application: it is missing; it is the code of one app')
  const { id: appId } = await context.apps.find(call.application)
  const forms: NotificationForm[] = []
  for (const [i, fields] of call.notifications.entries())
    forms.push(await formOf(context, { appId, fields, place: `request.notifications.${i}` }))
  const at = context.clock.now()
  const images = await Promise.all(forms.map(({ input }) => judgeImages(context.images, input.content)))
  const messages = forms.map(({ input }, i) => ({ appId, input, at, images: images[i] }))
  const told = (error: unknown, i: number) => forms[i]?.told(error) ?? error
  const codes = (await context.acceptAll(messages, told)).map(it => codeOf(it.id))
  return {
    Messages: codes,
    ...byCode('UnknownDevices', codes, forms, it => it.unknown),
    ...byCode('Ignored', codes, forms, it => it.ignored),
  }
}

/** Devices that are named beside the filter would widen or narrow it: which, nobody can say. */
async function createTargeted(
  context: BackEndContext,
  request: unknown,
): Promise<{ readonly messageCode: string; readonly Ignored?: readonly string[] }> {
  const { app, condition } = await targetedOf(context, request)
  const fields = notificationOf(request as Fields)
  for (const name of ['devices', 'users', 'filter', 'conditions', 'platforms'])
    if (name in fields)
      throw new PushError('input_invalid', `request.${name}: the audience is named by devices_filter alone`)
  const appRules = await readAppRules(context.db, app.id)
  const audience = { condition }
  const { input, ignored, told } = readForm(fields, { place: 'request', audience, beaten: [], appRules })
  const images = await judgeImages(context.images, input.content)
  const message = { appId: app.id, input, images, at: context.clock.now() }
  const created = await context.accept(message).catch(error => {
    throw told(error)
  })
  return { messageCode: codeOf(created.id), ...(ignored.length > 0 && { Ignored: ignored }) }
}

interface NotificationForm extends Form {
  readonly unknown: readonly string[]
}

async function formOf(
  { db }: BackEndContext,
  query: { readonly appId: number; readonly fields: Fields; readonly place: string },
): Promise<NotificationForm> {
  const { to, unknown, beaten } = await findAudience(db, query)
  const appRules = await readAppRules(db, query.appId)
  return { ...readForm(query.fields, { place: query.place, audience: to, beaten, appRules }), unknown }
}

async function targetedOf(context: BackEndContext, request: unknown): Promise<Targeted> {
  const { application, devices_filter: expression } = checked(filterSchema, request)
  return readTargeted(context, { application, expression, place: 'request.devices_filter' })
}

function byCode<Name extends string, Of>(
  name: Name,
  codes: readonly string[],
  forms: readonly Of[],
  read: (form: Of) => readonly string[],
): Partial<Record<Name, Record<string, readonly string[]>>> {
  const told = forms.flatMap((form, i) =>
    read(form).length === 0 ? [] : [[codes[i] ?? '', read(form)] as const],
  )
  if (told.length === 0) return {}
  return { [name]: Object.fromEntries(told) } as Partial<Record<Name, Record<string, readonly string[]>>>
}

/** Throws `message_unknown`. */
async function messageOf({ db, apps }: BackEndContext, request: unknown): Promise<FoundMessage> {
  const { message: code } = checked(messageSchema, request)
  const found = await findByCode(db, code)
  if (found === null || !apps.has(found.appId))
    throw new PushError('message_unknown', `there is no message ${code}`)
  return found
}

async function end(
  context: BackEndContext,
  request: unknown,
  how: { readonly isWithdrawn: boolean },
): Promise<null> {
  const { appId, id } = await messageOf(context, request)
  await endMessage(context.db, { appId, id, ...how, at: context.clock.now() })
  return null
}
