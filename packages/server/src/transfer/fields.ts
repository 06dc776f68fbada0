/** Reading the fields of another system's export: texts, numbers and times in the forms in which such files write them. */
import { PushError } from '@roost/protocol'
import { parseJson } from '../http/json.ts'

export type Fields = Readonly<Record<string, unknown>>

/** What is wrong in a row, and in which field; by our name of it, which the mapping knows in other words. */
export class RowFault extends PushError {
  readonly field: string

  constructor(field: string, { code, message }: PushError) {
    super(code, message)
    this.field = field
  }
}

/** Null when it is absent or empty. Throws `input_invalid` for what PostgreSQL's text can't hold. */
export function textOf(value: unknown, maxCharacters: number): string | null {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return null
  const trimmed = text.trim()
  if (trimmed === '') return null
  if (trimmed.includes('\0') || !trimmed.isWellFormed())
    throw new PushError('input_invalid', 'a field holds a NUL character or half a surrogate pair')
  return trimmed.slice(0, maxCharacters).replace(/[\uD800-\uDBFF]$/, '')
}

/** The first of these fields that says something. */
export function firstOf(fields: Fields, names: readonly string[]): unknown {
  for (const name of names) {
    const value = fields[name]
    if (value !== undefined && value !== null && value !== '') return value
  }
  return undefined
}

/** Beyond a day it is no offset. */
const TIMEZONE_SECONDS_MAX = 24 * 3600

export function secondsOf(value: unknown): number | null {
  const seconds = numberOf(value)
  return seconds === null || !Number.isInteger(seconds) || Math.abs(seconds) > TIMEZONE_SECONDS_MAX
    ? null
    : seconds
}

export function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

/** Counts below this are seconds: in milliseconds it would be April 1970. */
const MILLISECONDS_FROM = 10_000_000_000
/** PostgreSQL and people: before it nobody pushed anything, after it nobody reads this. */
const EARLIEST = Date.UTC(2000, 0, 1)
const LATEST = Date.UTC(2100, 0, 1)

/**
 * ms; ISO 8601, "2026-11-22 04:05:06" (UTC when it names no zone), Unix seconds or milliseconds, `{"$date":…}` of MongoDB,
 * `{"iso":…}` of Parse. Null when it is none of these.
 */
export function timeOf(value: unknown): number | null {
  if (typeof value === 'object' && value !== null) {
    const { $date, iso, $numberLong } = value as Record<string, unknown>
    return timeOf($date ?? iso ?? $numberLong ?? null)
  }
  const count = numberOf(value)
  const ms = count !== null ? (Math.abs(count) < MILLISECONDS_FROM ? count * 1000 : count) : parseTime(value)
  return ms === null || Number.isNaN(ms) || ms < EARLIEST || ms > LATEST ? null : Math.round(ms)
}

function parseTime(value: unknown): number | null {
  if (typeof value !== 'string') return null
  const text = value.trim().replace(/ UTC$/, 'Z')
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return null
  const iso = text.replace(/^(\d{4}-\d\d-\d\d)[ T]+/, '$1T').replace(/ (?=[Z+-])/, '')
  const hasZone = !iso.includes('T') || /(Z|[+-]\d\d:?\d\d)$/.test(iso)
  return Date.parse(hasZone ? iso : `${iso}Z`)
}

export function isTrue(value: unknown): boolean {
  return value === true || value === 1 || /^(t|true|1|yes)$/i.test(String(value ?? ''))
}

/** What a person or program typed into a tag's cell: a number, a truth, a list, or text. */
export function tagValueOf(cell: unknown): unknown {
  if (typeof cell !== 'string') return cell
  const text = cell.trim()
  if (text === '') return null
  if (/^-?(0|[1-9]\d{0,14})(\.\d{1,6})?$/.test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  if (text.startsWith('[') && text.endsWith(']')) return listOf(text)
  return text
}

function listOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A cell that holds tags, or a `field` like them, as a JSON object. Throws RowFault `input_invalid` with the place. */
export function tagsInJson(text: string, field = 'tags'): Record<string, unknown> {
  try {
    const read = parseJson(text)
    return typeof read === 'object' && read !== null && !Array.isArray(read) ? { ...read } : {}
  } catch (error) {
    const words = (error as Error).message.replace(/^the body|^body/, field)
    throw new RowFault(field, new PushError('input_invalid', words))
  }
}
