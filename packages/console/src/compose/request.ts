/**
 * What the server is asked for: the body of `POST …/messages`, `…/schedules` or `…/triggers` that a draft stands for, and
 * what keeps it from being sent, by the place in that body, as the server names places in its refusals.
 *
 * Only what can be said without the server is said here; it stays the judge.
 * Source: `newMessageSchema`, `newScheduleSchema` and `newTriggerSchema` of the protocol.
 */
import {
  type AudienceDraft,
  type ButtonDraft,
  type ContentDraft,
  type Draft,
  type Duration,
  type ExperimentDraft,
  GATEWAYS,
  type GatewayDraft,
  namesIn,
  PART_OF_GATEWAY,
  type RulesDraft,
  secondsOf,
  type VariantDraft,
  type WhenDraft,
  type Words,
} from './draft.ts'

export type FaultCode =
  | 'needed'
  | 'number'
  | 'whole'
  | 'json'
  | 'https'
  | 'past'
  | 'language'
  | 'twice'
  | 'percents'
  | 'rest'
  | 'noRest'
  | 'recurring'
  | 'shown'
  | 'cron'
  | 'url'
  | 'long'

/** By the place in the body of the message: "content.title". */
export type DraftFaults = Readonly<Record<string, FaultCode>>

export type Body = Readonly<Record<string, unknown>>

export interface Asked {
  /** What is made of it. */
  readonly kind: 'message' | 'schedule' | 'trigger'
  readonly body: Body
  /** The same as a message that is looked at before: what `POST …/diagnose` takes as `send`. */
  readonly message: Body
  readonly faults: DraftFaults
}

/** Notes what is wrong, and goes on. */
class Notes {
  readonly faults: Record<string, FaultCode> = {}

  add(place: string, code: FaultCode): undefined {
    this.faults[place] ??= code
    return undefined
  }
}

/** `nowMs` is what a moment is compared with; `key` goes along with what is sent once. */
export function askedBy(
  draft: Draft,
  { nowMs, key }: { readonly nowMs: number; readonly key?: string },
): Asked {
  const notes = new Notes()
  const content = contentOf(draft.content, notes)
  const message = {
    to: targetOf(draft.audience, notes),
    content,
    ...deliveryOf(draft, notes),
    rules: rulesOf(draft.rules, notes),
    ...(draft.experiment.isOn && { experiment: experimentOf(draft, notes) }),
  }
  const made = madeOf(draft, { message, notes, nowMs })
  const body =
    made.kind === 'message' && key !== undefined ? { ...made.body, idempotencyKey: key } : made.body
  return { ...made, body: withoutEmpty(body), message: withoutEmpty(made.message), faults: notes.faults }
}

interface Making {
  readonly message: Body
  readonly notes: Notes
  readonly nowMs: number
}

function madeOf(draft: Draft, { message, notes, nowMs }: Making): Omit<Asked, 'faults'> {
  const { when } = draft
  if (when.kind === 'cron') return scheduleOf(draft, message, notes)
  if (when.kind === 'event') return triggerOf(draft, message, notes)
  const timed = { ...message, inbox: inboxOf(draft), ...timesOf(when, { notes, nowMs }) }
  return { kind: 'message', body: timed, message: timed }
}

// ── who ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

function targetOf(audience: AudienceDraft, notes: Notes): Body | undefined {
  switch (audience.kind) {
    case 'all':
      return { all: true }
    case 'segment':
      return audience.segment ? { segment: audience.segment } : notes.add('to', 'needed')
    case 'list':
      return audience.list ? { condition: { list: audience.list } } : notes.add('to', 'needed')
    case 'condition': {
      const condition = objectIn(audience.condition, 'to', notes)
      return condition ? { condition } : notes.add('to', 'needed')
    }
    case 'devices': {
      const devices = namesIn(audience.devices)
      return devices.length > 0 ? { devices } : notes.add('to', 'needed')
    }
    case 'users': {
      const users = namesIn(audience.users)
      if (users.length === 0) return notes.add('to', 'needed')
      return { users, ...(audience.isLatest && { userDevices: 'latest' }) }
    }
  }
}

/** Who is meant, as a condition that can be counted; undefined as long as nobody is. */
export function conditionOf(audience: AudienceDraft): object | undefined {
  const target = targetOf(audience, new Notes())
  if (target === undefined) return undefined
  if ('all' in target) return { field: 'hwid', op: 'set' }
  if ('segment' in target) return { segment: target.segment }
  if ('condition' in target) return target.condition as object
  if ('devices' in target) return { field: 'hwid', op: 'in', value: target.devices }
  return { field: 'userId', op: 'in', value: target.users }
}

// ── what ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The content alone, as far as it can be read. */
export function contentIn(draft: ContentDraft): Body {
  return contentOf(draft, new Notes())
}

function contentOf(draft: ContentDraft, notes: Notes): Body {
  const parts = Object.fromEntries(
    GATEWAYS.map(gateway => {
      const part = PART_OF_GATEWAY[gateway]
      return [part, orNothing(gatewayOf(draft.gateways[gateway], `content.${part}`, notes))]
    }),
  )
  const common = {
    data: objectIn(draft.data, 'content.data', notes),
    root: objectIn(draft.root, 'content.root', notes),
    ...parts,
    defaults: defaultsOf(draft, notes),
    ...(draft.onMissing === 'blank' && { onMissing: 'blank' }),
    ...(draft.onBadImage === 'warn' && { onBadImage: 'warn' }),
  }
  if (draft.isSilent) return withoutEmpty({ silent: true, ...common })
  const { words } = draft
  if (words.title.trim() === '' && words.body.trim() === '') notes.add('content.title', 'shown')
  return withoutEmpty({
    ...wordsOf(words, 'content', notes),
    badge: badgeOf(draft.badge, 'content.badge', notes),
    category: draft.category.trim(),
    channel: draft.channel.trim(),
    interruptionLevel: draft.interruptionLevel,
    languages: languagesOf(draft, notes),
    ...common,
  })
}

/** As the server takes them; what a gateway takes of them is less, and told by the sizes. */
const CHARACTERS = { title: 1024, subtitle: 1024, body: 4096 } as const

function wordsOf(words: Words, place: string, notes: Notes): Body {
  const { title, subtitle, body } = words
  for (const [name, most] of Object.entries(CHARACTERS))
    if (words[name as keyof typeof CHARACTERS].length > most) notes.add(`${place}.${name}`, 'long')
  return {
    title,
    subtitle,
    body,
    image: imageIn(words.image, `${place}.image`, notes),
    icon: words.icon.trim(),
    url: urlIn(words.url, `${place}.url`, notes),
    sound: words.sound.trim(),
    buttons: buttonsOf(words.buttons, `${place}.buttons`, notes),
  }
}

function imageIn(text: string, place: string, notes: Notes): string {
  const image = text.trim()
  if (image !== '' && !/^https:\/\/[^/\s]/i.test(image)) notes.add(place, 'https')
  return image
}

/** What would run in a page, or show what no server gave it: the server refuses it, and takes every other scheme. */
const REFUSED_SCHEME = /^(?:javascript|vbscript|data|blob|file|about):/i

function urlIn(text: string, place: string, notes: Notes): string {
  const url = text.trim()
  if (REFUSED_SCHEME.test(url.replace(/[\p{Cc}\s]/gu, ''))) notes.add(place, 'url')
  return url
}

function buttonsOf(buttons: readonly ButtonDraft[], place: string, notes: Notes): Body[] | undefined {
  if (buttons.length === 0) return undefined
  return buttons.map(({ title, url }, at) => {
    if (title.trim() === '') notes.add(`${place}.${at}.title`, 'needed')
    return withoutEmpty({ title, url: urlIn(url, `${place}.${at}.url`, notes) })
  })
}

function languagesOf({ languages }: ContentDraft, notes: Notes): Body | undefined {
  const given: Record<string, Body> = {}
  for (const { language, words } of languages) {
    const name = language.trim()
    const place = `content.languages.${name}`
    if (!/^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$/.test(name)) notes.add(place, 'language')
    else if (Object.keys(given).some(it => it.toLowerCase() === name.toLowerCase())) notes.add(place, 'twice')
    given[name] = withoutEmpty(wordsOf(words, place, notes))
  }
  return orNothing(given)
}

function gatewayOf(draft: GatewayDraft, place: string, notes: Notes): Body {
  const { title, body, url, sound, channel, category, interruptionLevel } = draft
  const given = withoutEmpty({
    title,
    body,
    image: imageIn(draft.image, `${place}.image`, notes),
    url: urlIn(url, `${place}.url`, notes),
    sound: sound.trim(),
    badge: badgeOf(draft.badge, `${place}.badge`, notes),
    channel: channel.trim(),
    category: category.trim(),
    interruptionLevel,
    ttlSeconds: wholeSeconds(draft.ttl, `${place}.ttlSeconds`, notes),
  })
  return { ...objectIn(draft.more, place, notes), ...given }
}

function badgeOf(text: string, place: string, notes: Notes): number | string | undefined {
  const badge = text.trim()
  if (badge === '' || badge === '+1' || badge === 'unread') return badge
  return wholeIn(badge, place, notes)
}

function defaultsOf({ defaults }: ContentDraft, notes: Notes): Body | undefined {
  const given = defaults.filter(({ name, value }) => name.trim() !== '' || value !== '')
  for (const [at, { name }] of given.entries())
    if (name.trim() === '') notes.add(`content.defaults.${at}`, 'needed')
  return orNothing(Object.fromEntries(given.map(({ name, value }) => [name.trim(), value])))
}

// ── how, and by which rules ───────────────────────────────────────────────────────────────────────────────────────────

function deliveryOf({ delivery }: Draft, notes: Notes): Body {
  return {
    ttlSeconds: wholeSeconds(delivery.ttl, 'ttlSeconds', notes),
    priority: delivery.priority,
    collapseKey: delivery.collapseKey.trim(),
    lane: delivery.lane,
    sendRate: wholeIn(delivery.sendRate, 'sendRate', notes),
    campaign: delivery.campaign.trim(),
  }
}

function rulesOf(rules: RulesDraft, notes: Notes): Body | undefined {
  const isTransactional = rules.kind === 'transactional'
  const given = {
    ...(isTransactional && { kind: 'transactional' }),
    ...(rules.category !== '' && { category: rules.category }),
    ...quietHoursOf(rules, notes),
    // none holds for a transactional one, and one that is given is refused
    ...(!isTransactional && capOf(rules, notes)),
  }
  return orNothing(given)
}

function quietHoursOf(rules: RulesDraft, notes: Notes): Body {
  if (rules.quietHours === 'app') return {}
  if (rules.quietHours === 'none') return { quietHours: null }
  const { quietFrom: from, quietTo: to, quietAction, quietZone } = rules
  if (from === '' || to === '') notes.add('rules.quietHours', 'needed')
  else if (from === to) notes.add('rules.quietHours', 'twice')
  return {
    quietHours: {
      from,
      to,
      ...(quietAction === 'drop' && { action: 'drop' }),
      ...(quietZone !== '' && { otherwiseTimezoneSeconds: Number(quietZone) }),
    },
  }
}

function capOf(rules: RulesDraft, notes: Notes): Body {
  if (rules.cap === 'app') return {}
  if (rules.cap === 'none') return { cap: null }
  const messages = wholeIn(rules.capMessages, 'rules.cap', notes)
  const days = wholeIn(rules.capDays, 'rules.cap', notes)
  if (messages === undefined || days === undefined) notes.add('rules.cap', 'needed')
  return { cap: { messages, days } }
}

function inboxOf({ inbox }: Draft): Body | undefined {
  if (inbox.mode === 'none') return undefined
  return withoutEmpty({ until: instantOf(inbox.until), ...(inbox.mode === 'only' && { only: true }) })
}

// ── variants ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function experimentOf({ experiment, when }: Draft, notes: Notes): Body {
  const variants = experiment.variants.map((it, at) => variantOf(it, `experiment.variants.${at}`, notes))
  const controlPercent = numberIn(experiment.controlPercent, 'experiment.controlPercent', notes)
  const rest = restOf(experiment)
  const isByClock = when.kind === 'local' || when.kind === 'best' || (when.kind === 'cron' && when.isLocal)
  const mayRest = when.kind !== 'event' && !isByClock
  if (rest < 0) notes.add('experiment', 'percents')
  else if (rest > 0 && !mayRest) notes.add('experiment', 'noRest')
  return withoutEmpty({
    variants,
    // nobody is left out by a share of 0
    controlPercent: controlPercent === 0 ? undefined : controlPercent,
    ...(rest > 0 && { winner: winnerOf(experiment, notes) }),
  })
}

/** What nobody has been given of the audience: percent, to the hundredth; NaN while a share is no number. */
export function restOf({ variants, controlPercent }: ExperimentDraft): number {
  const shares = [...variants.map(it => it.percent), controlPercent || '0'].map(Number)
  return (10_000 - shares.reduce((sum, share) => sum + Math.round(share * 100), 0)) / 100
}

function variantOf({ name, percent, title, body, more }: VariantDraft, place: string, notes: Notes): Body {
  if (name.trim() === '') notes.add(`${place}.name`, 'needed')
  const share = numberIn(percent, `${place}.percent`, notes)
  if (share === undefined) notes.add(`${place}.percent`, 'needed')
  const content = { ...objectIn(more, `${place}.content`, notes), ...withoutEmpty({ title, body }) }
  return withoutEmpty({ name: name.trim(), percent: share, content: orNothing(content) })
}

function winnerOf(experiment: ExperimentDraft, notes: Notes): Body {
  const { decides, metric, ifUnclear, after } = experiment
  if (decides === 'hand') return {}
  const afterSeconds = wholeSeconds(after, 'experiment.winner', notes)
  if (afterSeconds === undefined) notes.add('experiment.winner', 'needed')
  return { afterSeconds, metric, ifUnclear }
}

// ── when ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function timesOf(when: WhenDraft, { notes, nowMs }: { readonly notes: Notes; readonly nowMs: number }): Body {
  const otherwiseTimeZone = when.otherwiseTimeZone.trim()
  if (when.kind === 'at') {
    const sendAt = instantOf(when.at)
    if (sendAt === undefined) notes.add('sendAt', 'needed')
    else if (Date.parse(sendAt) < nowMs) notes.add('sendAt', 'past')
    return { sendAt }
  }
  if (when.kind === 'local') {
    if (when.localAt === '') notes.add('localTime', 'needed')
    const passed = when.passed === 'now' ? '' : when.passed
    return { localTime: withoutEmpty({ at: when.localAt.slice(0, 16), passed, otherwiseTimeZone }) }
  }
  if (when.kind !== 'best') return {}
  const sendAt = instantOf(when.at)
  if (sendAt !== undefined && Date.parse(sendAt) < nowMs) notes.add('sendAt', 'past')
  const otherwiseHour = wholeIn(when.otherwiseHour, 'bestHour', notes)
  return { sendAt, bestHour: withoutEmpty({ otherwiseHour, otherwiseTimeZone }) }
}

/** Of what a field of date and time holds, on the clock of this computer. */
export function instantOf(text: string): string | undefined {
  const time = text === '' ? Number.NaN : new Date(text).getTime()
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}

function scheduleOf(draft: Draft, message: Body, notes: Notes): Omit<Asked, 'faults'> {
  const { when, audience } = draft
  const name = when.name.trim()
  const cron = when.cron.trim()
  if (name === '') notes.add('name', 'needed')
  if (cron === '') notes.add('cron', 'needed')
  else if (!cron.startsWith('@') && cron.split(/\s+/).length !== 5) notes.add('cron', 'cron')
  if (audience.kind === 'devices' || audience.kind === 'users') notes.add('to', 'recurring')
  const inbox =
    draft.inbox.mode === 'none' ? undefined : inboxOf({ ...draft, inbox: { ...draft.inbox, until: '' } })
  const sent = { ...message, inbox }
  const passed = when.passed === 'now' ? '' : when.passed
  const local = withoutEmpty({ passed, otherwiseTimeZone: when.otherwiseTimeZone.trim() })
  const body = {
    name,
    cron,
    ...(when.isLocal ? { localTime: local } : { timeZone: when.timeZone.trim() }),
    ...(when.missed === 'none' && { missed: 'none' }),
    message: withoutEmpty(sent),
  }
  return { kind: 'schedule', body, message: sent }
}

function triggerOf(draft: Draft, message: Body, notes: Notes): Omit<Asked, 'faults'> {
  const { when, audience } = draft
  const name = when.name.trim()
  if (name === '') notes.add('name', 'needed')
  if (when.event.trim() === '') notes.add('event', 'needed')
  if (audience.kind === 'devices' || audience.kind === 'users') notes.add('to', 'recurring')
  const condition = audience.kind === 'all' ? undefined : conditionOf(audience)
  const { to, sendRate, ...sent } = message as Body & { readonly to: unknown; readonly sendRate: unknown }
  const cancelledBy = namesIn(when.cancelledBy)
  const body = {
    name,
    event: when.event.trim(),
    where: whereOf(when, notes),
    delaySeconds: wholeSeconds(when.delay, 'delaySeconds', notes),
    ...(when.restartsDelay && { restartsDelay: true }),
    ...(when.toUser && { to: 'user' }),
    condition,
    oncePerDays: wholeIn(when.oncePerDays, 'oncePerDays', notes),
    ...(cancelledBy.length > 0 && { cancelledBy }),
    message: withoutEmpty(sent),
  }
  return { kind: 'trigger', body, message: { to, ...sent, content: withEventNamed(sent.content) } }
}

const OF_EVENT = /\{\{-?\s*event(?:\.([\w-]+)|\["([^"]*)"\])[^}]*\}\}/g

/** To look at, and to try: there is no event yet, so its attributes are shown by their names. */
function withEventNamed(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replace(OF_EVENT, (_, plain?: string, quoted?: string) => `[${plain ?? quoted ?? ''}]`)
  if (Array.isArray(value)) return value.map(withEventNamed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withEventNamed(part)]))
}

function whereOf({ where }: WhenDraft, notes: Notes): object | undefined {
  const given = where.map(({ attribute, op, value }, at) => {
    if (attribute.trim() === '') notes.add(`where.${at}`, 'needed')
    return {
      attribute: attribute.trim(),
      op,
      ...(op !== 'set' && op !== 'unset' && { value: scalarIn(value) }),
    }
  })
  if (given.length === 0) return undefined
  return given.length === 1 ? given[0] : { and: given }
}

/** A number or a truth where it reads as one: attributes of events are typed. */
function scalarIn(text: string): string | number | boolean {
  const value = text.trim()
  if (value === 'true' || value === 'false') return value === 'true'
  return value !== '' && String(Number(value)) === value ? Number(value) : text
}

// ── reading fields ────────────────────────────────────────────────────────────────────────────────────────────────────

function numberIn(text: string, place: string, notes: Notes): number | undefined {
  if (text.trim() === '') return undefined
  const number = Number(text)
  return Number.isFinite(number) && number >= 0 ? number : notes.add(place, 'number')
}

function wholeIn(text: string, place: string, notes: Notes): number | undefined {
  const number = numberIn(text, place, notes)
  return number === undefined || Number.isInteger(number) ? number : notes.add(place, 'whole')
}

function wholeSeconds(duration: Duration, place: string, notes: Notes): number | undefined {
  if (duration.amount.trim() === '') return undefined
  const seconds = Math.round(secondsOf(duration))
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : notes.add(place, 'number')
}

function objectIn(text: string, place: string, notes: Notes): Record<string, unknown> | undefined {
  if (text.trim() === '') return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // told below
  }
  return notes.add(place, 'json')
}

/** Without what was left empty. An empty object stays: it may say something, as `bestHour: {}` does. */
function withoutEmpty(fields: Body): Body {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== ''))
}

function orNothing(fields: Body): Body | undefined {
  return Object.keys(fields).length > 0 ? fields : undefined
}
