/**
 * What a mismatch means for an address: it may be alive in another environment, for another app or another sender.
 *
 * R12 BadDeviceToken is a malformed token or one of the other environment. Never accepted before: quarantined, when it
 *     was refused in the other environment as well or can't be tried there. Accepted before: doubted, and ended on the
 *     third day.
 * R14 A token of another app or sender is quarantined, never ended: its next registration revives it.
 */

/** `environment`: R12. `elsewhere`: R14, and a subscription made with another key. `doubt`: who knows. */
export type MismatchKind = 'environment' | 'elsewhere' | 'doubt'

const KINDS: Readonly<Record<string, MismatchKind>> = {
  BadDeviceToken: 'environment',
  DeviceTokenNotForTopic: 'elsewhere',
  SENDER_ID_MISMATCH: 'elsewhere',
  vapid_key_mismatch: 'elsewhere',
}

export function mismatchKind(reason: string): MismatchKind {
  return (Object.hasOwn(KINDS, reason) ? KINDS[reason] : undefined) ?? 'doubt'
}

/** Apple's two registries of tokens; undefined at gateways that have no environments. */
export function otherEnvironment(environment: string): string | undefined {
  if (environment === 'production') return 'sandbox'
  return environment === 'sandbox' ? 'production' : undefined
}
