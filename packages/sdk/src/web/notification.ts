/**
 * Notifications of a browser: what a message shows, and what is left to do where nothing is to be shown.
 * Sources: Notifications API §2; Push API, "userVisibleOnly".
 */
import type { Links, PushPayload } from '../core/payload.ts'
import { isForeign, knowsUser } from '../core/received.ts'
import type { Store } from '../core/state.ts'

/** What a shown notification carries to its click. */
export interface Carried extends Links {
  /** Says that it is ours: the site's own notifications come to our worker, too, where the site has imported it into its own. */
  readonly roost: 1
  readonly hash: string | undefined
  readonly receiptKey: string | undefined
  readonly metaData: unknown
  readonly userId: string | undefined
  /** Its buttons are "accept" and "decline", in this order. */
  readonly ringingCall?: string
}

/** Of a call that rings. */
export interface Ring {
  readonly ringingCall?: string
  readonly requireInteraction?: boolean
  /** To be heard again where it takes the place of another one. */
  readonly renotify?: boolean
}

export function showNotification(
  registration: ServiceWorkerRegistration,
  payload: PushPayload,
  { ringingCall, ...ring }: Ring = {},
): Promise<void> {
  const { title, url, buttons, hash, receiptKey, metaData, userId } = payload
  const carried: Carried = {
    roost: 1,
    url,
    buttonUrls: buttons.map(it => it.url),
    hash,
    receiptKey,
    metaData,
    userId,
    ...(ringingCall !== undefined && { ringingCall }),
  }
  const actions = buttons.map((it, at) => ({ action: String(at), title: it.title }))
  return registration.showNotification(title, {
    silent: payload.isSilent,
    data: carried,
    ...ring,
    ...(actions.length > 0 && { actions }), // browsers without them pass over it
    ...given({
      body: payload.body,
      icon: payload.icon,
      image: payload.image,
      badge: payload.badge,
      tag: payload.tag,
    }),
  })
}

/** Undefined of a notification that the site has shown by itself. Former versions of ours gave theirs no mark. */
export function carriedBy({ data }: Notification): Carried | undefined {
  const carried = data as Partial<Carried> | null
  return carried?.roost === 1 || Array.isArray(carried?.buttonUrls) ? (data as Carried) : undefined
}

const PROMISE_TAG = 'roost-nothing-to-show'

/**
 * A push without anything to show: browsers count those, and take the permission from sites that have too many. So something without a word
 * of the message is shown, and taken away at once.
 */
export async function keepPromise(registration: ServiceWorkerRegistration, title: string): Promise<void> {
  await registration.showNotification(title, { silent: true, tag: PROMISE_TAG })
  for (const shown of await registration.getNotifications({ tag: PROMISE_TAG })) shown.close()
}

/** R25: takes away what is on the screen of somebody who is not logged in any more. */
export async function closeForeign(
  registration: ServiceWorkerRegistration | undefined,
  store: Store,
): Promise<void> {
  const state = await store.read()
  if (state === undefined || !knowsUser(state)) return
  for (const shown of (await registration?.getNotifications()) ?? [])
    if (isForeign(state, { userId: carriedBy(shown)?.userId })) shown.close()
}

/** Without the fields that are undefined: browsers read `undefined` as a text for some of them. */
function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}
