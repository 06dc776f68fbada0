/**
 * The rules of each push type. What breaks them Apple refuses or, worse, drops without a word.
 * Source: Apple, "Sending notification requests to APNs", the table of `apns-push-type`.
 */
import type { ApnsPriority, ApnsPushType } from './options.ts'

export interface PushTypeRule {
  /** Behind the bundle id in `apns-topic`; device management has a topic of its own. */
  readonly suffix: string
  /** The first is what a message of high priority gets, the second what one of normal priority gets, if there are two. */
  readonly priorities: readonly [ApnsPriority, ...ApnsPriority[]]
  readonly maxPayloadBytes: number
  /** Whether code of the app reads the keys beside `aps`. */
  readonly hasRootKeys: boolean
}

const COMMON = { suffix: '', priorities: [10, 5, 1], maxPayloadBytes: 4096, hasRootKeys: true } as const

export const PUSH_TYPE_RULES: Readonly<Record<ApnsPushType, PushTypeRule>> = {
  alert: COMMON,
  background: { ...COMMON, priorities: [5] },
  voip: { ...COMMON, suffix: '.voip', priorities: [10], maxPayloadBytes: 5120 },
  complication: { ...COMMON, suffix: '.complication' },
  fileprovider: { ...COMMON, suffix: '.pushkit.fileprovider' },
  mdm: { ...COMMON, priorities: [10], hasRootKeys: false },
  location: { ...COMMON, suffix: '.location-query', priorities: [10, 5] },
  liveactivity: { ...COMMON, suffix: '.push-type.liveactivity', priorities: [10, 5], hasRootKeys: false },
  pushtotalk: { ...COMMON, suffix: '.voip-ptt', priorities: [10] },
  widgets: { ...COMMON, suffix: '.push-type.widgets', hasRootKeys: false },
  controls: { ...COMMON, suffix: '.push-type.controls', hasRootKeys: false },
}
