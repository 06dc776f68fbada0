/**
 * The envelope of the JSON 1.3 protocol. Clients take only HTTP 200 with `status_code` 200 for success: argument
 * errors are HTTP 200 with 210, a refused token is 403, what can't be read at all is 400 or 413.
 */
import { type CompatAnswer, ERRORS, type ErrorSpec, type PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { asPushError, logProblem, retryAfterOf } from '../problem.ts'

export function success(response: unknown): CompatAnswer {
  return { status_code: 200, status_message: 'OK', response }
}

const ARGUMENT_ERROR = 210

function failure(error: PushError): { readonly httpStatus: number; readonly answer: CompatAnswer } {
  const { status, remedy, deviceRemedy = remedy }: ErrorSpec = ERRORS[error.code]
  const isArgument = status === 404 || (status === 400 && error.code !== 'body_malformed')
  return {
    httpStatus: isArgument ? 200 : status,
    answer: {
      status_code: isArgument ? ARGUMENT_ERROR : status,
      status_message: `${error.message.replace(/\.$/, '')}. ${deviceRemedy}`,
      response: null,
    },
  }
}

/** The error handler of all that answers in the envelope. */
export function sendFailure(
  ...[error, request, reply]: Parameters<NonNullable<FastifyInstance['errorHandler']>>
): void {
  const problem = asPushError(error)
  logProblem(problem, error, request)
  const { httpStatus, answer } = failure(problem)
  const retryAfter = retryAfterOf(problem)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  void reply.code(httpStatus).send(answer)
}
