/**
 * One POST to a server that somebody named. Its URL could point into our own network, so: https only, the rules of
 * `checkEndpointUrl`, names checked by the lookup that the connection itself uses, and no redirect is followed.
 */
import { request } from 'node:https'
import type { LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import { checkEndpointUrl, createGuardedLookup } from '@roost/gateways'

export interface PostOptions {
  readonly allowPrivate: boolean
  /** PEM, added to the trusted roots. */
  readonly extraCa?: string | undefined
  /** Over connecting and answering. Default 10 000. */
  readonly deadlineMs?: number
  /** Ends it at once; it counts as not answered. */
  readonly signal?: AbortSignal | undefined
  /** Default: the system's resolver. */
  readonly lookup?: LookupFunction
}

export interface Posted {
  /** Null when no answer came. */
  readonly status: number | null
  /** What kept the answer away. */
  readonly error: string | null
}

const DEADLINE_MS = 10_000

/** Never rejects. */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  options: PostOptions,
): Promise<Posted> {
  const { allowPrivate, extraCa, deadlineMs = DEADLINE_MS, lookup } = options
  const check = checkEndpointUrl(url, { allowPrivate })
  if (!check.ok) return { status: null, error: check.reason }
  const deadline = AbortSignal.timeout(deadlineMs)
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  return new Promise(resolve => {
    const outgoing = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup: createGuardedLookup({ allowPrivate, ...(lookup === undefined ? {} : { lookup }) }),
      agent: false,
      signal,
      ...(extraCa === undefined ? {} : { ca: [...rootCertificates, extraCa] }),
    })
    outgoing.on('response', answer => {
      resolve({ status: answer.statusCode ?? null, error: null })
      answer.destroy() // the status is all that counts; a body may have no end
    })
    // 101, for which nobody asked; without this it would be no response and no error.
    outgoing.on('upgrade', (answer, socket) => {
      resolve({ status: answer.statusCode ?? null, error: null })
      socket.destroy()
    })
    outgoing.on('error', error => resolve({ status: null, error: wordsOf(error, deadline, deadlineMs) }))
    outgoing.on('close', () =>
      resolve({ status: null, error: 'the connection was closed without an answer' }),
    )
    outgoing.end(body)
  })
}

const ERROR_CHARACTERS = 200

function wordsOf(error: NodeJS.ErrnoException, deadline: AbortSignal, deadlineMs: number): string {
  if (deadline.aborted) return `no answer within ${deadlineMs} ms`
  if (error.name === 'AbortError') return 'given up: the server was stopped'
  return error.message.slice(0, ERROR_CHARACTERS)
}
