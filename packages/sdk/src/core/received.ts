/**
 * What a device has received, whichever road it took: each message is shown once, and to nobody but whom it is for (R25).
 *
 * Whoever is about to show a message claims it first. Claims are kept by the store, where pages and the service worker meet, so of a frame and
 * a push of the same message the second finds the first.
 */
import type { PushPayload } from './payload.ts'
import type { DeviceState, Store } from './state.ts'

/** Pushes are kept for their devices for weeks: as many as come in between are told apart. */
const SEEN_MAX = 300

/** `foreign`: it is for somebody who is not logged in here. */
export type Claim = 'new' | 'seen' | 'foreign'

type Named = Pick<PushPayload, 'hash' | 'userId'>

/** One caller alone gets `new`. What has no hash is always new. */
export async function claim(store: Store, message: Named): Promise<Claim> {
  const state = await store.read()
  if (state === undefined) return 'new'
  if (isForeign(state, message)) return 'foreign'
  const { hash } = message
  if (hash === undefined) return 'new'
  let verdict: Claim = 'new'
  await store.update(before => {
    const known = before ?? state
    verdict = judge(known, message)
    return verdict === 'new' ? { ...known, seen: [...(known.seen ?? []), hash].slice(-SEEN_MAX) } : known
  })
  return verdict
}

/** Asked again: somebody may have logged in between. */
function judge(state: DeviceState, { hash, userId }: Named): Claim {
  if (isForeign(state, { userId })) return 'foreign'
  return hash !== undefined && state.seen?.includes(hash) ? 'seen' : 'new'
}

/** What is for nobody in particular is shown to whoever uses the device; and so is all where the app does not say who does. */
export function isForeign(state: DeviceState, { userId }: Pick<Named, 'userId'>): boolean {
  return userId !== undefined && knowsUser(state) && userId !== state.userId
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
