/**
 * What an app gives to the mobile client, and what it gets.
 */
import type { Call } from '../core/calls.ts'
import type { Inbox, InboxPage } from '../core/inbox.ts'
import type { Presentation } from '../core/received.ts'
import type { SelfCheck } from '../core/self-check.ts'
import type { OpenSocket } from '../core/socket.ts'
import type { KeyValueStorage } from './key-value-store.ts'
import type { AppVisibility, NativePush, Permission, Unsubscribe } from './native-push.ts'
import type { Push } from './push.ts'

export interface MobileRoostOptions {
  /** Where Roost answers, for example `https://push.example.org`. */
  readonly baseUrl: string
  /** The application's code, `XXXXX-XXXXX`. */
  readonly application: string
  /** The device token of the application; it may be public, it can't send. */
  readonly deviceToken: string
  /** The app's own version, shown with the device. */
  readonly appVersion?: string
  readonly device: DeviceDescription
  readonly push: NativePush
  readonly storage: KeyValueStorage
  readonly visibility: AppVisibility
  /** iOS: which of Apple's two environments the app is signed for: `sandbox` for builds out of Xcode. Default `production`, also for TestFlight. */
  readonly apnsEnvironment?: 'production' | 'sandbox'
  /** iOS: tokens of PushKit, for calls. */
  readonly voip?: VoipTokens
  /** What becomes of a push that comes while the app is in front; default `show`. The message may say otherwise. */
  readonly foreground?: Presentation
  /**
   * Shows what the system does not: pushes on Android, and on both platforms what comes over the live channel. Resolves when it is shown.
   * Left out: the app shows what `onPush` hands it, and pushes that come while it is closed are the messaging service's (native/android).
   */
  readonly show?: (push: Push) => Promise<void>
  /** A push has come that is for this user and has not come before. */
  readonly onPush?: (push: Push) => void
  /** The person has tapped a notification, or a button of one. */
  readonly onOpen?: (opening: Opening) => void
  /**
   * Hears of calls: rings, and stops when the state is another one (docs/calls.md). Left out: they ring by notifications. While the app is closed
   * the native parts ring.
   */
  readonly onCall?: (call: Call) => void
  /** Called after each start, subscribe, unsubscribe and change of the system's token or permission that went through. */
  readonly onChange?: (status: MobileStatus) => void
  /** What happens on its own and fails, such as a receipt that the server refuses; default: nothing. */
  readonly onError?: (error: Error) => void
  /** The app's icon shows how many messages of the inbox are unread. Default false. */
  readonly unreadBadge?: boolean
  /** Messages come over a WebSocket while the app is open, in milliseconds and without a gateway (docs/live-channel.md). Default true. */
  readonly isLive?: boolean
  /** Default the runtime's WebSocket. */
  readonly openSocket?: OpenSocket
  /** Hands to the native parts what they need to report and to check by themselves (native/ios, native/android). Where it rejects `onError` hears of it. */
  readonly share?: (shared: SharedWithNative) => Promise<void>
  /** Default `crypto.randomUUID`, where the runtime has it. It opens the inbox, so it must not be guessed. */
  readonly makeUuid?: () => string
  /** Milliseconds since 1970; default `Date.now`. */
  readonly now?: () => number
}

export interface DeviceDescription {
  readonly model: string
  readonly osVersion: string
  /** Two letters; default: of the runtime's locale. */
  readonly language?: string
}

export interface VoipTokens {
  /** Undefined before PushKit has made one. */
  readonly token: string | undefined
  onToken(listener: (token: string) => void): Unsubscribe
}

export interface Opening {
  readonly push: Push
  /** The place of the button that was tapped, or what the platform calls it; undefined: the notification itself. */
  readonly action: string | undefined
  /** What it leads to: the button's or the message's. As the sender wrote it: check the scheme before it is opened. */
  readonly url: string | undefined
}

/** All that the native parts know. The device token may be public; the hwid opens the inbox, and stays on the device. */
export interface SharedWithNative {
  readonly baseUrl: string
  readonly application: string
  readonly deviceToken: string
  readonly hwid: string
  /** Empty: nobody is logged in, as the app says. Undefined: the app does not say who uses it. */
  readonly userId: string | undefined
}

export interface MobileStatus {
  readonly permission: Permission
  /** The server has confirmed this device, and the system has given it a token. */
  readonly isSubscribed: boolean
  /** The person unsubscribed on purpose. */
  readonly isOptedOut: boolean
  readonly hwid: string | undefined
}

/** `kept`: not through yet; sent again at the next event or start. */
export type MobileDelivery = 'sent' | 'kept'

/** A value, or null to clear it. */
export type MobileTagValue = string | number | boolean | null | readonly string[]

export interface MobileRoost {
  /** Call it at every start of the app; nothing is told to the server before. Registers what the system says now; without a network it is kept. Never asks for permission. */
  start(): Promise<MobileStatus>
  /** Asks for permission, where the system lets it. Undoes an earlier unsubscribe. */
  subscribe(): Promise<MobileStatus>
  /** The device gets no pushes any more. Remembered: no later start subscribes again by itself. */
  unsubscribe(): Promise<MobileStatus>
  /** What the server can't store (too long, too many) it skips; the rest counts. */
  setTags(tags: Readonly<Record<string, MobileTagValue>>): Promise<MobileDelivery>
  /** Counts what the person has done, and keeps the attributes of the last one. */
  trackEvent(name: string, attributes?: Readonly<Record<string, unknown>>): Promise<MobileDelivery>
  /** Shows a number on the app's icon, 0 takes it away. The server counts badges of `"+1"` on from it: call it when the app is opened. */
  setBadge(count: number): Promise<MobileDelivery>
  /** What the person has decided about a call. `over`: another device was first, or the time is over. */
  answerCall(id: string, answer: 'accept' | 'reject' | 'busy' | 'cancel'): Promise<'taken' | 'over'>
  /**
   * Names the person who uses the device; undefined when they log out. From now on what is for somebody else is dropped, network or not, and what is on
   * the screen goes. A whole number is taken as its text; nobody is also what scripts say for it: `null`, `false`, 0, an empty text, and all else.
   */
  setUser(userId: string | undefined): Promise<MobileDelivery>
  status(): Promise<MobileStatus>
  /** Messages that stay readable, newest first, and how many are unread. Rejects where nobody can be asked. */
  inbox(page?: InboxPage): Promise<Inbox>
  /** Says what the person did with one: it never goes back. */
  markInbox(id: string, state: 'read' | 'opened' | 'deleted'): Promise<MobileDelivery>
  /** The person has opened what the app itself has shown. Receipts count once. */
  noteOpened(push: Push): Promise<void>
  /** Looks for what keeps pushes from this app, and changes nothing. Of a test device the console shows what was found. Never rejects. */
  selfCheck(): Promise<SelfCheck>
  /** Takes all listeners away and closes the channel; for tests and for apps that start over. */
  stop(): void
}
