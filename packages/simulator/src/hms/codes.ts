/**
 * What Huawei Push Kit answers: a code in the body, which alone tells what became of a request.
 *
 * The HTTP status of the 803 codes is not written down anywhere, so it is drawn anew each time: a client must read
 * `code`. Of a partial result `msg` is JSON inside a JSON string.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message, Result Codes".
 */
import type { GatewayAnswer } from '../gateway/listener.ts'
import type { Random } from '../randomness.ts'

interface Code {
  /** Undefined where Huawei names none. */
  readonly status: number | undefined
  readonly msg: string
}

const CODES = {
  '80000000': { status: 200, msg: 'Success' },
  '80100000': { status: 200, msg: 'Some tokens are right, the others are illegal' },
  '80100001': { status: 400, msg: 'Parameter check failed' },
  '80100003': { status: 400, msg: 'Incorrect message structure' },
  '80100004': { status: 400, msg: 'Incorrect message expiration time' },
  '80100013': { status: 400, msg: 'The collapse_key field is incorrect' },
  '80100016': { status: 400, msg: 'The message contains sensitive information' },
  '80100017': { status: 400, msg: 'A maximum of 100 topic-based messages can be sent at the same time' },
  '80100018': { status: 400, msg: 'The signature of the reviewed content does not match' },
  '80200001': { status: 401, msg: 'OAuth authentication error' },
  '80200003': { status: 401, msg: 'OAuth Token expired' },
  '80200005': { status: 401, msg: 'JWT expired' },
  '80300002': { status: undefined, msg: 'The current app does not have the permission to send messages' },
  '80300007': { status: undefined, msg: 'All tokens are invalid' },
  '80300008': { status: undefined, msg: 'The message body size exceeds the default value set by the system' },
  '80300010': {
    status: undefined,
    msg: 'The number of tokens in the message body exceeds the default value',
  },
  '80300011': {
    status: undefined,
    msg: 'You are not authorized to send high-priority notification messages',
  },
  '80300013': { status: undefined, msg: 'The receipt address is incorrect' },
  '80600003': { status: undefined, msg: 'Failed to request the OAuth service' },
  '81000001': { status: 500, msg: 'System inner error' },
} as const satisfies Record<string, Code>

export type HmsCode = keyof typeof CODES

export const HMS_CODES = Object.keys(CODES) as readonly HmsCode[]

const UNNAMED_STATUSES = [200, 400] as const

export interface HmsResult {
  readonly code: HmsCode
  /** In place of Huawei's own words. */
  readonly msg?: string
}

/** `msg` of a partial result. */
export function partialResult(counts: {
  readonly success: number
  readonly failure: number
  readonly illegalTokens: readonly string[]
}): string {
  const { success, failure, illegalTokens } = counts
  return JSON.stringify({ success, failure, illegal_tokens: illegalTokens })
}

/** The answer on the wire. */
export function resultAnswer(result: HmsResult, requestId: string, random: Random): GatewayAnswer {
  const row: Code = CODES[result.code]
  const unnamed = UNNAMED_STATUSES[Math.floor(random() * UNNAMED_STATUSES.length)] ?? 200
  const body = { code: result.code, msg: result.msg ?? row.msg, requestId }
  return {
    status: row.status ?? unnamed,
    headers: { 'content-type': 'application/json;charset=utf-8' },
    body: JSON.stringify(body),
  }
}
