/**
 * Which rule tells what a reason means: of a delivery that was skipped, refused or waits, of a pause of a credential, or of an address
 * that has ended. The first row that fits decides; what gateways say is matched by their own words (docs/gateway-answers.md), and a
 * word that is new counts as trouble of the gateway or, where it was final, as a fault of the message.
 */
import type { RuleId } from '@roost/protocol'
import type { MessageKey } from './texts/texts.ts'

/** What the reason was given for. `retry`: it is tried again, or was until it was given up. */
export type ReasonOf = 'skipped' | 'credential' | 'address' | 'message' | 'retry' | 'uncertain'

export interface ReasonRow {
  readonly of: ReasonOf
  readonly pattern: RegExp
  /** Absent: at any. */
  readonly gateway?: string
  readonly rule: RuleId
  readonly key: MessageKey
}

/** The others are gone through in their order; within a kind the last row takes all. */
export const REASONS: readonly ReasonRow[] = [
  { of: 'skipped', pattern: /^no_credential/, gateway: 'webpush', rule: 'DX-12', key: 'DX-12' },
  { of: 'skipped', pattern: /^no_credential/, rule: 'DX-01', key: 'DX-01' },
  { of: 'skipped', pattern: /^no_address$|^address_gone$/, rule: 'DX-33', key: 'DX-33' },
  { of: 'skipped', pattern: /^address_changed_gateway$/, rule: 'DX-39', key: 'DX-39' },
  { of: 'skipped', pattern: /^address_expired$/, rule: 'DX-37', key: 'DX-37.aged' },
  { of: 'skipped', pattern: /^device_unknown$/, rule: 'DX-31', key: 'DX-31.device' },
  { of: 'skipped', pattern: /^user_unknown$/, rule: 'DX-23', key: 'DX-23.unknown' },
  { of: 'skipped', pattern: /^no_permission$/, rule: 'DX-45', key: 'DX-45.denied' },
  { of: 'skipped', pattern: /^no_longer_meant$/, rule: 'DX-43', key: 'DX-43' },
  { of: 'skipped', pattern: /^control_group$/, rule: 'DX-25', key: 'DX-25' },
  { of: 'skipped', pattern: /^cancelled/, rule: 'DX-26', key: 'DX-26.cancelled' },
  { of: 'skipped', pattern: /^expired$/, rule: 'DX-26', key: 'DX-26.expired' },
  { of: 'skipped', pattern: /^address_served$/, rule: 'DX-28', key: 'DX-28' },
  { of: 'skipped', pattern: /^local_time_passed$/, rule: 'DX-29', key: 'DX-29.passed' },
  { of: 'skipped', pattern: /^category_opted_out$/, rule: 'DX-49', key: 'DX-49.category' },
  { of: 'skipped', pattern: /^capped$/, rule: 'DX-55', key: 'DX-55' },
  { of: 'skipped', pattern: /^quiet_hours$/, rule: 'DX-56', key: 'DX-56.dropped' },
  { of: 'skipped', pattern: /^quiet_hours_until_expiry$/, rule: 'DX-56', key: 'DX-56.expired' },
  { of: 'skipped', pattern: /^nothing_to_show$/, rule: 'DX-59', key: 'DX-59' },
  { of: 'skipped', pattern: /^silent_in_browsers$/, rule: 'DX-59', key: 'DX-59.silent' },
  { of: 'skipped', pattern: /^variable_missing/, rule: 'DX-64', key: 'DX-64' },

  { of: 'credential', pattern: /^content_unreadable$/, rule: 'DX-04', key: 'DX-04.unreadable' },
  { of: 'credential', pattern: /certificate[_ ]expired/, rule: 'DX-02', key: 'DX-02' },
  { of: 'credential', pattern: /ExpiredProviderToken/, rule: 'DX-05', key: 'DX-05' },
  { of: 'credential', pattern: /^BadDeviceToken for every/, rule: 'DX-40', key: 'DX-40.all' },
  {
    of: 'credential',
    pattern: /TopicDisallowed|BadTopic|MissingTopic|DeviceTokenNotForTopic/,
    rule: 'DX-07',
    key: 'DX-07.refused',
  },
  {
    of: 'credential',
    pattern: /BadEnvironmentKey|UnrelatedKeyIdInToken|BadCertificateEnvironment|certificate_not_for_/,
    rule: 'DX-08',
    key: 'DX-08',
  },
  { of: 'credential', pattern: /SENDER_ID_MISMATCH/, rule: 'DX-09', key: 'DX-09' },
  { of: 'credential', pattern: /THIRD_PARTY_AUTH_ERROR/, rule: 'DX-11', key: 'DX-11' },
  { of: 'credential', pattern: /vapid_key_mismatch/, rule: 'DX-12', key: 'DX-12' },
  { of: 'credential', pattern: /80300002|80300013/, gateway: 'hms', rule: 'DX-14', key: 'DX-14' },
  { of: 'credential', pattern: /./, gateway: 'fcm', rule: 'DX-10', key: 'DX-10' },
  { of: 'credential', pattern: /./, gateway: 'webpush', rule: 'DX-12', key: 'DX-12.refused' },
  { of: 'credential', pattern: /./, rule: 'DX-04', key: 'DX-04' },

  { of: 'address', pattern: /^unregistered$|^asked_by_/, rule: 'DX-49', key: 'DX-49.unregistered' },
  { of: 'address', pattern: /^(inactive|not_heard_of|expired)$/, rule: 'DX-37', key: 'DX-37.aged' },
  { of: 'address', pattern: /^replaced_by_new_address$/, rule: 'DX-39', key: 'DX-39' },
  { of: 'address', pattern: /^registered_by_another_device$/, rule: 'DX-42', key: 'DX-42' },
  { of: 'address', pattern: /BadDeviceToken/, rule: 'DX-40', key: 'DX-40' },
  { of: 'address', pattern: /DeviceTokenNotForTopic/, rule: 'DX-07', key: 'DX-07.refused' },
  { of: 'address', pattern: /SENDER_ID_MISMATCH/, rule: 'DX-09', key: 'DX-09' },
  { of: 'address', pattern: /vapid_key_mismatch/, rule: 'DX-12', key: 'DX-12' },
  { of: 'address', pattern: /./, gateway: 'apns', rule: 'DX-37', key: 'DX-37.apns' },
  { of: 'address', pattern: /./, gateway: 'fcm', rule: 'DX-37', key: 'DX-37.fcm' },
  { of: 'address', pattern: /./, gateway: 'hms', rule: 'DX-37', key: 'DX-37.hms' },
  { of: 'address', pattern: /./, rule: 'DX-37', key: 'DX-37.webpush' },

  { of: 'message', pattern: /^not_a_push_endpoint/, gateway: 'webpush', rule: 'DX-36', key: 'DX-36' },
  { of: 'message', pattern: /^refused_for_this_endpoint/, gateway: 'webpush', rule: 'DX-12', key: 'DX-12' },
  { of: 'message', pattern: /^template_failed/, rule: 'DX-64', key: 'DX-64.failed' },
  { of: 'message', pattern: /too_large|PayloadTooLarge|80300008|status 413/, rule: 'DX-61', key: 'DX-61' },
  { of: 'message', pattern: /./, gateway: 'fcm', rule: 'DX-63', key: 'DX-63' },
  { of: 'message', pattern: /./, rule: 'DX-62', key: 'DX-62' },

  { of: 'retry', pattern: /TooManyProviderTokenUpdates/, rule: 'DX-06', key: 'DX-06' },
  { of: 'retry', pattern: /UnrelatedKeyIdInToken/, rule: 'DX-08', key: 'DX-08' },
  { of: 'retry', pattern: /^quiet_hours$/, rule: 'DX-56', key: 'DX-56.waits' },
  {
    of: 'retry',
    pattern: /TooManyRequests|QUOTA_EXCEEDED|RESOURCE_EXHAUSTED|429|80100017|origin_throttled|no room at/,
    rule: 'DX-70',
    key: 'DX-70',
  },
  {
    of: 'retry',
    pattern:
      /^(could not connect|waiting for|token endpoint)|ECONN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|certificate|self.signed|unable to verify/i,
    rule: 'DX-13',
    key: 'DX-13',
  },
  { of: 'retry', pattern: /./, rule: 'DX-71', key: 'DX-71' },

  { of: 'uncertain', pattern: /./, rule: 'DX-72', key: 'DX-72' },
]

export interface Meant {
  readonly rule: RuleId
  readonly key: MessageKey
}

/** Undefined for what waits for its first turn, and for a word of ours that is new. */
export function meaningOf(of: ReasonOf, reason: string, gateway: string | null): Meant | undefined {
  if (of === 'retry' && /^(planned|stopped|address_replaced)$/.test(reason)) return undefined
  return REASONS.find(
    it =>
      it.of === of && (it.gateway === undefined || it.gateway === gateway) && it.pattern.test(bare(reason)),
  )
}

/** Of a delivery that was tried until its message was over. */
const GAVE_UP = 'gave_up: '

export function isGivenUp(reason: string): boolean {
  return reason.startsWith(GAVE_UP)
}

export function bare(reason: string): string {
  return isGivenUp(reason) ? reason.slice(GAVE_UP.length) : reason
}

/** Words of gateways for an address that is of another app, project, environment or key; the delivery failed by them. */
const MISMATCH = /BadDeviceToken|DeviceTokenNotForTopic|SENDER_ID_MISMATCH|vapid_key_mismatch|80300007/

/**
 * What a delivery's reason was given for. `isHeld`: it waits for a credential, and for no time.
 */
export function reasonOfOutcome(
  outcome: string,
  { reason, isHeld = false }: { readonly reason: string; readonly isHeld?: boolean },
): ReasonOf {
  switch (outcome) {
    case 'dead':
      return 'address'
    case 'uncertain':
      return 'uncertain'
    case 'waiting':
      return isHeld ? 'credential' : 'retry'
    case 'failed':
      if (isGivenUp(reason)) return 'retry'
      return MISMATCH.test(reason) ? 'address' : 'message'
    default:
      return 'skipped'
  }
}
