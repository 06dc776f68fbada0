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
import type { SelfCheck } from '../core/self-check.ts'
import { adoptSettings, type DeviceState, type Settings } from '../core/state.ts'
import { showBadge } from './badge.ts'
import { browserEnvironment, type Environment, transport } from './browser.ts'
import type { Invited } from './invitation.ts'
import { syncSubscription } from './subscription.ts'

export interface RoostOptions {
  /** Where Roost answers, for example `https://push.example.org`. */
  readonly baseUrl: string
  /** The application's code, `XXXXX-XXXXX`. One application an origin: the service worker has one memory. */
  readonly application: string
  /** The device token of the application; it may be public, it can't send. */
  readonly deviceToken: string
  /** On this site's own origin. Default `/roost-service-worker.js`. */
  readonly serviceWorkerUrl?: string
  /** The site's own version, shown with the device. */
  readonly appVersion?: string
  /** The icon of the installed site shows how many messages of the inbox are unread, also while it is closed. Default false. */
  readonly unreadBadge?: boolean
  /** Called after each start, subscribe and unsubscribe that went through. */
  readonly onChange?: (status: RoostStatus) => void
}

export interface RoostStatus {
  readonly isSupported: boolean
  readonly permission: NotificationPermission
  /** The server has confirmed an address of this browser, and nobody took it back since. */
  readonly isSubscribed: boolean
  /** The person unsubscribed on purpose. */
  readonly isOptedOut: boolean
  readonly hwid: string | undefined
}

/**
 * `kept`: not through yet; sent again at the next event or start. `ignored`: this browser has no web push, so the
 * server knows nothing of it. A site's login must not fail over that.
 */
export type Delivery = 'sent' | 'kept' | 'ignored'

/** A value, or null to clear it. */
export type TagValue = string | number | boolean | null | readonly string[]

export interface Roost {
  /** Installs the service worker and puts right what has changed since last time. Never asks for permission. */
  start(): Promise<RoostStatus>
  /** Asks for permission; call it from a user gesture. Undoes an earlier unsubscribe. */
  subscribe(): Promise<RoostStatus>
  /** Remembered: no later start subscribes again by itself. */
  unsubscribe(): Promise<RoostStatus>
  /** What the server can't store (too long, too many) it skips; the rest counts. */
  setTags(tags: Readonly<Record<string, TagValue>>): Promise<Delivery>
  /** Names the person who uses this browser; undefined when they log out. */
  setUser(userId: string | undefined): Promise<Delivery>
  status(): Promise<RoostStatus>
  /** Messages that stay readable, newest first, and how many are unread. Rejects where nobody can be asked. */
  inbox(page?: InboxPage): Promise<Inbox>
  /** Says what the person did with one: it never goes back. */
  markInbox(id: string, state: 'read' | 'opened' | 'deleted'): Promise<Delivery>
  /**
   * Looks for what keeps pushes from this browser, and changes nothing. Of a test device the console shows what was found.
   * Rejects with `file_missing` alone: it is in a file of its own, `roost-testing.js`.
   */
  selfCheck(): Promise<SelfCheck>
}

interface Context extends Environment {
  readonly options: RoostOptions
}

/** Does nothing until its methods are called. Each method throws RoostError. */
export function createRoost(options: RoostOptions): Roost {
  const context: Context = { ...browserEnvironment(), options }
  const device = () => context.store.update(state => adopt(context, state))
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
    setUser: userId => setUser(context, userId),
    status: () => readStatus(context),
    inbox: page => inbox(context, page),
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

async function loadTesting(): Promise<typeof import('./testing.ts')> {
  try {
    return await import('./testing.ts')
  } catch (cause) {
    throw new RoostError('file_missing', 'roost-testing.js does not lie beside roost-web.js', { cause })
  }
}

function serviceWorkerUrlOf({ serviceWorkerUrl = '/roost-service-worker.js' }: RoostOptions): string {
  return serviceWorkerUrl
}

async function start(context: Context): Promise<RoostStatus> {
  if (!isSupported()) return announce(context) // it runs on every page view: no reason to fail there
  const registration = await prepare(context)
  await context.client.flush()
  await reportOpen(context)
  await syncSubscription(context, registration)
  return announce(context)
}

async function subscribe(context: Context): Promise<RoostStatus> {
  requireSupport()
  const permission = await Notification.requestPermission() // first: after any other wait the gesture is over
  const registration = await prepare(context)
  if (permission === 'granted') {
    await context.store.update(state => ({ ...adopt(context, state), isOptedOut: false }))
    await syncSubscription(context, registration)
  }
  return announce(context)
}

async function unsubscribe(context: Context): Promise<RoostStatus> {
  const registration = await prepare(context)
  // The wish first: if the network is away now, the next start carries it out.
  await context.store.update(state => ({ ...adopt(context, state), isOptedOut: true }))
  await syncSubscription(context, registration)
  return announce(context)
}

async function setTags(context: Context, tags: Readonly<Record<string, TagValue>>): Promise<Delivery> {
  if (!isSupported()) return 'ignored'
  await context.store.update(state => adopt(context, state))
  return context.client.deliver({
    key: `setTags:${crypto.randomUUID()}`,
    method: 'setTags',
    fields: { tags },
  })
}

async function setUser(context: Context, userId: string | undefined): Promise<Delivery> {
  if (!isSupported()) return 'ignored'
  const { hwid } = await context.store.update(state => ({ ...adopt(context, state), userId }))
  return context.client.deliver({
    key: `registerUser:${crypto.randomUUID()}`,
    method: 'registerUser',
    fields: { userId: userId ?? hwid }, // the protocol's way to say "nobody": the device is its own user
  })
}

async function inbox(context: Context, page: InboxPage = {}): Promise<Inbox> {
  requireSupport()
  await context.store.update(state => adopt(context, state))
  const found = await readInbox({ ...context, transport }, page)
  if (context.options.unreadBadge) await showBadge(found.unread)
  return found
}

async function mark(context: Context, id: string, state: 'read' | 'opened' | 'deleted'): Promise<Delivery> {
  if (!isSupported()) return 'ignored'
  await context.store.update(before => adopt(context, before))
  const delivery = await markInbox(context, id, state)
  // where the server can't be asked now, the next look at the inbox puts the number right
  if (context.options.unreadBadge && delivery === 'sent') await inbox(context, { limit: 0 }).catch(() => {})
  return delivery
}

/** Remembers the settings, for the service worker too, and installs it. */
async function prepare(context: Context): Promise<ServiceWorkerRegistration> {
  requireSupport()
  await context.store.update(state => adopt(context, state))
  const url = serviceWorkerUrlOf(context.options)
  try {
    return await activated(await navigator.serviceWorker.register(url))
  } catch (cause) {
    throw new RoostError('service_worker_failed', `The service worker at ${url} could not be installed`, {
      cause,
    })
  }
}

function requireSupport(): void {
  if (!isSupported())
    throw new RoostError(
      'unsupported',
      'This browser has no web push here; it needs https and, on iOS, an installed site',
    )
}

function isSupported(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis
}

function adopt(context: Context, state: DeviceState | undefined): DeviceState {
  return adoptSettings(state, settingsOf(context.options), () => crypto.randomUUID())
}

function settingsOf(options: RoostOptions): Settings {
  return {
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    application: options.application,
    deviceToken: options.deviceToken,
    appVersion: options.appVersion,
    hasUnreadBadge: options.unreadBadge ?? false,
  }
}

/** Only an active worker can hold a subscription. `serviceWorker.ready` would wait for ever outside its scope. */
function activated(registration: ServiceWorkerRegistration): Promise<ServiceWorkerRegistration> {
  const worker = registration.installing ?? registration.waiting
  if (registration.active !== null || worker === null) return Promise.resolve(registration)
  return new Promise((resolve, reject) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve(registration)
      if (worker.state === 'redundant') reject(new Error('It was thrown away while it was being installed'))
    })
  })
}

/** At most once an hour. The server takes its own time of receipt as "last seen". */
async function reportOpen(context: Context): Promise<void> {
  const state = await context.store.read()
  if (!isDue(state?.openedAt, context.now())) return
  await context.client.call('applicationOpen')
  await context.store.update(before => ({ ...adopt(context, before), openedAt: context.now() }))
}

async function announce(context: Context): Promise<RoostStatus> {
  const status = await readStatus(context)
  context.options.onChange?.(status)
  return status
}

async function readStatus(context: Context): Promise<RoostStatus> {
  const state = await context.store.read()
  const permission = isSupported() ? Notification.permission : 'denied'
  return {
    isSupported: isSupported(),
    permission,
    isSubscribed: permission === 'granted' && state?.isOptedOut === false && state.registered !== undefined,
    isOptedOut: state?.isOptedOut ?? false,
    hwid: state?.hwid,
  }
}
