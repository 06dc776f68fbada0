/**
 * Tokens of libraries that answer a request by an event: the request waits for the next one.
 */
import type { Unsubscribe } from './native-push.ts'

/** Apple answers in a second or two, or not at all: without a network there is neither token nor error. */
const TIMEOUT_MS = 20_000

export interface TokenEvents {
  readonly last: string | undefined
  gotToken(token: string): void
  gotError(error: Error): void
  onToken(listener: (token: string) => void): Unsubscribe
  /** Calls `request` and resolves with the token that follows; rejects with the error that does, or after 20 s. */
  ask(request: () => Promise<unknown>): Promise<string>
}

interface Waiting {
  readonly resolve: (token: string) => void
  readonly reject: (error: Error) => void
}

export function createTokenEvents(): TokenEvents {
  const listeners = new Set<(token: string) => void>()
  const waiting = new Set<Waiting>()
  let last: string | undefined
  return {
    get last() {
      return last
    },
    gotToken(token) {
      const isNew = token !== last
      last = token
      for (const it of waiting) it.resolve(token)
      // Who has asked gets it as the answer; the others hear of a change alone.
      if (isNew && waiting.size === 0) for (const it of listeners) it(token)
      waiting.clear()
    },
    gotError(error) {
      for (const it of waiting) it.reject(error)
      waiting.clear()
    },
    onToken(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    ask: request => ask(waiting, request),
  }
}

async function ask(waiting: Set<Waiting>, request: () => Promise<unknown>): Promise<string> {
  const { promise, mine } = makeWaiting()
  const timeout = () => mine.reject(new Error(`The system gave no token within ${TIMEOUT_MS / 1000} s`))
  const timer = setTimeout(timeout, TIMEOUT_MS)
  waiting.add(mine)
  try {
    request().catch(mine.reject)
    return await promise
  } finally {
    clearTimeout(timer)
    waiting.delete(mine)
  }
}

function makeWaiting(): { readonly promise: Promise<string>; readonly mine: Waiting } {
  let mine: Waiting | undefined
  const promise = new Promise<string>((resolve, reject) => {
    mine = { resolve, reject }
  })
  return { promise, mine: mine as unknown as Waiting }
}
