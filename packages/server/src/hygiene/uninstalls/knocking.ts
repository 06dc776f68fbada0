/**
 * What a knock is at a gateway: nothing to show, nothing to store, and nothing for the app to answer, since it names no message.
 *
 * Apple: type background, priority 5, `content-available` alone, `apns-expiration: 0`; two or three an hour are taken for a device.
 * Google: data alone, priority normal, `ttl: 0s`; an app's library ignores data without `pw_msg`. For Apple behind Google the same as for Apple.
 * Source: Apple, "Pushing background updates to your App"; Firebase, "Set and manage Android message priority".
 */
import { BLANK, type Notification } from '@roost/gateways'
import type { ContentRenderer } from '../../messages/experiments/render.ts'
import { needsOf } from '../../messages/facts.ts'
import type { Rendered } from '../../messages/render.ts'

const KNOCK: Notification = {
  hash: 'knock',
  ...BLANK,
  apns: { pushType: 'background', payload: { pw_msg: null, p: null } },
  fcm: {
    data: { pw_msg: null, p: null, pw_msg_tag: null },
    apns: {
      headers: { 'apns-push-type': 'background', 'apns-priority': '5', 'apns-expiration': '0' },
      payload: { aps: { 'content-available': 1 } },
    },
  },
}

const RENDERED: Rendered = { kind: 'notification', notification: KNOCK }

/** One for all: it is the same for everybody. */
export const KNOCKING: ContentRenderer = {
  needs: needsOf([], { language: false, badge: false, unread: false }),
  notificationFor: () => RENDERED,
}
