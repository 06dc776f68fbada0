/**
 * The bulk methods of the compatible protocol: `bulkRegisterDevice`, `bulkSetTags`, `bulkUnregisterDevice`, with a server
 * token as `auth` in the body. POST /api/v2/audience/{method} takes and answers them bare, POST /json/1.3/{method} in
 * the envelope of the device API; GET /api/v2/audience/{method}/{request_id} tells how far it is, with a server token in
 * the header. What is asked of devices that are not known is no error.
 */
import { BULK_BODY_BYTES, BULK_ENTRIES } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { requireServing } from '../../access/apps.ts'
import {
  addBulkRequest,
  type NewBulkRequest,
  type RegisterEntry,
  readBulkRequest,
  type TagsEntry,
} from '../../registry/bulk/requests.ts'
import { type Faulty, isFaulty, readTarget } from '../../registry/bulk/target.ts'
import type { HttpContext } from '../context.ts'
import { check } from '../faults.ts'
import { readAnyBodyAsJson } from '../json.ts'
import { holdStrangersBack } from '../server-token.ts'
import { openBackEnd, openBackEndOfBody } from './back-end.ts'
import { sendBareFailure, sendFailure, success } from './envelope.ts'

const METHODS = ['bulkRegisterDevice', 'bulkSetTags', 'bulkUnregisterDevice'] as const
type BulkMethod = (typeof METHODS)[number]

const envelope = z.object({
  application: z.string().min(1).max(64),
  // What is wrong with one of them is a result, and costs the others nothing.
  devices: z.array(z.unknown()).min(1).max(BULK_ENTRIES),
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
    app.post(`/api/v2/audience/${method}`, { errorHandler: sendBareFailure }, async request => ({
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
      { errorHandler: sendBareFailure },
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
  const { apps } = await openBackEndOfBody(context, request, auth)
  const { application, devices } = check(envelope, { value: body, separator: '.' })
  const app = await apps.find(application)
  if (method !== 'bulkUnregisterDevice') requireServing(app)
  const id = await addBulkRequest(context.db, {
    appId: app.id,
    at: context.clock.now(),
    ...readEntries(method, devices),
  })
  context.runSoon('bulk-requests')
  return id
}

type Entries = NewBulkRequest extends infer Request
  ? Request extends { kind: infer Kind; entries: infer Of }
    ? { readonly kind: Kind; readonly entries: Of }
    : never
  : never

function readEntries(method: BulkMethod, devices: readonly unknown[]): Entries {
  switch (method) {
    case 'bulkRegisterDevice':
      return { kind: 'register', entries: devices.map(readRegistration) }
    case 'bulkSetTags':
      return { kind: 'tags', entries: devices.map(readTagsEntry) }
    case 'bulkUnregisterDevice':
      return { kind: 'unregister', entries: devices.map(device => readTarget(device, TARGET)) }
  }
}

/** Of several that an entry gives the first counts. */
const TARGET = {
  names: { hwid: ['hwid'], pushToken: ['push_token'], userId: ['user_id', 'userId'] },
  isLoose: true,
} as const

function readRegistration(device: unknown): RegisterEntry | Faulty {
  if (typeof device !== 'object' || device === null || Array.isArray(device))
    return { fault: 'the entry is no object' }
  const { platform, list_operator, user_id, tags, ...call } = device as Readonly<Record<string, unknown>>
  const read = readTagsPart({ tags: tags ?? {}, list_operator })
  if (isFaulty(read)) return read
  return {
    call: { device_type: platform, userId: user_id, ...call, tags: read.tags },
    listOperator: read.listOperator,
  }
}

function readTagsEntry(device: unknown): TagsEntry | Faulty {
  const target = readTarget(device, TARGET)
  if (isFaulty(target)) return target
  const read = readTagsPart(device as Readonly<Record<string, unknown>>)
  return isFaulty(read) ? read : { target, ...read }
}

function readTagsPart({
  tags,
  list_operator,
}: Readonly<Record<string, unknown>>): Omit<TagsEntry, 'target'> | Faulty {
  const operator = listOperator.safeParse(list_operator)
  if (!operator.success) return { fault: 'list_operator is none of set, append, remove' }
  const read = tagsSchema.safeParse(tags)
  if (!read.success) return { fault: 'tags is neither an object nor a list of {"name","value"}' }
  return { tags: read.data, listOperator: operator.data }
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
  const { apps } = await openBackEnd(context, request, { token, place: 'server token in its header' })
  const id = check(z.uuid(), { name: 'request_id', value: request.params.id, separator: '.' })
  const { rows } = await context.db.query<{ appId: number }>(
    'select app_id as "appId" from bulk_request where id = $1',
    [id],
  )
  const found = await readBulkRequest(context.db, {
    appId: rows[0] !== undefined && apps.has(rows[0].appId) ? rows[0].appId : 0,
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
