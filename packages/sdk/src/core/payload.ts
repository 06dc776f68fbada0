/**
 * A push message as it arrives in the browser: JSON, flat or under `data`, in the field names of the JSON 1.3
 * device protocol (`header`, `body`, `i`, `image`, `l`, `p`, `u`, `md`, `buttons`), and ours (`rk`).
 *
 * Nothing in it is trusted: a field of the wrong type is as good as absent, and a message that can't be read
 * still gives something to show, because a browser takes the permission away from a site that shows nothing.
 */

export interface PushButton {
  readonly title: string
  /** To open on a click, as it came; undefined: the site. */
  readonly url: string | undefined
}

export interface PushPayload {
  readonly title: string
  readonly body: string | undefined
  readonly icon: string | undefined
  readonly image: string | undefined
  /** A picture. */
  readonly badge: string | undefined
  /** The number on the icon of an installed site. */
  readonly badgeCount: number | undefined
  /** To open on a click, as it came: check it with `safeLink` before use. */
  readonly url: string | undefined
  /** In their order; how many are shown is the browser's to say. */
  readonly buttons: readonly PushButton[]
  /** Names the message in receipts. */
  readonly hash: string | undefined
  /** Shows the server that its receipts are of who got the push. */
  readonly receiptKey: string | undefined
  /** Whom it is for; undefined: whoever uses the device. */
  readonly userId: string | undefined
  /** Two notifications with one tag are one on the screen. */
  readonly tag: string | undefined
  /** No sound. It is shown all the same. */
  readonly isSilent: boolean
  readonly data: unknown
  readonly metaData: unknown
}

type Fields = Readonly<Record<string, unknown>>

/** Never throws. `fallbackTitle` is shown when the message has no title. */
export function decodePayload(text: string | undefined, fallbackTitle: string): PushPayload {
  const root = asObject(parseJson(text)) ?? {}
  const fields = asObject(root.data) ?? root
  const hash = textOf(fields, 'p')
  return {
    title: textOf(fields, 'header') ?? fallbackTitle,
    body: textOf(fields, 'body'),
    icon: textOf(fields, 'i'),
    image: textOf(fields, 'image'),
    badge: textOf(fields, 'badge'),
    badgeCount: countOf(fields.pw_badges),
    url: linkOf(fields, 'l'),
    buttons: buttonsOf(nested(fields.buttons)),
    hash,
    receiptKey: textOf(fields, 'rk'),
    userId: textOf(fields, 'ru'),
    tag: textOf(fields, 'tag') ?? hash,
    isSilent: fields.silent === true || fields.silent === 1,
    data: nested(fields.u),
    metaData: nested(fields.md),
  }
}

/** What a frame of the live channel shows, in the words of a message's content (docs/live-channel.md). */
export interface FrameNotification {
  readonly hash: string
  readonly title?: string
  readonly body?: string
  readonly image?: string
  readonly icon?: string
  readonly url?: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly buttons?: readonly { readonly title: string; readonly url?: string }[]
  readonly collapseKey?: string
}

/** The same as its push would be. */
export function payloadOfFrame(
  { notification, userId, receiptKey }: Pick<MessageFrame, 'notification' | 'userId' | 'receiptKey'>,
  fallbackTitle: string,
): PushPayload {
  const { title, body, image, icon, url, data, buttons = [], collapseKey, hash } = notification
  return {
    title: title || fallbackTitle,
    body,
    icon,
    image,
    badge: undefined,
    badgeCount: undefined,
    url,
    buttons: buttons.map(it => ({ title: it.title, url: it.url })),
    hash,
    receiptKey,
    userId: userId ?? undefined,
    tag: collapseKey ?? hash,
    isSilent: false,
    data,
    metaData: undefined,
  }
}

export interface MessageFrame {
  readonly type: 'message'
  readonly seq: number
  /** Null: for whoever uses the device. */
  readonly userId: string | null
  readonly receiptKey: string
  readonly notification: FrameNotification
}

/** What a click on a notification may lead to. */
export interface Links {
  readonly url: string | undefined
  /** By the place of the button; a notification of before this version has none. */
  readonly buttonUrls?: readonly (string | undefined)[]
}

/** `action` is the place of the button, empty for the notification itself. Undefined: the site. */
export function linkClicked({ url, buttonUrls }: Links, action: string): string | undefined {
  return action === '' ? url : buttonUrls?.[Number(action)]
}

/** The absolute address of a link if it is one that a site may open, else undefined. */
export function safeLink(link: string | undefined, base: string): string | undefined {
  if (link === undefined || !URL.canParse(link, base)) return undefined
  const url = new URL(link, base)
  // `javascript:`, `data:` and `file:` would run or show what the sender wrote as if it were the site's.
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined
}

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function asObject(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Some senders write it as text. */
export function countOf(value: unknown): number | undefined {
  const count = Number(value ?? Number.NaN)
  return Number.isSafeInteger(count) && count >= 0 ? count : undefined
}

/** The older senders escape it as for a page. */
function linkOf(fields: Fields, name: string): string | undefined {
  return textOf(fields, name)?.replaceAll('&amp;', '&')
}

function buttonsOf(value: unknown): PushButton[] {
  if (!Array.isArray(value)) return []
  return value.flatMap(it => {
    const button = asObject(it) ?? {}
    const title = textOf(button, 'title')
    return title === undefined ? [] : [{ title, url: linkOf(button, 'url') }]
  })
}

/** `u`, `md` and `buttons` are JSON inside a JSON string; older senders put the object or plain text there. */
function nested(value: unknown): unknown {
  return typeof value === 'string' ? (parseJson(value) ?? value) : value
}
