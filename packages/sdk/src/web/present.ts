/**
 * What becomes of a message that this device has not shown yet, while the lock of its name is held (core/received.ts): a notification, or a word to
 * the page that the person looks at, as the site or the message wants it. The same for frames and pushes.
 */
import type { PushPayload } from '../core/payload.ts'
import { presentationOf } from '../core/received.ts'
import type { Store } from '../core/state.ts'
import { showNotification } from './notification.ts'
import { pageInView, tell } from './tabs.ts'

export interface PresentOptions {
  readonly store: Store
  /** Undefined where the browser has no notifications. */
  readonly registration: ServiceWorkerRegistration | undefined
  /** The page to tell when none is in view and no notification may be shown. */
  readonly orElse?: string
}

/** Whether there is a notification. */
export async function present(
  { store, registration, orElse }: PresentOptions,
  message: PushPayload,
): Promise<boolean> {
  const page = await pageInView()
  const state = await store.read().catch(() => undefined)
  const how = page === undefined ? 'show' : presentationOf(message, state?.settings.foreground ?? 'show')
  const isShown = how === 'show' && registration !== undefined && Notification.permission === 'granted'
  const to = page ?? (isShown ? undefined : orElse)
  if (to !== undefined && how !== 'silent') tell({ type: 'message', to, message })
  if (isShown) await showNotification(registration, message)
  return isShown
}
