/**
 * POST /messaging/v2/notify of the compatible protocol's newer messaging API: one message, to a segment or to people and devices by
 * name, with a server token in the header; and beside it /messaging/v2/cancel (cancel.ts). It takes what is known of that API and refuses the rest by name; docs/compat-messages.md
 * lists it.
 *
 * Source: the compatible protocol, "createMessage", "Newer, REST"; the vendor's pages "Notify" and "Payload reference". That names
 * stand in `{"list": […]}`, and how unknown ones are told, is as published clients have it.
 */
import {
  type Condition,
  ERRORS,
  EXPRESSION_CHARACTERS,
  type NewMessage,
  newMessageSchema,
  PushError,
  REST_BODY_BYTES,
} from '@roost/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { findFilters } from '../../../audience/segments.ts'
import { readAppRules } from '../../../messages/app-rules.ts'
import { codeOf } from '../../../messages/code.ts'
import { judgeImages } from '../../../messages/images.ts'
import type { Queryable } from '../../../store/database.ts'
import type { HttpContext } from '../../context.ts'
import { check } from '../../faults.ts'
import { readAnyBodyAsJson } from '../../json.ts'
import { asPushError, logProblem, retryAfterOf } from '../../problem.ts'
import { type BackEndContext, openBackEnd } from '../back-end.ts'
import { findDevices } from './audience.ts'
import { cancelByCode } from './cancel.ts'
import { readCapping } from './capping.ts'
import { readTargeted } from './targeted.ts'

/** The platforms whose names are documented, as they are called here, and their blocks of content. */
const PLATFORMS = {
  IOS: { platform: 'ios', block: 'ios', gateway: 'apns' },
  ANDROID: { platform: 'android', block: 'android', gateway: 'fcm' },
} as const
type PlatformName = keyof typeof PLATFORMS

const NAMES_MAX = 1000
const names = z.strictObject({ list: z.array(z.string().min(1).max(4096)).min(1).max(NAMES_MAX) })

const words = z.strictObject({ title: z.string().optional(), body: z.string().optional() })
type Words = z.infer<typeof words>
const blocks = z.strictObject({ ios: words.optional(), android: words.optional() })
type Texts = Readonly<Record<string, z.infer<typeof blocks>>>

const payload = z
  .strictObject({
    content: z.strictObject({ localized_content: z.record(z.string(), blocks) }).optional(),
    silent: z.boolean().optional(),
    custom_data: z.record(z.string(), z.unknown()).optional(),
  })
  .refine(it => (it.content === undefined) === (it.silent === true), 'it has either content, or silent: true')

/** `after`: seconds, as `90s` or `0.500000s`. */
const schedule = z
  .strictObject({
    at: z.iso.datetime({ offset: true }).optional(),
    after: z
      .string()
      .regex(/^\d{1,8}(\.\d{1,9})?s$/, 'seconds, as "90s"')
      .optional(),
  })
  .refine(it => (it.at === undefined) !== (it.after === undefined), 'it has either "at" or "after"')

const common = {
  application: z.string().min(1).max(64),
  schedule,
  platforms: z
    .array(z.enum(Object.keys(PLATFORMS) as [PlatformName, ...PlatformName[]]))
    .min(1)
    .optional(),
  payload,
  message_type: z.enum(['MESSAGE_TYPE_MARKETING', 'MESSAGE_TYPE_TRANSACTIONAL']).optional(),
  frequency_capping: z.record(z.string(), z.unknown()).optional(),
  campaign: z.string().optional(),
}

const segmentSchema = z
  .strictObject({
    ...common,
    code: z.string().min(1).max(200).optional(),
    expression: z.string().min(1).max(EXPRESSION_CHARACTERS).optional(),
  })
  .refine(
    it => (it.code === undefined) !== (it.expression === undefined),
    'it has either "code" or "expression"',
  )
const transactionalSchema = z
  .strictObject({
    ...common,
    hwids: names.optional(),
    users: names.optional(),
    push_tokens: names.optional(),
    return_unknown_identifiers: z.boolean().optional(),
  })
  .refine(
    it => [it.hwids, it.users, it.push_tokens].filter(list => list !== undefined).length === 1,
    'it has one of "hwids", "users" and "push_tokens"',
  )

const requestSchema = z
  .strictObject({ segment: z.unknown().optional(), transactional: z.unknown().optional() })
  .refine(
    it => (it.segment === undefined) !== (it.transactional === undefined),
    'it has either "segment" or "transactional"',
  )

export async function compatNotifyRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  readAnyBodyAsJson(app, REST_BODY_BYTES)
  const opened = new WeakMap<FastifyRequest, BackEndContext>()
  app.addHook('onRequest', async request => {
    const token = /^(?:Token|Bearer) (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const place = 'server token in its header'
    opened.set(request, await openBackEnd(context, request, { token, place }))
  })
  const openedBy = (request: FastifyRequest) => opened.get(request) as BackEndContext
  app.setErrorHandler(sendStatus)
  app.post('/messaging/v2/notify', async request => ({
    result: await notify(openedBy(request), request.body),
  }))
  app.post('/messaging/v2/cancel', async request => cancelByCode(openedBy(request), request.body))
}

interface Result {
  readonly message_code: string
  readonly unknown_identifiers?: Readonly<Record<string, readonly string[]>>
}

interface Meant {
  readonly to: NewMessage['to']
  readonly unknown?: Result['unknown_identifiers']
}

type Common = z.output<z.ZodObject<typeof common>>

async function notify(context: BackEndContext, body: unknown): Promise<Result> {
  const { segment, transactional } = check(requestSchema, { value: body, separator: '.' })
  const isSegment = segment !== undefined
  const place = isSegment ? 'segment' : 'transactional'
  const given = { name: place, separator: '.' } as const
  const asked: Common = isSegment
    ? check(segmentSchema, { ...given, value: segment })
    : check(transactionalSchema, { ...given, value: transactional })
  const app = await context.apps.find(asked.application)
  const { to, unknown } = isSegment
    ? await meantBySegment(context, app.id, asked as z.output<typeof segmentSchema>)
    : await meantByName(context.db, app.id, asked as z.output<typeof transactionalSchema>)
  const at = context.clock.now()
  const rules = {
    ...(asked.message_type === 'MESSAGE_TYPE_TRANSACTIONAL' && { kind: 'transactional' as const }),
    ...readCapping(asked, { place, appRules: await readAppRules(context.db, app.id) }),
  }
  const form = {
    to,
    content: contentOf(asked),
    sendAt: sendAtOf(asked, at),
    ...(Object.keys(rules).length > 0 && { rules }),
    ...(!isSegment && { lane: 'transactional' }),
    ...(asked.campaign !== undefined && { campaign: asked.campaign }),
  }
  const input = check(newMessageSchema, { name: place, value: form, separator: '.' })
  const images = await judgeImages(context.images, input.content)
  const created = await context.accept({ appId: app.id, input, at, images })
  return {
    message_code: codeOf(created.id),
    ...(unknown && { unknown_identifiers: unknown }),
  }
}

function sendAtOf({ schedule: { at, after } }: Common, now: number): string {
  return at ?? new Date(now + Number.parseFloat(after as string) * 1000).toISOString()
}

async function meantBySegment(
  context: BackEndContext,
  appId: number,
  { code, expression, application, platforms }: z.output<typeof segmentSchema>,
): Promise<Meant> {
  if (expression !== undefined) {
    const place = 'segment.expression'
    const { condition } = await readTargeted(context, { application, expression, place })
    return { to: { condition: among(condition, platforms) } }
  }
  const [found] = await findFilters(context.db, { appId, name: code as string })
  if (found === undefined)
    throw new PushError('segment_unknown', `segment.code: this app has no segment ${JSON.stringify(code)}`)
  return { to: { condition: among({ segment: found.id }, platforms) } }
}

function among(condition: Condition, platforms: readonly PlatformName[] | undefined): Condition {
  if (platforms === undefined) return condition
  const value = platforms.map(it => PLATFORMS[it].platform)
  return { and: [condition, { field: 'platform', op: 'in', value }] }
}

/** Those that the app does not know are told when that was asked for. */
async function meantByName(
  db: Queryable,
  appId: number,
  asked: z.output<typeof transactionalSchema>,
): Promise<Meant> {
  const { users, platforms, return_unknown_identifiers: areTold } = asked
  if (users !== undefined) {
    const to: NewMessage['to'] =
      platforms === undefined
        ? { users: users.list }
        : { condition: among({ field: 'userId', op: 'in', value: users.list }, platforms) }
    return areTold === true ? { to, unknown: { users: await unknownUsers(db, appId, users.list) } } : { to }
  }
  const kind = asked.hwids === undefined ? 'push_tokens' : 'hwids'
  const list = (asked.hwids ?? asked.push_tokens)?.list as readonly string[]
  const { hwids, unknown } = await findDevices(db, appId, list)
  const to: NewMessage['to'] =
    platforms === undefined || hwids.length === 0
      ? { devices: hwids }
      : { condition: among({ field: 'hwid', op: 'in', value: hwids }, platforms) }
  return areTold === true ? { to, unknown: { [kind]: unknown } } : { to }
}

async function unknownUsers(db: Queryable, appId: number, users: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select i.id from unnest($2::text[]) with ordinality i (id, place)
      where not exists (select from device d where d.app_id = $1 and d.user_id = i.id) order by place`,
    [appId, users],
  )
  return rows.map(it => it.id)
}

/** A language is for all other languages that is called `default`, else English, else the first one. */
function contentOf({ payload: given, platforms }: Common): object {
  const data = given.custom_data === undefined ? {} : { data: given.custom_data }
  if (given.content === undefined) return { silent: true, ...data }
  const texts = given.content.localized_content
  const languages = Object.keys(texts)
  const main = ['default', 'en'].find(it => it in texts) ?? languages[0]
  if (main === undefined)
    throw new PushError('input_invalid', 'payload.content.localized_content: it is empty')
  const named = platforms ?? (Object.keys(PLATFORMS) as PlatformName[]).filter(it => isWritten(texts, it))
  const [first, ...others] = named.map(it => wordsOf(texts, main, it))
  if (first === undefined)
    throw new PushError('input_invalid', 'payload.content.localized_content: it has no words')
  const isOne = others.every(it => JSON.stringify(it) === JSON.stringify(first))
  return { ...(isOne ? first : { ...first, ...ownWords(named, texts, main) }), ...data }
}

function isWritten(texts: Texts, name: PlatformName): boolean {
  return Object.values(texts).some(it => it[PLATFORMS[name].block] !== undefined)
}

/** By gateway, where the platforms say different things. */
function ownWords(platforms: readonly PlatformName[], texts: Texts, main: string): object {
  return Object.fromEntries(platforms.map(it => [PLATFORMS[it].gateway, wordsOf(texts, main, it)]))
}

/** Of a platform: the words of the main language, and those of the others. */
function wordsOf(texts: Texts, main: string, name: PlatformName): object {
  const of = (language: string): Words => {
    const found = texts[language]?.[PLATFORMS[name].block]
    if (found !== undefined) return found
    throw new PushError(
      'input_invalid',
      `payload.content.localized_content.${language.slice(0, 16)}: it says nothing for ${name}`,
    )
  }
  const others = Object.keys(texts).filter(it => it !== 'default' && (it !== main || main !== 'en'))
  const languages = Object.fromEntries(others.map(it => [it, of(it)]))
  return { ...of(main), ...(others.length > 0 && { languages }) }
}

/** As gRPC numbers them. */
const STATUS_CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  409: 6,
  413: 3,
  429: 8,
  503: 14,
}
const INTERNAL = 13
/** FAILED_PRECONDITION, which that gateway answers with a 400. */
const OVER = { status: 400, code: 9 } as const

function sendStatus(
  ...[error, request, reply]: Parameters<NonNullable<FastifyInstance['errorHandler']>>
): void {
  const problem = asPushError(error)
  logProblem(problem, error, request as FastifyRequest)
  const retryAfter = retryAfterOf(problem)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  const { status, remedy } = ERRORS[problem.code]
  const isOver = problem.code === 'message_over'
  void reply.code(isOver ? OVER.status : status).send({
    code: isOver ? OVER.code : (STATUS_CODES[status] ?? INTERNAL),
    message: problem.message,
    details: [{ code: problem.code, remedy }],
  })
}
