/** What one call says of a device, and what came of it. */
import type { DeviceRecord, Permission, Platform } from '@roost/protocol'
import type { NewAddress } from '../address.ts'
import type { SkippedTag, TagOperation } from '../tags/tags.ts'

/** What one device call carries; null = not said, and then what is stored stays. */
export interface DeviceUpdate {
  readonly appId: number
  readonly hwid: string
  /** R15: the device itself has called. What a back end says of it, or replays, is no sign of life. */
  readonly isCall: boolean
  readonly platform: Platform | null
  readonly userId: string | null
  /** R25: the device belongs to nobody from now on; `userId` is null then. */
  readonly isLogout: boolean
  /** Its addresses end; the device itself stays (and still has its inbox). */
  readonly isUnregister: boolean
  /** R5: the number that the device gave to this call; null when it gives none, and then it is never stale. */
  readonly clientSeq: number | null
  readonly language: string | null
  readonly timezoneSeconds: number | null
  readonly appVersion: string | null
  readonly osVersion: string | null
  readonly deviceModel: string | null
  /** Values to set; a null value clears the tag. */
  readonly tags: Readonly<Record<string, unknown>> | null
  /** Changes that go by what is stored; none of a tag that `tags` has. */
  readonly tagOperations: readonly TagOperation[]
  /** R26: with "denied" and "not_determined" its address is kept and not sent to. */
  readonly permission: Permission | null
  /** Its fields replace those that are stored; null in one of them clears it. */
  readonly record: Readonly<Partial<DeviceRecord>> | null
  readonly isOpen: boolean
  readonly address: NewAddress | null
  /** The stored VAPID credential of a web subscription. */
  readonly credentialId: string | null
  /** Server clock when the request arrived, ms. */
  readonly at: number
}

export interface UpdateResult {
  /** R5: a later call of the device came first, so this one changed nothing. */
  readonly isStale: boolean
  /** Race M: other phones go by this hwid, too, so the caller is to register under this one from now on; else null. */
  readonly newHwid: string | null
  /** Tags that stay as they were, and why: of another type than is defined, or too many. The rest of the call counts. */
  readonly skipped: readonly SkippedTag[]
}

interface Said {
  readonly appId: number
  readonly hwid: string
  readonly at: number
}

/** A call of a device that says nothing but that it is there. */
export function updateOf({ appId, hwid, at }: Said): DeviceUpdate {
  return { ...NOTHING_SAID, appId, hwid, at }
}

/** What a back end says of a device: nothing yet. */
export function toldOf({ appId, hwid, at }: Said): DeviceUpdate {
  return { ...NOTHING_SAID, isCall: false, appId, hwid, at }
}

const NOTHING_SAID = {
  isCall: true,
  platform: null,
  userId: null,
  isLogout: false,
  isUnregister: false,
  clientSeq: null,
  language: null,
  timezoneSeconds: null,
  appVersion: null,
  osVersion: null,
  deviceModel: null,
  tags: null,
  tagOperations: [],
  permission: null,
  record: null,
  isOpen: false,
  address: null,
  credentialId: null,
} as const
