/**
 * The envelope of the JSON 1.3 protocol. Clients take only HTTP 200 with `status_code` 200 for success: argument
 * errors are HTTP 200 with 210, a refused token is 403, what can't be read at all is 400 or 413.
 */
import { type CompatAnswer, ERRORS, type ErrorCode, type ErrorSpec, type PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { asPushError, logProblem, retryAfterOf } from '../problem.ts'

export function success(response: unknown): CompatAnswer {
  return { status_code: 200, status_message: 'OK', response }
}

const ARGUMENT_ERROR = 210

/** What devices may say is on another page than what back ends may. */
const BACK_END_INPUT_REMEDY =
  'Correct what is named here; docs/compat-messages.md has the fields of each method.'

type Remedy = (code: ErrorCode) => string

function remedyForDevice(code: ErrorCode): string {
  const { remedy, deviceRemedy = remedy }: ErrorSpec = ERRORS[code]
  return deviceRemedy
}

function remedyForBackEnd(code: ErrorCode): string {
  return code === 'input_invalid' ? BACK_END_INPUT_REMEDY : remedyForDevice(code)
}

function failure(
  error: PushError,
  remedyOf: Remedy,
): { readonly httpStatus: number; readonly answer: CompatAnswer } {
  const { status }: ErrorSpec = ERRORS[error.code]
  const isArgument = status === 404 || (status === 400 && error.code !== 'body_malformed')
  return {
    httpStatus: isArgument ? 200 : status,
    answer: {
      status_code: isArgument ? ARGUMENT_ERROR : status,
      status_message: `${error.message.replace(/\.$/, '')}. ${remedyOf(error.code)}`,
      response: null,
    },
  }
}

type ErrorHandler = NonNullable<FastifyInstance['errorHandler']>

function sendFailureWith(remedyOf: Remedy): ErrorHandler {
  return (error, request, reply) => {
    const problem = asPushError(error)
    logProblem(problem, error, request)
    const { httpStatus, answer } = failure(problem, remedyOf)
    const retryAfter = retryAfterOf(problem)
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
    void reply.code(httpStatus).send(answer)
  }
}

/** The error handler of calls of devices. */
export const sendFailure: ErrorHandler = sendFailureWith(remedyForDevice)
/** Of messages and filters: calls of back ends that answer in the same envelope. */
export const sendBackEndFailure: ErrorHandler = sendFailureWith(remedyForBackEnd)

/** The error handler of calls that take and answer their fields bare: POST /api/v2/… */
export function sendBareFailure(...[error, request, reply]: Parameters<ErrorHandler>): void {
  const problem = asPushError(error)
  logProblem(problem, error, request)
  const retryAfter = retryAfterOf(problem)
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
  void reply.code(ERRORS[problem.code].status).send({ message: problem.message, code: problem.code })
}
