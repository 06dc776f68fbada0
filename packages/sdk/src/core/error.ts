/**
 * What can go wrong for a caller, each with a code to test for.
 */
export type RoostErrorCode =
  /** No answer: the same call may be repeated when the network is back. */
  | 'unreachable'
  /** The server, or something before it, could not answer now: the same call may be repeated later. */
  | 'unavailable'
  /** The device token was not accepted: check `deviceToken` and `application`. */
  | 'unauthorized'
  /** The server understood and said no: repeating the same call is of no use. */
  | 'refused'
  /** The server has no web push credential for this application. */
  | 'push_not_configured'
  /** This browser can't do web push (on iOS: add the site to the home screen first). */
  | 'unsupported'
  /** The service worker file could not be installed. */
  | 'service_worker_failed'
  /** A file of the SDK is not on the site beside the others. */
  | 'file_missing'
  /** `start()` has never been called on this origin. */
  | 'not_started'

export interface RoostErrorOptions extends ErrorOptions {
  readonly retryAfterMs?: number | undefined
}

export class RoostError extends Error {
  readonly code: RoostErrorCode
  /** Of a server that is busy (429, 503): for how long it wants to be left alone, 0 when it does not say. Else undefined. */
  readonly retryAfterMs: number | undefined

  constructor(code: RoostErrorCode, message: string, options?: RoostErrorOptions) {
    super(message, options)
    this.name = 'RoostError'
    this.code = code
    this.retryAfterMs = options?.retryAfterMs
  }
}
