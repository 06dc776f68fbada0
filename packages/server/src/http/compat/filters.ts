/**
 * Filters of the compatible protocol, which are segments here, and their export: POST /json/1.3/createFilter, listFilters and
 * deleteFilter in the envelope of the device API, POST /api/v2/audience/exportSegment and …/exportSegment/result bare. All of
 * them take a server token as `auth` in the body.
 *
 * Source: the compatible protocol, "Filters, segmentation language, export". docs/compat-messages.md has what is ours.
 */
import { type Condition, DEVICE_BODY_BYTES, EXPRESSION_CHARACTERS, PushError } from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { COMPAT_DATA } from '../../audience/compat-export.ts'
import { readExport, type StoredExport, startExport } from '../../audience/export.ts'
import { readConditionArrays } from '../../audience/expression/arrays.ts'
import { printExpression } from '../../audience/expression/print.ts'
import {
  createSegment,
  deleteSegment,
  type Filter,
  findFilters,
  type SegmentApp,
} from '../../audience/segments.ts'
import type { HttpContext } from '../context.ts'
import { check } from '../faults.ts'
import { readAnyBodyAsJson } from '../json.ts'
import { holdStrangersBack } from '../server-token.ts'
import { linkOf } from '../v1/segment-exports/link.ts'
import { type BackEndContext, openBackEndOfBody } from './back-end.ts'
import { sendBackEndFailure, sendBareFailure, success } from './envelope.ts'
import { readTargeted } from './messages/targeted.ts'
import { readWallTime } from './messages/wall-time.ts'

const auth = z.string().min(1).max(512)
const application = z.string().min(1).max(64).nullish()
const name = z.string().trim().min(1).max(200)
const expression = z.string().min(1).max(EXPRESSION_CHARACTERS)
const truth = z.preprocess(value => (value === 0 ? false : value === 1 ? true : value), z.boolean())

const createSchema = z.strictObject({
  auth,
  application,
  name,
  filter_expression: expression.nullish(),
  /** The form of before. */
  conditions: z.array(z.unknown()).max(100).nullish(),
  operator: z.enum(['AND', 'OR']).nullish(),
  expiration_date: z.string().max(64).nullish(),
})
const listSchema = z.object({ auth, application })
const deleteSchema = z.object({ auth, application, name })
const exportSchema = z.strictObject({
  auth,
  application,
  filterExpression: expression.nullish(),
  /** Of a filter, instead of an expression. */
  filterCode: name.nullish(),
  /** false: only how many they are. */
  exportCsv: truth.nullish(),
  format: z.enum(['csv', 'json']).nullish(),
  /** Those columns alone. */
  exportData: z.array(z.enum(COMPAT_DATA)).min(1).nullish(),
})
/** `request_id` is what the answer was called before. */
const resultSchema = z
  .object({ auth, task_id: z.uuid().optional(), request_id: z.uuid().optional() })
  .refine(it => it.task_id !== undefined || it.request_id !== undefined, {
    message: 'it is what exportSegment answered',
    path: ['task_id'],
  })

type Method = (context: BackEndContext, request: unknown) => Promise<unknown>

/** Exported for the page that lists them. */
export const FILTER_METHODS: Readonly<Record<string, Method>> = { createFilter, listFilters, deleteFilter }

export async function compatFilterRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  readAnyBodyAsJson(app, DEVICE_BODY_BYTES)
  holdStrangersBack(app, context)
  for (const [method, run] of Object.entries(FILTER_METHODS))
    app.post(`/json/1.3/${method}`, { errorHandler: sendBackEndFailure }, async request => {
      const inner = (request.body as { readonly request?: unknown } | null)?.request
      const opened = await requireAuth(context, request, { value: inner, name: 'request' })
      return success(await run(opened, inner))
    })
  const bare = { errorHandler: sendBareFailure }
  app.post('/api/v2/audience/exportSegment', bare, async request => {
    const opened = await requireAuth(context, request, { value: request.body })
    return exportSegment(opened, request.body)
  })
  app.post('/api/v2/audience/exportSegment/result', bare, async request => {
    const opened = await requireAuth(context, request, { value: request.body })
    return tellResult(opened, request)
  })
}

/** First: what else is wrong with a call is for those who may make it. */
async function requireAuth(
  context: HttpContext,
  request: FastifyRequest,
  given: { readonly value: unknown; readonly name?: string },
): Promise<BackEndContext> {
  return openBackEndOfBody(
    context,
    request,
    check(z.looseObject({ auth }), { ...given, separator: '.' }).auth,
  )
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  return check(schema, { name: 'request', value, separator: '.' })
}

async function createFilter(context: BackEndContext, request: unknown): Promise<{ readonly name: string }> {
  const asked = checked(createSchema, request)
  const { app, condition } = await audienceOf(context, asked)
  const at = context.clock.now()
  const expiresAt = readExpiry(asked.expiration_date, at)
  const input = { name: asked.name, condition }
  await createSegment(context.db, { app, input, at, ...(expiresAt && { expiresAt }) })
  return { name: asked.name }
}

async function audienceOf(
  context: BackEndContext,
  asked: z.output<typeof createSchema>,
): Promise<{ readonly app: SegmentApp; readonly condition: Condition }> {
  const { filter_expression: given, conditions, operator } = asked
  if ((given ?? null) === null && (conditions ?? null) === null)
    throw new PushError('input_invalid', 'request.filter_expression: it is missing')
  if ((given ?? null) !== null && (conditions ?? null) !== null)
    throw new PushError('input_invalid', 'request.conditions: filter_expression says who is meant; give one')
  if (typeof given === 'string')
    return readTargeted(context, {
      application: asked.application ?? undefined,
      expression: given,
      place: 'request.filter_expression',
    })
  if ((asked.application ?? null) === null)
    throw new PushError('input_invalid', 'request.application: it is missing; it is the code of one app')
  const app = await context.apps.find(asked.application as string)
  return { app, condition: readConditionArrays(conditions, operator === 'OR' ? 'or' : 'and') }
}

/** A day begins at midnight in UTC. */
function readExpiry(date: string | null | undefined, at: number): Date | undefined {
  if ((date ?? '') === '') return undefined
  const text = (date as string).trim()
  const time = readWallTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text} 00:00` : text)
  if (time === undefined || time <= at)
    throw new PushError('input_invalid', 'request.expiration_date: it is a day to come, as 2030-12-31')
  return new Date(time)
}

async function listFilters(
  context: BackEndContext,
  request: unknown,
): Promise<{ readonly filters: unknown[] }> {
  const asked = checked(listSchema, request)
  const filters = await findFilters(context.db, { appId: await appIdOf(context, asked.application) })
  return {
    filters: filters.map(({ name: of, code, condition, expiresAt, app }) => ({
      code,
      name: of,
      filter_expression: printExpression(condition, { app: app.code }),
      expiration_date: expiresAt?.slice(0, 10) ?? null,
      application: app.code,
    })),
  }
}

async function appIdOf(context: BackEndContext, code: string | null | undefined): Promise<number | null> {
  return (code ?? null) === null ? context.apps.only : (await context.apps.find(code as string)).id
}

async function deleteFilter(context: BackEndContext, request: unknown): Promise<null> {
  const asked = checked(deleteSchema, request)
  const places = { name: 'request.name', application: 'request.application' }
  const { app, id } = await filterNamed(context, asked, places)
  await deleteSegment(context.db, { app, id, at: context.clock.now() })
  return null
}

/** By name or code. Names are of one app each; of several apps that have it, nobody knows which is meant. */
async function filterNamed(
  context: BackEndContext,
  asked: { readonly name: string; readonly application?: string | null | undefined },
  places: { readonly name: string; readonly application: string },
): Promise<Filter> {
  const appId = await appIdOf(context, asked.application)
  const [found, other]: readonly Filter[] = await findFilters(context.db, { appId, name: asked.name })
  if (found === undefined)
    throw new PushError('segment_unknown', `${places.name}: there is no filter ${JSON.stringify(asked.name)}`)
  if (other !== undefined && other.app.id !== found.app.id)
    throw new PushError('input_invalid', `${places.application}: several apps have a filter of this name`)
  return found
}

async function exportSegment(
  context: BackEndContext,
  body: unknown,
): Promise<{ readonly task_id: string; readonly request_id: string }> {
  const asked = check(exportSchema, { value: body, separator: '.' })
  const { app, condition } = await exportedOf(context, asked)
  const format = asked.format ?? 'csv'
  const settings =
    asked.exportCsv === false
      ? ({ form: 'count' } as const)
      : ({
          form: 'compat',
          format,
          tokens: 'full',
          ...(asked.exportData && { data: asked.exportData }),
        } as const)
  const at = context.clock.now()
  const id = await startExport(context.db, { appId: app.id, condition, settings, at })
  context.runSoon('segment-exports')
  return { task_id: id, request_id: id }
}

/** By an expression, or by the code of a filter. Throws `input_invalid`, `segment_unknown`. */
async function exportedOf(
  context: BackEndContext,
  { application, filterExpression, filterCode }: z.output<typeof exportSchema>,
): Promise<{ readonly app: { readonly id: number }; readonly condition: Condition }> {
  const isByCode = (filterCode ?? null) !== null
  if (isByCode === ((filterExpression ?? null) !== null))
    throw new PushError('input_invalid', 'filterExpression: it has either that or a filterCode')
  if (!isByCode)
    return readTargeted(context, {
      application: application ?? undefined,
      expression: filterExpression as string,
      place: 'filterExpression',
    })
  const asked = { name: filterCode as string, application }
  const found = await filterNamed(context, asked, { name: 'filterCode', application: 'application' })
  return { app: found.app, condition: { segment: found.id } }
}

const STATUS: Readonly<Record<StoredExport['state'], string>> = {
  waiting: 'in-progress',
  running: 'in-progress',
  done: 'completed',
  failed: 'failed',
}

async function tellResult(
  { db, clock, seal, apps }: BackEndContext,
  request: FastifyRequest,
): Promise<unknown> {
  const { task_id, request_id } = check(resultSchema, { value: request.body, separator: '.' })
  const id = (task_id ?? request_id) as string
  const found = await readExport(db, { appId: apps.only, id, at: clock.now() })
  const url = linkOf(found, seal, request)
  return {
    status: STATUS[found.state],
    progress: Math.floor(found.progress * 100),
    devices_count: found.devices,
    csv_filename: url,
    filename: url, // as it was called before
    ...(found.error === null ? {} : { error: found.error }),
  }
}
