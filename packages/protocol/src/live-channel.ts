/**
 * The live channel: a WebSocket of each device, over which messages come while its app is open. docs/live-channel.md tells how to use
 * it. Each frame is an object of JSON with a `type`; whoever gets one of a type that it does not know passes over it, so that types can
 * be added.
 */
import { z } from 'zod'
import { type CallServerFrame, callFrameSchema } from './call.ts'
import { HWID_CHARACTERS, USER_ID_CHARACTERS } from './limits.ts'

/**
 * The road that a message takes to a device. `push`: its gateway. `online-first`: the live channel of an app that is open, and the
 * gateway where that is not acknowledged in time. `both`: at once. `online-only`: the live channel or nothing.
 */
export const ROUTES = ['push', 'online-first', 'both', 'online-only'] as const
export const routeSchema = z.enum(ROUTES)
export type Route = z.infer<typeof routeSchema>

export const PUSH_AFTER_SECONDS_DEFAULT = 10
export const pushAfterSecondsSchema = z.int().min(1).max(60)

export const PRESENCE_STATES = ['online', 'background', 'offline', 'logged_out'] as const
/**
 * `online`: connected, and its app is in the foreground. `background`: connected. `offline`: not connected. `logged_out`: it said so, or
 * was not heard of for 7 days.
 */
export const presenceStateSchema = z.enum(PRESENCE_STATES)
export type PresenceState = z.infer<typeof presenceStateSchema>

export const devicePresenceSchema = z.object({
  hwid: z.string(),
  state: presenceStateSchema,
  /** Since when; null of a device that was never connected. */
  since: z.string().nullable(),
})
export type DevicePresence = z.infer<typeof devicePresenceSchema>

export const userPresenceSchema = z.object({
  userId: z.string(),
  /** Of the device on which the user is most present. */
  state: presenceStateSchema,
  devices: z.array(devicePresenceSchema),
})
export type UserPresence = z.infer<typeof userPresenceSchema>

/** Of a text frame from a device, bytes. */
export const LIVE_FRAME_BYTES = 16_384
const SEQS_MAX = 500

const seqs = z.array(z.int().min(1)).max(SEQS_MAX)
const appState = z.enum(['online', 'background'])

export const helloFrameSchema = z.object({
  type: z.literal('hello'),
  app: z.string().max(64),
  deviceToken: z.string().max(256),
  hwid: z.string().min(1).max(HWID_CHARACTERS),
  /**
   * Who is logged in, as the app knows it: before anything else the server must know the same. Null: nobody. Left out by an app that does
   * not know, since its back end alone names users.
   */
  userId: z.string().min(1).max(USER_ID_CHARACTERS).nullable().optional(),
  state: appState,
  /** Frames that the app has and whose `acked` has not come: they are not sent again. */
  have: seqs.optional(),
})
export type HelloFrame = z.infer<typeof helloFrameSchema>

export const deviceFrameSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ack'), seqs }),
  z.object({ type: z.literal('state'), state: appState }),
  z.object({ type: z.literal('ping') }),
  /** The user logs out: nobody is reached there until the next `hello`. */
  z.object({ type: z.literal('logout') }),
  callFrameSchema,
])
export type DeviceFrame = z.infer<typeof deviceFrameSchema>

/** What is shown, in the words of a message's content. */
export interface LiveNotification {
  readonly title?: string
  readonly subtitle?: string
  readonly body?: string
  readonly image?: string
  readonly icon?: string
  readonly url?: string
  readonly sound?: string
  readonly badge?: number
  readonly category?: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly buttons?: readonly { readonly title: string; readonly url?: string | undefined }[]
  /** A later notification with the same key takes the place of this one. */
  readonly collapseKey?: string
  /** For receipts, as in a push (`p`). */
  readonly hash: string
}

export type ServerFrame =
  | { readonly type: 'welcome'; readonly heartbeatSeconds: number }
  | {
      readonly type: 'message'
      /** To be acknowledged by. */
      readonly seq: number
      /** The same as that of its push: who has shown one shows no other. */
      readonly id: string
      readonly messageId: string
      /** Whom it is for; whoever else is logged in by now does not see it. Null: nobody was. */
      readonly userId: string | null
      /** For receipts, as in a push (`rk`). */
      readonly receiptKey: string
      readonly notification: LiveNotification
    }
  | { readonly type: 'acked'; readonly seqs: readonly number[] }
  | CallServerFrame
  /** Entries of the inbox that are not read, for the app's badge: after the `welcome`, and when another device of the user has read some. */
  | { readonly type: 'unread'; readonly count: number }
  | { readonly type: 'pong' }
  | { readonly type: 'error'; readonly code: string; readonly detail: string; readonly remedy: string }

/** Why the server closes a channel. Those of RFC 6455 besides: 1001 it stops, 1003 a binary frame, 1009 a frame that is too large. */
export const LIVE_CLOSE_CODES = {
  /** No `hello` within 10 s. */
  helloMissing: 4000,
  /** A frame that can't be read, or too many. */
  frameInvalid: 4001,
  /** The `hello` was refused; the frame `error` before says why. */
  refused: 4002,
  /** Another user is logged in there by now: connect again. */
  userChanged: 4003,
  /** It takes or acknowledges less than comes. */
  tooSlow: 4004,
  /** The device has connected anew elsewhere. */
  replaced: 4005,
  /** It has said `logout`. */
  loggedOut: 4006,
  /** It has not answered a ping. */
  silent: 4007,
} as const
