/**
 * What the server's REST answers look like, as far as the console reads them.
 *
 * More fields may come, none is renamed; times are ISO 8601 in UTC. Source: `GET /v1/openapi.json`.
 */

/** The states of an address, in the order in which the console shows them; `none` is "never had an address". */
export const ADDRESS_STATES = [
  'active',
  'suspect',
  'quarantined',
  'dead',
  'superseded',
  'moved',
  'unregistered',
  'none',
] as const
export type AddressState = (typeof ADDRESS_STATES)[number]

/** A platform or state that a newer server may add is shown by its own name. */
export type Named<Known extends string> = Known | (string & Record<never, never>)

export type Platform = 'ios' | 'macos' | 'android' | 'web' | 'huawei' | 'other'

/** Devices of one platform, counted by the state of their newest address. */
export type PlatformCount = { readonly platform: Named<Platform>; readonly devices: number } & {
  readonly [state in AddressState]: number
}

export interface DeviceStats {
  readonly asOf: string
  readonly devices: number
  readonly reachable: number
  readonly byPlatform: readonly PlatformCount[]
}

/** Deliveries by outcome; `delivered` and `opened` are receipts and overlap with `accepted`. */
export interface MessageCounts {
  readonly targeted: number
  readonly accepted: number
  readonly dead: number
  readonly failed: number
  readonly skipped: number
  readonly uncertain: number
  readonly delivered: number
  readonly opened: number
}

export type MessageState = 'scheduled' | 'sending' | 'paused' | 'done' | 'cancelled'

export interface Message {
  readonly id: string
  readonly createdAt: string
  readonly state: MessageState
  readonly title: string | null
  readonly counts: MessageCounts
  /** 0 to 1 */
  readonly progress: number
}

export interface MessageDetail extends Message {
  readonly content: Readonly<Record<string, unknown>>
  readonly to: unknown
}

export interface DeviceSummary {
  readonly hwid: string
  readonly platform: Named<Platform>
  readonly userId: string | null
  readonly state: Named<AddressState>
  readonly reason: string | null
  readonly lastSeenAt: string | null
}

export interface Address {
  readonly kind: string
  readonly provider: string
  readonly environment: string | null
  readonly state: Named<AddressState>
  readonly reason: string | null
  readonly since: string | null
  readonly addressEnd?: string
}

export interface Device {
  readonly hwid: string
  readonly platform: Named<Platform>
  readonly userId: string | null
  readonly tags: Readonly<Record<string, unknown>>
  readonly language?: string | null
  readonly appVersion?: string | null
  readonly osVersion?: string | null
  readonly deviceModel?: string | null
  readonly firstSeenAt?: string | null
  readonly lastSeenAt?: string | null
  readonly lastOpenAt: string | null
  readonly addresses: readonly Address[]
}

/** One line of an address's history. `addressEnd` is its last characters: enough to tell two apart. */
export interface LedgerEntry {
  readonly at: string
  readonly event: string
  readonly reason: string | null
  readonly provider: string | null
  readonly environment: string | null
  readonly kind: string | null
  readonly addressEnd: string | null
  readonly evidence: unknown
}

/** What is wrong with a credential, in words that can be passed on. */
export interface CredentialProblem {
  readonly code: string
  readonly severity: 'warning' | 'error'
  readonly message: string
  readonly remedy: string
  readonly environment?: string
  readonly values: Readonly<Record<string, string | number>>
}

/** What a gateway answered when it was asked; `unreachable` is no fault of the credential. */
export interface CredentialCheck {
  readonly environment: string | null
  readonly outcome: 'accepted' | 'refused' | 'unreachable'
  readonly reason: string | null
  readonly at: string
}

export interface Credential {
  readonly id: string
  readonly gateway: string
  readonly kind: string
  readonly environments: readonly string[]
  readonly expiresAt: string | null
  readonly status: 'active' | 'paused'
  readonly problems: readonly CredentialProblem[]
  /** Key id, team id, bundle id, project id, …: what may be shown. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly fingerprint: string | null
  readonly version: number
  readonly createdAt: string
  readonly updatedAt: string
  readonly checkedAt: string | null
  readonly checks: readonly CredentialCheck[]
}

export interface CredentialEvent {
  readonly at: string
  readonly event: string
  readonly by: string
  readonly version: number
  readonly reason: string | null
}

export interface Exchange {
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
    readonly hasClientCertificate: boolean
  }
  readonly response: {
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  } | null
  readonly failure: { readonly kind: string; readonly reason: string; readonly goaway?: string } | null
  readonly latencyMs: number
}

export interface PushTestResult {
  readonly deliveryId: string
  readonly gateway: string
  readonly environment: string | null
  readonly outcome: {
    readonly kind: string
    readonly reason: string | null
    readonly gatewayMessageId: string | null
    readonly since: string | null
    readonly afterMs: number | null
  }
  readonly meaning: string
  readonly remedy: string
  readonly hint: string | null
  readonly exchanges: readonly Exchange[]
}
