/** The device token of a call, as apps send it. */
import type { FastifyRequest } from 'fastify'

/** Undefined without one. Source: the compatible protocol, `Authorization: Token …`. */
export function deviceTokenOf(request: FastifyRequest): string | undefined {
  return /^Token (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
}
