/**
 * What to show on a device, in our words; each gateway folder's `payload.ts` translates it at the edge.
 */
import type { ApnsOptions } from './apns/options.ts'
import type { FcmOptions } from './fcm/options.ts'
import type { HmsOptions } from './hms/options.ts'
import type { AttemptOutcome } from './outcome.ts'
import type { Wish } from './transport.ts'
import type { WebPushOptions } from './webpush/options.ts'

export interface Notification {
  /** Opaque, at most 64 characters, no "-": the device sends it back in its receipts (protocol field `p`). */
  readonly hash: string
  readonly title: string | undefined
  readonly subtitle: string | undefined
  readonly body: string | undefined
  readonly imageUrl: string | undefined
  /** Opened on a tap (protocol field `l`). */
  readonly url: string | undefined
  readonly sound: string | undefined
  readonly badge: number | undefined
  /** Custom data for the app (protocol field `u`). */
  readonly data: Readonly<Record<string, unknown>> | undefined
  /** Keys of the sender's own at the root of what the app gets; ours go before them. */
  readonly root?: Readonly<Record<string, unknown>> | undefined
  /** Browsers and Android: an https URL; Android also the name of a drawable of the app. */
  readonly iconUrl?: string | undefined
  readonly buttons?: readonly Button[] | undefined
  /** iOS: one of the app's notification categories. */
  readonly category?: string | undefined
  /** Android and Huawei: one of the app's notification channels. */
  readonly channel?: string | undefined
  /** iOS. */
  readonly interruptionLevel?: 'passive' | 'active' | 'time-sensitive' | 'critical' | undefined
  /** How long a gateway may store the message, in seconds; 0 = now or never. */
  readonly ttlSeconds: number
  readonly priority: 'high' | 'normal'
  /** A later message with the same key replaces a shown or stored one. At most 64 bytes. */
  readonly collapseKey: string | undefined
  /** In the place of a collapse key where there is none: the same for all variants of a message, so that a recall replaces any. Default: the hash. */
  readonly messageKey?: string | undefined
  /** What only one gateway knows, in its own words; it goes before the common part. Absent for most messages. */
  readonly apns?: ApnsOptions | undefined
  readonly fcm?: FcmOptions | undefined
  readonly webPush?: WebPushOptions | undefined
  readonly hms?: HmsOptions | undefined
  /** One object for all notifications that have the same of everything but the text of `title`, `subtitle` and `body`. */
  readonly likeness?: object | undefined
}

/** Nothing to show, now or never: for what only asks a gateway something. */
export const BLANK: Omit<Notification, 'hash'> = {
  title: undefined,
  subtitle: undefined,
  body: undefined,
  imageUrl: undefined,
  url: undefined,
  sound: undefined,
  badge: undefined,
  data: undefined,
  ttlSeconds: 0,
  priority: 'normal',
  collapseKey: undefined,
}

export interface Button {
  readonly title: string
  readonly url?: string | undefined
}

/** One try at a gateway. */
export interface Attempt<Address> {
  /** The same for every repeat of this delivery, so that a device shows it once. Canonical lower-case UUID. */
  readonly deliveryId: string
  readonly address: Address
  readonly notification: Notification
  /** The gateway checks the request and delivers nothing, where it can (FCM, HMS); ignored elsewhere. Default false. */
  readonly validateOnly?: boolean
  /** Of this delivery alone: the device sends it back with its receipts (field `rk`). Left out where there is no room, and by HMS. */
  readonly receiptKey?: string | undefined
  /**
   * Whom it is for: a device on which somebody else is logged in by now drops it (field `ru`). Absent: whoever uses the device. Left out
   * where there is no room, and by HMS.
   */
  readonly userId?: string | undefined
  /** Asked while it waits for its turn; absent: it is wanted to the end. */
  readonly wish?: Wish | undefined
}

/** One client serves one credential; it may hold many connections. */
export interface GatewayClient<Address> {
  /** Never rejects for anything that a gateway or the network does: that is an outcome. */
  send(attempt: Attempt<Address>): Promise<AttemptOutcome>
  close(): Promise<void>
}
