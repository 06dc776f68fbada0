/**
 * A draft out of a message that there is: to send the same or something like it again, or to change it before it is sent.
 *
 * When it was sent is not copied: the copy goes out now unless somebody says otherwise. What is changed stays all that it was.
 */
import {
  type AudienceDraft,
  type ContentDraft,
  type Draft,
  durationOf,
  EMPTY_DRAFT,
  EMPTY_GATEWAY,
  EMPTY_VARIANT,
  EMPTY_WORDS,
  type ExperimentDraft,
  GATEWAYS,
  type GatewayDraft,
  type GatewayName,
  PART_OF_GATEWAY,
  type RulesDraft,
  type VariantDraft,
  type WhenDraft,
  type Words,
} from './draft.ts'

type Given = Readonly<Record<string, unknown>>

/** What of `GET …/messages/{id}` is read. */
export interface Sent {
  readonly to: unknown
  readonly content: unknown
  readonly ttlSeconds: number
  readonly priority: 'high' | 'normal'
  readonly lane: 'test' | 'transactional' | 'campaign'
  readonly collapseKey: string | null
  readonly sendRate: number | null
  readonly campaign: string | null
  readonly rules: unknown
  readonly inbox: unknown
  readonly experiment: unknown
}

const TTL_SECONDS_DEFAULT = 3 * 86_400

export function draftOf(sent: Sent): Draft {
  return {
    ...EMPTY_DRAFT,
    audience: audienceOf(objectOf(sent.to)),
    content: contentOf(objectOf(sent.content)),
    delivery: {
      ttl: sent.ttlSeconds === TTL_SECONDS_DEFAULT ? EMPTY_DRAFT.delivery.ttl : durationOf(sent.ttlSeconds),
      priority: sent.priority === usualPriority(sent.content) ? '' : sent.priority,
      collapseKey: sent.collapseKey ?? '',
      // a test that is sent to all is no test any more
      lane: sent.lane === 'transactional' ? 'transactional' : '',
      sendRate: textOf(sent.sendRate),
      campaign: sent.campaign ?? '',
    },
    rules: rulesOf(objectOf(sent.rules)),
    inbox: sent.inbox
      ? { mode: objectOf(sent.inbox).only === true ? 'only' : 'also', until: '' }
      : EMPTY_DRAFT.inbox,
    experiment: experimentOf(objectOf(sent.experiment)),
  }
}

/** What is silent is of normal priority unless somebody says otherwise. */
function usualPriority(content: unknown): 'high' | 'normal' {
  return objectOf(content).silent === true ? 'normal' : 'high'
}

/** What of a message is read besides when it is changed. */
export interface Scheduled extends Sent {
  /** ISO 8601. */
  readonly sendAt: string
  readonly localTime: unknown
  readonly bestHour: unknown
}

/** A draft that asks for exactly what the message asks for. */
export function draftOfScheduled(sent: Scheduled): Draft {
  const draft = draftOf(sent)
  const { kind } = draft.audience
  const usual = kind === 'devices' || kind === 'users' ? 'transactional' : 'campaign'
  return {
    ...draft,
    delivery: { ...draft.delivery, lane: sent.lane === usual ? '' : sent.lane },
    inbox: { ...draft.inbox, until: momentOf(objectOf(sent.inbox).until) },
    when: whenOf(sent),
  }
}

const UNSHOWN = ['route', 'pushAfterSeconds'] as const

/** What a message asks for that the page has no fields for, as far as this server knows of it. */
export function unshownIn(message: object): Given {
  const given = objectOf(message)
  return Object.fromEntries(
    UNSHOWN.flatMap(name => ((given[name] ?? null) === null ? [] : [[name, given[name]]])),
  )
}

function whenOf({ sendAt, ...sent }: Scheduled): WhenDraft {
  const { when } = EMPTY_DRAFT
  const at = momentOf(sendAt)
  if (sent.localTime) {
    const local = objectOf(sent.localTime)
    const passed = local.passed === 'nextDay' || local.passed === 'skip' ? local.passed : 'now'
    const otherwiseTimeZone = textOf(local.otherwiseTimeZone)
    return { ...when, kind: 'local', localAt: textOf(local.at), passed, otherwiseTimeZone }
  }
  if (!sent.bestHour) return { ...when, kind: 'at', at }
  const best = objectOf(sent.bestHour)
  return {
    ...when,
    kind: 'best',
    at,
    otherwiseHour: textOf(best.otherwiseHour),
    otherwiseTimeZone: textOf(best.otherwiseTimeZone),
  }
}

/** As a field of date and time writes it, on the clock of this computer; no shorter than it is. */
function momentOf(iso: unknown): string {
  if (typeof iso !== 'string') return ''
  const at = new Date(iso)
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, -1)
  return local.replace(/(?::00)?\.000$/, '')
}

function audienceOf(to: Given): AudienceDraft {
  const { audience } = EMPTY_DRAFT
  if (Array.isArray(to.devices)) return { ...audience, kind: 'devices', devices: to.devices.join('\n') }
  if (Array.isArray(to.users))
    return { ...audience, kind: 'users', users: to.users.join('\n'), isLatest: to.userDevices === 'latest' }
  if (typeof to.segment === 'string') return { ...audience, kind: 'segment', segment: to.segment }
  if (to.condition === undefined) return audience
  const { list, ...others } = objectOf(to.condition)
  if (typeof list === 'string' && Object.keys(others).length === 0) return { ...audience, kind: 'list', list }
  return { ...audience, kind: 'condition', condition: JSON.stringify(to.condition) }
}

function contentOf(content: Given): ContentDraft {
  const { content: empty } = EMPTY_DRAFT
  const gateways = GATEWAYS.map(gateway => [gateway, gatewayOf(objectOf(content[PART_OF_GATEWAY[gateway]]))])
  return {
    isSilent: content.silent === true,
    words: wordsOf(content),
    languages: Object.entries(objectOf(content.languages)).map(([language, words]) => ({
      language,
      words: wordsOf(objectOf(words)),
    })),
    badge: textOf(content.badge),
    data: jsonOf(content.data),
    root: jsonOf(content.root),
    category: textOf(content.category),
    channel: textOf(content.channel),
    interruptionLevel: textOf(content.interruptionLevel),
    gateways: Object.fromEntries(gateways) as Record<GatewayName, GatewayDraft>,
    defaults: Object.entries(objectOf(content.defaults)).map(([name, value]) => ({
      name,
      value: textOf(value),
    })),
    onMissing: content.onMissing === 'blank' ? 'blank' : empty.onMissing,
    onBadImage: content.onBadImage === 'warn' ? 'warn' : empty.onBadImage,
  }
}

function wordsOf(words: Given): Words {
  const buttons = Array.isArray(words.buttons) ? words.buttons.map(objectOf) : []
  return {
    ...(Object.fromEntries(
      Object.keys(EMPTY_WORDS).map(name => [name, textOf(words[name])]),
    ) as unknown as Words),
    buttons: buttons.map(({ title, url }) => ({ title: textOf(title), url: textOf(url) })),
  }
}

function gatewayOf(given: Given): GatewayDraft {
  const more: Record<string, unknown> = {}
  const fields: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (name === 'ttlSeconds') continue
    if (name in EMPTY_GATEWAY && typeof value !== 'object') fields[name] = textOf(value)
    else more[name] = value
  }
  const ttl = typeof given.ttlSeconds === 'number' ? durationOf(given.ttlSeconds) : EMPTY_GATEWAY.ttl
  return { ...EMPTY_GATEWAY, ...fields, ttl, more: jsonOf(Object.keys(more).length > 0 ? more : undefined) }
}

function rulesOf(given: Given): RulesDraft {
  const { rules } = EMPTY_DRAFT
  const quiet = objectOf(given.quietHours)
  const cap = objectOf(given.cap)
  return {
    ...rules,
    kind: given.kind === 'transactional' ? 'transactional' : 'marketing',
    category: textOf(given.category),
    quietHours: given.quietHours === null ? 'none' : given.quietHours === undefined ? 'app' : 'own',
    quietFrom: textOf(quiet.from) || rules.quietFrom,
    quietTo: textOf(quiet.to) || rules.quietTo,
    quietAction: quiet.action === 'drop' ? 'drop' : 'defer',
    quietZone: textOf(quiet.otherwiseTimezoneSeconds),
    cap: given.cap === null ? 'none' : given.cap === undefined ? 'app' : 'own',
    capMessages: textOf(cap.messages) || rules.capMessages,
    capDays: textOf(cap.days) || rules.capDays,
  }
}

/** As it was asked for: of one that was read, each variant has counts besides. */
function experimentOf(given: Given): ExperimentDraft {
  const { experiment } = EMPTY_DRAFT
  if (!Array.isArray(given.variants)) return experiment
  const control = given.controlPercent ?? objectOf(given.control).percent
  const winner = objectOf(given.winner)
  const after = winner.afterSeconds
  return {
    ...experiment,
    isOn: true,
    variants: given.variants.map(it => variantOf(objectOf(it))),
    controlPercent: control === 0 ? '' : textOf(control),
    decides: given.winner && after === undefined ? 'hand' : 'numbers',
    after: typeof after === 'number' ? durationOf(after) : experiment.after,
    metric: winner.metric === 'delivered' ? 'delivered' : 'opened',
    ifUnclear:
      winner.ifUnclear === 'first' || winner.ifUnclear === 'wait' ? winner.ifUnclear : experiment.ifUnclear,
  }
}

function variantOf({ name, percent, content }: Given): VariantDraft {
  const { title, body, ...more } = objectOf(content)
  return {
    ...EMPTY_VARIANT,
    name: textOf(name),
    percent: textOf(percent),
    title: textOf(title),
    body: textOf(body),
    more: jsonOf(Object.keys(more).length > 0 ? more : undefined),
  }
}

function objectOf(value: unknown): Given {
  return typeof value === 'object' && value !== null ? (value as Given) : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : ''
}

function jsonOf(value: unknown): string {
  return value === undefined || value === null ? '' : JSON.stringify(value, null, 2)
}
