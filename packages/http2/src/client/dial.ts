/**
 * Connecting: TCP, and TLS with ALPN h2. Reads go into one buffer that is used over and over (`onread`), so that an
 * answer costs no Buffer.
 */
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'

export interface DialOptions {
  /** `https://host[:port]`; `http://…` is HTTP/2 over plain TCP with prior knowledge, for tests. */
  readonly origin: string
  /** Client certificate and trusted roots; the system's roots when absent. */
  readonly secureContext?: SecureContext | undefined
  /** SNI and the name on the certificate, when it is not the origin's host. */
  readonly servername?: string | undefined
  readonly lookup?: LookupFunction | undefined
  readonly timeoutMs: number
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined
}

export type OnBytes = (buffer: Buffer, length: number) => void

const READ_BUFFER_BYTES = 64 * 1024

/** Resolves when requests may be written. Rejects with a reason that holds no secret; nothing is left open then. */
export function dial(options: DialOptions, onBytes: OnBytes): Promise<Socket> {
  const url = new URL(options.origin)
  const isTls = url.protocol === 'https:'
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  const onread = {
    buffer,
    callback: (length: number) => {
      onBytes(buffer, length)
      return true
    },
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const lookup = options.lookup === undefined ? {} : { lookup: options.lookup }
  const address = { host, port: Number(url.port || (isTls ? 443 : 80)), noDelay: true, onread, ...lookup }
  if (!isTls) return settle(connectTcp(address), 'connect', options, () => undefined)
  const tls = connectTls({
    ...address,
    ALPNProtocols: ['h2'],
    minVersion: 'TLSv1.2',
    ...(options.secureContext === undefined ? {} : { secureContext: options.secureContext }),
    ...serverName(options, host),
  })
  return settle(tls, 'secureConnect', options, () =>
    (tls as TLSSocket).alpnProtocol === 'h2' ? undefined : 'the server does not speak HTTP/2 (ALPN)',
  )
}

/** A name only: SNI carries no IP addresses (RFC 6066 §3). */
function serverName(options: DialOptions, host: string): { servername?: string } {
  if (options.servername !== undefined) return { servername: options.servername }
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host }
}

function settle(
  socket: Socket,
  readyEvent: 'connect' | 'secureConnect',
  options: DialOptions,
  problemOf: () => string | undefined,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      socket.off(readyEvent, accept).destroy()
      reject(error)
    }
    const onAbort = () => refuse(new Error('the attempt was given up'))
    const onClose = () => refuse(new Error('the connection was closed during the handshake'))
    const timer = setTimeout(
      () => refuse(new Error(`no connection within ${options.timeoutMs} ms`)),
      options.timeoutMs,
    )
    const accept = () => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      const problem = problemOf()
      if (problem !== undefined) return refuse(new Error(problem))
      socket.off('error', refuse).off('close', onClose)
      resolve(socket)
    }
    socket.on('error', refuse).once('close', onClose).once(readyEvent, accept)
    options.signal?.addEventListener('abort', onAbort)
  })
}
