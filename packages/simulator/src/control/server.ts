/**
 * The control API: the operations over plain HTTP on loopback, for people with curl and for tests in other processes.
 *
 * A bearer token keeps web pages of the same machine out, which may send requests to any port. What is wrong is told as
 * `{"error", "remedy"}`.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Simulator } from '../simulator.ts'
import { describeFields, InputError } from './fields.ts'
import type { Operation, World } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import type { People } from './people.ts'

const MAX_BODY_BYTES = 1_048_576

export interface ControlOptions {
  readonly simulator: Simulator
  readonly people: People
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default a free one. */
  readonly port?: number
}

export interface Control {
  readonly url: string
  /** For `Authorization: Bearer …`. */
  readonly token: string
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

const ROUTES = OPERATIONS.map(operation => ({ operation, pattern: patternOf(operation.path) }))

/** Listens when it settles. The caller closes it, before the simulator. */
export async function startControl(options: ControlOptions): Promise<Control> {
  const { host = '127.0.0.1', port = 0, ...world } = options
  const token = randomBytes(24).toString('base64url')
  const server = createServer((request, response) => {
    void answer(world, token, request).then(
      ({ status, body }) => reply(response, status, body),
      () => request.destroy(), // cut off while it was read
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${name}:${(server.address() as AddressInfo).port}`,
    token,
    close: () => close(server),
  }
}

async function answer(world: World, token: string, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://control')
  const body = await readBody(request)
  if (!isAllowed(request, token))
    return failure(
      401,
      'the bearer token is missing or another one',
      'Send the one that was printed at the start.',
    )
  if (url.pathname === '/' && request.method === 'GET') return { status: 200, body: describeAll() }
  const found = findRoute(request.method, url.pathname)
  if (found === undefined)
    return failure(404, `there is no ${request.method} ${url.pathname}`, 'GET / lists what there is.')
  try {
    const input = { ...Object.fromEntries(url.searchParams), ...parse(body), ...found.inPath }
    return { status: 200, body: await found.operation.run(world, input) }
  } catch (cause) {
    if (cause instanceof InputError) return failure(400, cause.message, cause.remedy)
    return failure(500, String(cause), 'This is a fault of the simulator.')
  }
}

function findRoute(
  method: string | undefined,
  path: string,
): { readonly operation: Operation; readonly inPath: Readonly<Record<string, string>> } | undefined {
  for (const { operation, pattern } of ROUTES) {
    const match = operation.method === method ? pattern.exec(path) : null
    if (match === null) continue
    const groups = Object.entries(match.groups ?? {})
    return { operation, inPath: Object.fromEntries(groups.map(([name, value]) => [name, decode(value)])) }
  }
  return undefined
}

/** `/apns/tokens/{token}/kill`, with a named group for each field. */
function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function parse(body: string): object {
  if (body === '') return {}
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Told below.
  }
  throw new InputError('', 'the body is no JSON object', 'Send one, as {"times": 3}, or no body at all.')
}

function describeAll(): object {
  return {
    about: 'The control API of the stand-ins. Bodies are JSON objects; of a GET the fields are the query.',
    operations: OPERATIONS.map(({ name, method, path, summary, fields }) => ({
      name,
      route: `${method} ${path}`,
      summary,
      fields: describeFields(fields),
    })),
  }
}

function isAllowed(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(/^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '')
  const wanted = Buffer.from(token)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function failure(status: number, error: string, remedy: string): Answer {
  return { status, body: { error, remedy } }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new Error('the body is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>(resolve => server.close(() => resolve()))
}
