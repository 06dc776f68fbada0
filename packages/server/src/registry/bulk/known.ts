/** A device as another system knew it. */
import type { DeviceRecord, Permission, Platform } from '@roost/protocol'
import type { NewAddress } from '../address.ts'

/** Null = the file does not say, and then what is stored stays. */
export interface KnownDevice {
  readonly appId: number
  readonly hwid: string
  /** False: `hwid` was made of the token, and whoever holds that is meant. */
  readonly isNamed: boolean
  readonly platform: Platform | null
  readonly userId: string | null
  readonly language: string | null
  readonly timezoneSeconds: number | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  readonly tags: Readonly<Record<string, unknown>>
  readonly permission: Permission | null
  /** Its fields replace those that are stored. */
  readonly record: Readonly<Partial<DeviceRecord>> | null
  readonly address: NewAddress | null
  /** Apple's other token, for calls. */
  readonly calls: NewAddress | null
  readonly credentialId: string | null
  /** ms. */
  readonly firstSeenAt: number | null
  /** ms. */
  readonly lastOpenAt: number | null
  /** When it was last heard of, ms; of a row that does not say it, when the file was made. */
  readonly at: number
  readonly isDated: boolean
}
