/** What a request came to. Exactly one for each, always. */

/**
 * One object serves all results of a connection: read it during the call, copy what is to stay.
 *
 * - `answered`: the answer came, whole; `status` and `header(i)` are set, `body` is up to the limit.
 * - `not_sent`: the peer has not processed it; safe to repeat at once.
 * - `uncertain`: it went out and no whole answer came; the peer may have processed it.
 */
export interface RequestResult {
  readonly kind: 'answered' | 'not_sent' | 'uncertain'
  /** Of the answer; also of one that was cut, 0 when none came. */
  readonly status: number
  /** Value of the i-th wanted header of the template; undefined when the answer had none. */
  header(index: number): string | undefined
  /** Valid during the call only. */
  readonly body: Buffer
  readonly isBodyTruncated: boolean
  /** Why it was not answered; empty when it was. */
  readonly reason: string
  /** The debug text of the GOAWAY that ended the connection, if one did. */
  readonly goAway: string | undefined
}

/** Whoever sends requests: one object for all of them, told apart by the tag that came with each. */
export interface RequestObserver {
  onResult(tag: unknown, result: RequestResult): void
}

const NO_BODY = Buffer.alloc(0)

/** The one result of a connection, set anew for each call. */
export class SharedResult implements RequestResult {
  kind: RequestResult['kind'] = 'answered'
  status = 0
  body: Buffer = NO_BODY
  isBodyTruncated = false
  reason = ''
  goAway: string | undefined
  headers: readonly (string | undefined)[] | undefined

  header(index: number): string | undefined {
    return this.headers?.[index]
  }

  setFailure(kind: 'not_sent' | 'uncertain', reason: string, goAway: string | undefined): this {
    this.kind = kind
    this.status = 0
    this.body = NO_BODY
    this.isBodyTruncated = false
    this.reason = reason
    this.goAway = goAway
    this.headers = undefined
    return this
  }
}

/**
 * An observer that throws is a fault of its own: it surfaces as an uncaught exception, and no other request, nor the
 * frames that stand behind this answer, may suffer from it.
 */
export function tell(observer: RequestObserver, tag: unknown, result: RequestResult): void {
  try {
    observer.onResult(tag, result)
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}
