/**
 * What push services’ answers mean. Apple says a reason, Mozilla an errno and words, Google and Windows words; of what
 * ends a subscription the status is left.
 * Source: RFC 8030 §7.3; RFC 8292; Apple, "Sending web push notifications"; Mozilla autopush, "Error codes"; Microsoft,
 * "Push notification service request and response headers".
 */
import type { MeaningRow } from '../meaning.ts'

const SUBSCRIBE_ANEW =
  'Open the site in that browser: its service worker subscribes anew. This subscription never comes back.'
const OTHER_KEY =
  'Send with the VAPID key that the page gave as applicationServerKey, or have the page unsubscribe and subscribe with this one.'
const KEY =
  'See that the pair is one, that its subject is a mailto: or https: contact, and this machine’s clock.'
const WAIT = 'Wait some minutes and try again; messages are repeated by themselves.'
const ENCRYPTION = 'See that p256dh and auth are this subscription’s own; Roost encrypts with them.'
const TOPIC = 'Use up to 32 letters, digits, "-" and "_", or leave it out.'
const SHORTEN = 'Shorten the text or the data to under 4 KB; what is long belongs on a server of yours.'

export const WEB_PUSH_MEANINGS: readonly MeaningRow[] = [
  // Subscriptions
  {
    pattern: /^404$/,
    meaning: 'The push service does not know this subscription: it ended, or the endpoint is not whole.',
    remedy: SUBSCRIBE_ANEW,
  },
  {
    pattern: /^410$/,
    meaning:
      'The subscription has ended: the user withdrew the permission, unsubscribed, or the browser’s profile is gone.',
    remedy: SUBSCRIBE_ANEW,
  },
  {
    pattern: /^400$/,
    kind: 'address_dead',
    meaning: 'The push service finds the endpoint corrupt: it was cut or changed on the way.',
    remedy: SUBSCRIBE_ANEW,
  },
  {
    pattern: /^vapid_key_mismatch$/,
    meaning: 'The subscription was made with another VAPID key. It can only be reached with that one.',
    remedy: OTHER_KEY,
  },
  {
    pattern: /not authorized to send a notification to this URI|^status 403/i,
    kind: 'address_mismatch',
    meaning: 'This key may not send to this channel; it belongs to another sender.',
    remedy: OTHER_KEY,
  },
  {
    pattern: /^subscription_p256dh$/,
    meaning: 'p256dh is no point of the curve P-256; nothing can be encrypted with it, and nothing was sent.',
    remedy: 'Send what PushSubscription.toJSON() gives, unchanged.',
  },
  {
    pattern: /^subscription_auth$/,
    meaning: 'auth is not 16 bytes in base64url; nothing was sent.',
    remedy: 'Send what PushSubscription.toJSON() gives, unchanged.',
  },
  {
    pattern: /^subscription_/,
    meaning: 'This is no subscription; nothing was sent.',
    remedy: 'Send what PushSubscription.toJSON() gives, unchanged: endpoint, p256dh and auth.',
  },
  {
    pattern: /^endpoint_refused/,
    meaning:
      'Roost does not connect to this endpoint: only https on port 443 of a public host may be one. Nothing was sent.',
    remedy:
      'Use the endpoint that the browser gave. Tests with stand-ins set ROOST_ALLOW_PRIVATE_ENDPOINTS=1.',
  },
  {
    pattern: /^not_a_push_endpoint/,
    meaning: 'The host is a push service’s, but this address on it is none of a subscription.',
    remedy: 'Use the endpoint that the browser gave, unchanged.',
  },
  {
    pattern: /^refused_for_this_endpoint/,
    meaning: 'The host has taken this key for others and refuses it for this subscription.',
    remedy: OTHER_KEY,
  },
  // Our key
  {
    pattern: /UnauthorizedRegistration/,
    meaning:
      'Google refuses the VAPID key, or the subscription was made with another one; it does not say which.',
    remedy: OTHER_KEY,
  },
  {
    pattern: /invalid JWT provided/i,
    meaning: 'Google does not take the signed token (JWT): its signature, contact or time is not right.',
    remedy: KEY,
  },
  {
    pattern: /errno 109/,
    meaning: 'Mozilla does not take the VAPID header or its signed token (JWT).',
    remedy: KEY,
  },
  {
    pattern: /VAPID token is invalid/i,
    meaning: 'Microsoft does not take the signed token (JWT).',
    remedy: KEY,
  },
  {
    pattern: /^BadJwtToken$/,
    meaning:
      'Apple does not take the signed token (JWT): its signature, contact, audience or time is not right.',
    remedy: `${KEY} Apple takes no contact at a made-up domain such as localhost.`,
  },
  {
    pattern: /^BadAuthorizationHeader$/,
    meaning: 'Apple can’t read the authorization header.',
    remedy:
      'A proxy on the way may have changed it. If there is none, please report this with the request above.',
  },
  {
    pattern: /^BadVapidPublicKey$/,
    meaning: 'Apple does not take the VAPID public key: it is malformed.',
    remedy: 'Import the pair again: the public key has 65 bytes, 87 characters in base64url.',
  },
  {
    pattern: /domain blocked/i,
    meaning: 'Microsoft has banned this sender.',
    remedy: 'Microsoft’s support can lift it; other browsers are not concerned.',
  },
  // The message
  {
    pattern: /errno 101|Missing crypto keys/i,
    meaning: 'Mozilla misses the encryption in the message.',
    remedy: ENCRYPTION,
  },
  {
    pattern: /errno 110|Invalid crypto headers/i,
    meaning: 'Mozilla can’t read the encryption of the message.',
    remedy: ENCRYPTION,
  },
  {
    pattern: /^BadWebPushRequest$/,
    meaning: 'Apple finds the encryption of the message not as the rules say.',
    remedy: ENCRYPTION,
  },
  {
    pattern: /errno 111/,
    meaning: 'The time for which the message is kept (TTL) is missing or no number.',
    remedy: 'Give ttlSeconds as a whole number from 0 on.',
  },
  {
    pattern: /errno 11[24]/,
    meaning: 'The time for which the message is kept (TTL) is negative.',
    remedy: 'Give ttlSeconds as a whole number from 0 on.',
  },
  {
    pattern: /^BadTtl$/,
    meaning: 'Apple does not take the time for which the message is kept (TTL).',
    remedy: 'Give ttlSeconds from 0 to 2 419 200 (28 days).',
  },
  {
    pattern: /Ttl value conflicts/i,
    meaning:
      'For Microsoft the time for which the message is kept (TTL) and its cache policy contradict each other.',
    remedy: 'Give another ttlSeconds: 0 stands for "now or never".',
  },
  {
    pattern: /errno 113/,
    meaning: 'Mozilla does not take the topic: too long, or with other characters.',
    remedy: TOPIC,
  },
  { pattern: /^BadWebPushTopic$/, meaning: 'Apple does not take the topic.', remedy: TOPIC },
  {
    pattern: /^BadUrgency$/,
    meaning: 'Apple does not take the urgency.',
    remedy: 'Use very-low, low, normal or high.',
  },
  { pattern: /errno 104/, meaning: 'The message is bigger than Mozilla takes.', remedy: SHORTEN },
  { pattern: /^payload too large$/i, meaning: 'The message is bigger than Google takes.', remedy: SHORTEN },
  { pattern: /payload exceeds/i, meaning: 'The message is bigger than Microsoft takes.', remedy: SHORTEN },
  { pattern: /^PayloadTooLarge$/, meaning: 'The message is bigger than Apple takes.', remedy: SHORTEN },
  {
    pattern: /^BadPath$/,
    meaning: 'Apple finds the endpoint malformed. The subscription itself may be good.',
    remedy: 'Use the endpoint that Safari gave, unchanged and whole.',
  },
  {
    pattern: /^Method ?Not ?Allowed\.?$/i,
    meaning: 'The request was no POST when it arrived.',
    remedy: 'Something on the way changes requests: let connections to push services pass it untouched.',
  },
  // Later
  {
    pattern: /^TooManyRequests$/,
    meaning: 'Too many messages for this one device.',
    remedy: 'Wait some minutes before the next one to this device; others are not held up.',
  },
  {
    pattern: /throttle limit/i,
    meaning: 'Microsoft has had too many messages from this sender for now.',
    remedy: WAIT,
  },
  {
    pattern: /^(errno 201|status 503)|exponential back-off/i,
    meaning: 'The push service is overloaded.',
    remedy: WAIT,
  },
  {
    pattern: /^errno 202/,
    meaning: 'Mozilla could not pass it on at once.',
    remedy: 'Try again: it may be repeated at once.',
  },
  { pattern: /Too many requests|^status (406|429)/i, meaning: 'Too many requests for now.', remedy: WAIT },
  {
    pattern: /^errno 900/,
    meaning: 'Mozilla’s bridge to another push service does not work.',
    remedy: WAIT,
  },
  {
    pattern: /^errno 901/,
    meaning: 'The other push service refuses Mozilla’s bridge.',
    remedy: WAIT,
  },
  {
    pattern: /^errno 902/,
    meaning: 'Mozilla’s bridge can’t reach the other push service.',
    remedy: WAIT,
  },
  {
    pattern: /^errno 903/,
    meaning: 'The other push service did not answer Mozilla’s bridge in time.',
    remedy: WAIT,
  },
  { pattern: /^errno 999/, meaning: 'A fault at Mozilla.', remedy: WAIT },
  {
    pattern: /^IdleTimeout$/,
    meaning: 'The connection had been idle for too long; nothing was taken.',
    remedy: 'Try again: another one serves.',
  },
  {
    pattern: /^Shutdown$/,
    meaning: 'This server of Apple’s is going down; nothing was taken.',
    remedy: 'Try again: another one serves.',
  },
  { pattern: /^InternalServerError$/, meaning: 'A fault at Apple.', remedy: WAIT },
  {
    pattern: /^ServiceUnavailable$/,
    meaning: 'Apple’s service is not available for the moment.',
    remedy: WAIT,
  },
  { pattern: /internal failure/i, meaning: 'A fault at Microsoft.', remedy: WAIT },
  {
    pattern: /currently unavailable/i,
    meaning: 'Microsoft’s service is not available for the moment.',
    remedy: WAIT,
  },
  { pattern: /^Internal Server Error$/i, meaning: 'A fault at the push service.', remedy: WAIT },
  {
    pattern: /^Service Unavailable$/i,
    meaning: 'The push service is overloaded for the moment.',
    remedy: WAIT,
  },
  // Services that say nothing but the status
  {
    pattern: /^status 40[13]/,
    kind: 'credential_fault',
    meaning: 'The push service refuses the VAPID key and says no more.',
    remedy: KEY,
  },
  {
    pattern: /^status 413/,
    meaning: 'The message is bigger than this push service takes.',
    remedy: SHORTEN,
  },
  {
    pattern: /^status 400/,
    meaning: 'The push service finds something wrong with the request and does not say what.',
    remedy:
      'Send the plainest message: without topic, with a TTL of a minute. If that goes, one of them is it.',
  },
  { pattern: /^status 5\d\d/, meaning: 'A fault at the push service, or in front of it.', remedy: WAIT },
]
