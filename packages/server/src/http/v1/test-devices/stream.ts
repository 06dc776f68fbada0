/**
 * Invitations as they change, for whoever looks on. Each stream looks a few times a second by the primary key: whichever process has changed
 * it, and with nothing that a lost notice could lose.
 * Source: WHATWG HTML, "Server-sent events".
 */
import { setTimeout as delay } from 'node:timers/promises'
import { PushError } from '@roost/protocol'
import { type Invitation, readInvitation, viewOf } from '../../../test-devices/invitations.ts'
import type { HttpContext } from '../../context.ts'

const LOOK_EVERY_MS = 250
/** Proxies cut what is silent for a minute. */
const ALIVE_EVERY_MS = 15_000
/** Of this process; people look on one at a time. */
const STREAMS_MAX = 100

interface Key {
  readonly appId: number
  readonly id: string
}

export class InvitationStreams {
  readonly #context: Pick<HttpContext, 'db' | 'clock'>
  readonly #closing = new AbortController()
  #open = 0

  constructor(context: Pick<HttpContext, 'db' | 'clock'>) {
    this.#context = context
  }

  /** Ends all streams, so that a stop need not wait for them. */
  close(): void {
    this.#closing.abort()
  }

  /**
   * Throws `rate_limited` at once. Ends with the invitation, when it was erased, when the server stops, and when `gone` is aborted: a generator
   * that waits hears of nothing else.
   */
  open(key: Key, gone: AbortSignal): AsyncGenerator<string> {
    if (this.#open >= STREAMS_MAX)
      throw new PushError(
        'rate_limited',
        `${STREAMS_MAX} streams are open on this server; that is the most`,
        {
          retryAfterSeconds: 5,
        },
      )
    return this.#events(key, AbortSignal.any([this.#closing.signal, gone]))
  }

  async *#events(key: Key, signal: AbortSignal): AsyncGenerator<string> {
    this.#open++
    try {
      let told = ''
      let toldAt = performance.now()
      while (!signal.aborted) {
        const seen = await this.#read(key)
        if (seen === undefined) return
        const isQuiet = seen.now === told && performance.now() - toldAt >= ALIVE_EVERY_MS
        if (isQuiet || seen.now !== told) {
          yield isQuiet ? ': \n\n' : seen.text
          told = seen.now
          toldAt = performance.now()
        }
        if (seen.isLast) return
        await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined) // aborted: the loop ends
      }
    } finally {
      this.#open--
    }
  }

  async #read(key: Key): Promise<{ now: string; text: string; isLast: boolean } | undefined> {
    const { db, clock } = this.#context
    const invitation: Invitation | undefined = await readInvitation(db, key).catch((error: unknown) => {
      if (error instanceof PushError) return undefined
      throw error
    })
    if (invitation === undefined) return undefined
    const view = viewOf(invitation, clock.now())
    return {
      now: `${invitation.version} ${view.state}`,
      text: `event: invitation\ndata: ${JSON.stringify(view)}\n\n`,
      isLast: view.state === 'done' || view.state === 'over',
    }
  }
}
