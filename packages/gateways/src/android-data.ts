/**
 * The data of a message that the app's own library shows on Android, by Google's and by Huawei's gateway: the device
 * tells the hash back in its receipts. All values are strings.
 *
 * Names are the device protocol's: `title` is the *text* and `header` the title; `b` the big picture, `s` the
 * sound, `pw_badges` the badge, `ci` the large icon and `i` the small one, `pw_channel` the channel; without `pw_msg: "1"` a device ignores the message. There is no subtitle.
 */
import { sendersRoots } from './device-fields.ts'
import type { Button, Notification } from './notification.ts'
import { compact } from './payload-size.ts'

export function androidDataOf(notification: Notification): Record<string, string> {
  const { title, body, badge, iconUrl: icon } = notification
  const root = sendersRoots(notification.root)
  return compact({
    ...(root && textsOf(root)),
    pw_msg: '1',
    title: body,
    header: title,
    p: notification.hash,
    l: notification.url,
    u: notification.data && JSON.stringify(notification.data),
    b: notification.imageUrl,
    // A picture of its own, or a drawable of the app by its name.
    ...(icon !== undefined && { [icon.startsWith('https:') ? 'ci' : 'i']: icon }),
    s: notification.sound,
    pw_channel: notification.channel,
    pw_actions: actionsOf(notification.buttons),
    pw_badges: badge === undefined ? undefined : String(badge),
    pw_msg_tag: tagOf(notification),
    // Otherwise a message of data alone would be shown as an empty notification.
    silent: title === undefined && body === undefined ? '1' : undefined,
  })
}

/**
 * Of two with the same the device shows the later one. Without a key of the sender's the hash: should a message have to be sent twice, the device
 * shows it once. Not so the gateways' collapse keys: they store messages under few of them per device and drop the others.
 */
export function tagOf({ collapseKey, messageKey, hash }: Notification): string {
  return collapseKey || messageKey || hash
}

/** What the app's library makes of `pw_actions` is its own; here each is `{title, url}`, as in a browser. */
function actionsOf(buttons: readonly Button[] | undefined): string | undefined {
  return buttons && buttons.length > 0 ? JSON.stringify(buttons) : undefined
}

function textsOf(root: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(root).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}
