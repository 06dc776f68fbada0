/**
 * The HTTP application: REST under /v1, the compatible device protocol under /json/1.3, health and metrics, the web
 * SDK under /sdk, the console at /.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Server, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { HWID_CHARACTERS, PushError, REST_BODY_BYTES } from '@roost/protocol'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { z } from 'zod'
import { liveChannelRoute } from '../live/route.ts'
import { isOwn } from './client-address.ts'
import { compatBulkRoutes } from './compat/bulk.ts'
import { compatFilterRoutes } from './compat/filters.ts'
import { compatNotifyRoutes } from './compat/messages/notify.ts'
import { compatMessageRoutes } from './compat/messages/route.ts'
import { compatRoutes } from './compat/route.ts'
import { compatUnregisteredRoutes } from './compat/unregistered.ts'
import { limitCallsInHand, limitConnections } from './connections.ts'
import type { HttpContext } from './context.ts'
import { healthRoutes } from './health.ts'
import { readJson } from './json.ts'
import { sendProblem } from './problem.ts'
import { staticRoutes } from './static.ts'
import { testDevicePage } from './test-device/route.ts'
import { v1Routes } from './v1/routes.ts'

/** A hwid in a path, each of its UTF-16 units written as up to three escaped bytes. */
const PATH_PART_CHARACTERS = HWID_CHARACTERS * 9

/** A phone on a bad line needs seconds for its few hundred bytes; who needs longer holds a connection for nothing. */
const REQUEST_TIMEOUT_MS = 60_000
/** Node looks for late requests this often; its own default lets a minute become one and a half. */
const TIMEOUT_CHECK_MS = 5000

export interface AppOptions {
  /** For a request to arrive as a whole, body included; default 60 000. It is answered 408 then. */
  readonly requestTimeoutMs?: number
  /**
   * How long a stop serves the connections that are open: one that is closed at once may have a call on its way.
   * Default 0.
   */
  readonly drainMs?: number
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Aborted when a stop begins: answers that would go on for ever end then. */
    readonly stopping: AbortSignal
  }
}

/** The caller listens and closes. */
export async function buildApp(context: HttpContext, options: AppOptions = {}): Promise<FastifyInstance> {
  const requestTimeout = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
  const app = fastify({
    loggerInstance: context.logger as FastifyBaseLogger,
    // Thousands a second; the hook below tells of them at level debug.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: REST_BODY_BYTES,
    genReqId: () => randomUUID(),
    // Keep-alive connections of phones and back ends; beyond this a silent one is closed.
    keepAliveTimeout: 75_000,
    requestTimeout,
    http: {
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, requestTimeout),
      requestTimeout,
      headersTimeout: requestTimeout, // Node takes the greater of the two for the body
    },
    // At a stop requests in hand are answered; start/listen.ts cuts what takes too long.
    forceCloseConnections: 'idle',
    // Fastify's own 503 would be in nobody's envelope, and we can serve as long as a call gets through.
    return503OnClosing: false,
    clientErrorHandler: (error, socket) => answerBrokenRequest(context, error, socket),
    trustProxy: context.trustedProxies.length > 0 ? [...context.trustedProxies] : false,
    routerOptions: { maxParamLength: PATH_PART_CHARACTERS },
    frameworkErrors: (error, request, reply) => {
      void sendProblem(error, request, reply)
    },
  })
  app.addHook('onRequest', async request => {
    // Legal in a URL, but PostgreSQL's text type can't hold it.
    if (request.url.includes('%00')) throw new PushError('input_invalid', 'the URL holds a NUL character')
  })
  warnOfUnnamedProxy(app, context)
  endConnectionsGently(app, options.drainMs ?? 0)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      // Calls that want no body are often made with the headers of those that do.
      const isNone = body.length === 0 && isBodyOptional(request.routeOptions.schema?.body)
      done(null, isNone ? undefined : readJson(request, body as Buffer))
    } catch (error) {
      done(error as Error)
    }
  })
  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      new PushError('route_unknown', `there is no ${request.method} ${request.url.split('?')[0]}`),
      request,
      reply,
    ),
  )
  app.addHook('onResponse', async (request, reply) => {
    request.log.debug(
      {
        method: request.method,
        path: request.routeOptions.url,
        status: reply.statusCode,
        ms: reply.elapsedTime,
      },
      'request',
    )
  })
  limitConnections(app.server, context)
  await app.register(healthRoutes, context)
  limitCallsInHand(app) // health is told also when there are too many
  await app.register(compatRoutes, { ...context, prefix: '/json/1.3' })
  await app.register(compatBulkRoutes, context)
  await app.register(compatUnregisteredRoutes, context)
  await app.register(compatMessageRoutes, context)
  await app.register(compatFilterRoutes, context)
  await app.register(compatNotifyRoutes, context)
  await app.register(v1Routes, context)
  await app.register(liveChannelRoute, context)
  await app.register(testDevicePage)
  await app.register(staticRoutes)
  return app
}

/** Its calls are taken for its own: it would be one client that makes all of them, or none that is limited. */
function warnOfUnnamedProxy(app: FastifyInstance, { logger, trustedProxies }: HttpContext): void {
  if (trustedProxies.length > 0) return
  let isTold = false
  app.addHook('onRequest', async request => {
    if (isTold || request.headers['x-forwarded-for'] === undefined || !isOwn(request.ip)) return
    isTold = true
    logger.warn(
      'a call came through a proxy that ROOST_TRUSTED_PROXIES does not name: its clients are not limited',
    )
  })
}

/**
 * New connections are refused at once, so that balancers and clients go elsewhere; those that are open are served on, and
 * each answer closes its own.
 */
function endConnectionsGently(app: FastifyInstance, drainMs: number): void {
  const stopping = new AbortController()
  app.decorate('stopping', stopping.signal)
  app.addHook('preClose', async () => {
    stopping.abort()
    if (!app.server.listening) return
    const closed = once(app.server, 'close')
    Server.prototype.close.call(app.server) // that of HTTP would close what is idle, too
    const timeout = new AbortController()
    await Promise.race([closed, setTimeout(drainMs, undefined, timeout)])
    timeout.abort()
  })
  app.addHook('onSend', async (_request, reply) => {
    // Else the connection of a request that was in hand would idle until its time is out, and the stop with it.
    if (stopping.signal.aborted) void reply.header('connection', 'close')
  })
}

const BROKEN_REQUESTS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
}

/** As Fastify's own, which logs the whole error: Node puts the bytes of the request into it, tokens and all. */
function answerBrokenRequest({ logger }: HttpContext, { code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed) return
  const status = BROKEN_REQUESTS[code ?? ''] ?? '400 Bad Request'
  logger.debug({ code, status }, 'a request could not be read')
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`)
  socket.destroySoon()
}

/** Of a route that wants none, or can do without. */
function isBodyOptional(schema: unknown): boolean {
  return schema === undefined || (schema instanceof z.ZodType && schema.safeParse(undefined).success)
}
