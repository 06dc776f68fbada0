/** The browsers' push services: subscriptions, and real browsers. */
import { flag, oneOf, optional, text } from '../fields.ts'
import { type Operation, operation } from '../operation.ts'

export const WEB_PUSH: readonly Operation[] = [
  operation('web-push.subscribe', 'POST /web-push/subscriptions', {
    summary: 'A subscription whose private key is here, so that every body is decrypted.',
    fields: {
      applicationServerKey: optional(text('a VAPID public key in base64url')),
      service: optional(oneOf('autopush', 'google', 'windows', 'apple', 'unifiedpush')),
      isBridged: optional(flag()),
    },
    run: ({ simulator }, options) => simulator.webPush.createSubscription(options),
  }),
  operation('web-push.drop', 'POST /web-push/subscriptions/drop', {
    summary: 'The next push to this endpoint is answered with 410.',
    fields: { endpoint: text() },
    run: ({ simulator }, { endpoint }) => simulator.webPush.dropSubscription(endpoint),
  }),
  operation('web-push.drop-browsers', 'POST /web-push/browsers/drop', {
    summary: 'Loses real Firefoxes, all of them without a uaid: their endpoints answer 410.',
    fields: { uaid: optional(text()) },
    run: ({ simulator }, { uaid }) => simulator.webPush.dropBrowser(uaid),
  }),
  operation('web-push.disconnect-browsers', 'POST /web-push/browsers/disconnect', {
    summary: "Closes real browsers' connections; they come back to what they had.",
    run: ({ simulator }) => {
      simulator.webPush.disconnectBrowsers()
      simulator.webPush.chrome.disconnect()
    },
  }),
]
