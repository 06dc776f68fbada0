/** Errors as `application/problem+json` (RFC 9457), with `code`, `detail`, `remedy` and `requestId`. */
import { ERRORS, type ErrorCode, type ErrorSpec, PushError } from '@roost/protocol'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { codeOf } from '../store/database.ts'

/** What any thrown thing is to a caller; anything unknown is `internal`, and its text stays in the log. */
export function asPushError(error: unknown): PushError {
  if (error instanceof PushError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const places = error.validation.map(
      it => `${error.validationContext ?? 'input'}${it.instancePath}: ${it.message ?? 'invalid'}`,
    )
    return new PushError('input_invalid', places.join('; '))
  }
  const code = (error as FastifyError).code
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new PushError('body_too_large', 'the body is larger than this call takes')
  if (code === 'FST_ERR_BAD_URL') return new PushError('input_invalid', 'the path has a broken escape')
  if (code?.startsWith('FST_ERR_CTP')) return new PushError('body_malformed', (error as Error).message)
  if (isDatabaseAway(error))
    return new PushError('not_ready', 'the database does not answer', { cause: error })
  return new PushError('internal', 'something went wrong on our side', { cause: error })
}

/** Connection refused or lost, and classes 08 and 57P (shutting down, starting up) of PostgreSQL, appendix A. */
function isDatabaseAway(error: unknown): boolean {
  return (
    /^(ECONNREFUSED|ECONNRESET|EPIPE|08...|57P..)$/.test(codeOf(error)) ||
    /Connection terminated/.test(String(error))
  )
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = asPushError(error)
  const spec: ErrorSpec = ERRORS[problem.code satisfies ErrorCode]
  if (problem.code === 'internal') request.log.error({ err: error }, 'request failed')
  if (spec.retryAfterSeconds !== undefined) void reply.header('retry-after', spec.retryAfterSeconds)
  return reply.code(spec.status).type('application/problem+json').send({
    type: 'about:blank',
    title: problem.code,
    status: spec.status,
    code: problem.code,
    detail: problem.message,
    remedy: spec.remedy,
    requestId: request.id,
  })
}
