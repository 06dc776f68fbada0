/**
 * Shows what goes over the wire to whom is looking for a fault: each request as it was sent, and what came back.
 *
 * Nothing that proves who we are is in it: of secret headers the scheme and the last four characters, of an exchange
 * of the credential for an access token (RFC 6749 §4.4, §5.1) neither the form nor the answer. Addresses are in it
 * whole, since a tester wants to see them: `hideAddress` shortens them for everybody else. Neither belongs into a log.
 */
import type { Transport, TransportFailure, TransportRequest, TransportResult } from './transport.ts'

export interface TracedRequest {
  readonly method: string
  readonly url: string
  /** Lower-case names, in the order in which they are sent. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The connection shows the credential's certificate in its handshake. */
  readonly hasClientCertificate: boolean
}

export interface TracedResponse {
  readonly status: number
  /** Those that a gateway says something in; others are not kept. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One request and what became of it: either `response` or `failure` is there. */
export interface Exchange {
  readonly request: TracedRequest
  readonly response: TracedResponse | null
  readonly failure: TransportFailure | null
  /** Over queueing, connecting and answering. */
  readonly latencyMs: number
}

/** What stands for a body that is not shown. */
export const SIGN_IN_HIDDEN = '(not shown: the credential is exchanged for an access token)'

const FORM = 'application/x-www-form-urlencoded'
const END_CHARACTERS = 4
/** Of a secret this short the end would be too much of it. */
const SHORT_CHARACTERS = 16

/**
 * `observer` is called once for each request, when it has ended and before its result is given on; what it throws
 * is the request's. Closing it closes the wrapped transport.
 */
export function createTracingTransport(
  transport: Transport,
  observer: (exchange: Exchange) => void,
): Transport {
  return {
    request: async request => {
      const startedAt = performance.now()
      const result = await transport.request(request)
      observer(exchangeOf(request, result, performance.now() - startedAt))
      return result
    },
    close: () => transport.close(),
  }
}

function exchangeOf(request: TransportRequest, result: TransportResult, latencyMs: number): Exchange {
  const isSignIn = request.headers['content-type'] === FORM
  const answered = result.kind === 'response' ? result : null
  return {
    request: {
      method: request.method,
      url: request.origin + request.path,
      headers: headersOf(request),
      body: isSignIn ? SIGN_IN_HIDDEN : textOf(request.body),
      hasClientCertificate: request.clientCertificate !== undefined,
    },
    response: answered && {
      status: answered.status,
      headers: answered.headers,
      body: isSignIn ? SIGN_IN_HIDDEN : textOf(answered.body),
    },
    failure: result.kind === 'response' ? null : result,
    latencyMs: Math.round(latencyMs * 10) / 10,
  }
}

function headersOf({ fixed, headers }: TransportRequest): Record<string, string> {
  const secret = Object.entries(fixed?.secret ?? {}).map(([name, value]) => [name, redact(value)])
  const plain = { ...fixed?.constant, ...headers }
  // A transport is free to be given a token among the plain ones.
  const rest = Object.entries(plain).map(([name, value]) => [
    name,
    name === 'authorization' ? redact(value) : value,
  ])
  return Object.fromEntries([...secret, ...rest])
}

/** `bearer …a1B2`; without a scheme the end alone. */
function redact(value: string): string {
  const [, scheme = '', secret = ''] = /^(?:([A-Za-z]+) )?(.*)$/s.exec(value) ?? []
  const end = secret.length < SHORT_CHARACTERS ? '' : secret.slice(-END_CHARACTERS)
  return `${scheme} …${end}`.trim()
}

/** Text as it is; of anything else, such as an encrypted message, how long it is. */
function textOf(body: Uint8Array): string {
  if (body.byteLength === 0) return ''
  return decode(body) ?? `(${body.byteLength} bytes that are no text)`
}

function decode(body: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these tell bytes from text
    return /[\x00-\x08\x0e-\x1f]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** The same with every occurrence of the address shortened to its last characters, in all texts of `value`. */
export function hideAddress<T>(value: T, address: string): T {
  const short = shortened(address)
  // In JSON, and in JSON within JSON (FCM, HMS), quotes and backslashes of a token are escaped.
  const spellings = [address, escaped(address), escaped(escaped(address)), encodeURIComponent(address)]
  const hideIn = (text: string) => spellings.reduce((shown, it) => shown.replaceAll(it, short), text)
  return address === '' ? value : (mapTexts(value, hideIn) as T)
}

/** An endpoint keeps its host: which push service it is must still be seen. */
function shortened(address: string): string {
  const origin = /^https:\/\/[^/?#]+/.exec(address)?.[0]
  const end = address.length < SHORT_CHARACTERS ? '' : address.slice(-END_CHARACTERS)
  return origin === undefined ? `…${end}` : `${origin}/…${end}`
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map(it => mapTexts(it, change))
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, mapTexts(it, change)]))
}
