/**
 * The data of a message that the app's own library shows on Android, by Google's and by Huawei's gateway: the device
 * tells the hash back in its receipts. All values are strings.
 *
 * Names are the device protocol's: `title` is the *text* and `header` the title; `b` the big picture, `s` the
 * sound, `pw_badges` the badge; without `pw_msg: "1"` a device ignores the message. There is no subtitle.
 */
import type { Notification } from './notification.ts'
import { compact } from './payload-size.ts'

export function androidDataOf(notification: Notification): Record<string, string> {
  const { title, body, badge } = notification
  return compact({
    pw_msg: '1',
    title: body,
    header: title,
    p: notification.hash,
    l: notification.url,
    u: notification.data && JSON.stringify(notification.data),
    b: notification.imageUrl,
    s: notification.sound,
    pw_badges: badge === undefined ? undefined : String(badge),
    // Without a key of the sender's the hash: should a message have to be sent twice, the device shows it once.
    // Not so the gateways' collapse keys: they store messages under few of them per device and drop the others.
    pw_msg_tag: notification.collapseKey || notification.hash,
    // Otherwise a message of data alone would be shown as an empty notification.
    silent: title === undefined && body === undefined ? '1' : undefined,
  })
}
