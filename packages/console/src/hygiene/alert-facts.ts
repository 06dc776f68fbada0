/** What an alert tells of, as far as people can use it; the rest of its data is for programs. */
import type { AlertView } from '@roost/protocol'

export interface AlertFact {
  readonly name: 'gateway' | 'reason' | 'origin' | 'quota' | 'lane' | 'since' | 'expiresAt'
  readonly value: string
}

/** Those of one value, in the order in which they are shown. */
const WORDS = ['gateway', 'reason', 'origin', 'quota', 'lane'] as const
const MOMENTS = ['since', 'expiresAt'] as const

/** Moments stay ISO 8601. */
export function factsOf({ data }: Pick<AlertView, 'data'>): AlertFact[] {
  const textOf = (name: string): string | undefined => {
    const value = data[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return [...WORDS, ...MOMENTS].flatMap(name => {
    const value = textOf(name)
    return value === undefined ? [] : [{ name, value }]
  })
}

/** "20 of 400": how many of how many, where the alert is about a share. */
export function shareOf({
  kind,
  data,
}: Pick<AlertView, 'kind' | 'data'>): { readonly part: number; readonly whole: number } | undefined {
  const numberAt = (name: string, at: Readonly<Record<string, unknown>> = data): number | undefined =>
    typeof at[name] === 'number' ? at[name] : undefined
  const pair = (part: number | undefined, whole: number | undefined) =>
    part === undefined || whole === undefined ? undefined : { part, whole }
  if (kind === 'death_rate') return pair(numberAt('deaths'), numberAt('results'))
  if (kind === 'message_incident') return pair(numberAt('deliveries'), numberAt('targeted'))
  if (kind === 'mass_inactive') {
    const removed = numberAt('removed')
    const left = numberAt('left')
    return pair(removed, removed === undefined || left === undefined ? undefined : removed + left)
  }
  return undefined
}

/** Nothing tells the server that these are mended: people close them. Source: docs/hygiene.md. */
const CLOSED_BY_PEOPLE: readonly string[] = ['wrong_credential', 'address_flapping', 'message_incident']

export function isClosedByPeople({ kind, held }: Pick<AlertView, 'kind' | 'held'>): boolean {
  return held === 0 && CLOSED_BY_PEOPLE.includes(kind)
}
