/**
 * The service worker: shows what arrives, tells the server, opens what is clicked, mends the subscription.
 *
 * The browser stops a worker as soon as the promise given to `waitUntil` settles, so all work is inside it;
 * a receipt is kept before it is sent, because the worker may be stopped or offline in between.
 * Sources: Service Workers §4.4 (ExtendableEvent); Push API §9; Notifications API §2.
 */
import { callIn } from '../core/calls.ts'
import { VERSION } from '../core/client.ts'
import { readInbox } from '../core/inbox.ts'
import { decodePayload, linkClicked, type PushPayload, safeLink } from '../core/payload.ts'
import { sendReceipt } from '../core/receipts.ts'
import { once, type Verdict } from '../core/received.ts'
import { answer } from './answer.ts'
import { showBadge } from './badge.ts'
import { browserEnvironment, isWebKit, transport } from './browser.ts'
import { type Carried, carriedBy, closeForeign, keepPromise, showNotification } from './notification.ts'
import { present } from './present.ts'
import { showCall } from './ringing.ts'
import { syncSubscription } from './subscription.ts'
import { SYNC_TAG, syncLater } from './sync-later.ts'
import { VERSION_QUESTION } from './version-question.ts'

const worker = self as unknown as ServiceWorkerGlobalScope
const environment = browserEnvironment()

// A new version takes over at once: an old one would go on with rules that the server no longer follows.
worker.addEventListener('install', event => event.waitUntil(worker.skipWaiting()))
worker.addEventListener('activate', event => event.waitUntil(worker.clients.claim()))
worker.addEventListener('push', event => event.waitUntil(receive(event)))
worker.addEventListener('notificationclick', event => event.waitUntil(follow(event)))
worker.addEventListener('notificationclose', event => event.waitUntil(noteDismissal(event)))
worker.addEventListener('pushsubscriptionchange', event =>
  event.waitUntil(syncSubscription(environment, worker.registration)),
)

// Chromium wakes the worker when the network is back; elsewhere the next event or page view sends what waits.
worker.addEventListener('sync', event => {
  const { tag } = event as ExtendableEvent & { readonly tag?: string }
  if (tag === SYNC_TAG) (event as ExtendableEvent).waitUntil(sendAll())
})

/** Rejects while something waits: the browser asks again for what was not done. */
async function sendAll(): Promise<void> {
  await environment.client.flush()
  if ((await environment.store.kept()).length > 0) throw new Error('The network is away again')
}

worker.addEventListener('message', ({ data, ports }) => {
  if (data === VERSION_QUESTION) ports[0]?.postMessage(VERSION)
})

async function receive(event: PushEvent): Promise<void> {
  const message = decodePayload(event.data?.text(), worker.location.hostname)
  const showing = showOnce(message)
  await inParallel(showing, afterwards(message, await showing.catch(() => 'new' as const)))
}

/** Twice is better than never: nobody brings a push again. */
async function showOnce(message: PushPayload): Promise<Verdict> {
  const verdict = await once(environment, message, () => show(message))
  if (verdict !== 'ungranted') return verdict
  await show(message)
  return 'new'
}

async function afterwards(message: PushPayload, verdict: Verdict): Promise<void> {
  if (verdict !== 'new') await inParallel(showNothing(), environment.client.flush())
  else await inParallel(sendReceipt(environment.client, 'delivered', message), numberIcon(message))
  await waitForNetwork()
}

async function waitForNetwork(): Promise<void> {
  if ((await environment.store.kept()).length > 0) await syncLater(worker.registration)
}

async function show(message: PushPayload): Promise<void> {
  await bringToScreen(message)
  // Somebody else may have logged in while it was on its way there.
  if (message.userId !== undefined) await closeForeign(worker.registration, environment.store)
}

async function bringToScreen(message: PushPayload): Promise<void> {
  const { store, now } = environment
  const { registration } = worker
  const call = callIn(message.data)
  if (call !== undefined) {
    const isShown = await showCall({ store, registration, now: now() }, call, message)
    return isShown ? undefined : showNothing()
  }
  const isShown = await present({ store, registration }, message).catch(() => undefined)
  if (isShown === undefined) await showNotification(registration, message)
  else if (!isShown) await showNothing()
}

/** A page in view is something to see, but WebKit asks for a notification all the same. */
async function showNothing(): Promise<void> {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const isExcused = !isWebKit() && pages.some(it => it.visibilityState === 'visible')
  if (!isExcused) await keepPromise(worker.registration, worker.location.hostname)
}

/** By what the message says; where the icon counts the inbox, by that: the message may be one that stays there. */
async function numberIcon({ badgeCount }: PushPayload): Promise<void> {
  const state = await environment.store.read()
  if (!state?.settings.hasUnreadBadge) return badgeCount === undefined ? undefined : showBadge(badgeCount)
  const found = await readInbox({ ...environment, transport }, { limit: 0 }).catch(() => undefined)
  if (found !== undefined) await showBadge(found.unread)
}

async function follow(event: NotificationEvent): Promise<void> {
  const carried = carriedBy(event.notification)
  if (carried === undefined) return
  event.notification.close()
  const { ringingCall } = carried
  if (ringingCall !== undefined) return decide(carried, ringingCall, event.action)
  const landing = openLink(linkClicked(carried, event.action)).then(() =>
    sendReceipt(environment.client, 'landed', carried),
  )
  await inParallel(landing, sendReceipt(environment.client, 'opened', carried))
  await waitForNetwork()
}

/** A click beside the buttons opens the site, where it goes on to ring. */
async function decide(carried: Carried, id: string, action: string): Promise<void> {
  const opened = sendReceipt(environment.client, 'opened', carried)
  const decided = action === '0' ? 'accept' : 'reject'
  const said = action === '' ? Promise.resolve() : answer(environment, id, decided)
  if (action === '1') return inParallel(said, opened)
  await inParallel(said, opened, openLink(carried.url))
}

/** Swiped away: a click closes it, too, but tells of no closing. */
async function noteDismissal(event: NotificationEvent): Promise<void> {
  const carried = carriedBy(event.notification)
  if (carried === undefined) return
  await sendReceipt(environment.client, 'dismissed', carried)
  await waitForNetwork()
}

/** A tab that shows the page already is brought forward; without a link, any tab of the site will do. */
async function openLink(link: string | undefined): Promise<void> {
  const url = safeLink(link, worker.registration.scope)
  const tabs = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const open = tabs.find(tab => url === undefined || tab.url === url)
  if (open === undefined) await worker.clients.openWindow(url ?? worker.registration.scope)
  else await open.focus()
}

/** Waits for both even if one fails: a rejected `waitUntil` would stop the worker in the middle of the other. */
async function inParallel(...work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
}
