/** The rules of an app as its form holds them, and what is wrong with them, as the server would find it. */
import type { AppRules, AppRulesChange, QuietHours } from '@roost/protocol'

export interface RulesDraft {
  readonly isQuiet: boolean
  readonly from: string
  readonly to: string
  readonly action: NonNullable<QuietHours['action']>
  /** Seconds east of UTC. */
  readonly otherwise: number
  readonly isCapped: boolean
  /** Empty while it is typed anew. */
  readonly messages: number | string
  readonly days: number | string
  readonly categories: readonly string[]
}

/** What the fields begin with when a rule is switched on. */
const QUIET = { from: '22:00', to: '08:00', action: 'defer', otherwise: 0 } as const
const CAP = { messages: 3, days: 1 } as const

export function draftOf({ quietHours, cap, categories }: AppRules): RulesDraft {
  return {
    isQuiet: quietHours !== null,
    from: quietHours?.from ?? QUIET.from,
    to: quietHours?.to ?? QUIET.to,
    action: quietHours?.action ?? QUIET.action,
    otherwise: quietHours?.otherwiseTimezoneSeconds ?? QUIET.otherwise,
    isCapped: cap !== null,
    messages: cap?.messages ?? CAP.messages,
    days: cap?.days ?? CAP.days,
    categories,
  }
}

export function changeOf(draft: RulesDraft): AppRulesChange {
  const { isQuiet, from, to, action, otherwise, isCapped, messages, days, categories } = draft
  return {
    quietHours: isQuiet ? { from, to, action, otherwiseTimezoneSeconds: otherwise } : null,
    cap: isCapped ? { messages: Number(messages), days: Number(days) } : null,
    categories: [...categories],
  }
}

/** What of it is another than it was: the log tells what was sent. */
export function changeFrom(before: RulesDraft, draft: RulesDraft): AppRulesChange {
  const was: Readonly<Record<string, unknown>> = changeOf(before)
  const changes = Object.entries(changeOf(draft))
  return Object.fromEntries(
    changes.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name])),
  )
}

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/
const CATEGORY = /^[A-Za-z0-9_-]{1,64}$/
export const CATEGORIES_MAX = 100
export const CAP_MESSAGES_MAX = 100
export const CAP_DAYS_MAX = 30

export type RulesFault =
  | 'quiet.time'
  | 'quiet.same'
  | 'cap.messages.bad'
  | 'cap.days.bad'
  | 'categories.bad'
  | 'categories.many'

/** By field; the page has the words. */
export function faultsIn(draft: RulesDraft): Partial<Record<keyof RulesDraft, RulesFault>> {
  return {
    ...(draft.isQuiet && faultsOfQuiet(draft)),
    ...(draft.isCapped && faultsOfCap(draft)),
    ...faultsOfNames(draft),
  }
}

function faultsOfQuiet({ from, to }: RulesDraft): Partial<Record<'from' | 'to', RulesFault>> {
  return {
    ...(!TIME.test(from) && { from: 'quiet.time' }),
    ...(!TIME.test(to) ? { to: 'quiet.time' } : from === to && { to: 'quiet.same' }),
  }
}

function faultsOfCap({ messages, days }: RulesDraft): Partial<Record<'messages' | 'days', RulesFault>> {
  return {
    ...(!isWhole(messages, CAP_MESSAGES_MAX) && { messages: 'cap.messages.bad' }),
    ...(!isWhole(days, CAP_DAYS_MAX) && { days: 'cap.days.bad' }),
  }
}

function faultsOfNames({ categories }: RulesDraft): { readonly categories?: RulesFault } {
  if (badCategories(categories).length > 0) return { categories: 'categories.bad' }
  return categories.length > CATEGORIES_MAX ? { categories: 'categories.many' } : {}
}

export function badCategories(names: readonly string[]): string[] {
  return names.filter(name => !CATEGORY.test(name))
}

function isWhole(value: number | string, max: number): boolean {
  const number = Number(value)
  return value !== '' && Number.isInteger(number) && number >= 1 && number <= max
}

const HALF_HOUR = 1_800
/** Nepal, Eucla, the Chatham Islands. */
const QUARTERS = [20_700, 31_500, 45_900]

/** Seconds east of UTC of all the clocks there are, and `kept`. */
export function offsets(kept: number): number[] {
  const halves = Array.from({ length: 53 }, (_, at) => at * HALF_HOUR - 43_200)
  return [...new Set([...halves, ...QUARTERS, kept])].sort((a, b) => a - b)
}

/** `UTC+05:45`. */
export function writeOffset(seconds: number): string {
  const minutes = Math.abs(seconds) / 60
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `UTC${seconds < 0 ? '−' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`
}
