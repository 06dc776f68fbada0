/**
 * The `aps` dictionary: what each push type makes of a notification, and what Apple would refuse or ignore in it.
 * Source: Apple, "Generating a remote notification"; "Starting and updating Live Activities with ActivityKit push
 * notifications"; "Updating widgets with WidgetKit push notifications".
 */
import { isObject } from '../answer.ts'
import type { Clock } from '../clock.ts'
import type { Notification } from '../notification.ts'
import { compact } from '../payload-size.ts'
import type { ApnsPushType } from './options.ts'

export type Aps = Readonly<Record<string, unknown>>

const VISIBLE = ['alert', 'badge', 'sound']

/** By type and with the sender's own keys. What is `undefined` in it does not get into the JSON. */
export function apsOf(notification: Notification, pushType: ApnsPushType, clock: Clock): Aps {
  return merge(commonAps(notification, pushType, clock), notification.apns?.aps)
}

function commonAps(notification: Notification, pushType: ApnsPushType, clock: Clock): Aps {
  switch (pushType) {
    case 'alert':
      // The service extension reports delivery, and runs only when this asks for it.
      return { ...shownBy(notification), 'mutable-content': 1 }
    case 'voip':
      return shownBy(notification)
    case 'background':
      return { 'content-available': 1 }
    case 'liveactivity':
      return liveActivityOf(notification, clock)
    case 'widgets':
    case 'controls':
      return { 'content-changed': true }
    case 'complication':
    case 'fileprovider':
    case 'location':
    case 'mdm':
    case 'pushtotalk':
      return {}
  }
}

function shownBy({ title, subtitle, body, sound, badge, category, interruptionLevel }: Notification): Aps {
  return {
    alert: unlessEmpty(compact({ title, subtitle, body })),
    sound,
    badge,
    category,
    'interruption-level': interruptionLevel,
  }
}

/** A device ignores what is older than the last `timestamp` that it saw. */
function liveActivityOf({ title, body, sound }: Notification, clock: Clock): Aps {
  const alert = unlessEmpty(compact({ title, body }))
  return { timestamp: Math.floor(clock.now() / 1000), alert: alert && { ...alert, sound } }
}

function unlessEmpty<Value extends object>(value: Value): Value | undefined {
  return Object.keys(value).length > 0 ? value : undefined
}

/** `over` goes first; its `null` takes a key away. */
export function merge(
  common: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>> | undefined,
): Readonly<Record<string, unknown>> {
  if (over === undefined) return common
  return Object.fromEntries(
    Object.entries({ ...common, ...over }).filter(([, value]) => value !== null && value !== undefined),
  )
}

/** An alert push must show, badge or sound something; what does none of that is data for a sleeping app. */
export function isVisible(aps: Aps): boolean {
  return VISIBLE.some(key => aps[key] !== undefined)
}

/** "code: words" for what must not be sent; `undefined` when all is well. */
export function describeApsFault(aps: Aps, pushType: ApnsPushType): string | undefined {
  return describeMalformed(aps, pushType) ?? TYPE_RULES[pushType]?.(aps)
}

const TYPE_RULES: { readonly [Type in ApnsPushType]?: (aps: Aps) => string | undefined } = {
  alert: aps =>
    isVisible(aps) ? undefined : 'alert_shows_nothing: an alert push needs alert, badge or sound',
  background: describeBackgroundFault,
  liveactivity: describeLiveActivityFault,
}

function describeBackgroundFault(aps: Aps): string | undefined {
  if (aps['content-available'] !== 1) return 'background_incomplete: content-available: 1 is missing'
  const other = Object.keys(aps).find(key => key !== 'content-available')
  return other && `background_has_more: "${other}" in aps; a background push has content-available: 1 alone`
}

function describeLiveActivityFault(aps: Aps): string | undefined {
  const needed = NEEDED_BY_EVENT[String(aps.event)]
  if (needed === undefined) return 'liveactivity_incomplete: event must be start, update or end'
  const missing = needed.find(key => aps[key] === undefined)
  return missing && `liveactivity_incomplete: event ${aps.event} needs ${missing}`
}

/** An activity may end with the state that it has. */
const NEEDED_BY_EVENT: Readonly<Record<string, readonly string[]>> = {
  start: ['timestamp', 'content-state', 'attributes-type', 'attributes', 'alert'],
  update: ['timestamp', 'content-state'],
  end: ['timestamp'],
}

// ── types: a device ignores a key of the wrong one without a word ─────────────────────────────────────────────────────

interface Kind {
  readonly words: string
  readonly holds: (value: unknown, pushType: ApnsPushType) => boolean
}

const TEXT: Kind = { words: 'text', holds: value => typeof value === 'string' }
const OBJECT: Kind = { words: 'an object', holds: isObject }
const TEXT_OR_OBJECT: Kind = {
  words: 'text or an object',
  holds: value => typeof value === 'string' || isObject(value),
}
const FLAG: Kind = { words: 'the number 1', holds: value => value === 1 || value === 0 }
const COUNT: Kind = {
  words: 'a whole number from 0',
  holds: value => Number.isSafeInteger(value) && Number(value) >= 0,
}
/** Milliseconds would be thousands of years ahead, and every later update older than that. */
const MAX_SECONDS = 1e11
const SECONDS: Kind = {
  words: 'Unix time in whole seconds',
  holds: value => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < MAX_SECONDS,
}
const LEVELS = ['passive', 'active', 'time-sensitive', 'critical']
const LEVEL: Kind = { words: `one of ${LEVELS.join(', ')}`, holds: value => LEVELS.includes(String(value)) }
const SCORE: Kind = {
  words: 'a number from 0 to 1',
  holds: (value, pushType) =>
    Number.isFinite(value) && (pushType === 'liveactivity' || (Number(value) >= 0 && Number(value) <= 1)),
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['alert', TEXT_OR_OBJECT],
  ['badge', COUNT],
  ['sound', TEXT_OR_OBJECT],
  ['thread-id', TEXT],
  ['category', TEXT],
  ['content-available', FLAG],
  ['mutable-content', FLAG],
  ['target-content-id', TEXT],
  ['interruption-level', LEVEL],
  ['relevance-score', SCORE],
  ['filter-criteria', TEXT],
  ['timestamp', SECONDS],
  ['stale-date', SECONDS],
  ['dismissal-date', SECONDS],
  ['event', TEXT],
  ['content-state', OBJECT],
  ['attributes-type', TEXT],
  ['attributes', OBJECT],
  ['input-push-token', FLAG],
  ['input-push-channel', TEXT],
])

function describeMalformed(aps: Aps, pushType: ApnsPushType): string | undefined {
  for (const key of Object.keys(aps)) {
    const value = aps[key]
    const kind = value === undefined ? undefined : KINDS.get(key)
    if (kind !== undefined && !kind.holds(value, pushType))
      return `aps_malformed: "${key}" must be ${kind.words}`
  }
  return undefined
}
