/**
 * What a device has received, whichever road it took: each message is shown once, and to nobody but whom it is for (R25).
 *
 * Whoever is about to show a message does so under a lock of its name, and notes it in the store, where pages and the service worker meet, when it is
 * shown. So of a frame and a push of the same message the second finds the first; and where a page is ended in between, nothing is noted and its
 * push is shown.
 */
import type { Lock } from './client.ts'
import type { PushPayload } from './payload.ts'
import type { DeviceState, Store } from './state.ts'

/** Pushes are kept for their devices for weeks: as many as come in between are told apart. */
const SEEN_MAX = 300

/** `foreign`: it is for somebody who is not logged in here. `ungranted`: the lock was not to be had, and nothing was judged or shown. */
export type Verdict = 'new' | 'seen' | 'foreign' | 'ungranted'

export interface ReceivingOptions {
  readonly store: Store
  readonly lock: Lock
}

type Named = Pick<PushPayload, 'hash' | 'userId'>

/**
 * Runs `show` for one caller alone, who gets `new`; what has no hash is always new. It rejects with what `show` threw, and with nothing else: then the
 * message has been shown. Where nothing can be kept it is shown: twice is better than never.
 */
export async function once(
  { store, lock }: ReceivingOptions,
  message: Named,
  show: () => Promise<void>,
): Promise<Verdict> {
  const { hash } = message
  const work = async () => {
    const verdict = judge(await store.read().catch(() => undefined), message)
    if (verdict !== 'new') return verdict
    try {
      await show()
    } finally {
      if (hash !== undefined) await note(store, hash).catch(() => {})
    }
    return verdict
  }
  if (hash === undefined) return work()
  let isGranted = false
  const granted = () => {
    isGranted = true
    return work()
  }
  // A page that is no longer active is granted none. Source: W3C Web Locks API, "request()".
  return lock(`roost-message ${hash}`, granted).catch(error => {
    if (isGranted) throw error
    return 'ungranted'
  })
}

function judge(state: DeviceState | undefined, { hash, userId }: Named): Verdict {
  if (state === undefined) return 'new'
  if (isForeign(state, { userId })) return 'foreign'
  return hash !== undefined && state.seen?.includes(hash) ? 'seen' : 'new'
}

async function note(store: Store, hash: string): Promise<void> {
  const state = await store.read()
  if (state === undefined) return
  await store.update((before = state) => ({
    ...before,
    seen: [...(before.seen ?? []), hash].slice(-SEEN_MAX),
  }))
}

/** What is for nobody in particular is shown to whoever uses the device; and so is all where the app does not say who does. */
export function isForeign(state: DeviceState, { userId }: Pick<Named, 'userId'>): boolean {
  return userId !== undefined && knowsUser(state) && userId !== state.userId
}

/** Whether somebody else has logged in since it was judged: what is on the screen for the one before has to go (R25). */
export async function isForeignByNow(store: Store, message: Pick<Named, 'userId'>): Promise<boolean> {
  const state = await store.read().catch(() => undefined)
  return state !== undefined && isForeign(state, message)
}

/** Whether the app says who is logged in here; else its back end alone may name users. */
export function knowsUser({ isUserTold, userId }: DeviceState): boolean {
  return isUserTold ?? userId !== undefined
}

/**
 * What becomes of a message that comes while the app is in the foreground. `show`: a notification, and the app is told. `event`: the app is told,
 * and shows it or not. `silent`: neither, it is counted as delivered.
 */
export type Presentation = 'show' | 'event' | 'silent'

const PRESENTATIONS: readonly unknown[] = ['show', 'event', 'silent'] satisfies Presentation[]

/** The app's choice, unless the message has one: `roost_foreground` in its data. */
export function presentationOf({ data }: Pick<PushPayload, 'data'>, choice: Presentation): Presentation {
  const own = (data as { readonly roost_foreground?: unknown } | null | undefined)?.roost_foreground
  return PRESENTATIONS.includes(own) ? (own as Presentation) : choice
}
