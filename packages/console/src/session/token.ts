/**
 * The server token of this browser tab: where it comes from, and when it is forgotten.
 *
 *   absent  --enter-->  present  --leave-->  absent
 *                       present  --refuse->  absent, with the server's reason
 *
 * It arrives in the URL's fragment, which browsers never send to a server (RFC 9110, §7.1), and is taken out of the
 * address bar at once so that it stays out of bookmarks and screenshots. It is kept for the tab's session only.
 */
import type { ProblemBody } from '../api/client.ts'

const STORAGE_KEY = 'roost.serverToken'
const START = '#/'

export interface AccessState {
  readonly token: string | undefined
  /** Why the last token was not taken. */
  readonly refusal: ProblemBody | undefined
}

export type TokenStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/** Holds the token and tells its listeners of changes; made for React's `useSyncExternalStore`. */
export class Access {
  readonly #storage: TokenStorage
  readonly #listeners = new Set<() => void>()
  #state: AccessState

  constructor(storage: TokenStorage) {
    this.#storage = storage
    this.#state = { token: storage.getItem(STORAGE_KEY) ?? undefined, refusal: undefined }
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly state = (): AccessState => this.#state

  /** Takes a token on trust; the first request proves it. */
  enter(token: string): void {
    this.#storage.setItem(STORAGE_KEY, token)
    this.#change({ token, refusal: undefined })
  }

  /** Forgets `token` because the server refused it; one that was entered meanwhile stays. */
  refuse(token: string, refusal: ProblemBody): void {
    if (this.#state.token !== token) return
    this.#storage.removeItem(STORAGE_KEY)
    this.#change({ token: undefined, refusal })
  }

  leave(): void {
    this.#storage.removeItem(STORAGE_KEY)
    this.#change({ token: undefined, refusal: undefined })
  }

  #change(state: AccessState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}

/**
 * Splits a fragment into the token that it carries and the place to show then: `#token=T` starts at the beginning,
 * `#token=T&go=/apps/…` goes there. Without a token it gives undefined.
 */
export function takeToken(fragment: string): { readonly token: string; readonly place: string } | undefined {
  if (!fragment.startsWith('#token=')) return undefined
  // a plus sign is a character of the token here, not a form's space
  const given = new URLSearchParams(fragment.slice(1).replaceAll('+', '%2B'))
  const token = given.get('token')?.trim()
  if (!token) return undefined
  const go = given.get('go')
  return { token, place: go?.startsWith('/') ? `#${go}` : START }
}

/** The code of an invitation in a fragment `#join=CODE`. */
export function takeInvitation(fragment: string): string | undefined {
  return /^#join=([^&]+)$/.exec(fragment)?.[1]
}

/** The code of the first set-up in a fragment `#setup=CODE`, which the server prints when it starts. */
export function takeSetupCode(fragment: string): string | undefined {
  return /^#setup=([^&]+)$/.exec(fragment)?.[1]
}
