/** What the doctor tells: of each thing that it looks at, whether it is well, and what mends it when it is not. */

/** In the order in which they are told. */
export const AREAS = [
  'machine',
  'settings',
  'data folder',
  'server',
  'database',
  'NATS',
  'gateways',
  'credentials',
  'work',
] as const
export type Area = (typeof AREAS)[number]

/** `unknown`: it could not be looked at. Only `wrong` makes the command fail. */
export const STATES = ['ok', 'warning', 'wrong', 'unknown'] as const
export type State = (typeof STATES)[number]

export interface Finding {
  /** What was looked at. */
  readonly subject: string
  readonly state: State
  readonly says: string
  /** Null where nothing has to be done. */
  readonly remedy: string | null
}

export interface Told extends Finding {
  readonly area: Area
}

export function ok(subject: string, says: string): Finding {
  return { subject, state: 'ok', says, remedy: null }
}

export function warning(subject: string, says: string, remedy: string): Finding {
  return { subject, state: 'warning', says, remedy }
}

export function wrong(subject: string, says: string, remedy: string): Finding {
  return { subject, state: 'wrong', says, remedy }
}

export function unknown(subject: string, says: string, remedy: string | null = null): Finding {
  return { subject, state: 'unknown', says, remedy }
}

/** One thing that can't be looked at keeps nobody from looking at the others. */
export async function looking(
  subject: string,
  look: () => Finding[] | Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await look()
  } catch (error) {
    return [unknown(subject, `could not be looked at: ${messageOf(error)}`)]
  }
}

/** An error of several connections has none of its own, but those of each. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '')
    return [...new Set(error.errors.map(messageOf))].join('; ')
  return error instanceof Error ? error.message || error.name : String(error)
}

export function codeOfError(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? code : ''
}

const SECOND_MS = 1000
const UNITS = [
  ['day', 86_400 * SECOND_MS],
  ['hour', 3600 * SECOND_MS],
  ['minute', 60 * SECOND_MS],
  ['second', SECOND_MS],
] as const

/** "3 hours", "1 minute". */
export function durationOf(ms: number): string {
  const [name, unit] = UNITS.find(([, it]) => ms >= it) ?? ['second', SECOND_MS]
  const count = Math.round(ms / unit)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** "1.4 GiB". */
export function bytesOf(bytes: number): string {
  const place = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const value = bytes / 1024 ** place
  return `${place === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[place]}`
}
