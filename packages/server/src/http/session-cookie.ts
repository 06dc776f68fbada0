/**
 * The cookie of a session: out of reach of scripts, sent to /v1 alone, and never with a call from another site.
 *
 * SameSite looks at the site, which all ports and subdomains share, so calls with it are held to the origin besides: browsers say where a
 * call comes from in Sec-Fetch-Site (W3C Fetch Metadata) where the page came securely, and in Origin with all that changes something (Fetch, 3.2).
 * Source: RFC 6265bis, 5.6 and 8.8; OWASP, "Cross-Site Request Forgery Prevention Cheat Sheet".
 */
import { PushError } from '@roost/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SESSION_SECONDS_MAX } from '../access/sessions.ts'

/** What the cookie of every installation was called before. Sessions from then on go on. */
const FORMER_NAME = 'roost_session'
const ATTRIBUTES = 'Path=/v1; HttpOnly; SameSite=Strict'

export interface GivenCookie {
  readonly name: string
  readonly token: string
}

/** Named by the installation: browsers keep cookies by host and not by port, so two of them on one machine would sign each other out. */
export class SessionCookie {
  readonly name: string

  /** What tells the installation from others: letters and digits. */
  constructor(installation: string) {
    this.name = `${FORMER_NAME}_${installation}`
  }

  set(request: FastifyRequest, reply: FastifyReply, token: string): void {
    const secure = request.protocol === 'https' ? '; Secure' : ''
    void reply.header(
      'set-cookie',
      `${this.name}=${token}; ${ATTRIBUTES}; Max-Age=${SESSION_SECONDS_MAX}${secure}`,
    )
  }

  /** May be called for several. */
  clear(reply: FastifyReply, { name }: Pick<GivenCookie, 'name'>): void {
    void reply.header('set-cookie', `${name}=; ${ATTRIBUTES}; Max-Age=0`)
  }

  /** The one of this installation first; one of before may be another installation's. */
  allOf(request: FastifyRequest): GivenCookie[] {
    const given = readCookies(request.headers.cookie ?? '')
    return [this.name, FORMER_NAME].flatMap(name => {
      const token = given.get(name) ?? ''
      return token === '' ? [] : [{ name, token }]
    })
  }

  /** Undefined without one. */
  of(request: FastifyRequest): string | undefined {
    return this.allOf(request)[0]?.token
  }
}

function readCookies(header: string): Map<string, string> {
  const pairs = header.split(';').map(pair => pair.trim().split('=', 2))
  return new Map(pairs.map(([name = '', value = '']) => [name, value]))
}

/** For calls that go by a cookie, or get one. Throws `origin_refused`. */
export function requireOwnOrigin(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) {
    // "none": typed in, or opened from a bookmark.
    if (site === 'same-origin' || (site === 'none' && isReading(request))) return
    throw new PushError('origin_refused', 'the call comes from a page of another origin')
  }
  const { origin } = request.headers
  if (origin === undefined && isReading(request)) return
  if (origin === undefined || !isHere(origin, request))
    throw new PushError('origin_refused', 'the call names no origin, or another one than this server')
}

function isHere(origin: string, request: FastifyRequest): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.host
}

export function isReading({ method }: Pick<FastifyRequest, 'method'>): boolean {
  return method === 'GET' || method === 'HEAD'
}
