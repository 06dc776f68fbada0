/**
 * A tag's value as people write it, by its type. Source: registry/tags of the server, whose checks come after these: a value that it can't
 * read in the type of a defined tag is skipped and told.
 */
import type { TagType } from '@roost/protocol'

export const WRITTEN_TYPES = [
  'string',
  'integer',
  'decimal',
  'boolean',
  'date',
  'list',
  'version',
] as const satisfies readonly TagType[]

export type TagFault = 'empty' | 'number' | 'whole' | 'boolean' | 'date'

export type ReadValue = { readonly value: unknown } | { readonly fault: TagFault }

export function readValue(type: TagType, text: string): ReadValue {
  const trimmed = text.trim()
  if (trimmed === '') return { fault: 'empty' }
  if (type === 'integer') return /^[+-]?\d+$/.test(trimmed) ? { value: Number(trimmed) } : { fault: 'whole' }
  if (type === 'decimal')
    return Number.isFinite(Number(trimmed)) ? { value: Number(trimmed) } : { fault: 'number' }
  if (type === 'boolean')
    return /^(true|false)$/.test(trimmed) ? { value: trimmed === 'true' } : { fault: 'boolean' }
  if (type === 'date') return Number.isNaN(Date.parse(trimmed)) ? { fault: 'date' } : { value: trimmed }
  if (type === 'list') return { value: linesOf(text) }
  return { value: trimmed }
}

/** What a value is taken for where no definition says it. */
export function typeOf(value: unknown): TagType {
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'decimal'
  return 'string'
}

/** A list has an entry on each line. */
export function writeValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(each => writeValue(each)).join('\n')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}
