/** Errors as `application/problem+json` (RFC 9457), with `code`, `detail`, `remedy` and `requestId`. */
import {
  ERRORS,
  type ErrorCode,
  type ErrorSpec,
  fieldFaultSchema,
  PushError,
  remarkSchema,
} from '@roost/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { z } from 'zod'
import { codeOf, isDatabaseAway } from '../store/database.ts'
import { notJson } from './json.ts'

/** What any thrown thing is to a caller; anything unknown is `internal`, and its text stays in the log. */
export function asPushError(error: unknown): PushError {
  if (error instanceof PushError) return error
  const code = codeOf(error)
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new PushError('body_too_large', 'the body is larger than this call takes')
  if (code === 'FST_ERR_BAD_URL') return new PushError('input_invalid', 'the path has a broken escape')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return notJson()
  if (code?.startsWith('FST_ERR_CTP')) return new PushError('body_malformed', (error as Error).message)
  if (isDatabaseAway(error))
    return new PushError('not_ready', 'the database can not serve at the moment', { cause: error })
  return new PushError('internal', 'something went wrong on our side', { cause: error })
}

/** Seconds, for the header; undefined where waiting does not help. */
export function retryAfterOf(problem: PushError): number | undefined {
  const spec: ErrorSpec = ERRORS[problem.code satisfies ErrorCode]
  return problem.retryAfterSeconds ?? spec.retryAfterSeconds
}

/** A database that is away fails thousands of calls in the same way. */
const AWAY_TOLD_EVERY_MS = 10_000
const awayToldAt = new WeakMap<object, number>()

/** What the operator has to know of a call that failed; what the caller did wrong is the caller's. */
export function logProblem(problem: PushError, error: unknown, request: FastifyRequest): void {
  logFault(problem, error, {
    log: request.log,
    of: request.server.server, // the one of all plugins
    failed: 'call failed',
    away: 'the database can not serve: calls are answered 503',
  })
}

export interface FaultLog {
  readonly log: Pick<Logger, 'error'>
  /** An outage is told once in ten seconds for each of them. */
  readonly of: object
  /** What is said of a fault of ours, and of an outage. */
  readonly failed: string
  readonly away: string
}

export function logFault(problem: PushError, error: unknown, { log, of, failed, away }: FaultLog): void {
  if (problem.code === 'internal') log.error({ err: error }, failed)
  if (problem.code !== 'not_ready' || problem.cause === undefined) return
  const now = performance.now()
  if (now - (awayToldAt.get(of) ?? Number.NEGATIVE_INFINITY) < AWAY_TOLD_EVERY_MS) return
  awayToldAt.set(of, now)
  const reason = problem.cause instanceof Error ? problem.cause.message : String(problem.cause)
  log.error({ reason, code: codeOf(problem.cause) }, away)
}

export const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  /** To test for. */
  code: z.enum(Object.keys(ERRORS)),
  /** What is wrong, where, and what was allowed. */
  detail: z.string(),
  /** What to do. */
  remedy: z.string(),
  /** To find it in the log. */
  requestId: z.string(),
  /** What `detail` says of a message's content, with the values apart. */
  remarks: z.array(remarkSchema).optional(),
  /** What `detail` names, for who writes it in another language. */
  values: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  /** What `detail` says of the fields of the request, each with its values apart. */
  faults: z.array(fieldFaultSchema).optional(),
})

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = asPushError(error)
  const spec: ErrorSpec = ERRORS[problem.code satisfies ErrorCode]
  logProblem(problem, error, request)
  const retryAfter = retryAfterOf(problem)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  return reply
    .code(spec.status)
    .type('application/problem+json')
    .send({
      type: 'about:blank',
      title: problem.code,
      status: spec.status,
      code: problem.code,
      detail: problem.message,
      remedy: spec.remedy,
      requestId: request.id,
      ...(problem.remarks.length > 0 && { remarks: problem.remarks }),
      ...(problem.values && { values: problem.values }),
      ...(problem.faults.length > 0 && { faults: problem.faults }),
    })
}
