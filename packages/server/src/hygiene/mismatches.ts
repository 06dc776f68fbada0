/**
 * What a mismatch means for an address: it may be alive in another environment, for another app or another sender.
 *
 * R12 BadDeviceToken is a malformed token or one of the other environment. Never accepted before: quarantined, when it
 *     was refused in the other environment as well or can't be tried there. Accepted before: doubted, and ended on the
 *     third day.
 * R14 A token of another app or sender is quarantined, never ended: its next registration revives it.
 */

/**
 * `environment`: R12. `elsewhere`: R14, and a subscription made with another key. `unsure`: the address is dead, or the
 * credential is of another app, and the answer is the same for both. `doubt`: says nothing of the credential.
 */
export type MismatchKind = 'environment' | 'elsewhere' | 'unsure' | 'doubt'

const KINDS: Readonly<Record<string, MismatchKind>> = {
  BadDeviceToken: 'environment',
  DeviceTokenNotForTopic: 'elsewhere',
  SENDER_ID_MISMATCH: 'elsewhere',
  vapid_key_mismatch: 'elsewhere',
  // Huawei: all tokens of the request are illegal.
  '80300007': 'unsure',
}

export function mismatchKind(reason: string): MismatchKind {
  const code = reason.split(':', 1)[0] as string // some gateways put their words behind it
  return (Object.hasOwn(KINDS, code) ? KINDS[code] : undefined) ?? 'doubt'
}

/** Apple's two registries of tokens; undefined at gateways that have no environments. */
export function otherEnvironment(environment: string): string | undefined {
  if (environment === 'production') return 'sandbox'
  return environment === 'sandbox' ? 'production' : undefined
}
