/**
 * Content: what a message shows. Texts may differ by language and by gateway, and may be Liquid templates.
 *
 * Resolution, field by field, later over earlier: the content itself; its `languages` that fit the device, from the
 * shortest ("pt") to the longest ("pt-BR"); what is given for the gateway; the `languages` of that. An empty text of a
 * language is none: it falls back.
 */
import { z } from 'zod'
import { OWN_WORDS } from './field-fault.ts'
import { BADGE_MAX } from './limits.ts'

export const TITLE_CHARACTERS = 1024
export const BODY_CHARACTERS = 4096
export const URL_CHARACTERS = 2048
/** Languages of one message; each is rendered and checked for itself. */
export const LANGUAGES_MAX = 100
/** Android and browsers show three at most. */
export const BUTTONS_MAX = 3

export const INTERRUPTION_LEVELS = ['passive', 'active', 'time-sensitive', 'critical'] as const

/** Put in for each device: the key of its receipts, and whom the push is for. A sender's own would be taken for them, and the push dropped. */
const DEVICE_ROOTS = ['rk', 'ru']
/** Names of ours, which an app reads; and Apple's own key. */
const RESERVED_ROOTS = ['aps', 'pw_msg', 'p', 'l', 'u', ...DEVICE_ROOTS]

/** Of an object of the sender's own: no gateway takes a quarter of it, and each language and gateway is checked with it. */
export const FIELDS_CHARACTERS = 16_384
const FIELDS_DEPTH = 20

const fields = z
  .record(z.string(), z.unknown())
  .refine(it => isAsDeepAs(it, FIELDS_DEPTH), {
    error: `nested deeper than ${FIELDS_DEPTH}`,
    abort: true,
  })
  .refine(
    it => JSON.stringify(it).length <= FIELDS_CHARACTERS,
    `at most ${FIELDS_CHARACTERS} characters as JSON`,
  )

const reservedWords = (names: readonly string[]) =>
  `Roost itself sets ${names.join(', ')}: choose another name for a key of your own`

/** In a gateway's own words, which go before all that Roost says but what is each device's own. `part` is what the app gets; absent: all of it. */
export function withoutDeviceRoots<Schema extends z.ZodType<Record<string, unknown>>>(
  schema: Schema,
  part?: string,
): Schema {
  return schema.superRefine((it, context) => {
    const given = part === undefined ? it : it[part]
    if (typeof given !== 'object' || given === null) return
    const name = DEVICE_ROOTS.find(root => root in given)
    if (name === undefined) return
    const path = part === undefined ? [name] : [part, name]
    context.addIssue({ code: 'custom', path, message: reservedWords(DEVICE_ROOTS) })
  })
}

/** Level by level: what nests without end would fill the stack. */
function isAsDeepAs(root: object, depth: number): boolean {
  let level: object[] = [root]
  for (let i = 0; i < depth && level.length > 0; i++)
    level = level.flatMap(it => Object.values(it).filter(part => typeof part === 'object' && part !== null))
  return level.length === 0
}

/** A host with a template in it could be any: it is not probed, and a typo in a tag would send devices anywhere. */
const image = z
  .string()
  .max(URL_CHARACTERS)
  .regex(/^https:\/\/[^/?#{}\\\s]+(?:[/?#]|$)/i, OWN_WORDS.image_url)
  .refine(it => it.includes('{{') || it.includes('{%') || URL.canParse(it), OWN_WORDS.image_url_broken)

/** Blanks alone would be shown as an empty notification. */
export function isText(text: string | undefined): boolean {
  return text !== undefined && text.trim() !== ''
}

/** What would run in a page, or show what no server gave it. Apps have schemes of their own, so all others are taken. */
const REFUSED_SCHEMES = ['javascript', 'vbscript', 'data', 'blob', 'file', 'about'] as const

/** Browsers leave out blanks and line ends before they look for the scheme. */
function hasRefusedScheme(url: string): boolean {
  const [scheme] = url.replace(/[\p{Cc}\s]/gu, '').split(':', 1)
  return REFUSED_SCHEMES.some(it => it === scheme?.toLowerCase() && url.includes(':'))
}

const url = z
  .string()
  .max(URL_CHARACTERS)
  .refine(
    it => !hasRefusedScheme(it),
    `an https or http URL, or one of an app's own scheme; refused are ${REFUSED_SCHEMES.map(it => `${it}:`).join(', ')}`,
  )

const button = z.strictObject({
  title: z.string().min(1).max(256),
  /** Opened on a tap; without one the app. */
  url: url.optional(),
})

/** What may differ by language. */
const words = {
  title: z.string().max(TITLE_CHARACTERS).optional(),
  /** iOS alone shows it. */
  subtitle: z.string().max(TITLE_CHARACTERS).optional(),
  body: z.string().max(BODY_CHARACTERS).optional(),
  image: image.optional(),
  /** https URL, or on Android the name of a drawable of the app. Browsers and Android. */
  icon: z.string().max(URL_CHARACTERS).optional(),
  url: url.optional(),
  sound: z.string().max(256).optional(),
  /** Browsers and Android; on iOS the app's `category` has them. */
  buttons: z.array(button).max(BUTTONS_MAX).optional(),
}

const badgeNumber = z.int().min(0).max(BADGE_MAX)

/** What one gateway's devices may have otherwise. */
const shown = {
  ...words,
  /** "+1": one more than the device's counter, which `setBadge` sets. "unread": what its inbox has unread. */
  badge: z.union([badgeNumber, z.enum(['+1', 'unread'])]).optional(),
  data: fields.optional(),
  /** Keys beside ours at the root of what the app gets. */
  root: fields
    .refine(it => !RESERVED_ROOTS.some(name => name in it), reservedWords(RESERVED_ROOTS))
    .optional(),
  /** iOS: of the app's notification categories, with its buttons. */
  category: z.string().min(1).max(256).optional(),
  /** Android and Huawei: the app's notification channel. */
  channel: z.string().min(1).max(256).optional(),
  /** iOS: `time-sensitive` and `critical` need the app's entitlement. */
  interruptionLevel: z.enum(INTERRUPTION_LEVELS).optional(),
}

/** RFC 5646 in what devices send: language, script, region. */
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/
const languages = z
  .record(z.string().regex(LANGUAGE, OWN_WORDS.language_tag), z.strictObject(words))
  .refine(it => Object.keys(it).length <= LANGUAGES_MAX, `at most ${LANGUAGES_MAX} languages`)
  .refine(
    it => new Set(Object.keys(it).map(name => name.toLowerCase())).size === Object.keys(it).length,
    OWN_WORDS.languages_twice,
  )

const PUSH_TYPES = ['alert', 'background'] as const

/** In Apple's spelling, over what the common part gives. */
export const apnsOptionsShape = {
  priority: z.union([z.literal(1), z.literal(5), z.literal(10)]).optional(),
  aps: fields.optional(),
  payload: withoutDeviceRoots(fields).optional(),
}
/** In Google's spelling. */
export const fcmOptionsShape = {
  notification: fields.optional(),
  android: withoutDeviceRoots(fields, 'data').optional(),
  apns: withoutDeviceRoots(fields, 'payload').optional(),
  webpush: withoutDeviceRoots(fields, 'data').optional(),
  fcmOptions: z.strictObject({ analytics_label: z.string().optional() }).optional(),
}
export const webPushOptionsShape = {
  urgency: z.enum(['very-low', 'low', 'normal', 'high']).optional(),
  topic: z.string().max(32).optional(),
  payload: withoutDeviceRoots(fields).optional(),
}
/** In Huawei's spelling. */
export const hmsOptionsShape = { android: fields.optional() }

const own = {
  ...shown,
  languages: languages.optional(),
  /** How long this gateway may keep it; default as the message says. */
  ttlSeconds: z
    .int()
    .min(0)
    .max(28 * 24 * 3600)
    .optional(),
}

/** Of content without languages and templates. */
export const plainContentShape = { ...shown, badge: badgeNumber.optional() }

const SHOWS_NOTHING = {
  path: [],
  message:
    'a message needs a "title" or a "body" (those of a language or a gateway are not for all), or it is "silent"',
}

/** What a silent message may have, in all and for one gateway. Of raw options those that show nothing. */
const SILENT_PARTS = new Set([
  ...['silent', 'data', 'root', 'defaults', 'onMissing', 'onBadImage', 'apns', 'fcm', 'webPush', 'hms'],
  ...['ttlSeconds', 'priority', 'aps', 'payload', 'pushType', 'android', 'urgency', 'topic', 'fcmOptions'],
])

interface Fault {
  readonly path: string[]
  readonly message: string
}

function findVisible(content: Readonly<Record<string, unknown>>): Fault | undefined {
  for (const at of [[], ['apns'], ['fcm'], ['webPush'], ['hms']]) {
    const part = (at[0] === undefined ? content : (content[at[0]] ?? {})) as Record<string, unknown>
    const name = Object.keys(part).find(it => part[it] !== undefined && !SILENT_PARTS.has(it))
    if (name !== undefined) return { path: [...at, name], message: 'a silent message shows nothing' }
    const android = part.android as Readonly<Record<string, unknown>> | undefined
    if (android?.notification !== undefined)
      return { path: [...at, 'android', 'notification'], message: 'a silent message shows nothing' }
    if (part.pushType !== undefined && part.pushType !== 'background')
      return { path: [...at, 'pushType'], message: 'a silent message is a "background" push' }
  }
  return undefined
}

export const contentSchema = z
  .strictObject({
    ...shown,
    /** It shows nothing: it wakes the app, and gives it `data` and `root`. Browsers allow no such thing, so theirs get none. */
    silent: z.literal(true).optional(),
    languages: languages.optional(),
    apns: z.strictObject({ ...own, ...apnsOptionsShape, pushType: z.enum(PUSH_TYPES).optional() }).optional(),
    fcm: z.strictObject({ ...own, ...fcmOptionsShape }).optional(),
    webPush: z.strictObject({ ...own, ...webPushOptionsShape }).optional(),
    hms: z.strictObject({ ...own, ...hmsOptionsShape }).optional(),
    /** Values for variables that a device has none of, by the name in the template: `{"tags.Name": "friend"}`. */
    defaults: z.record(z.string().min(1), z.union([z.string(), z.number(), z.boolean()])).optional(),
    /** A variable without value and default: the device is skipped, and that recorded; or nothing stands there. Default: skip. */
    onMissing: z.enum(['skip', 'blank']).optional(),
    /** What to do about an image that phones can't show: refuse the message, or tell of it and go on. Default: refuse. */
    onBadImage: z.enum(['refuse', 'warn']).optional(),
  })
  .superRefine((it, context) => {
    const fault =
      it.silent === true ? findVisible(it) : isText(it.title) || isText(it.body) ? undefined : SHOWS_NOTHING
    if (fault !== undefined) context.addIssue({ code: 'custom', ...fault })
  })
export type Content = z.infer<typeof contentSchema>
