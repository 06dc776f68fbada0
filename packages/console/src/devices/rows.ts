/** A device as a row of a table, whichever way it was found. */
import type { DeviceSummary, FoundBy, FoundDevice } from '@roost/protocol'

export interface DeviceRow {
  readonly hwid: string
  readonly platform: string | null
  readonly deviceModel: string | null
  readonly userId: string | null
  readonly state: string
  readonly reason: string | null
  readonly lastSeenAt: string
  /** By which of its names it was found; undefined in a list that nobody searched. */
  readonly by: FoundBy | undefined
}

export function rowOf({ hwid, state, reason, ...device }: DeviceSummary): DeviceRow {
  const { platform, deviceModel, userId, lastSeenAt } = device
  return { hwid, platform, deviceModel, userId, state, reason, lastSeenAt, by: undefined }
}

export function rowOfFound({ hwid, address, by, ...device }: FoundDevice): DeviceRow {
  const { platform, deviceModel, userId, lastSeenAt } = device
  const { state = 'none', reason = null } = address ?? {}
  return { hwid, platform, deviceModel, userId, state, reason, lastSeenAt, by }
}

/** Shorter texts begin too many hwids. */
const LOOKED_UP_FROM = 4

export type SearchWay = 'any' | 'part'

export interface Search {
  readonly text: string
  readonly state: string
  readonly platform: string
  /** Asked for by the reader; by default the quick ways. */
  readonly by: SearchWay | undefined
}

/** By keys alone, unless only the whole base can answer: parts within names, states, platforms. */
export function wayOf({ text, state, platform, by }: Search): SearchWay | 'list' {
  if (text === '') return 'list'
  if (state !== '' || platform !== '' || by === 'part') return 'part'
  return [...text].length < LOOKED_UP_FROM ? 'part' : 'any'
}
