/** What a site gives to `createRoost`, and what it gets back. */
import type { Call } from '../core/calls.ts'
import type { Inbox, InboxPage } from '../core/inbox.ts'
import type { LiveStatus } from '../core/live-options.ts'
import type { PushPayload } from '../core/payload.ts'
import type { Presentation } from '../core/received.ts'
import type { SelfCheck } from '../core/self-check.ts'

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
  /**
   * Messages come over a connection while a page is open, within milliseconds and without a push service; one connection for all pages
   * of a browser. Default false. Needs `roost-live.js` beside `roost-web.js`.
   */
  readonly live?: boolean
  /** Hears of a message while a page is in view, on that page alone. Needs `roost-live.js`. */
  readonly onMessage?: (message: RoostMessage) => void
  /**
   * What becomes of a message while a page of the site is in view: `show` a notification, `event` calls `onMessage` alone, `silent`
   * counts it as delivered and does neither. A message may say otherwise, by `roost_foreground` in its data. Default `show`, and `event`
   * with `onMessage`.
   */
  readonly foreground?: Presentation
  /**
   * Hears of calls on every open page: rings, and stops when the state is another one. While a page is in view no notification rings then.
   * Needs `live`.
   */
  readonly onCall?: (call: Call) => void
  /** How many entries of the inbox are unread, at each connecting and when that changes on another device. Needs `live`. */
  readonly onUnread?: (count: number) => void
  /** Of the page that holds the connection. */
  readonly onLive?: (status: LiveStatus) => void
  /** Called after each start, subscribe and unsubscribe that went through. */
  readonly onChange?: (status: RoostStatus) => void
}

export interface RoostStatus {
  /** This browser has web push here. Without, all the rest works: who uses it, tags, events, the live channel, the inbox. */
  readonly isSupported: boolean
  readonly permission: NotificationPermission
  /** The server has confirmed an address of this browser, and nobody took it back since. */
  readonly isSubscribed: boolean
  /** The person unsubscribed on purpose. */
  readonly isOptedOut: boolean
  readonly hwid: string | undefined
}

/**
 * `kept`: not through yet; sent again at the next event or start. `ignored`: this page can keep nothing, since it has no https, so the
 * server knows nothing of it. A site's login must not fail over that.
 */
export type Delivery = 'sent' | 'kept' | 'ignored'

/** What a message says; `hash` and `receiptKey` name it in reports. */
export type RoostMessage = PushPayload

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
  /** Counts what the person has done, and keeps the attributes of the last one. */
  trackEvent(name: string, attributes?: Readonly<Record<string, unknown>>): Promise<Delivery>
  /** Shows a number on the icon of the installed site, 0 takes it away. The server counts badges of `"+1"` on from it: call it when the site is opened. */
  setBadge(count: number): Promise<Delivery>
  /** What the person has decided about a call. `over`: another device was first, or the time is over. */
  answerCall(id: string, answer: 'accept' | 'reject' | 'busy' | 'cancel'): Promise<'taken' | 'over'>
  /** Says what the person did with a message that `onMessage` was told of. */
  reportMessage(message: RoostMessage, what: 'opened' | 'dismissed'): Promise<void>
  /**
   * Names the person who uses this browser; undefined when they log out. From then on nothing that is meant for another one is
   * shown here, also while the server has not heard of it; and what is on the screen for them goes. A whole number is taken as its
   * text; nobody is also what scripts say for it: `null`, `false`, 0, an empty text, and all else.
   */
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
