/**
 * A sender to the stand-in for Apple on Node's own HTTP/2, which shares nothing with the clients that the stand-in
 * judges; provider tokens are signed here.
 */
import { createPrivateKey } from 'node:crypto'
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2'
import { SignJWT } from 'jose'
import type { ApnsEnvironment, Simulator, TeamKey } from '../src/index.ts'

export const BUNDLE_ID = 'com.example.app'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

export interface GoAwaySeen {
  readonly code: number
  readonly lastStreamId: number
  readonly debug: string
}

export interface OpenOptions {
  readonly environment?: ApnsEnvironment
  readonly isManagement?: boolean
  /** Streams before the server's SETTINGS have come; default 1. */
  readonly streams?: number
  readonly certificate?: { readonly certPem: string; readonly keyPem: string }
}

export interface Push {
  readonly token: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

export class ApnsSender {
  readonly #simulator: Simulator
  readonly #sessions: ClientHttp2Session[] = []
  readonly #now: () => number

  constructor(simulator: Simulator, now: () => number) {
    this.#simulator = simulator
    this.#now = now
  }

  open(options: OpenOptions = {}): ClientHttp2Session {
    const { environment = 'production', isManagement = false, streams = 1, certificate } = options
    const { apns } = this.#simulator
    const session = connect(isManagement ? apns.managementUrl(environment) : apns.url(environment), {
      ca: this.#simulator.caPem,
      peerMaxConcurrentStreams: streams,
      ...(certificate !== undefined && { cert: certificate.certPem, key: certificate.keyPem }),
    })
    session.on('error', () => {}) // What it means for each request is told by the request.
    this.#sessions.push(session)
    return session
  }

  sign(key: TeamKey, issuedAtMs = this.#now()): Promise<string> {
    return new SignJWT({ iss: key.teamId, iat: Math.floor(issuedAtMs / 1000) })
      .setProtectedHeader({ alg: 'ES256', kid: key.keyId })
      .sign(createPrivateKey(key.p8))
  }

  async bearer(key: TeamKey, issuedAtMs = this.#now()): Promise<{ authorization: string }> {
    return { authorization: `bearer ${await this.sign(key, issuedAtMs)}` }
  }

  /** An alert to the app's topic, where `headers` say nothing else. */
  push(session: ClientHttp2Session, { token, headers, body }: Push): Promise<Answer> {
    const given = {
      ':method': 'POST',
      ':path': `/3/device/${token}`,
      'apns-topic': BUNDLE_ID,
      'apns-push-type': 'alert',
      ...headers,
    }
    return ask(session, given, body ?? '{"aps":{"alert":"Hello"},"p":"hash-1"}')
  }

  close(): void {
    for (const session of this.#sessions) session.destroy()
  }
}

/** Rejects when the stream ends without an answer. Headers that are undefined are left out. */
export function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined))
    const stream = session.request(given, { endStream: body === undefined })
    let head: Record<string, unknown> = {}
    const chunks: Buffer[] = []
    stream.on('response', received => {
      head = received
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => {
      if (head[':status'] === undefined) reject(new Error(`no answer: reset with ${stream.rstCode}`))
      else resolve({ status: Number(head[':status']), headers: head, body: Buffer.concat(chunks).toString() })
    })
    if (body !== undefined) stream.end(body)
  })
}

export function reasonOf({ status, body }: Answer): string {
  return status === 200 ? '' : (JSON.parse(body) as { reason: string }).reason
}

export function goAwayOf(session: ClientHttp2Session): Promise<GoAwaySeen> {
  return new Promise(resolve => {
    session.once('goaway', (code, lastStreamId, data) =>
      resolve({ code, lastStreamId, debug: Buffer.from(data ?? '').toString() }),
    )
  })
}

/** Settles when the server allows this many streams. */
export function streamsAllowed(session: ClientHttp2Session, streams: number): Promise<void> {
  return new Promise(resolve => {
    const check = () => {
      if (session.remoteSettings?.maxConcurrentStreams !== streams) return
      session.off('remoteSettings', check)
      resolve()
    }
    session.on('remoteSettings', check)
    if (!session.connecting) check()
  })
}

export const { NGHTTP2_NO_ERROR } = constants
