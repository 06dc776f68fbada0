/** What a diagnosis goes by: all that is on record of a device, its app and, where one was asked for, a message. Times are ISO 8601. */
import type {
  AddressPolicy,
  AddressState,
  AppRules,
  Content,
  CredentialCheck,
  DeviceRecord,
  Experiment,
  LedgerEntry,
  MessageRules,
  MessageState,
  Permission,
  Platform,
  Provider,
  Target,
  TraceView,
} from '@roost/protocol'
import type { Minimums } from '../integration/features.ts'

export interface Facts {
  /** When it was asked, ms. */
  readonly at: number
  readonly app: AppFacts
  /** Null: none of this app was found. */
  readonly device: DeviceFacts | null
  /** By which name it was asked for. */
  readonly asked: 'device' | 'token' | 'user'
  /** The address that was asked for by its token, where that is not the one that is sent to. */
  readonly askedAddress: AddressFacts | null
  /** Of kind alert: the one that is sent to if there is one, else the one that ended last. */
  readonly address: AddressFacts | null
  /** Of kind voip, that is sent to. */
  readonly voip: AddressFacts | null
  /** Newest first, the last 50. */
  readonly ledger: readonly LedgerEntry[]
  /** Of the gateway that the device is reached by, newest first. */
  readonly credentials: readonly CredentialFacts[]
  /** Codes of other apps of this server that know the hwid, token or user. */
  readonly otherApps: readonly string[]
  /** When the device was taken for marketing, the last 30 days, without the message that was asked for. */
  readonly cappedAt: readonly string[]
  /** Of other messages: what its gateway took for it last, and what it told of them; newest first. */
  readonly lately: readonly LatelyAccepted[]
  /** Other messages that wait for the device; the newest first. */
  readonly waiting: readonly WaitingMessage[]
  readonly message: MessageFacts | null
}

export interface AppFacts {
  readonly rules: AppRules
  readonly addresses: AddressPolicy
  /** From which version on a feature works, as far as the app says it. */
  readonly minimums: Minimums
}

export interface DeviceFacts {
  readonly hwid: string
  readonly platform: Platform | null
  readonly userId: string | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly timezoneSeconds: number | null
  readonly permission: Permission | null
  readonly record: DeviceRecord
  readonly tags: Readonly<Record<string, unknown>>
  /** Names of categories, as its tag has them; of all devices of the same user. */
  readonly optedOutOf: readonly string[]
  readonly firstSeenAt: string
  readonly lastSeenAt: string
  readonly lastOpenAt: string | null
  /** When it told last of a push that came. */
  readonly lastReceiptAt: string | null
  /** Of the device, or of a back end about it. */
  readonly lastToldAt: string
  /** When its app told last that Google had deleted messages that waited for it (event `messages_deleted`). */
  readonly messagesDeletedAt: string | null
}

export interface AddressFacts {
  readonly provider: Provider
  /** '' where its gateway has none. */
  readonly environment: string
  readonly state: AddressState
  readonly reason: string | null
  readonly stateSince: string
  readonly firstRegisteredAt: string
  readonly lastRegisteredAt: string
  /** R12: its first acceptance; not kept where there are no environments. */
  readonly acceptedAt: string | null
  readonly isOptedOut: boolean
  /** R16: the alert that holds its death. */
  readonly heldBy: string | null
  /** Web Push: the VAPID key that it was made with. */
  readonly credentialId: string | null
  readonly expiresAt: string | null
  /** Of an endpoint: its service; what pauses of a credential call a part. */
  readonly part: string
  readonly addressEnd: string
  /** The device has the same token for calls. */
  readonly isVoipToken: boolean
}

export interface CredentialFacts {
  readonly id: string
  readonly gateway: Provider
  readonly kind: string
  readonly environments: readonly string[]
  readonly settings: Readonly<Record<string, unknown>>
  readonly expiresAt: string | null
  /** Of its content. */
  readonly updatedAt: string
  readonly pauses: readonly { readonly part: string; readonly reason: string; readonly at: string }[]
  readonly checks: readonly CredentialCheck[]
}

export interface LatelyAccepted {
  readonly messageId: string
  readonly at: string
  readonly hasReceipt: boolean
  /** It told that it had shown it. */
  readonly wasDisplayed: boolean
}

/** Is tried again, or waits for a credential. */
export interface WaitingMessage {
  readonly messageId: string
  readonly gateway: Provider
  readonly reason: string
  readonly attempts: number
}

export interface MessageFacts {
  readonly id: string
  readonly state: MessageState
  readonly target: Target
  /** As the device's gateway shows it, in its own language. */
  readonly content: Content
  readonly rules: MessageRules | null
  readonly sendRate: number | null
  readonly experiment: Experiment | null
  readonly ttlSeconds: number
  readonly collapseKey: string | null
  readonly isByClock: boolean
  /** It pushes nothing. */
  readonly isInboxOnly: boolean
  readonly sendAt: string
  readonly plannedAt: string | null
  /** When all of it had come to an end. */
  readonly finishedAt: string | null
  readonly expiresAt: string
  readonly warnings: readonly string[]
  readonly recalledAt: string | null
  /** Why the device could not load what the message shows, as it told. */
  readonly attachmentFault: { readonly at: string; readonly reason: string | null } | null
  readonly trace: TraceView
  /** A worker has a part of this or another message in hand, so those that send are alive. */
  readonly areWorkersAlive: boolean
  /** Of the batch that the device is in; null when it is in none. */
  readonly batch: BatchFacts | null
  readonly audience: AudienceFacts
  /** The last message that its gateway took for the device with the same collapse key, after this one. */
  readonly replacedBy: { readonly messageId: string; readonly at: string } | null
}

export interface BatchFacts {
  readonly state: string
  readonly dueAt: string
  readonly leaseUntil: string | null
  readonly isRest: boolean
  readonly pacedBy: string | null
  readonly paceOpenAt: string | null
  readonly failures: number
  readonly heldReason: string | null
}

export interface AudienceFacts {
  /** Of a condition or a segment: whether the device meets it now, by what its segments meant then; null when it has none. */
  readonly isMet: boolean | null
  /** The first part of the condition that the device does not meet, with what it has there. */
  readonly unmet: { readonly part: string; readonly value: string; readonly asksForUser: boolean } | null
  /** Those that a device must be in to be in the audience. */
  readonly segments: readonly SegmentFacts[]
  /** Another device of the same user that the message went to. */
  readonly chosen: string | null
}

/** A nightly segment that the audience names. */
export interface SegmentFacts {
  readonly name: string
  /** Of the snapshot that the message means. */
  readonly computedAt: string
  readonly isMember: boolean
  /** By its condition, as the device is now. */
  readonly isMetNow: boolean | null
  readonly nextRunAt: string | null
  readonly lastRun: {
    readonly state: string
    readonly startedAt: string
    readonly endedAt: string | null
    readonly error: string | null
  } | null
}
