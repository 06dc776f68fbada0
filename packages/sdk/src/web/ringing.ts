/**
 * A push of a call, in the service worker: rings on the page that is in view where the site rings by itself, else by a notification that stays
 * until it is answered. What rings here may have been answered elsewhere meanwhile, so an older push than what is known rings nobody.
 */
import { type Call, leftToRing, noteCall } from '../core/calls.ts'
import type { PushPayload } from '../core/payload.ts'
import type { Store } from '../core/state.ts'
import { showNotification } from './notification.ts'
import { pageInView, tell } from './tabs.ts'

export interface ShowCallOptions {
  readonly store: Store
  readonly registration: ServiceWorkerRegistration
  readonly now: number
}

/** False when nothing was shown. */
export async function showCall(
  { store, registration, now }: ShowCallOptions,
  call: Call,
  message: PushPayload,
): Promise<boolean> {
  if (!(await noteCall(store, call))) return false
  const isRinging = call.state === 'ringing'
  if (isRinging && leftToRing(call, now) === 0) return false
  const state = await store.read()
  if (state?.settings.ringsInPage && (await pageInView()) !== undefined) {
    tell({ type: 'call', call, userId: message.userId })
    return false
  }
  const ringing = { ringingCall: call.id, requireInteraction: true, renotify: true }
  await showNotification(registration, message, isRinging ? ringing : {})
  return true
}

/** It does not ring any more. */
export async function stopRinging(
  registration: ServiceWorkerRegistration | undefined,
  tag: string,
): Promise<void> {
  for (const shown of (await registration?.getNotifications({ tag })) ?? [])
    if ((shown.data as { readonly ringingCall?: string } | null)?.ringingCall !== undefined) shown.close()
}
