/**
 * A notification of `createMessage` in the words of our own message form. No field is passed over in silence: what would
 * change who gets it, when, or what it says, and can't be honoured, is refused by name; what only decorates it on some
 * platform is told in the answer (`Ignored`); a name that is not known is refused, since a slip in "devices" would send to
 * everybody.
 *
 * What our form takes is for `newMessageSchema` alone to say; its faults are told by the name that the caller used.
 */
import { type AppRules, type NewMessage, newMessageSchema, PushError, wordOf } from '@roost/protocol'
import type { z } from 'zod'
import { readCapping } from './capping.ts'
import { readWallTime } from './wall-time.ts'

export type Fields = Readonly<Record<string, unknown>>

export interface Form {
  readonly input: NewMessage
  /** Fields that only decorate, and that no device will show. */
  readonly ignored: readonly string[]
  /** Makes an error that comes up later, when the message is made, one that tells of it by the names that the caller used. */
  readonly told: (error: unknown) => unknown
}

/** Whom it is for, as far as it takes the base to tell. */
export type Audience = NewMessage['to']

const DAY_END = '23:59:59'

/** Where a field goes in our form, for fields whose value goes there as it is. */
const PLAIN: Readonly<Record<string, string>> = {
  link: 'content.url',
  send_rate: 'sendRate',
  campaign: 'campaign',
  transactionId: 'idempotencyKey',
  ios_sound: 'content.apns.sound',
  ios_attachment: 'content.apns.image',
  android_icon: 'content.fcm.icon',
  android_custom_icon: 'content.fcm.icon',
  android_banner: 'content.fcm.image',
  android_sound: 'content.fcm.sound',
  huawei_android_icon: 'content.hms.icon',
  huawei_android_custom_icon: 'content.hms.icon',
  huawei_android_banner: 'content.hms.image',
  huawei_android_sound: 'content.hms.sound',
  chrome_icon: 'content.webPush.icon',
  chrome_image: 'content.webPush.image',
}

/** Texts: a string, or one for each language. */
const TEXTS: Readonly<Record<string, string>> = {
  content: 'content.body',
  title: 'content.title',
  subtitle: 'content.subtitle',
  ios_title: 'content.apns.title',
  ios_subtitle: 'content.apns.subtitle',
  android_header: 'content.fcm.title',
  huawei_android_header: 'content.hms.title',
  chrome_title: 'content.webPush.title',
}

const NUMBERS: Readonly<Record<string, string>> = {
  ios_ttl: 'content.apns.ttlSeconds',
  android_gcm_ttl: 'content.fcm.ttlSeconds',
  huawei_android_gcm_ttl: 'content.hms.ttlSeconds',
  chrome_gcm_ttl: 'content.webPush.ttlSeconds',
}

/** A number, or "+1". */
const BADGES: Readonly<Record<string, string>> = {
  ios_badges: 'content.apns.badge',
  android_badges: 'content.fcm.badge',
  huawei_android_badges: 'content.hms.badge',
}

/** Objects, or the same as a JSON string. */
const OBJECTS: Readonly<Record<string, string>> = {
  data: 'content.data',
  ios_root_params: 'content.apns.root',
  android_root_params: 'content.fcm.root',
  huawei_android_root_params: 'content.hms.root',
  chrome_root_params: 'content.webPush.root',
}

/** They decorate a platform, or are of one that Roost does not send to. */
const DECORATION =
  /^(minimize_link|ios_trim_content|apns_trim_content|(huawei_)?android_(vibration|led|ibc|priority)|chrome_duration|firefox_(title|icon|root_params)|safari_(title|action|url_args|ttl)|mac_(badges|sound|ttl|root_params)|wns_(content|type|tag)|adm_\w+)$/

/** Read together with others, below. */
const READ_APART = new Set([
  ...['send_date', 'timezone', 'ignore_user_timezone', 'inbox_date', 'ios_category_id'],
  ...['devices', 'users', 'filter', 'conditions', 'platforms'],
  ...['capping_days', 'capping_count', 'capping_avoid', 'capping_exclude', 'frequency_capping'],
  ...['ios_silent', 'android_silent', 'huawei_android_silent'],
  ...['chrome_button_text1', 'chrome_button_url1', 'chrome_button_text2', 'chrome_button_url2'],
])

/** What can't be honoured, and changes the message or whom it reaches. */
const REFUSED: Readonly<Record<string, string>> = {
  geozone: 'devices do not report where they are',
  rich_media: 'there are no rich media',
  remote_page: 'there are no rich media; name a page as link',
  rich_page_id: 'there are no rich media',
  page_id: 'there are no rich media',
  dynamic_content_placeholders: 'use the tags of the devices in a template',
  preset: 'there are no presets; give the fields themselves',
}

/** Those of single platforms are too many to tell; the page of the remedy has them. */
const OF_PLATFORM = /^(ios|android|huawei_android|chrome)_/
const KNOWN = `known are ${[TEXTS, PLAIN, OBJECTS]
  .flatMap(Object.keys)
  .concat(...READ_APART)
  .filter(it => !OF_PLATFORM.test(it))
  .join(', ')}, and those of platforms`

interface Draft {
  readonly fields: Fields
  readonly place: string
  readonly form: Record<string, unknown>
  /** The caller's name of each part of the form. */
  readonly names: Map<string, string>
  readonly ignored: string[]
}

interface Around {
  readonly place: string
  /** What the caller made of devices, users, filter, conditions and platforms. */
  readonly audience: Audience
  readonly beaten: readonly string[]
  readonly appRules: AppRules
}

/** Throws `input_invalid`. */
export function readForm(fields: Fields, { place, audience, beaten, appRules }: Around): Form {
  const draft: Draft = {
    fields,
    place,
    form: { to: audience, content: {} },
    names: new Map(),
    ignored: [...beaten],
  }
  for (const name of Object.keys(fields)) readField(draft, name)
  readWhen(draft)
  readInbox(draft)
  readButtons(draft)
  const rules = readCapping(fields, { place, appRules })
  if (rules !== undefined) put(draft, 'rules', 'capping_days', rules)
  const parsed = newMessageSchema.safeParse(draft.form, { error: wordOf })
  if (!parsed.success) throw new PushError('input_invalid', describe(parsed.error, draft))
  return { input: parsed.data, ignored: draft.ignored, told: error => inNamesOf(draft, error) }
}

/** Where our form has the field that a message is about. */
const PLACE_IN_FORM = /\bbody\/([\w/-]+)(?=: )/g

function inNamesOf({ names, place }: Draft, error: unknown): unknown {
  if (!(error instanceof PushError)) return error
  const { code, message, remarks } = error
  const words = message
    .replace(PLACE_IN_FORM, (_, path: string) =>
      path === 'content' ? place : `${place}.${nameOf(path.replaceAll('/', '.'), names)}`,
    )
    .replace('idempotencyKey', 'transactionId')
  return new PushError(code, words, { cause: error, remarks })
}

/** Null and empty text are how back ends say that they say nothing. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

function readField(draft: Draft, name: string): void {
  const value = draft.fields[name]
  if (name === 'transactionId' && value === '')
    refuse(draft, name, 'it is empty, and would keep no repeat from being sent; leave it out to have none')
  if (!isSaid(value) || READ_APART.has(name)) {
    if (name === 'ios_category_id' && isSaid(value)) put(draft, 'content.apns.category', name, String(value))
    return
  }
  const refusal = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined
  if (refusal !== undefined) refuse(draft, name, `it is not served: ${refusal}`)
  const into = (table: Readonly<Record<string, string>>) =>
    Object.hasOwn(table, name) ? table[name] : undefined
  const text = into(TEXTS)
  const plain = into(PLAIN)
  const number = into(NUMBERS)
  const badge = into(BADGES)
  const object = into(OBJECTS)
  if (text !== undefined) putText(draft, text, name)
  else if (plain !== undefined) put(draft, plain, name, name === 'send_rate' ? Number(value) : value)
  else if (number !== undefined) put(draft, number, name, Number(value))
  else if (badge !== undefined) put(draft, badge, name, value === '+1' ? value : Number(value))
  else if (object !== undefined) putObject(draft, object, name)
  else if (DECORATION.test(name)) draft.ignored.push(name)
  else if (!draft.ignored.includes(name)) refuse(draft, name, `there is no such field; ${KNOWN}`)
}

function refuse({ place }: Draft, name: string, why: string): never {
  throw new PushError('input_invalid', `${place}.${name}: ${why}`)
}

function put(draft: Draft, path: string, name: string, value: unknown): void {
  const parts = path.split('.')
  let at = draft.form
  for (const part of parts.slice(0, -1)) {
    at[part] ??= {}
    at = at[part] as Record<string, unknown>
  }
  const last = parts.at(-1) as string
  if (last in at && at[last] !== value)
    refuse(draft, name, `${draft.names.get(path) ?? 'another field'} says otherwise, and both are one here`)
  at[last] = value
  draft.names.set(path, name)
}

/** With one for each language: that under "default", else English, else the first one is for all other languages. */
function putText(draft: Draft, path: string, name: string): void {
  const value = draft.fields[name]
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return put(draft, path, name, value)
  const texts = Object.entries(value)
  const main = texts.find(([key]) => key === 'default') ?? texts.find(([key]) => key === 'en') ?? texts[0]
  if (main === undefined) refuse(draft, name, 'it is empty')
  put(draft, path, name, main[1])
  const [parent, field] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)]
  for (const [language, text] of texts) {
    if (language === main[0] && (language === 'default' || texts.length === 1)) continue
    put(draft, `${parent}.languages.${language}.${field}`, name, text)
    draft.names.set(`${parent}.languages`, name)
  }
}

function putObject(draft: Draft, path: string, name: string): void {
  let value = draft.fields[name]
  if (typeof value === 'string')
    try {
      value = JSON.parse(value)
    } catch {
      refuse(draft, name, 'it is an object, or one as JSON')
    }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse(draft, name, 'it is an object, or one as JSON')
  const { silent: _, ...rest } = value as Record<string, unknown>
  const said = name === 'chrome_root_params' ? rest : value // silent belongs to the inbox
  if (name === 'ios_root_params' && 'aps' in said) {
    const { aps, ...root } = said as Record<string, unknown>
    put(draft, 'content.apns.aps', name, aps)
    if (Object.keys(root).length > 0) put(draft, path, name, root)
  } else if (Object.keys(said).length > 0) put(draft, path, name, said)
}

/**
 * With `ignore_user_timezone` false it is by the clock of each device, at once where the hour has passed; `timezone` is then that of
 * devices which tell none.
 */
function readWhen(draft: Draft): void {
  const { send_date: date, timezone, ignore_user_timezone: ignores } = draft.fields
  if (!isSaid(date) || date === 'now') return
  if (isSaid(timezone) && typeof timezone !== 'string') refuse(draft, 'timezone', 'it is the name of a zone')
  const zone = isSaid(timezone) ? (timezone as string) : 'UTC'
  const at = typeof date === 'string' ? readWallTime(date, zone) : undefined
  if (at === undefined)
    refuse(
      draft,
      'send_date',
      `it is "now" or YYYY-MM-DD HH:mm in a zone that is known; zone "${zone.slice(0, 64)}"`,
    )
  const isLocal = [false, 0, '0', 'false'].includes(ignores as never)
  if (!isLocal) return put(draft, 'sendAt', 'send_date', new Date(at).toISOString())
  put(draft, 'localTime.at', 'send_date', String(date).trim().slice(0, WALL_MINUTE).replace(' ', 'T'))
  put(draft, 'localTime.otherwiseTimeZone', 'timezone', zone)
}

/** `YYYY-MM-DD HH:mm` */
const WALL_MINUTE = 16

/** The flag that hides the alert of a platform, by the platform. */
const SILENT = {
  iOS: (it: Fields) => it.ios_silent,
  Android: (it: Fields) => it.android_silent,
  Huawei: (it: Fields) => it.huawei_android_silent,
  browsers: (it: Fields) => silentIn(it.chrome_root_params),
}

function silentIn(params: unknown): unknown {
  return typeof params === 'object' && params !== null && 'silent' in params ? params.silent : undefined
}

/** Kept until the end of that day in UTC, unless an hour is named. Without alerts it is for the inbox alone. */
function readInbox(draft: Draft): void {
  const { inbox_date: date } = draft.fields
  const isOn = (flag: unknown) => [true, 1, '1', 'true'].includes(flag as never)
  const silenced = Object.entries(SILENT).filter(([, read]) => isOn(read(draft.fields)))
  if (!isSaid(date)) return readSilence(draft, silenced.length)
  const text = typeof date === 'string' ? date.trim() : ''
  const until = readWallTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text} ${DAY_END}` : text)
  if (until === undefined) refuse(draft, 'inbox_date', 'it is YYYY-MM-DD, or YYYY-MM-DD HH:mm in UTC')
  put(draft, 'inbox.until', 'inbox_date', new Date(until).toISOString())
  if (silenced.length === 0) return
  const loud = Object.keys(SILENT).filter(platform => silenced.every(([name]) => name !== platform))
  if (loud.length > 0)
    refuse(
      draft,
      'ios_silent, android_silent',
      `without alert means on all platforms; it says nothing of ${loud.join(', ')}`,
    )
  put(draft, 'inbox.only', 'ios_silent', true)
}

/** Without an inbox it wakes apps and shows nothing, on all platforms. */
function readSilence(draft: Draft, silenced: number): void {
  if (silenced === 0) return
  if (silenced < Object.keys(SILENT).length)
    refuse(
      draft,
      'ios_silent, android_silent',
      'without alert means on all platforms, or for the inbox with an inbox_date',
    )
  put(draft, 'content.silent', 'ios_silent', true)
}

function readButtons(draft: Draft): void {
  const buttons = [1, 2].flatMap(i => {
    const [title, url] = [draft.fields[`chrome_button_text${i}`], draft.fields[`chrome_button_url${i}`]]
    if (!isSaid(title) && !isSaid(url)) return []
    return [{ title, ...(isSaid(url) && { url }) }]
  })
  if (buttons.length > 0) put(draft, 'content.webPush.buttons', 'chrome_button_text1', buttons)
}

const FAULTS_TOLD = 10

/** By the names that the caller used. */
function describe(error: z.ZodError, { names, place }: Draft): string {
  const faults = error.issues.flatMap(issue => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : ['']
    return keys.map(key => {
      const path = [...issue.path.map(String), ...(key === '' ? [] : [key])].join('.')
      const name = nameOf(path, names)
      return key === '' ? `${place}.${name}: ${issue.message}` : `${place}.${name}: it is not served`
    })
  })
  return [...new Set(faults)].slice(0, FAULTS_TOLD).join('; ')
}

function nameOf(path: string, names: ReadonlyMap<string, string>): string {
  for (const [part, name] of names) if (part === path || path.startsWith(`${part}.`)) return name
  for (const [part, name] of names) if (part.startsWith(`${path}.`)) return name
  return path === '' || path === 'content' ? 'content' : path
}
