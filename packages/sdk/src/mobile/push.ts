/**
 * A push as an app gets it, in one shape for both platforms. On Android all of it is data, in the field names of the JSON 1.3 device protocol,
 * of which `title` is the *text* and `header` the title; on iOS the words are Apple's, and `p`, `l`, `u` and `attachment` stand beside them.
 *
 * Nothing in it is trusted: a field of the wrong type is as good as absent.
 */
import { countOf, type PushPayload } from '../core/payload.ts'
import type { NativePushMessage } from './native-push.ts'

export interface Push {
  /** Names the message: the same by whichever road it comes. Undefined: it is not of Roost, or of an old sender. */
  readonly hash: string | undefined
  /** For receipts. */
  readonly receiptKey: string | undefined
  /** Whom it is for; undefined: whoever uses the device. */
  readonly userId: string | undefined
  readonly title: string | undefined
  readonly subtitle: string | undefined
  readonly body: string | undefined
  readonly image: string | undefined
  /** To open on a tap. It is as the sender wrote it: an app that opens it checks its scheme. */
  readonly url: string | undefined
  readonly sound: string | undefined
  readonly badge: number | undefined
  /** Android: the notification channel that the sender names. */
  readonly channel: string | undefined
  /** A later one with the same tag takes the place of this one. */
  readonly tag: string | undefined
  readonly buttons: readonly PushButton[]
  /** It has words to show. */
  readonly isVisible: boolean
  /** The sender's own. */
  readonly data: unknown
}

export interface PushButton {
  readonly title: string
  readonly url: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** A message of the live channel, which has no channel of Android's, sound or number. */
export function pushOfPayload(payload: PushPayload): Push {
  const { hash, receiptKey, userId, body, image, url, tag, buttons, data } = payload
  const title = payload.title === '' ? undefined : payload.title
  return {
    ...{ hash, receiptKey, userId, title, subtitle: undefined, body, image, url, tag, buttons, data },
    sound: undefined,
    badge: undefined,
    channel: undefined,
    isVisible: title !== undefined || body !== undefined,
  }
}

/** Never throws. */
export function readPush({ data, shown }: NativePushMessage): Push {
  const words = wordsOf({ ...(shown ?? { title: data.header, body: data.title }) })
  return {
    ...words,
    hash: textOf(data, 'p'),
    receiptKey: textOf(data, 'rk'),
    userId: textOf(data, 'ru'),
    image: textOf(data, shown === undefined ? 'b' : 'attachment'),
    url: textOf(data, 'l'),
    sound: textOf(data, 's'),
    badge: countOf(data.pw_badges),
    channel: textOf(data, 'pw_channel'),
    tag: textOf(data, 'pw_msg_tag') ?? textOf(data, 'p'),
    buttons: buttonsOf(parsed(data.pw_actions)),
    isVisible: words.title !== undefined || words.body !== undefined,
    data: parsed(data.u),
  }
}

/** Some libraries give an empty text for none. */
function wordsOf(fields: Fields): Pick<Push, 'title' | 'subtitle' | 'body'> {
  return {
    title: textOf(fields, 'title'),
    subtitle: textOf(fields, 'subtitle'),
    body: textOf(fields, 'body'),
  }
}

function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function buttonsOf(value: unknown): PushButton[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((it: unknown) => {
    const button = typeof it === 'object' && it !== null ? (it as Fields) : {}
    const title = textOf(button, 'title')
    return title === undefined ? [] : [{ title, url: textOf(button, 'url') }]
  })
}

/** JSON inside text; other senders put the object or plain text there. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
