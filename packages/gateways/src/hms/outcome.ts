/**
 * What Push Kit answered → outcome, one for all tokens of a request or one for each.
 *
 * The `code` in the body decides, whatever the HTTP status; without one the status does. Only two codes are about
 * tokens, and both are read narrowly:
 *
 *   80100000  some tokens are not valid: exactly those that the answer lists. When the list can't be read nobody knows
 *             who was delivered to, so nobody is ended and nobody is sent to again: uncertain.
 *   80300007  all tokens are not valid, and the commonest cause of that is a wrong app. One token alone is ended when
 *             something else of this app was taken lately; otherwise all are doubted and kept.
 *
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message, Result Codes".
 */
import { quote, readJsonObject, retryAfterMs } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { TransportResult } from '../transport.ts'

export type HmsResponse = Extract<TransportResult, { kind: 'response' }>

export interface HmsRequest {
  readonly tokens: readonly string[]
  /** Whether another request of this app was taken lately. */
  readonly tookOthers: boolean
  /** The message names a receipt address of its own. */
  readonly hasReceiptId: boolean
}

/** One outcome for each token of the request. */
export type HmsVerdict = (token: string) => AttemptOutcome

interface HmsAnswer {
  readonly status: number
  readonly code: string | undefined
  readonly msg: unknown
  readonly requestId: string | undefined
  /** The most telling words, for a person. */
  readonly reason: string
}

const TAKEN = '80000000'
const SOME_TOKENS = '80100000'
const ALL_TOKENS = '80300007'
/** An access token that has ended, as such and as a JWT. */
const TOKEN_ENDED = new Set(['80200003', '80200005'])
const TOKEN_FOREIGN = '80200001'
const RECEIPT_ADDRESS = '80300013'
/** Parameter, structure, expiry, collapse key, content, signature, size, number of tokens, right to high priority. */
const MESSAGE_CODES = new Set([
  '80100001',
  '80100003',
  '80100004',
  '80100013',
  '80100016',
  '80100018',
  '80300008',
  '80300010',
  '80300011',
])
const CREDENTIAL_CODES = new Set([TOKEN_FOREIGN, ...TOKEN_ENDED, '80300002'])
/** More topic tasks at once than the app may have. */
const TOO_MANY_TASKS = '80100017'
/** Huawei's own sign-in failed; a fault of its own. */
const SERVER_CODES = new Set(['80600003', '81000001'])

export function readResponse(response: HmsResponse, request: HmsRequest, clock: Clock): HmsVerdict {
  const answer = readAnswer(response)
  if (answer.code === SOME_TOKENS) return bySomeTokens(answer, request)
  const outcome =
    answer.code === undefined
      ? byStatus(answer, retryAfterMs(response.headers, clock))
      : byCode(answer, answer.code, request, retryAfterMs(response.headers, clock))
  return () => outcome
}

/** Worth one new access token at once: by its code, or a bare 401. */
export function isAccessTokenEnded(response: HmsResponse): boolean {
  const { code, status } = readAnswer(response)
  return code === undefined ? status === 401 : TOKEN_ENDED.has(code)
}

/** Ended, or not one that this app may use. */
export function isAccessTokenRefused(response: HmsResponse): boolean {
  return readAnswer(response).code === TOKEN_FOREIGN || isAccessTokenEnded(response)
}

function byCode(
  answer: HmsAnswer,
  code: string,
  request: HmsRequest,
  afterMs: number | undefined,
): AttemptOutcome {
  const { reason } = answer
  if (code === TAKEN) return { kind: 'accepted', gatewayMessageId: answer.requestId }
  if (code === ALL_TOKENS) return allTokensOutcome(reason, request)
  if (MESSAGE_CODES.has(code)) return { kind: 'message_fault', reason }
  if (CREDENTIAL_CODES.has(code)) return { kind: 'credential_fault', reason }
  if (code === TOO_MANY_TASKS) return { kind: 'retry', reason, scope: 'credential', afterMs }
  if (SERVER_CODES.has(code)) return { kind: 'retry', reason, scope: 'origin', afterMs }
  // The app's address for receipts, unless this message names its own.
  if (code === RECEIPT_ADDRESS)
    return { kind: request.hasReceiptId ? 'message_fault' : 'credential_fault', reason }
  return byClass(answer, code, afterMs)
}

/** A code that is new: never a token. */
function byClass(answer: HmsAnswer, code: string, afterMs: number | undefined): AttemptOutcome {
  const { status, reason } = answer
  if (code.startsWith('802')) return { kind: 'credential_fault', reason }
  if (code.startsWith('81')) return { kind: 'retry', reason, scope: 'origin', afterMs }
  return status === 200 ? { kind: 'message_fault', reason } : byStatus(answer, afterMs)
}

function byStatus({ status, reason }: HmsAnswer, afterMs: number | undefined): AttemptOutcome {
  // Something on the way answered: whether Huawei took the message is not known.
  if (status >= 200 && status < 400) return { kind: 'uncertain', reason }
  if (status === 429 || status === 503) return { kind: 'retry', reason, scope: 'credential', afterMs }
  if (status === 401 || status === 403 || status === 404) return { kind: 'credential_fault', reason }
  if (status < 500 && status !== 408) return { kind: 'message_fault', reason }
  return { kind: 'retry', reason, scope: 'origin', afterMs }
}

function allTokensOutcome(reason: string, { tokens, tookOthers }: HmsRequest): AttemptOutcome {
  return tokens.length === 1 && tookOthers
    ? { kind: 'address_dead', reason, since: undefined }
    : { kind: 'address_mismatch', reason }
}

function bySomeTokens({ reason, msg, requestId }: HmsAnswer, request: HmsRequest): HmsVerdict {
  const illegal = illegalTokensIn(msg)
  if (illegal === undefined) return () => ({ kind: 'uncertain', reason: `${reason}: the list can't be read` })
  const accepted: AttemptOutcome = { kind: 'accepted', gatewayMessageId: requestId }
  // None was taken after all: then it says what 80300007 says.
  const refused: AttemptOutcome = request.tokens.every(token => illegal.has(token))
    ? allTokensOutcome(reason, request)
    : { kind: 'address_dead', reason, since: undefined }
  return token => (illegal.has(token) ? refused : accepted)
}

/** `{"success":3,"failure":1,"illegal_tokens":["…"]}`, as a JSON text inside the JSON. */
function illegalTokensIn(msg: unknown): ReadonlySet<string> | undefined {
  const list = typeof msg === 'string' ? readJsonObject(Buffer.from(msg))?.illegal_tokens : undefined
  if (!Array.isArray(list) || !list.every(token => typeof token === 'string')) return undefined
  return new Set(list as string[])
}

function readAnswer({ status, body }: HmsResponse): HmsAnswer {
  const answer = readJsonObject(body)
  const code = codeOf(answer?.code)
  const { msg, requestId } = answer ?? {}
  return {
    status,
    code,
    msg,
    requestId: typeof requestId === 'string' ? requestId : undefined,
    reason: reasonOf(status, code, msg),
  }
}

function codeOf(code: unknown): string | undefined {
  const text = typeof code === 'number' ? String(code) : code
  return typeof text === 'string' && text !== '' ? text : undefined
}

/** Without the lists of 80100000 and its like, which hold whole tokens. */
function reasonOf(status: number, code: string | undefined, msg: unknown): string {
  if (code === undefined) return `status ${status}`
  if (code === SOME_TOKENS) return `${code}: illegal token`
  const isWords = typeof msg === 'string' && msg !== '' && readJsonObject(Buffer.from(msg)) === undefined
  return quote(isWords ? `${code}: ${msg}` : code)
}
