/**
 * Web push for a page, in one object.
 *
 * `start()` belongs into every page view, `subscribe()` behind a button: browsers refuse to ask for
 * permission outside a user gesture. Everything may be called twice; the second call finds nothing to do.
 * Source: W3C Push API; Notifications API §"requestPermission".
 */
import { isDue } from '../core/decide.ts'
import { RoostError } from '../core/error.ts'
import { type Inbox, type InboxPage, markInbox, readInbox } from '../core/inbox.ts'
import { codeIn } from '../core/invitation-code.ts'
import { sendReceipt } from '../core/receipts.ts'
import { announce, changeUser, introduce } from '../core/shared.ts'
import type { DeviceState } from '../core/state.ts'
import { adoptOptions } from './adopt.ts'
import { answer } from './answer.ts'
import { showBadge } from './badge.ts'
import { browserEnvironment, type Environment, transport } from './browser.ts'
import type { Invited } from './invitation.ts'
import { closeForeign } from './notification.ts'
import type { Delivery, Roost, RoostOptions, RoostStatus, TagValue } from './options.ts'
import { installWorker, ownRegistration, serviceWorkerUrlOf } from './registration.ts'
import { syncSubscription } from './subscription.ts'
import { syncLater } from './sync-later.ts'
import { tell } from './tabs.ts'

interface Context extends Environment {
  readonly options: RoostOptions
}

/** Does nothing until its methods are called. Each method throws RoostError. */
export function createRoost(options: RoostOptions): Roost {
  const context: Context = { ...browserEnvironment(), options }
  const device = () => adopted(context)
  const check = async () => {
    const { selfCheck } = await loadTesting()
    return selfCheck({ ...context, device, serviceWorkerUrl: serviceWorkerUrlOf(options) })
  }
  const followed = (work: () => Promise<RoostStatus>) => follow({ device, check }, work)
  return {
    start: () => followed(() => start(context)),
    subscribe: () => followed(() => subscribe(context)),
    unsubscribe: () => unsubscribe(context),
    setTags: tags => setTags(context, tags),
    trackEvent: (event, attributes = {}) => trackEvent(context, event, attributes),
    answerCall: (id, said) => answer(context, id, said),
    reportMessage: (message, what) => sendReceipt(context.client, what, message),
    setUser: userId => setUser(context, userId),
    status: () => readStatus(context),
    inbox: page => inbox(context, page),
    setBadge: count => setBadge(context, count),
    markInbox: (id, state) => mark(context, id, state),
    selfCheck: check,
  }
}

/** A page that was opened by the code of an invitation tells how far it comes. Without the file it does its work all the same. */
async function follow(invited: Invited, work: () => Promise<RoostStatus>): Promise<RoostStatus> {
  const code = codeIn(location.hash)
  if (code === undefined) return work()
  // Not waited for first: browsers ask for permission in the turn of the click alone.
  const working = work()
  working.catch(() => {}) // whoever called hears of it below
  const testing = await loadTesting().catch(() => undefined)
  return testing === undefined ? working : testing.whileInvited(invited, { code, working })
}

function loadTesting(): Promise<typeof import('./testing.ts')> {
  return load(() => import('./testing.ts'), 'roost-testing.js')
}

async function load<Module>(bring: () => Promise<Module>, file: string): Promise<Module> {
  try {
    return await bring()
  } catch (cause) {
    throw new RoostError('file_missing', `${file} does not lie beside roost-web.js`, { cause })
  }
}

/**
 * It runs on every page view: what a browser lacks is no reason to fail there. Without push the rest works, also where it fails: that is told when
 * all else is done.
 */
async function start(context: Context): Promise<RoostStatus> {
  if (!canKeep()) return told(context)
  introduce()
  const preparing = isSupported() ? prepare(context) : Promise.resolve(undefined)
  const registration = await preparing.catch(() => undefined)
  await adopted(context)
  await closeForeign(registration, context.store) // of a page that was closed while it logged out
  watch(context)
  await context.client.flush()
  const opening = reportOpen(context)
  await opening.catch(() => {}) // before the channel, which takes no device that the server does not know
  const parts = [
    opening.then(() => registration && syncSubscription(context, registration)),
    joinPages(context),
    preparing,
  ]
  await Promise.allSettled(parts)
  await Promise.all(parts)
  return told(context)
}

const watching = new WeakSet<Environment['store']>()

/** Once a page: what waits goes out when the network is back, and another permission is told at once. */
function watch(context: Context): void {
  if (watching.has(context.store)) return
  watching.add(context.store)
  const again = () => void start(context).catch(() => {}) // the next page view tries again
  addEventListener('online', again)
  addEventListener('pageshow', event => (event as PageTransitionEvent).persisted && again()) // a page view, too
  const asked = navigator.permissions?.query({ name: 'notifications' })
  asked?.then(status => status.addEventListener('change', again)).catch(() => {})
}

const joined = new WeakSet<Environment['store']>()

async function joinPages(context: Context): Promise<void> {
  const { live = false, onMessage, onLive, onCall, onUnread } = context.options
  if (!live && onMessage === undefined) return
  const registration = () => showing(context)
  // What could be seen by nobody is left to a push, until a later start has installed the worker.
  if (isSupported() && onMessage === undefined && (await registration()) === undefined) return
  if (joined.has(context.store)) return
  joined.add(context.store) // before it is there: another start may come in between
  const { join } = await load(() => import('./live.ts'), 'roost-live.js').catch(error => {
    joined.delete(context.store)
    throw error
  })
  const ignore = () => {}
  join({
    ...context,
    registration,
    isLive: live,
    onCall,
    onMessage: onMessage ?? ignore,
    onUnread: onUnread ?? ignore,
    onStatus: onLive ?? ignore,
  })
}

/** What can show notifications. */
async function showing({ options }: Context): Promise<ServiceWorkerRegistration | undefined> {
  const own = isSupported() ? await ownRegistration(options) : undefined
  return own?.active ? own : undefined
}

async function subscribe(context: Context): Promise<RoostStatus> {
  requireSupport()
  const permission = await Notification.requestPermission() // first: after any other wait the gesture is over
  const registration = await prepare(context)
  if (permission === 'granted') {
    await context.store.update(state => ({ ...adoptOptions(context.options, state), isOptedOut: false }))
    await syncSubscription(context, registration)
  }
  return told(context)
}

async function unsubscribe(context: Context): Promise<RoostStatus> {
  const registration = await prepare(context)
  // The wish first: if the network is away now, the next start carries it out.
  await context.store.update(state => ({ ...adoptOptions(context.options, state), isOptedOut: true }))
  await syncSubscription(context, registration)
  return told(context)
}

async function setTags(context: Context, tags: Readonly<Record<string, TagValue>>): Promise<Delivery> {
  return deliver(context, 'setTags', { tags })
}

async function setBadge(context: Context, badge: number): Promise<Delivery> {
  await showBadge(badge)
  return deliver(context, 'setBadge', { badge })
}

async function trackEvent(context: Context, event: string, attributes: object): Promise<Delivery> {
  return deliver(context, 'postEvent', { event, attributes })
}

async function deliver(
  context: Context,
  method: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<Delivery> {
  if (!canKeep()) return 'ignored'
  await adopted(context)
  return retried(
    context.options,
    context.client.deliver({ key: `${method}:${crypto.randomUUID()}`, method, fields }),
  )
}

async function retried(options: RoostOptions, delivering: Promise<Delivery>): Promise<Delivery> {
  const delivery = await delivering
  if (delivery === 'kept') void ownRegistration(options).then(syncLater)
  return delivery
}

async function setUser({ store, client, now, options }: Context, userId?: string): Promise<Delivery> {
  if (!canKeep()) return 'ignored'
  const adopt = (state?: DeviceState) => adoptOptions(options, state)
  const { call, user, isOther, isScreenForeign } = await changeUser({
    store,
    adopt,
    userId,
    uuid: crypto.randomUUID(),
    now: now(),
  })
  if (isScreenForeign) tell({ type: 'person' })
  if (isOther && user === undefined) tell({ type: 'logout' })
  await closeForeign(await ownRegistration(options), store)
  try {
    return await retried(options, client.deliverKept(call.key))
  } finally {
    tell({ type: 'user' })
  }
}

async function inbox(context: Context, page: InboxPage = {}): Promise<Inbox> {
  if (!canKeep()) throw new RoostError('unsupported', 'This page can keep nothing: it needs https')
  await adopted(context)
  const found = await readInbox({ ...context, transport }, page)
  if (context.options.unreadBadge) await showBadge(found.unread)
  return found
}

async function mark(context: Context, id: string, state: 'read' | 'opened' | 'deleted'): Promise<Delivery> {
  if (!canKeep()) return 'ignored'
  await adopted(context)
  const delivery = await retried(context.options, markInbox(context, id, state))
  // where the server can't be asked now, the next look at the inbox puts the number right
  if (context.options.unreadBadge && delivery === 'sent') await inbox(context, { limit: 0 }).catch(() => {})
  return delivery
}

/** Remembers the settings, for the service worker too, and installs it. */
async function prepare(context: Context): Promise<ServiceWorkerRegistration> {
  requireSupport()
  await adopted(context)
  return installWorker(context.options)
}

function requireSupport(): void {
  if (!isSupported())
    throw new RoostError(
      'unsupported',
      'This browser has no web push here; it needs https and, on iOS, an installed site',
    )
}

/** Whether it has web push. */
function isSupported(): boolean {
  return (
    canKeep() && 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis
  )
}

/** Pages without https have no locks, nor names that nobody can guess. */
function canKeep(): boolean {
  return 'locks' in navigator && 'indexedDB' in globalThis
}

function adopted({ store, options }: Context): Promise<DeviceState> {
  return store.update(state => adoptOptions(options, state))
}

/** At most once an hour, and when the permission has changed. The server takes its own time of receipt as "last seen". */
async function reportOpen(context: Context): Promise<void> {
  const state = await context.store.read()
  const { permission } = context.facts()
  if (!isDue(state?.openedAt, context.now()) && state?.permission === permission) return
  await context.client.call('applicationOpen')
  const told = { openedAt: context.now(), ...(permission !== undefined && { permission }) }
  await context.store.update(before => ({ ...adoptOptions(context.options, before), ...told }))
}

function told(context: Context): Promise<RoostStatus> {
  return announce(readStatus(context), context.options.onChange)
}

async function readStatus(context: Context): Promise<RoostStatus> {
  const state = canKeep() ? await context.store.read() : undefined
  const permission = isSupported() ? Notification.permission : 'denied'
  return {
    isSupported: isSupported(),
    permission,
    isSubscribed: permission === 'granted' && state?.isOptedOut === false && state.registered !== undefined,
    isOptedOut: state?.isOptedOut ?? false,
    hwid: state?.hwid,
  }
}
