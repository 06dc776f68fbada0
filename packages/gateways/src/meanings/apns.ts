/**
 * What APNs’ reasons mean.
 * Source: Apple, "Handling notification responses from APNs".
 */
import type { MeaningRow } from '../meaning.ts'

const CHECK_KEY =
  'Compare key id, team id and bundle id with developer.apple.com (Keys; Membership; Identifiers), and see that the key was not revoked.'
const CERTIFICATE =
  'Create a new "Apple Push Notification service SSL" certificate on developer.apple.com, or move to a .p8 key.'
const OURS = 'Roost sets this itself: please report it with the request above.'
const WAIT = 'Wait a quarter of an hour and try again; messages are repeated by themselves.'

export const APNS_MEANINGS: readonly MeaningRow[] = [
  {
    pattern: /^BadDeviceToken$/,
    meaning:
      'The token is malformed, or belongs to the other environment. An app run from Xcode has sandbox tokens; TestFlight and App Store builds have production ones.',
    remedy:
      'Try the other environment. If it is refused there too, copy the token anew from the device: it is hex, and is written without spaces and brackets.',
  },
  {
    pattern: /^DeviceTokenNotForTopic$/,
    meaning: 'The token is good, but of another app than the bundle id that was pushed to.',
    remedy:
      'Use a token of this app, or the credential of the app that the token came from. Extensions and clips have bundle ids of their own.',
  },
  {
    pattern: /^Unregistered$/,
    meaning:
      'The token was good once and is no longer: the app was deleted, or notifications were reset. The answer’s time says since when.',
    remedy: 'Open the app on the device: it registers a new token. This one never comes back.',
  },
  {
    pattern: /^ExpiredToken$/,
    meaning: 'The token has expired; the device has a newer one, or will ask for one.',
    remedy: 'Open the app on the device: it registers the new token.',
  },
  {
    pattern: /^BadCollapseId$/,
    meaning: 'The collapse key is longer than Apple’s 64 bytes.',
    remedy: 'Shorten it; letters beyond ASCII take two to four bytes each.',
  },
  {
    pattern: /^BadExpirationDate$/,
    meaning: 'Apple can’t read the time until which the push is kept.',
    remedy: OURS,
  },
  {
    pattern: /^BadMessageId$/,
    meaning: 'The id of the push is no UUID.',
    remedy: OURS,
  },
  {
    pattern: /^BadPriority$/,
    meaning:
      'The priority is none of 10, 5 and 1, or not allowed for this type: background pushes go with 5 only.',
    remedy: 'Leave the priority out, and the one that fits the type is used.',
  },
  {
    pattern: /^BadTopic$/,
    kind: 'message_fault',
    meaning:
      'Apple does not know the topic that this type of push goes to (the bundle id with a suffix such as .voip).',
    remedy: 'See that the app has this capability (VoIP, Live Activities, …), or send another type.',
  },
  {
    pattern: /^BadTopic$/,
    meaning: 'Apple knows no app with the bundle id of this credential.',
    remedy:
      'Copy the bundle id from Xcode (Signing & Capabilities), letter by letter, and replace the credential.',
  },
  {
    pattern: /^DuplicateHeaders$/,
    meaning: 'A header was sent twice.',
    remedy: `${OURS} A proxy on the way may do it as well.`,
  },
  {
    pattern: /^IdleTimeout$/,
    meaning: 'The connection had been idle for too long and Apple closed it. The push was not taken.',
    remedy: 'Try again: a new connection serves.',
  },
  {
    pattern: /^InvalidPushType$/,
    meaning: 'Apple does not know this type of push.',
    remedy:
      'Use alert, background, voip, liveactivity, complication, location, fileprovider, pushtotalk, widgets, controls or mdm.',
  },
  {
    pattern: /^MissingDeviceToken$/,
    meaning: 'There was no token in the path of the request.',
    remedy: 'Give the device’s token.',
  },
  {
    pattern: /^MissingTopic$/,
    meaning: 'The certificate serves several topics, and the push named none.',
    remedy: 'Upload the certificate again, with the bundle id of the app.',
  },
  {
    pattern: /^PayloadEmpty$/,
    meaning: 'The push had no content at all.',
    remedy: 'Give a title, a body, a badge or data.',
  },
  {
    pattern: /^TopicDisallowed$/,
    meaning: 'This credential may not push to this bundle id.',
    remedy:
      'A key may be limited to some topics: use one for this app. The certificate of another app serves only that.',
  },
  {
    pattern: /^BadCertificate$/,
    meaning: 'Apple does not take the certificate: it was revoked, or is not for push.',
    remedy: CERTIFICATE,
  },
  {
    pattern: /^BadCertificateEnvironment$/,
    meaning: 'The certificate is not for this environment.',
    remedy: 'Try the other environment, or create a certificate for "Sandbox & Production".',
  },
  {
    pattern: /^ExpiredProviderToken/,
    meaning:
      'Apple takes the token that Roost just signed for one of over an hour ago: the clock here is wrong.',
    remedy: 'Set this machine’s clock (NTP). The key itself is most likely good.',
  },
  {
    pattern: /^Forbidden$/,
    meaning: 'Apple does not allow this, such as a second team on one connection.',
    remedy: CHECK_KEY,
  },
  {
    pattern: /^InvalidProviderToken$/,
    meaning:
      'Apple refuses the key: key id, team id and file do not belong together, it was revoked, or the app is of another team.',
    remedy: CHECK_KEY,
  },
  {
    pattern: /^MissingProviderToken$/,
    meaning: 'Apple saw neither a certificate nor a token.',
    remedy: 'A proxy on the way may have dropped them: let connections to Apple pass it untouched.',
  },
  {
    pattern: /^UnrelatedKeyIdInToken$/,
    meaning: 'The connection is bound to another key of the team. The push was not taken.',
    remedy: 'Try again: a new connection serves this key.',
  },
  {
    pattern: /^BadEnvironmentKeyI(dI)?nToken$/,
    meaning: 'The key was made for the other environment only. Since 2025 a key can be limited to one.',
    remedy:
      'Try the other environment, or create a key for this one on developer.apple.com and upload it beside this.',
  },
  {
    pattern: /^BadPath$/,
    meaning: 'The path of the request is wrong. That says nothing of the token.',
    remedy: 'See where ROOST_APNS_PRODUCTION_URL or ROOST_APNS_SANDBOX_URL points to, if it is set.',
  },
  {
    pattern: /^MethodNotAllowed$/,
    meaning: 'The request was no POST.',
    remedy: 'Something on the way changes requests, or the gateway’s URL is another service’s.',
  },
  {
    pattern: /^PayloadTooLarge$/,
    meaning: 'The payload is over Apple’s limit: 4096 bytes, 5120 for VoIP.',
    remedy:
      'Shorten the text or the data. What is long belongs on a server of yours, with its id in the data.',
  },
  {
    pattern: /^TooManyProviderTokenUpdates$/,
    meaning: 'The token that names the team changed more often than every 20 minutes.',
    remedy: 'Wait 20 minutes. If it comes back, another sender uses the same key: give it one of its own.',
  },
  {
    pattern: /^TooManyRequests$/,
    meaning: 'Too many pushes in a row to this one device.',
    remedy: 'Wait some minutes before the next one to this device; others are not held up.',
  },
  {
    pattern: /^InternalServerError$/,
    meaning: 'A fault at Apple.',
    remedy: `${WAIT} developer.apple.com/system-status tells of outages.`,
  },
  {
    pattern: /^ServiceUnavailable$/,
    meaning: 'Apple’s service is not available for the moment.',
    remedy: `${WAIT} developer.apple.com/system-status tells of outages.`,
  },
  {
    pattern: /^Shutdown$/,
    meaning: 'This server of Apple’s is going down. The push was not taken.',
    remedy: 'Try again: another server serves.',
  },
  {
    pattern: /^certificate_expired$/,
    meaning: 'The certificate has expired; nothing was sent, since Apple would only end the connection.',
    remedy: `${CERTIFICATE} Replace this one with it; apps need no new release.`,
  },
  {
    pattern: /^certificate_not_for_/,
    meaning: 'The certificate does not serve this environment; nothing was sent.',
    remedy: 'Try the other environment, or create a certificate for "Sandbox & Production".',
  },
  {
    pattern: /^certificate_of_other_app/,
    meaning: 'The certificate is for the app that the reason names; nothing was sent.',
    remedy: 'Use the certificate of this app.',
  },
  {
    pattern: /^tls_certificate_refused/,
    meaning:
      'Apple ended the connection at the sight of the certificate: revoked, expired, or not made by Apple.',
    remedy: CERTIFICATE,
  },
  {
    pattern: /^push_type_needs_certificate/,
    meaning: 'Pushes of this type go with a certificate; a .p8 key can’t send them.',
    remedy: 'Use the certificate (.p12) that Apple gives for this purpose.',
  },
  {
    pattern: /^push_type_needs_token/,
    meaning: 'Pushes of this type go with a .p8 key; a certificate can’t send them.',
    remedy: 'Create a key on developer.apple.com → Keys.',
  },
  {
    pattern: /^push_type_not_in_certificate/,
    meaning: 'The certificate does not carry the topic that this type of push goes to.',
    remedy: 'Use a .p8 key, which serves all types, or a certificate made for this one.',
  },
]
