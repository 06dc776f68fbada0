/**
 * What an outcome means for people, and what to do next. A gateway's words are for whoever wrote it: "BadDeviceToken"
 * says neither that an app run from Xcode has tokens of its own nor whose turn it is.
 *
 * The reason is looked up first, then what all gateways have in common, then the kind of outcome: reasons that are new
 * get words, too.
 * Source: the documents that the tables of docs/gateway-answers/ name; a test holds these texts to those rows.
 */
import { APNS_MEANINGS } from './meanings/apns.ts'
import { COMMON_MEANINGS } from './meanings/common.ts'
import { FCM_MEANINGS } from './meanings/fcm.ts'
import { HMS_MEANINGS } from './meanings/hms.ts'
import { WEB_PUSH_MEANINGS } from './meanings/webpush.ts'
import type { AttemptOutcome } from './outcome.ts'

export const GATEWAYS = ['apns', 'fcm', 'webpush', 'hms'] as const
export type Gateway = (typeof GATEWAYS)[number]

export interface Meaning {
  readonly meaning: string
  /** What to do next. */
  readonly remedy: string
}

export interface MeaningRow extends Meaning {
  /** Of the outcome's reason. */
  readonly pattern: RegExp
  /** Where the same reason means different things. Absent: of any kind. */
  readonly kind?: AttemptOutcome['kind']
}

const MEANINGS: Readonly<Record<Gateway, readonly MeaningRow[]>> = {
  apns: [...APNS_MEANINGS, ...COMMON_MEANINGS],
  fcm: [...FCM_MEANINGS, ...COMMON_MEANINGS],
  webpush: [...WEB_PUSH_MEANINGS, ...COMMON_MEANINGS],
  hms: [...HMS_MEANINGS, ...COMMON_MEANINGS],
}

const ACCEPTED: Readonly<Record<Gateway, Meaning>> = {
  apns: {
    meaning: 'Apple has taken the push. That is not yet a notification on the screen.',
    remedy:
      'Nothing shows? See that the device is online, that notifications are allowed for the app (Settings → Notifications, Focus), and whether the app itself hides pushes while it is open. Apple keeps one push for a device that is away.',
  },
  fcm: {
    meaning: 'Google has taken the message. That is not yet a notification on the screen.',
    remedy:
      'Nothing shows? See that the device is online, that the app may show notifications and was not force-stopped, and whether the app handles messages itself. On iOS the key for Apple that Firebase holds matters, too.',
  },
  webpush: {
    meaning: 'The push service has taken the message. That is not yet a notification on the screen.',
    remedy:
      'Nothing shows? See that the browser runs, that the site may notify (in the browser and in the system), and that the service worker shows something in its "push" event.',
  },
  hms: {
    meaning: 'Huawei has taken the message. That is not yet a notification on the screen.',
    remedy:
      'Nothing shows? See that the device is online, that the app may show notifications, and which category the message has: Huawei limits how many marketing messages a device gets in a day.',
  },
}

type RefusedKind = Exclude<AttemptOutcome['kind'], 'accepted'>

const KINDS: Readonly<Record<RefusedKind, Meaning>> = {
  address_dead: {
    meaning: 'The gateway says that this address is gone.',
    remedy: 'Open the app on the device: it registers a new address. The old one never comes back.',
  },
  address_mismatch: {
    meaning: 'The address does not fit the credential; somewhere else it may well be alive.',
    remedy: 'See that address and credential are of the same app, project and environment.',
  },
  message_fault: {
    meaning: 'This message can’t be sent as it is; credential and address are not to blame.',
    remedy: 'Correct what the reason names, and try again.',
  },
  credential_fault: {
    meaning: 'The gateway refuses the credential. It says nothing of the address.',
    remedy: 'Upload the credential again as the vendor gave it, or make a new one and replace it.',
  },
  retry: {
    meaning: 'The gateway does not take it now. Nothing is wrong with credential or address.',
    remedy: 'Wait and try again; a message is repeated by itself.',
  },
  not_sent: {
    meaning: 'The request did not reach the gateway; nothing was sent.',
    remedy: 'Correct what the reason names. Trying again is safe.',
  },
  uncertain: {
    meaning: 'The request went out and no answer came. The push may have arrived or not.',
    remedy: 'Look at the device before trying again: a second try may show it twice.',
  },
}

/** Never empty, whatever the reason is. */
export function meaningOf(outcome: AttemptOutcome, gateway: Gateway): Meaning {
  if (outcome.kind === 'accepted') return ACCEPTED[gateway]
  const { kind, reason } = outcome
  const row = MEANINGS[gateway].find(it => it.pattern.test(reason) && (it.kind ?? kind) === kind)
  const { meaning, remedy } = row ?? KINDS[kind]
  return { meaning, remedy }
}
