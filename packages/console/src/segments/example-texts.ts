/** Expressions to learn from. Source of the language: docs/segments.md. */

export type Example = 'tag' | 'away' | 'event' | 'without'

export interface KnownNames {
  readonly tag: string | undefined
  /** Of that tag. */
  readonly value: string | undefined
  readonly event: string | undefined
}

/** Where the app has no such name yet, with one that is easily understood. */
export function examplesOf({ tag, value, event }: KnownNames): Readonly<Record<Example, string>> {
  const hasValue = `T(${quoted(tag ?? 'plan')}, EQ, ${quoted((tag && value) ?? 'gold')})`
  const did = `Event(${quoted(event ?? 'Purchase')}`
  return {
    tag: hasValue,
    away: 'F("lastOpenAt", daysago, GTE, 30) * F("platform", IN, ["ios", "android"])',
    event: `${did}, atLeast 3, withinDays 30)`,
    without: `${hasValue} \\ ${did}, withinDays 30)`,
  }
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
