/**
 * Why a system gave no token, and what to do about it: the errors that apps report (`registration_error`), by their code or a word of
 * their message.
 *
 * Sources: Apple, `UIApplicationDelegate.application(_:didFailToRegisterForRemoteNotificationsWithError:)` and the Cocoa error 3000 and
 * 3010; Google, "FirebaseMessaging.getToken" (codes of the IOException) and Google Play services' error codes; W3C Push API §7.
 */

interface Known {
  /** Met in the code or the message. */
  readonly sign: RegExp
  readonly remedy: string
}

const KNOWN: readonly Known[] = [
  {
    sign: /\b3000\b|aps-environment/i,
    remedy:
      'The app has no "aps-environment" entitlement: turn on Push Notifications for the App ID and in Xcode (Signing & Capabilities), and build with a new provisioning profile.',
  },
  {
    sign: /\b3010\b|simulator/i,
    remedy:
      'It runs in a simulator that has no push: use a device, or a simulator of Xcode 14 or later on a Mac with Apple silicon.',
  },
  {
    sign: /MISSING_INSTANCEID_SERVICE|SERVICE_(MISSING|INVALID|DISABLED|VERSION_UPDATE_REQUIRED)|play services/i,
    remedy:
      'Google Play services are missing, turned off or too old on the device: update them; devices without them need another gateway (HMS).',
  },
  {
    sign: /SERVICE_NOT_AVAILABLE|TIMEOUT|timed? ?out|NETWORK|INTERNET|unreachable/i,
    remedy:
      'The device did not reach the push service: try another network (no VPN or proxy; ports 5223, 5228 to 5230 and 443 open), and open the app again.',
  },
  {
    sign: /AUTHENTICATION_FAILED|INVALID_SENDER|FIS_AUTH_ERROR|API_?KEY|PERMISSION_DENIED/i,
    remedy:
      'Firebase refuses the app: check that google-services.json is of this package and project, and that its API key may call the Firebase Installations API.',
  },
  {
    sign: /TOO_MANY_REGISTRATIONS/i,
    remedy: 'Too many apps on the device have a token: remove some; it is a limit of the device.',
  },
  {
    sign: /NotAllowedError|permission/i,
    remedy:
      'Notifications are not allowed: ask the person for permission, or have them turned on in the settings.',
  },
  {
    sign: /InvalidStateError|InvalidAccessError|applicationServerKey/i,
    remedy:
      'The browser refuses the VAPID key: a subscription with another key is there (unsubscribe it first), or the key is none of P-256.',
  },
  {
    sign: /AbortError|push service error/i,
    remedy:
      'The browser does not reach its push service: try another network; Chromium without Google services, and private windows, have none.',
  },
]

/** What nobody has seen before. */
const UNKNOWN = 'Look into the log of the device at that moment; the code is the one that its system gave.'

export function remedyOfRegistrationError(code: string, message = ''): string {
  return (KNOWN.find(it => it.sign.test(code)) ?? KNOWN.find(it => it.sign.test(message)))?.remedy ?? UNKNOWN
}
