/**
 * What FCM’s error codes mean. A reason is the code, then Apple’s own reason or the words of the answer.
 * Source: Firebase, "ErrorCode" and "FCM error codes"; google.rpc.Status.
 */
import type { MeaningRow } from '../meaning.ts'

const WAIT =
  'Wait some minutes and try again; messages are repeated by themselves. status.firebase.google.com tells of outages.'
const FIREBASE_URL =
  'See that ROOST_FCM_URL, if it is set, points to FCM, and whether a proxy answers in its place.'

export const FCM_MEANINGS: readonly MeaningRow[] = [
  {
    pattern: /^UNREGISTERED/,
    meaning:
      'The registration token was good once and is no longer: the app was uninstalled, its data were cleared, or it was not opened for 270 days.',
    remedy: 'Open the app on the device: it registers a new token. This one never comes back.',
  },
  {
    pattern: /^SENDER_ID_MISMATCH/,
    meaning: 'The token belongs to another Firebase project than the service account.',
    remedy:
      'Compare project_id of the service account with that of the google-services.json (or GoogleService-Info.plist) in the app.',
  },
  {
    pattern: /^undecided, token or payload/,
    meaning: 'Google refuses the request and does not say whether for the token or for the content.',
    remedy:
      'Send the plainest content to this token, and this content to another token: one of the two tells.',
  },
  {
    pattern: /^INVALID_ARGUMENT: (Unregistered|ExpiredToken|BadDeviceToken)$/,
    kind: 'address_dead',
    meaning:
      'The iOS device behind this token is gone: Apple no longer takes the APNs token that Firebase holds.',
    remedy: 'Open the app on the device: it registers anew with Apple and with Firebase.',
  },
  {
    pattern: /^INVALID_ARGUMENT.*registration token/i,
    kind: 'address_dead',
    meaning:
      'This text is no registration token: it was cut short, or is of another kind (an APNs token, an installation id).',
    remedy: 'Copy the token anew from the app (FirebaseMessaging.getToken), whole and unchanged.',
  },
  {
    pattern: /^INVALID_ARGUMENT/,
    kind: 'address_dead',
    meaning: 'Google refuses the token: it is malformed, or was never one of FCM.',
    remedy: 'Copy the token anew from the app (FirebaseMessaging.getToken), whole and unchanged.',
  },
  {
    pattern: /^INVALID_ARGUMENT: DeviceTokenNotForTopic$/,
    meaning: 'The token is of an iOS app with another bundle id than the one in Firebase.',
    remedy: 'Compare the bundle id in Firebase (Project settings → Your apps) with that in Xcode.',
  },
  {
    pattern: /^INVALID_ARGUMENT: [A-Z][A-Za-z]+$/,
    meaning:
      'Apple refuses what Firebase passed on; the reason is Apple’s own. It says nothing of the token.',
    remedy:
      'See the bundle id and the APNs key in Firebase (Project settings → Cloud Messaging), and the overrides for apns in the message.',
  },
  {
    pattern: /^INVALID_ARGUMENT/,
    meaning: 'A field of the message is not as Google wants it; the answer names it when it can.',
    remedy:
      'Compare that field with Firebase’s page on projects.messages. Values of data are texts; some keys are reserved.',
  },
  {
    pattern: /^THIRD_PARTY_AUTH_ERROR.*(web ?push|vapid)/i,
    meaning: 'The key for browsers that Firebase holds is refused. Android and iOS go on.',
    remedy: 'See the Web Push certificates in Firebase (Project settings → Cloud Messaging).',
  },
  {
    pattern: /^THIRD_PARTY_AUTH_ERROR/,
    meaning:
      'The key for Apple (or for browsers) that Firebase holds is missing, expired or revoked. Android goes on.',
    remedy:
      'Upload a valid APNs key in Firebase (Project settings → Cloud Messaging → Apple app configuration).',
  },
  {
    pattern: /^UNAUTHENTICATED/,
    meaning: 'Google refuses the access token that it gave out a moment ago, and its replacement.',
    remedy:
      'Make a new key for the service account (Project settings → Service accounts) and replace the credential. See the clock, too.',
  },
  {
    pattern: /^PERMISSION_DENIED.*(has not been used|disabled|SERVICE_DISABLED|not enabled)/i,
    meaning: 'The Firebase Cloud Messaging API (V1) is switched off in this project.',
    remedy: 'Enable it in the Google Cloud console (APIs & Services), and wait some minutes.',
  },
  {
    pattern: /^PERMISSION_DENIED/,
    meaning: 'The service account may not send messages in this project.',
    remedy:
      'Give it the role "Firebase Cloud Messaging API Admin" in IAM, or upload the key of one that has it.',
  },
  {
    pattern: /^NOT_FOUND/,
    meaning: 'Google does not know the project. That says nothing of the token.',
    remedy: 'See project_id in the service account’s file; a deleted project can’t be sent from.',
  },
  {
    pattern: /^QUOTA_EXCEEDED.*collaps/i,
    meaning: 'This device had too many messages with a collapse key: 20 at once, then one every 3 minutes.',
    remedy: 'Wait some minutes, or leave the collapse key out.',
  },
  {
    pattern: /^QUOTA_EXCEEDED.*topic/i,
    meaning: 'This topic had more messages than it may get.',
    remedy: 'Wait some minutes; other topics and devices are not held up.',
  },
  {
    pattern: /^(QUOTA_EXCEEDED|RESOURCE_EXHAUSTED).*device/i,
    meaning: 'This one device had more messages than it may get: 240 a minute, 5000 an hour.',
    remedy: 'Wait some minutes before the next one to this device; others are not held up.',
  },
  {
    pattern: /^QUOTA_EXCEEDED|^the project's quota/,
    meaning: 'The project has used up its messages a minute (600 000 unless Google granted more).',
    remedy:
      'Wait a minute. Who sends so much all the time asks for more in the Google Cloud console (Quotas).',
  },
  {
    pattern: /^RESOURCE_EXHAUSTED/,
    meaning: 'Google has enough for now and does not say of what; Roost takes it for the project’s quota.',
    remedy: 'Wait a minute and try again.',
  },
  { pattern: /^INTERNAL/, meaning: 'A fault at Google.', remedy: WAIT },
  { pattern: /^UNAVAILABLE/, meaning: 'Google is overloaded for the moment.', remedy: WAIT },
  { pattern: /^DEADLINE_EXCEEDED/, meaning: 'Google did not manage it in time.', remedy: WAIT },
  { pattern: /^UNSPECIFIED_ERROR/, meaning: 'Google refuses it and gives no reason at all.', remedy: WAIT },
  {
    pattern: /^status 404/,
    meaning:
      'A page of a front end and no answer of FCM’s: the address of the request is wrong. That says nothing of the token.',
    remedy: FIREBASE_URL,
  },
  {
    pattern: /^status 504/,
    meaning: 'A front end of Google’s waited too long for FCM.',
    remedy: WAIT,
  },
  {
    pattern: /^status 5\d\d/,
    meaning: 'A front end answered with an error page; FCM itself was not reached.',
    remedy: `${WAIT} ${FIREBASE_URL}`,
  },
]
