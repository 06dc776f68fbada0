/**
 * Apple's push types: the end of the topic, the priorities, the size of the payload, and the kind of device token.
 *
 * Source: Apple, "Sending notification requests to APNs", and the pages of PushKit, WidgetKit and ActivityKit. Apple
 * explains priority 1 for all; here it is refused where Apple's text names the priorities that a type takes.
 */

/** What a device token was made for. An app has one of each kind, `liveactivity` one for each activity. */
export type TokenKind =
  | 'alert'
  | 'voip'
  | 'complication'
  | 'fileprovider'
  | 'mdm'
  | 'location'
  | 'liveactivity'
  | 'pushtostart'
  | 'pushtotalk'
  | 'widgets'
  | 'controls'

export interface PushType {
  /** What follows the bundle id in the topic. */
  readonly suffix: string
  readonly priorities: readonly number[]
  readonly payloadBytes: number
  /** Certificates do not allow it. */
  readonly isForTokensOnly: boolean
  /** Whether the topic has the right form and ending. One without an ending may still be another type's. */
  hasTopic(topic: string): boolean
}

const PAYLOAD_BYTES = 4096
const VOIP_PAYLOAD_BYTES = 5120
const AT_ONCE = [10]
const ANY_PRIORITY = [10, 5, 1]
/** Topics of device management are no app's: they come from the certificate that Apple gives the server. */
const MDM_TOPIC = /^com\.apple\.mgmt\./
const TOPIC = /^[A-Za-z0-9.-]+$/

const SUFFIXES: Readonly<Record<TokenKind, string>> = {
  alert: '',
  voip: '.voip',
  complication: '.complication',
  fileprovider: '.pushkit.fileprovider',
  mdm: '',
  location: '.location-query',
  liveactivity: '.push-type.liveactivity',
  pushtostart: '.push-type.liveactivity',
  pushtotalk: '.voip-ptt',
  widgets: '.push-type.widgets',
  controls: '.push-type.controls',
}

/** Kinds as certificates name them, where that is not the kind's own name. */
const CERTIFICATE_KINDS: Readonly<Record<string, string>> = {
  '': 'app',
  '.voip': 'voip',
  '.complication': 'complication',
}

export const PUSH_TYPES: Readonly<Record<string, PushType>> = {
  alert: pushType({ kind: 'alert' }),
  background: pushType({ kind: 'alert', priorities: [5] }),
  voip: pushType({ kind: 'voip', priorities: AT_ONCE, payloadBytes: VOIP_PAYLOAD_BYTES }),
  complication: pushType({ kind: 'complication' }),
  fileprovider: pushType({ kind: 'fileprovider' }),
  mdm: { ...pushType({ kind: 'mdm', priorities: AT_ONCE }), hasTopic: isMdmTopic },
  location: { ...pushType({ kind: 'location' }), isForTokensOnly: true },
  liveactivity: pushType({ kind: 'liveactivity', priorities: [10, 5] }),
  pushtotalk: pushType({ kind: 'pushtotalk', priorities: AT_ONCE }),
  widgets: pushType({ kind: 'widgets' }),
  controls: pushType({ kind: 'controls' }),
}

/** The topic that a token of this kind is for. */
export function topicOf(bundleId: string, kind: TokenKind): string {
  return bundleId + SUFFIXES[kind]
}

/** A topic taken apart by its known endings. */
export function topicParts(topic: string): { readonly bundleId: string; readonly certificateKind: string } {
  const suffix = Object.values(SUFFIXES).find(end => end !== '' && topic.endsWith(end)) ?? ''
  const bundleId = topic.slice(0, topic.length - suffix.length)
  return { bundleId, certificateKind: CERTIFICATE_KINDS[suffix] ?? suffix.slice(1) }
}

export function isMdmTopic(topic: string): boolean {
  return MDM_TOPIC.test(topic)
}

function pushType(options: {
  readonly kind: TokenKind
  readonly priorities?: readonly number[]
  readonly payloadBytes?: number
}): PushType {
  const { kind, priorities = ANY_PRIORITY, payloadBytes = PAYLOAD_BYTES } = options
  const suffix = SUFFIXES[kind]
  return {
    suffix,
    priorities,
    payloadBytes,
    isForTokensOnly: false,
    hasTopic: topic => TOPIC.test(topic) && topic.endsWith(suffix),
  }
}
