/**
 * Calls the server's REST API and turns every refusal into an `ApiProblem`.
 *
 * A refusal is `application/problem+json` with `code`, `detail`, `remedy` and `requestId`; what comes in any other
 * form (a proxy's page, no answer at all) gets a code and a remedy here, so that the page always has one to show.
 * People are known by a cookie, which the browser sends to the server's own origin by itself; scripts and the demo by
 * a server token. Source: RFC 9457 and the error page of the API.
 */

import type { FieldFault, Remark } from '@roost/protocol'

/** A server token goes into a header, where only printable ASCII may stand (RFC 9110, §5.5). */
const PRINTABLE_ASCII = /^[\x21-\x7e]+$/

export interface ProblemBody {
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly remedy: string
  readonly requestId: string | undefined
  /** What its sentence names, by the names that the texts of `problems` have for it. */
  readonly values?: Readonly<Record<string, string | number>> | undefined
  /** What `detail` says of a message's content, with its values apart. */
  readonly remarks?: readonly Remark[] | undefined
  /** What `detail` says of fields, with its values apart. */
  readonly faults?: readonly FieldFault[] | undefined
  /** Of 429 and 503: when to come again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Why the server didn't do what was asked. Its message is the `detail`. */
export class ApiProblem extends Error {
  readonly body: ProblemBody

  constructor(body: ProblemBody, options?: ErrorOptions) {
    super(body.detail, options)
    this.name = 'ApiProblem'
    this.body = body
  }

  /** Whether the same request may succeed in a moment without anybody changing anything. */
  get isPassing(): boolean {
    const { status } = this.body
    return status === 0 || status === 429 || status >= 500
  }
}

const TIMEOUT_MS = 15_000

export interface ApiOptions {
  /** Where `v1/` is found: an absolute URL that ends in a slash. */
  readonly baseUrl: string
  /** Undefined: the session's cookie, if there is one. */
  readonly token: string | undefined
  /** What the reader reads: the server's texts come in it where it has them. */
  readonly language?: () => string
  /** Told after each call whether the server answered, whatever it said. */
  readonly onReach?: (isAnswered: boolean) => void
  /** How long one call may take until its answer has been read; 15 seconds unless given. */
  readonly timeoutMs?: number
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Longer than usual where the server itself waits for somebody. */
  readonly timeoutMs?: number | undefined
  /** The ETag of the reading that a change goes out from: 412 `changed_meanwhile` when somebody else has changed it. */
  readonly ifMatch?: string | undefined
}

/** A reading that a change will go out from. */
export interface Reading<T> {
  readonly data: T
  /** For `ifMatch`; undefined where the server gave none. */
  readonly etag: string | undefined
}

/** Each throws `ApiProblem`, or the `AbortError` of its own signal. */
export interface Api {
  /** For who calls in the same name from elsewhere: a worker. */
  readonly caller: Pick<ApiOptions, 'baseUrl' | 'token'>
  readonly get: <T>(path: string, options?: CallOptions) => Promise<T>
  /** As `get`, with the answer's ETag. */
  readonly read: <T>(path: string, options?: CallOptions) => Promise<Reading<T>>
  /** A body is sent as JSON; a file as it is, as what its `type` says. */
  readonly post: <T>(path: string, body?: object, options?: CallOptions) => Promise<T>
  readonly put: <T>(path: string, body?: object, options?: CallOptions) => Promise<T>
  readonly patch: <T>(path: string, body?: object, options?: CallOptions) => Promise<T>
  readonly delete: <T>(path: string, options?: CallOptions) => Promise<T>
  /** An answer that is read as it comes: events, files. Without a limit of time unless the signal sets one. */
  readonly open: (path: string, options?: CallOptions & { readonly accept?: string }) => Promise<Response>
}

/** A path with every value percent-encoded: path`v1/apps/${app}/devices/${hwid}`. */
export function path(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return parts.reduce((all, part, at) => `${all}${encodeURIComponent(String(values[at - 1]))}${part}`)
}

/** `?a=1&b=x` of what is given; what is undefined or empty is left out. */
export function query(asked: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return text && `?${text}`
}

export function createApi(options: ApiOptions): Api {
  const { baseUrl, token } = options
  return {
    caller: { baseUrl, token },
    get: (at, given) => call(options, { method: 'GET', path: at, ...given }),
    read: (at, given) => read(options, { method: 'GET', path: at, ...given }),
    post: (at, body, given) => call(options, { method: 'POST', path: at, body, ...given }),
    put: (at, body, given) => call(options, { method: 'PUT', path: at, body, ...given }),
    patch: (at, body, given) => call(options, { method: 'PATCH', path: at, body, ...given }),
    delete: (at, given) => call(options, { method: 'DELETE', path: at, ...given }),
    open: (at, given) => open(options, at, given ?? {}),
  }
}

interface Call extends CallOptions {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: object | undefined
}

async function call<T>(options: ApiOptions, what: Call): Promise<T> {
  return (await read<T>(options, what)).data
}

async function read<T>(options: ApiOptions, what: Call): Promise<Reading<T>> {
  const { response, text } = await request(options, what)
  const body = text === '' ? undefined : parseJson(text)
  if (!response.ok) throw new ApiProblem(problemFrom(response, body))
  const etag = response.headers.get('etag') ?? undefined
  if (response.status === 204) return { data: undefined as T, etag }
  if (typeof body !== 'object' || body === null) throw new ApiProblem(unreadable(response))
  return { data: body as T, etag }
}

interface Answer {
  readonly response: Response
  readonly text: string
}

/** The body is read here too: a connection may also be lost in the middle of an answer. */
async function request(options: ApiOptions, { method, path: at, body, ...given }: Call): Promise<Answer> {
  const deadline = AbortSignal.timeout(given.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS)
  const { signal } = given
  const isFile = body instanceof Blob
  const headers = {
    ...headersOf(options),
    ...(body && { 'content-type': isFile ? body.type : 'application/json' }),
    ...(given.ifMatch !== undefined && { 'if-match': given.ifMatch }),
  }
  try {
    const response = await fetch(new URL(at, options.baseUrl), {
      method,
      headers,
      credentials: 'same-origin',
      ...(body && { body: isFile ? body : JSON.stringify(body) }),
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    const text = await response.text()
    options.onReach?.(true)
    return { response, text }
  } catch (cause) {
    if (signal?.aborted) throw cause
    options.onReach?.(false)
    throw new ApiProblem(SERVER_UNREACHABLE, { cause })
  }
}

async function open(
  options: ApiOptions,
  at: string,
  { signal, accept = '*/*' }: CallOptions & { readonly accept?: string },
): Promise<Response> {
  const response = await fetch(new URL(at, options.baseUrl), {
    headers: { ...headersOf(options), accept },
    credentials: 'same-origin',
    cache: 'no-store',
    ...(signal && { signal }),
  }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause
    options.onReach?.(false)
    throw new ApiProblem(SERVER_UNREACHABLE, { cause })
  })
  if (!response.ok) throw new ApiProblem(problemFrom(response, parseJson(await response.text())))
  return response
}

function headersOf({ token, language }: ApiOptions): Record<string, string> {
  if (token !== undefined && !PRINTABLE_ASCII.test(token)) throw new ApiProblem(TOKEN_MALFORMED)
  return {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(language && { 'accept-language': language() }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function problemFrom(response: Response, body: unknown): ProblemBody {
  if (typeof body !== 'object' || body === null) return unreadable(response)
  const given = body as Readonly<Record<string, unknown>>
  const text = (name: string): string | undefined =>
    typeof given[name] === 'string' ? given[name] : undefined
  const values = given.values as ProblemBody['values']
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  return {
    status: response.status,
    code: text('code') ?? 'unknown',
    detail: text('detail') ?? text('title') ?? `The server answered with status ${response.status}.`,
    remedy: text('remedy') ?? 'Look into the log of the server.',
    requestId: text('requestId'),
    ...(values && { values }),
    ...(Array.isArray(given.remarks) && { remarks: given.remarks as readonly Remark[] }),
    ...(Array.isArray(given.faults) && { faults: given.faults as readonly FieldFault[] }),
    ...(Number.isFinite(retryAfter) && { retryAfterSeconds: retryAfter }),
  }
}

function unreadable(response: Response): ProblemBody {
  return {
    status: response.status,
    code: 'answer_unreadable',
    detail: `Status ${response.status} came with something that isn't JSON.`,
    remedy: 'See whether a proxy stands in front of the server and answers in its place.',
    requestId: undefined,
  }
}

const SERVER_UNREACHABLE: ProblemBody = {
  status: 0,
  code: 'server_unreachable',
  detail: 'The server does not answer.',
  remedy: 'See whether it runs and whether this machine is online. The page tries again by itself.',
  requestId: undefined,
}

const TOKEN_MALFORMED: ProblemBody = {
  status: 401,
  code: 'token_malformed',
  detail: 'A server token has only letters, digits and signs of ASCII, and no spaces.',
  remedy: 'Copy the token again, without quotes or line breaks.',
  requestId: undefined,
}
