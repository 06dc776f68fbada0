/**
 * The service worker: shows what arrives, tells the server, opens what is clicked, mends the subscription.
 *
 * The browser stops a worker as soon as the promise given to `waitUntil` settles, so all work is inside it;
 * a receipt is kept before it is sent, because the worker may be stopped or offline in between.
 * Sources: Service Workers §4.4 (ExtendableEvent); Push API §9; Notifications API §2.
 */
import { VERSION } from '../core/client.ts'
import { RoostError } from '../core/error.ts'
import { readInbox } from '../core/inbox.ts'
import { decodePayload, type Links, linkClicked, type PushPayload, safeLink } from '../core/payload.ts'
import { showBadge } from './badge.ts'
import { browserEnvironment, transport } from './browser.ts'
import { syncSubscription } from './subscription.ts'
import { VERSION_QUESTION } from './version-question.ts'

const worker = self as unknown as ServiceWorkerGlobalScope
const environment = browserEnvironment()

/** What a shown notification carries to its click. */
interface Carried extends Links {
  readonly hash: string | undefined
  readonly receiptKey: string | undefined
  readonly metaData: unknown
}

// A new version takes over at once: an old one would go on with rules that the server no longer follows.
worker.addEventListener('install', event => event.waitUntil(worker.skipWaiting()))
worker.addEventListener('activate', event => event.waitUntil(worker.clients.claim()))
worker.addEventListener('push', event => event.waitUntil(receive(event)))
worker.addEventListener('notificationclick', event => event.waitUntil(follow(event)))
worker.addEventListener('notificationclose', event => event.waitUntil(noteDismissal(event)))
worker.addEventListener('pushsubscriptionchange', event =>
  event.waitUntil(syncSubscription(environment, worker.registration)),
)

worker.addEventListener('message', ({ data, ports }) => {
  if (data === VERSION_QUESTION) ports[0]?.postMessage(VERSION)
})

async function receive(event: PushEvent): Promise<void> {
  const payload = decodePayload(event.data?.text(), worker.location.hostname)
  await inParallel(show(payload), sendReceipt('messageDeliveryEvent', payload), countUnread())
}

/** A push may be of a message that stays in the inbox. */
async function countUnread(): Promise<void> {
  const state = await environment.store.read()
  if (!state?.settings.hasUnreadBadge) return
  const found = await readInbox({ ...environment, transport }, { limit: 0 }).catch(() => undefined)
  if (found !== undefined) await showBadge(found.unread)
}

function show(payload: PushPayload): Promise<void> {
  const { url, buttons, hash, receiptKey, metaData } = payload
  const carried: Carried = { url, buttonUrls: buttons.map(it => it.url), hash, receiptKey, metaData }
  const actions = buttons.map(({ title }, at) => ({ action: String(at), title }))
  return worker.registration.showNotification(payload.title, {
    silent: payload.isSilent,
    data: carried,
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

async function follow(event: NotificationEvent): Promise<void> {
  event.notification.close()
  const carried = event.notification.data as Carried
  const landing = openLink(linkClicked(carried, event.action)).then(() => postReceipt('landed', carried))
  await inParallel(landing, sendReceipt('pushStat', carried))
}

/** Swiped away: a click closes it, too, but tells of no closing. */
async function noteDismissal(event: NotificationEvent): Promise<void> {
  await postReceipt('dismissed', event.notification.data as Carried | null)
}

/** A tab that shows the page already is brought forward; without a link, any tab of the site will do. */
async function openLink(link: string | undefined): Promise<void> {
  const url = safeLink(link, worker.registration.scope)
  const tabs = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const open = tabs.find(tab => url === undefined || tab.url === url)
  if (open === undefined) await worker.clients.openWindow(url ?? worker.registration.scope)
  else await open.focus()
}

/** The key makes a repeat of the same receipt one. A message without a hash can't be counted by the server. */
async function sendReceipt(
  method: 'messageDeliveryEvent' | 'pushStat',
  { hash, receiptKey, metaData }: Pick<Carried, 'hash' | 'receiptKey' | 'metaData'>,
): Promise<void> {
  if (hash === undefined) return environment.client.flush()
  const fields = { hash, ...given({ receipt_key: receiptKey, metaData }) }
  const call = { key: `${method}:${hash}`, method, fields }
  await environment.client.deliver(call).catch(forgiveRefusal)
}

/** What the compatible protocol has no call for. A notification of before this version, or of the page itself, carries nothing. */
async function postReceipt(kind: 'dismissed' | 'landed', carried: Carried | null): Promise<void> {
  const { hash, receiptKey } = carried ?? {}
  if (hash === undefined) return
  const receipt = { kind, hash, ...given({ receipt_key: receiptKey }) }
  const call = { key: `${kind}:${hash}`, method: 'postReceipts', fields: { receipts: [receipt] } }
  await environment.client.deliver(call).catch(forgiveRefusal)
}

/** A receipt that the server does not want is no reason to tell the push service that the message failed. */
function forgiveRefusal(error: unknown): void {
  if (!(error instanceof RoostError)) throw error
}

/** Waits for both even if one fails: a rejected `waitUntil` would stop the worker in the middle of the other. */
async function inParallel(...work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason
}

/** Without the fields that are undefined: browsers read `undefined` as a text for some of them. */
function given<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}
