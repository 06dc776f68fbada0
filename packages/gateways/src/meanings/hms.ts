/**
 * What Huawei’s result codes mean. A reason is the code, then the words of the answer.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message, Result Codes".
 */
import type { MeaningRow } from '../meaning.ts'

const OPEN_APP = 'Open the app on the device: it registers a new token.'
const CONSOLE = 'AppGallery Connect → Project settings → General information'
const WAIT = 'Wait some minutes and try again; messages are repeated by themselves.'

export const HMS_MEANINGS: readonly MeaningRow[] = [
  {
    pattern: /^80100000: illegal token$/,
    meaning: 'Huawei does not take this token: the app was uninstalled, or it is none of this app.',
    remedy: OPEN_APP,
  },
  {
    pattern: /^80100000/,
    meaning: 'Some tokens were refused, and the list of them can’t be read: nobody knows who got it.',
    remedy: 'Look at the device before trying again.',
  },
  {
    pattern: /^80300007/,
    kind: 'address_dead',
    meaning:
      'The token is not valid, while others of this app were taken a moment ago: the app was uninstalled.',
    remedy: OPEN_APP,
  },
  {
    pattern: /^80300007/,
    meaning:
      'The token is not valid for this app. It was uninstalled, or the token is of another app than the credential.',
    remedy: `Compare the app id with agconnect-services.json in the app (${CONSOLE}); try a second device to tell the two apart.`,
  },
  {
    pattern: /^the token is empty$/,
    meaning: 'No token was given; nothing was sent.',
    remedy: 'Give the device’s token.',
  },
  {
    pattern: /^80100001/,
    meaning: 'A parameter of the message is wrong; the words after the code often name it.',
    remedy: 'Compare it with Huawei’s page on the downlink message.',
  },
  {
    pattern: /^80100003/,
    meaning:
      'The structure of the message is wrong: a field stands in the wrong place or has the wrong type.',
    remedy: 'Leave the hms options out. If it goes without them, one of them is it.',
  },
  {
    pattern: /^80100004/,
    meaning: 'The message’s expiry lies in the past.',
    remedy: 'Give a longer ttlSeconds, and see this machine’s clock.',
  },
  {
    pattern: /^80100013/,
    meaning: 'The collapse key is none of Huawei’s: a number from -1 to 100.',
    remedy: 'Leave android.collapse_key out, or correct it.',
  },
  {
    pattern: /^80100016/,
    meaning: 'Huawei found the content offensive.',
    remedy: 'Change the wording.',
  },
  {
    pattern: /^80100017/,
    meaning: 'Too many messages to topics at a time.',
    remedy: WAIT,
  },
  {
    pattern: /^80100018/,
    meaning: 'The signature of reviewed content is wrong.',
    remedy: 'Have the content reviewed again, or send it as a message without one.',
  },
  {
    pattern: /^80200001/,
    meaning: 'Huawei refuses the access token: client id and secret are not of this app.',
    remedy: `Compare app id, client id and client secret with ${CONSOLE}.`,
  },
  {
    pattern: /^80200003/,
    meaning: 'Huawei takes the access token, and its replacement, for expired.',
    remedy: 'See this machine’s clock; then make a new client secret and replace the credential.',
  },
  {
    pattern: /^80200005/,
    meaning: 'Huawei takes the signed token (JWT) for expired.',
    remedy: 'See this machine’s clock; then make a new client secret and replace the credential.',
  },
  {
    pattern: /^80300002/,
    meaning: 'This app may not send: Push Kit is switched off, or the credential is of another app.',
    remedy: `Enable Push Kit in AppGallery Connect (Manage APIs), and compare the app id with ${CONSOLE}.`,
  },
  {
    pattern: /^80300008/,
    meaning: 'The message without its tokens is over 4096 bytes.',
    remedy: 'Shorten the text or the data.',
  },
  {
    pattern: /^80300010/,
    meaning: 'The number of tokens is out of range: 1 to 1000 go in a request.',
    remedy: 'Roost keeps to this itself: please report it with the request above.',
  },
  {
    pattern: /^80300011/,
    meaning: 'This app has no right to send with high priority.',
    remedy: 'Apply for it in AppGallery Connect, or send with normal priority.',
  },
  {
    pattern: /^80300013/,
    meaning: 'The address to which Huawei shall send receipts is wrong.',
    remedy: 'Correct it in AppGallery Connect (Push Kit → settings), or the receipt_id of the message.',
  },
  { pattern: /^80600003/, meaning: 'Huawei’s own sign-in failed.', remedy: WAIT },
  { pattern: /^81000001/, meaning: 'A fault at Huawei.', remedy: WAIT },
  {
    pattern: /^status 404/,
    meaning: 'The address of the request is wrong. That says nothing of the token.',
    remedy: 'See where ROOST_HMS_URL points to, if it is set, and the client id.',
  },
  { pattern: /^status 503/, meaning: 'Huawei asks to slow down.', remedy: WAIT },
  { pattern: /^status 5\d\d/, meaning: 'Trouble on the way to Huawei.', remedy: WAIT },
]
