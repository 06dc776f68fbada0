/**
 * Drafts in the browser: one for each app and person, and one for each message that is copied, so that neither takes the
 * place of the other. What an older console has kept is filled up with what has come since.
 */
import { type Draft, EMPTY_DRAFT } from './draft.ts'

export interface DraftStore {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

export interface KeptDraft {
  readonly draft: Draft
  /** ISO 8601. */
  readonly savedAt: string
  /** Of a message that is changed: the ETag of the reading that it began with. */
  readonly base?: string | undefined
}

/** Older ones are of no use to anybody. */
const KEPT_MS = 30 * 86_400_000

export interface DraftOf {
  readonly app: string
  /** Whoever is signed in. */
  readonly who: string
  /** The message that it began as a copy of, or changes. */
  readonly from?: string | undefined
}

export function nameOfDraft({ app, who, from }: DraftOf): string {
  return ['roost.draft', app, who, ...(from === undefined ? [] : [from])].join(' ')
}

/** Whether it could be kept. */
export function keepDraft(store: DraftStore, name: string, { draft, savedAt, base }: KeptDraft): boolean {
  try {
    store.setItem(name, JSON.stringify({ draft, savedAt, base }))
    return true
  } catch {
    return false
  }
}

export function readDraft(store: DraftStore, name: string, nowMs: number): KeptDraft | undefined {
  try {
    const { draft, savedAt, base } = JSON.parse(store.getItem(name) ?? 'null') as KeptDraft
    const age = nowMs - Date.parse(savedAt)
    if (!(age < KEPT_MS)) return undefined
    return { draft: filledUp(EMPTY_DRAFT, draft), savedAt, base }
  } catch {
    return undefined
  }
}

export function forgetDraft(store: DraftStore, name: string): void {
  try {
    store.removeItem(name)
  } catch {
    // nothing was kept either
  }
}

/** The same fields as `empty`, with what `given` has of them in the right type. */
function filledUp<T>(empty: T, given: unknown): T {
  if (Array.isArray(empty)) return (Array.isArray(given) ? given : empty) as T
  if (typeof empty !== 'object' || empty === null) return typeof given === typeof empty ? (given as T) : empty
  const from = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {}
  return Object.fromEntries(
    Object.entries(empty).map(([name, value]) => [name, filledUp(value, from[name])]),
  ) as T
}
