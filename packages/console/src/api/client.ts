/**
 * Calls the server's REST API with the server token and turns every refusal into an `ApiProblem`.
 *
 * A refusal is `application/problem+json` with `code`, `detail`, `remedy` and `requestId`; what comes in any other
 * form (a proxy's page, no answer at all) gets a code and a remedy here, so that the page always has one to show.
 * Source: RFC 9457 and the error page of the API.
 */
import type {
  App,
  Credential,
  CredentialEvent,
  Device,
  DeviceStats,
  DeviceSummary,
  LedgerEntry,
  Message,
  MessageDetail,
  PushTestResult,
} from './shapes.ts'

const MESSAGES_SHOWN = 20
export const DEVICES_SHOWN = 50

/** A server token goes into a header, where only printable ASCII may stand (RFC 9110, §5.5). */
const PRINTABLE_ASCII = /^[\x21-\x7e]+$/

export interface ProblemBody {
  /** HTTP status; 0 when no answer came. */
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly remedy: string
  readonly requestId: string | undefined
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
/** It waits for a gateway, which may first want a sign-in. */
const PUSH_TEST_TIMEOUT_MS = 60_000

export interface ApiOptions {
  /** Where `v1/` is found: an absolute URL that ends in a slash. */
  readonly baseUrl: string
  readonly token: string
  /** How long one call may take until its answer has been read; 15 seconds unless given. */
  readonly timeoutMs?: number
}

export interface Api {
  readonly apps: (signal?: AbortSignal) => Promise<readonly App[]>
  readonly deviceStats: (app: string, signal?: AbortSignal) => Promise<DeviceStats>
  readonly messages: (app: string, signal?: AbortSignal) => Promise<readonly Message[]>
  readonly message: (app: string, id: string, signal?: AbortSignal) => Promise<MessageDetail>
  readonly devices: (app: string, search: string, signal?: AbortSignal) => Promise<readonly DeviceSummary[]>
  readonly device: (app: string, hwid: string, signal?: AbortSignal) => Promise<Device>
  readonly ledger: (app: string, hwid: string, signal?: AbortSignal) => Promise<readonly LedgerEntry[]>
  readonly credentials: (app: string, signal?: AbortSignal) => Promise<readonly Credential[]>
  readonly credentialHistory: (
    app: string,
    id: string,
    signal?: AbortSignal,
  ) => Promise<readonly CredentialEvent[]>
  readonly addCredential: (app: string, upload: object) => Promise<Credential>
  readonly replaceCredential: (app: string, id: string, upload: object) => Promise<Credential>
  readonly checkCredential: (app: string, id: string) => Promise<Credential>
  readonly deleteCredential: (app: string, id: string) => Promise<void>
  readonly testPush: (app: string, input: object) => Promise<PushTestResult>
}

/** The calls that the console makes. Each throws `ApiProblem`, or the `AbortError` of its own signal. */
export function createApi(options: ApiOptions): Api {
  const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call<T>(options, { path, signal })
  const credential = (app: string, id: string, rest = ''): string =>
    inApp(app, `credentials/${encodeURIComponent(id)}${rest}`)
  const inApp = (app: string, rest: string): string => `v1/apps/${encodeURIComponent(app)}/${rest}`
  return {
    apps: async signal => (await get<{ apps: App[] }>('v1/apps', signal)).apps,
    deviceStats: (app, signal) => get(inApp(app, 'stats/devices'), signal),
    messages: async (app, signal) =>
      (await get<{ messages: Message[] }>(inApp(app, `messages?limit=${MESSAGES_SHOWN}`), signal)).messages,
    message: (app, id, signal) => get(inApp(app, `messages/${encodeURIComponent(id)}`), signal),
    devices: async (app, search, signal) => {
      const query = new URLSearchParams({ limit: String(DEVICES_SHOWN), search })
      return (await get<{ devices: DeviceSummary[] }>(inApp(app, `devices?${query}`), signal)).devices
    },
    device: (app, hwid, signal) => get(inApp(app, `devices/${encodeURIComponent(hwid)}`), signal),
    ledger: async (app, hwid, signal) => {
      const path = inApp(app, `devices/${encodeURIComponent(hwid)}/ledger`)
      return (await get<{ entries: LedgerEntry[] }>(path, signal)).entries
    },
    credentials: async (app, signal) =>
      (await get<{ credentials: Credential[] }>(inApp(app, 'credentials'), signal)).credentials,
    credentialHistory: async (app, id, signal) =>
      (await get<{ entries: CredentialEvent[] }>(credential(app, id, '/history'), signal)).entries,
    addCredential: (app, upload) =>
      call(options, { method: 'POST', path: inApp(app, 'credentials'), body: upload }),
    replaceCredential: (app, id, upload) =>
      call(options, { method: 'PUT', path: credential(app, id), body: upload }),
    checkCredential: (app, id) => call(options, { method: 'POST', path: credential(app, id, '/check') }),
    deleteCredential: (app, id) => call(options, { method: 'DELETE', path: credential(app, id) }),
    testPush: (app, input) =>
      call(
        { timeoutMs: PUSH_TEST_TIMEOUT_MS, ...options },
        { method: 'POST', path: inApp(app, 'push-test'), body: input },
      ),
  }
}

interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: object
  readonly signal?: AbortSignal | undefined
}

async function call<T>(options: ApiOptions, asked: Call): Promise<T> {
  if (!PRINTABLE_ASCII.test(options.token)) throw new ApiProblem(TOKEN_MALFORMED)
  const { response, text } = await request(options, asked)
  if (response.status === 204) return undefined as T // nothing to say
  const body = parseJson(text)
  if (!response.ok) throw new ApiProblem(problemFrom(response, body))
  if (typeof body !== 'object' || body === null) throw new ApiProblem(unreadable(response))
  return body as T
}

interface Answer {
  readonly response: Response
  readonly text: string
}

/** The body is read here too: a connection may also be lost in the middle of an answer. */
async function request(options: ApiOptions, { method = 'GET', path, body, signal }: Call): Promise<Answer> {
  const deadline = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  try {
    const response = await fetch(new URL(path, options.baseUrl), {
      method,
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
      cache: 'no-store',
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    return { response, text: await response.text() }
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiProblem(SERVER_UNREACHABLE, { cause })
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
  return {
    status: response.status,
    code: text('code') ?? 'unknown',
    detail: text('detail') ?? text('title') ?? `The server answered with status ${response.status}.`,
    remedy: text('remedy') ?? 'Look into the log of the server.',
    requestId: text('requestId'),
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
