/**
 * The bulk methods of the compatible protocol: `bulkRegisterDevice`, `bulkSetTags`, `bulkUnregisterDevice`, with a server
 * token as `auth` in the body. POST /api/v2/audience/{method} takes and answers them bare, POST /json/1.3/{method} in
 * the envelope of the device API; GET /api/v2/audience/{method}/{request_id} tells how far it is, with a server token in
 * the header. What is asked of devices that are not known is no error.
 */
import { BULK_BODY_BYTES, BULK_ENTRIES, type BulkTarget, bulkTargetSchema, ERRORS } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  addBulkRequest,
  type NewBulkRequest,
  type RegisterEntry,
  readBulkRequest,
  type TagsEntry,
} from '../../registry/bulk/requests.ts'
import type { HttpContext } from '../context.ts'
import { check } from '../faults.ts'
import { readAnyBodyAsJson } from '../json.ts'
import { asPushError, logProblem, retryAfterOf } from '../problem.ts'
import { holdStrangersBack, requireServerToken, requireTokenOfBody } from '../server-token.ts'
import { sendFailure, success } from './envelope.ts'

const METHODS = ['bulkRegisterDevice', 'bulkSetTags', 'bulkUnregisterDevice'] as const
type BulkMethod = (typeof METHODS)[number]

const envelope = z.object({
  application: z.string().min(1).max(64),
  devices: z.array(z.record(z.string(), z.unknown())).min(1).max(BULK_ENTRIES),
})

const tagList = z.array(z.object({ name: z.string(), value: z.unknown() }))
const tagsSchema = z.union([
  z.record(z.string(), z.unknown()),
  tagList.transform(list => Object.fromEntries(list.map(it => [it.name, it.value]))),
])
const listOperator = z
  .enum(['set', 'append', 'remove'])
  .nullish()
  .transform(it => it ?? 'set')

export async function compatBulkRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  readAnyBodyAsJson(app, BULK_BODY_BYTES)
  holdStrangersBack(app, context)
  for (const method of METHODS) {
    app.post(`/api/v2/audience/${method}`, { errorHandler: sendMessage }, async request => ({
      request_id: await accept(context, request, { method, body: request.body }),
      status: 'Pending',
    }))
    app.post(`/json/1.3/${method}`, { errorHandler: sendFailure }, async request => {
      const body = request.body as { readonly request?: unknown } | null
      return success({
        request_id: await accept(context, request, { method, body: body?.request }),
        status: 'Pending',
      })
    })
    app.get<{ Params: { id: string }; Querystring: { application?: string; detailed?: string } }>(
      `/api/v2/audience/${method}/:id`,
      { errorHandler: sendMessage },
      request => tell(context, request),
    )
  }
}

async function accept(
  context: HttpContext,
  request: FastifyRequest,
  { method, body }: { readonly method: BulkMethod; readonly body: unknown },
): Promise<string> {
  // Ten thousand entries are looked at when it is known who sends them.
  const { auth } = check(z.object({ auth: z.string().min(1).max(512) }), { value: body, separator: '.' })
  await requireTokenOfBody(context, request, auth)
  const { application, devices } = check(envelope, { value: body, separator: '.' })
  const { id: appId } = await context.apps.find(application)
  const id = await addBulkRequest(context.db, {
    appId,
    at: context.clock.now(),
    ...readEntries(method, devices),
  })
  context.runSoon('bulk-requests')
  return id
}

type Entry = Readonly<Record<string, unknown>>
type Entries = NewBulkRequest extends infer Request
  ? Request extends { kind: infer Kind; entries: infer Of }
    ? { readonly kind: Kind; readonly entries: Of }
    : never
  : never

function readEntries(method: BulkMethod, devices: readonly Entry[]): Entries {
  switch (method) {
    case 'bulkRegisterDevice':
      return { kind: 'register', entries: devices.map(readRegistration) }
    case 'bulkSetTags':
      return { kind: 'tags', entries: devices.map(readTagsEntry) }
    case 'bulkUnregisterDevice':
      return { kind: 'unregister', entries: devices.map(readTarget) }
  }
}

function readRegistration(device: Entry, i: number): RegisterEntry {
  const { platform, list_operator, user_id, tags, ...call } = device
  return {
    call: {
      device_type: platform,
      userId: user_id,
      ...call,
      tags: checkPart(tagsSchema.nullish(), tags, `devices.${i}.tags`),
    },
    listOperator: checkPart(listOperator, list_operator, `devices.${i}.list_operator`),
  }
}

function readTagsEntry(device: Entry, i: number): TagsEntry {
  return {
    target: readTarget(device, i),
    tags: checkPart(tagsSchema, device.tags, `devices.${i}.tags`),
    listOperator: checkPart(listOperator, device.list_operator, `devices.${i}.list_operator`),
  }
}

/** The first that is given: hwid, push_token, user_id. */
function readTarget({ hwid, push_token, user_id, userId }: Entry, i: number): BulkTarget {
  const user = user_id ?? userId
  const target =
    hwid !== undefined ? { hwid } : push_token !== undefined ? { pushToken: push_token } : { userId: user }
  return checkPart(bulkTargetSchema, target, `devices.${i} (hwid, push_token or user_id)`)
}

function checkPart<Schema extends z.ZodType>(schema: Schema, value: unknown, name: string): z.output<Schema> {
  return check(schema, { name, value, separator: '.' })
}

const STATUS = { waiting: 'Pending', done: 'Completed' } as const

async function tell(
  context: HttpContext,
  request: FastifyRequest<{
    Params: { id: string }
    Querystring: { application?: string; detailed?: string }
  }>,
): Promise<unknown> {
  const token = /^(?:Token|Bearer|Key) (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  await requireServerToken(context, request, { token, place: 'server token in its header' })
  const id = checkPart(z.uuid(), request.params.id, 'request_id')
  const { rows } = await context.db.query<{ appId: number }>(
    'select app_id as "appId" from bulk_request where id = $1',
    [id],
  )
  const found = await readBulkRequest(context.db, {
    appId: rows[0]?.appId ?? 0,
    id,
    isDetailed: request.query.detailed === 'true',
  })
  return {
    request_id: found.id,
    status: STATUS[found.state],
    total: found.entries,
    ...(found.counts ?? {}),
    ...(found.results === null ? {} : { devices: found.results }),
  }
}

function sendMessage(
  ...[error, request, reply]: Parameters<NonNullable<FastifyInstance['errorHandler']>>
): void {
  const problem = asPushError(error)
  logProblem(problem, error, request)
  const retryAfter = retryAfterOf(problem)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  void reply.code(ERRORS[problem.code].status).send({ message: problem.message, code: problem.code })
}
